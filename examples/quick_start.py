"""Ask a realtime model a question in writing; hear its answer.

    python examples/quick_start.py "What is seven plus five?" [azure|openai|engine]

The account comes from the environment or the nearest `.env`; without one the built-in engine
answers. The sound is written to `answer.wav`.
"""

import asyncio
import sys

from rtclient import RTClient, Transcript
from rtclient.errors import RTError
from rtclient.sound_files import write_wav


async def main(question: str, upstream: str | None = None) -> None:
    """Ask, and show the words while they come."""
    async with RTClient.from_env(upstream) as client:

        @client.on("transcript")
        def show(transcript: Transcript) -> None:
            print(transcript.delta, end="", flush=True)

        answer = await client.ask(question)
        print(f"\n{client.usage.total_tokens} tokens")
    write_wav("answer.wav", answer.audio)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit('usage: python examples/quick_start.py "QUESTION" [azure|openai|engine]')
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except (RTError, ValueError) as exc:  # each says what to do
        sys.exit(str(exc))
