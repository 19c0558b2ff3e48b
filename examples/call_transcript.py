"""What is said in a call, turn by turn: for programs that listen and never answer.

python -m examples.call_transcript samples/input/sample.wav [azure|openai|engine]
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any

from rtclient import RTClient
from rtclient.errors import RTError
from rtclient.sound_files import sound_chunks

SILENCE = bytes(48 * 1000)  # a second: it ends the last turn
TRANSCRIPTION = "conversation.item.input_audio_transcription"


async def transcripts(client: RTClient, sound: Iterable[bytes]) -> AsyncIterator[str]:
    """Send sound (pcm16, 24 kHz); give the words of each turn as soon as they are known."""
    said: asyncio.Queue[str | None] = asyncio.Queue()
    unheard: set[str] = set()
    is_sent = False

    @client.on("event")
    def note(event: dict[str, Any]) -> None:
        nonlocal is_sent
        match event["type"]:
            case "input_audio_buffer.committed":
                unheard.add(event["item_id"])
            case "input_audio_buffer.cleared":  # the answer when all sound was listened to
                is_sent = True
            case kind if kind in (f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed"):
                unheard.discard(event["item_id"])
                said.put_nowait(event.get("transcript", "(not understood)"))
        if is_sent and not unheard:
            said.put_nowait(None)

    async def send() -> None:
        for pcm in (*sound, SILENCE):
            await client.send_audio(pcm)
        await client.clear_audio()

    await client.configure(
        turn_detection={"type": "server_vad", "create_response": False},
        input_audio_transcription={"model": "whisper-1"},
    )
    sending = asyncio.create_task(send())
    while (text := await said.get()) is not None:
        yield text
    await sending


async def main(recording: str, upstream: str | None = None) -> None:
    """Print what is said in a recording."""
    async with RTClient.from_env(upstream) as client:
        async for text in transcripts(client, sound_chunks(recording)):
            print(text)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m examples.call_transcript INPUT [azure|openai|engine]")
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except (RTError, ValueError, ImportError) as exc:
        sys.exit(str(exc))
