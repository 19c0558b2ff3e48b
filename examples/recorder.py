"""Speak a recording to a realtime model, and keep the whole conversation in a folder.

    python examples/recorder.py samples/input/sample.wav FOLDER [azure|openai|engine]

In the folder there will be `conversation.wav` (you left, the model right), `conversation.json` and
`conversation.md`, brought up to date after each turn.
"""

import asyncio
import sys

from rtclient import RTClient
from rtclient.errors import RTError
from rtclient.sound_files import sound_chunks


async def main(recording: str, folder: str, upstream: str | None = None) -> None:
    """Make the recording one turn, and wait for the answer."""
    async with RTClient.from_env(upstream) as client:
        client.record(folder)
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        async with client.push_to_talk() as turn:
            for pcm in sound_chunks(recording):
                await turn.send(pcm)
        if turn.item is None or turn.response is None:
            sys.exit("The recording is too short to be a turn: it needs 100 ms.")
        await turn.response
        await turn.item  # its transcript may come after the answer
    print(f"Written to {folder}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python examples/recorder.py INPUT FOLDER [azure|openai|engine]")
    try:
        asyncio.run(main(*sys.argv[1:4]))
    except (RTError, ValueError, OSError) as exc:
        sys.exit(str(exc))
