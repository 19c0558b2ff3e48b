"""Transcribe a call live, without card numbers, IBANs, phone numbers, addresses and names.

    python -m examples.redacted_transcription CALL.wav OUT.txt [azure|openai|engine]

Only redacted text is shown or stored, also when a number is spoken over two turns: what may be the
beginning of one is kept back until the next words. The service itself hears everything.
"""

import asyncio
import sys
from pathlib import Path
from typing import TextIO

from examples.call_transcript import transcripts
from examples.redaction import Redactor
from rtclient import RTClient
from rtclient.errors import RTError
from rtclient.sound_files import sound_chunks


async def main(recording: str, out: TextIO, upstream: str | None = None) -> None:
    """Write the safe transcript of a recording while it is heard."""
    redactor = Redactor()

    def show(text: str) -> None:
        print(text, end="", flush=True)
        out.write(text)
        out.flush()

    async with RTClient.from_env(upstream) as client:
        async for text in transcripts(client, sound_chunks(recording)):
            show(redactor.feed(f"{text} "))
    show(f"{redactor.end()}\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m examples.redacted_transcription CALL OUT [azure|openai|engine]")
    try:
        with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
            asyncio.run(main(sys.argv[1], out, *sys.argv[3:4]))
    except (RTError, ValueError, ImportError, OSError) as exc:
        sys.exit(str(exc))
