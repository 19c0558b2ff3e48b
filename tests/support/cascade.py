"""An engine whose senses are model servers, and a client that talks with it.

Only voice activity is scripted (loudness), so that a tone is a turn.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import connect

from rtclient.engine import scripted
from rtclient.engine.remote.client import Patience
from rtclient.engine.remote.plugging import Plugs
from rtclient.engine.remote.settings import servers_of
from rtclient.engine.scripted import tone
from rtclient.engine.senses import Say
from rtclient.engine.serve import serve
from rtclient.protocol.audio import from_base64, to_base64
from tests.support.canary import CANARY
from tests.support.model_servers import Fault, ModelServers
from tests.support.talker import Talker

SHORT = Patience(first_s=0.4, idle_s=0.4, check_s=0.4, rest_s=0.0)
"""For servers that are silent, and only for them: a busy machine is slow, too."""
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TRANSCRIBED = {"input": {"transcription": {"model": "whisper-1"}}}
KEY = CANARY


def patience_with(fault: Fault) -> Patience | None:
    """How long to wait for a server with this fault."""
    return SHORT if fault.is_silent or fault.stall_after is not None else None


class Client(Talker):
    """A talker with turns."""

    async def speak(self, length_ms: int = 500, quiet_ms: int = 300) -> None:
        """Append a spoken turn."""
        pcm = tone(300, length_ms) + bytes(48 * quiet_ms)
        for at in range(0, len(pcm), 48 * 100):
            await self.send("input_audio_buffer.append", audio=to_base64(pcm[at : at + 48 * 100]))

    async def say(self, text: str, **response: Any) -> None:
        """Ask something in writing."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create", response=response)

    async def done(self) -> dict[str, Any]:
        """The next response when it is over."""
        response: dict[str, Any] = (await self.until("response.done"))["response"]
        return response

    def sound(self) -> bytes:
        """All sound so far."""
        return b"".join(
            from_base64(event["delta"])
            for event in self.events
            if event["type"] == "response.output_audio.delta"
        )


def words(response: dict[str, Any]) -> list[str]:
    """What each message of a response says."""
    parts = [item["content"][0] for item in response["output"] if item["type"] == "message"]
    return [part.get("transcript") or part.get("text") for part in parts]


@asynccontextmanager
async def cascade(
    models: ModelServers, *senses: str, patience: Patience | None = None, **variables: str
) -> AsyncIterator[Client]:
    """A client of an engine with these senses (`STT CHAT TTS`) behind `models`."""
    values = {f"LOCAL_{name}_URL": models.url for name in senses} | variables
    gathered = scripted.senses("what the table heard", answers={"hi": [Say("Good day.")]})
    plugs = Plugs(servers_of(values), patience)
    plugs.plug_into(gathered)
    try:
        async with serve(gathered) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            url = f"ws://127.0.0.1:{port}/v1/realtime"
            async with connect(url, compression=None, max_size=None, proxy=None) as connection:
                client = Client(connection)
                await client.until("session.created")
                yield client
    finally:
        await plugs.close()
