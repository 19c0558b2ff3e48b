"""Listen to a call, and warn while it runs when it goes as telephone frauds go.

    python -m examples.fraud_call CALL.wav [azure|openai|engine]

The rules stand in `examples/fraud_patterns.py`. Warnings go to stdout, one line each.
"""

import asyncio
import sys

from examples.call_transcript import transcripts
from examples.fraud_patterns import FraudWatch
from rtclient import RTClient
from rtclient.errors import RTError
from rtclient.sound_files import sound_chunks


async def main(recording: str, upstream: str | None = None) -> None:
    """Watch over a recording."""
    watch = FraudWatch()
    async with RTClient.from_env(upstream) as client:
        async for text in transcripts(client, sound_chunks(recording)):
            if alert := watch.hear(text):
                print(f"WARNING {alert.score}: the caller {', '.join(alert.reasons)}", flush=True)
    print(f"Score at the end: {watch.alert().score}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m examples.fraud_call CALL [azure|openai|engine]")
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except (RTError, ValueError, ImportError) as exc:
        sys.exit(str(exc))
