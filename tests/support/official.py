"""The official `openai` Python client as a program uses it, and what the tests say with it."""

import base64
import wave
from collections.abc import Collection
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from tests.support.servers import ROOT

SPEECH = ROOT / "tests" / "fixtures" / "what_time_is_it.wav"
"""A woman asks "What time is it?"; pcm16, 24 000 Hz, mono. Spoken by flite (voice slt)."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
}


def client(port: int, key: str) -> AsyncOpenAI:
    """The client of an account, told where the API is."""
    return AsyncOpenAI(api_key=key, base_url=f"http://127.0.0.1:{port}/v1")


def connected(port: int, key: str) -> Any:
    """Dial `/v1/realtime` as a program of the official client does."""
    return client(port, key).realtime.connect(model="gpt-realtime")


def question() -> bytes:
    """The recorded question with half a second of silence before it, pcm16."""
    with wave.open(str(SPEECH)) as sound:
        speech: bytes = sound.readframes(sound.getnframes())
    return bytes(24_000) + speech


class Program:
    """A connection of the official client; `events` has all that came, as the client types it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[RealtimeServerEvent] = []

    async def next(self) -> RealtimeServerEvent:
        """The next event."""
        event = await self.connection.recv()
        self.events.append(event)
        return event

    async def until(self, *kinds: str) -> Any:
        """Read until each of these types has come; return the last event. An error fails."""
        missing = set(kinds)
        while True:
            event = await self.next()
            assert event.type != "error", event
            missing.discard(event.type)
            if not missing:
                return event

    async def error(self) -> Any:
        """Read until an `error` event; return what is in it."""
        while (event := await self.next()).type != "error":
            pass
        return event.error

    def of(self, kind: str) -> list[Any]:
        """The events of a type."""
        return [event for event in self.events if event.type == kind]

    @property
    def text(self) -> str:
        """All text that was written or spoken by the other side."""
        kinds = ("response.output_text.delta", "response.output_audio_transcript.delta")
        return "".join(e.delta for kind in kinds for e in self.of(kind))

    @property
    def audio(self) -> bytes:
        """All audio that came."""
        return b"".join(base64.b64decode(e.delta) for e in self.of("response.output_audio.delta"))

    async def update(self, **session: Any) -> Any:
        """Change the session; return the new one."""
        patch: Any = {"type": "realtime", **session}
        await self.connection.session.update(session=patch)
        return (await self.until("session.updated")).session

    async def say(self, text: str, role: str = "user", **fields: Any) -> None:
        """Add a typed message."""
        kind = "output_text" if role == "assistant" else "input_text"
        item: Any = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        await self.connection.conversation.item.create(item=item, **fields)

    async def ask(self, text: str, **response: Any) -> None:
        """Add a typed question, and ask for an answer."""
        await self.say(text)
        fields: Any = {"response": response} if response else {}
        await self.connection.response.create(**fields)

    async def append(self, audio: bytes, piece: int = 4800) -> None:
        """Send audio in pieces, faster than anybody speaks."""
        for at in range(0, len(audio), piece):
            data = base64.b64encode(audio[at : at + piece]).decode()
            await self.connection.input_audio_buffer.append(audio=data)


def kinds_of(events: Collection[RealtimeServerEvent]) -> list[str]:
    """The types of the events."""
    return [event.type for event in events]
