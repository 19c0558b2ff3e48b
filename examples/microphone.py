"""Talk with a realtime model, with headphones: `pip install 'rtclient[audio]'`, then

    python examples/microphone.py [azure|openai|engine]

It can be interrupted. `rtclient talk` is the same with captions, an echo guard and more devices.
"""

import asyncio
import sys
from typing import Any

from rtclient import AudioChunk, RTClient, SpeechEdge, Transcript


class Loudspeaker:
    """What waits to be played, and how much was played of the newest message."""

    def __init__(self) -> None:
        self._waiting, self._played_bytes = bytearray(), 0
        self._item_id = self._stopped_id = ""

    def add(self, chunk: AudioChunk) -> None:
        """Take sound of the model; what still comes of a message that was stopped is dropped."""
        if chunk.item_id != self._item_id:
            self._item_id, self._played_bytes = chunk.item_id, -len(self._waiting)
        if chunk.item_id != self._stopped_id:
            self._waiting += chunk.audio

    def fill(self, out: Any) -> None:
        """Fill the sound card's buffer, with silence where nothing waits; its thread calls this."""
        piece = bytes(self._waiting[: len(out)])
        del self._waiting[: len(piece)]
        self._played_bytes += len(piece)
        out[:] = piece.ljust(len(out), b"\0")

    def stop(self) -> int:
        """Play no more; return how many milliseconds of the newest message were played."""
        self._stopped_id = self._item_id
        self._waiting.clear()
        return max(0, self._played_bytes) // 48


async def converse(client: RTClient, heard: asyncio.Queue[bytes], out: Loudspeaker) -> None:
    """Talk until b"" is heard."""
    client.on("audio", out.add)

    @client.on("speech_started")
    async def interrupt(_: SpeechEdge) -> None:
        await client.interrupt(out.stop())  # the model forgets what was not heard

    @client.on("transcript")
    def show(transcript: Transcript) -> None:
        if transcript.is_final:
            print(f"{transcript.role}: {transcript.text}")

    while pcm := await heard.get():
        await client.send_audio(pcm)


async def main(upstream: str | None = None) -> None:
    """Talk with the default devices until Ctrl+C."""
    import sounddevice as sd

    loop, heard, out = asyncio.get_running_loop(), asyncio.Queue[bytes](), Loudspeaker()

    def exchange(microphone: Any, loudspeaker: Any, *_about: object) -> None:
        loop.call_soon_threadsafe(heard.put_nowait, bytes(microphone))
        out.fill(loudspeaker)

    async with RTClient.from_env(upstream) as client:
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        with sd.RawStream(24_000, 960, channels=1, dtype="int16", callback=exchange):
            await converse(client, heard, out)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:2]))
    except (RuntimeError, ValueError, ImportError, OSError, KeyboardInterrupt) as exc:
        sys.exit(str(exc) or 0)  # Ctrl+C says nothing
