"""Talk with Parley's gateway: speech goes in, speech and transcripts come out.

    python examples/gateway.py --input question.wav --output answer.wav
    arecord -q -t raw -f S16_LE -r 24000 -c 1 | python examples/gateway.py |
        aplay -q -t raw -f S16_LE -r 24000 -c 1

Sound is PCM16, mono, 24 kHz, both ways; words go to stderr. It needs the package `websockets` only.
A lost connection is dialled again, and the configuration sent again.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import random
import ssl
import sys
import time
import wave
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

RATE_HZ, FRAME_BYTES, FRAME_S = 24_000, 1920, 0.04
LEAD_S = 0.2  # so far ahead of its time sound is played: what an interruption cannot take back
STABLE_S = 10.0  # a connection that lasted so long was a good one: the next wait is short again


def retry_delay_s(attempt: int, random_01: float) -> float:
    """Return how long to wait before attempt 1, 2, …: full jitter, 15 s at most."""
    return random_01 * min(15.0, 0.5 * 2.0 ** min(attempt, 10))


class Talk:
    """One conversation, over as many connections as it takes."""

    def __init__(self, config: dict[str, Any], jitter: Callable[[], float] = random.random) -> None:
        self._config, self._jitter = config, jitter
        self._spoken: asyncio.Queue[bytes] = asyncio.Queue(25)
        self._answer: asyncio.Queue[bytes] = asyncio.Queue()
        self._news_at = self._least_wait_s = 0.0
        self._is_over = False

    async def run(self, url: str, token: str = "") -> None:
        """Talk until the server ends it; raises InvalidStatus or SSLError when it refuses us."""
        headers = {"Authorization": f"Bearer {token}"} if token else None
        attempt = 0
        while not self._is_over:
            began = time.monotonic()
            try:
                async with connect(url, additional_headers=headers) as gateway:
                    await self._converse(gateway)
            except ssl.SSLCertVerificationError:
                raise
            except (OSError, InvalidHandshake) as exc:
                if isinstance(exc, InvalidStatus) and exc.response.status_code < 500:
                    raise  # another attempt would change nothing
                print("No connection:", exc, file=sys.stderr)
            attempt = 1 if time.monotonic() - began > STABLE_S else attempt + 1
            wait_s = self._least_wait_s + retry_delay_s(attempt, self._jitter())
            await asyncio.sleep(0 if self._is_over else wait_s)

    async def hear(self, read: Callable[[], bytes], pause_s: float, linger_s: float) -> None:
        """Send what `read` gives, then silence until `linger_s` after the last news."""
        while frame := await asyncio.to_thread(read):
            await self._spoken.put(frame)
            await asyncio.sleep(pause_s)
        self._news_at = time.monotonic()
        while time.monotonic() - self._news_at < linger_s:
            await self._spoken.put(bytes(FRAME_BYTES))  # silence ends the user's turn
            await asyncio.sleep(FRAME_S)
        await self._answer.join()

    async def play(self, write: Callable[[bytes], object]) -> None:
        """Write the answers in their time, so that an interruption takes back what still waits."""
        played_until = 0.0
        while True:
            frame = await self._answer.get()
            await asyncio.to_thread(write, frame)
            played_until = max(played_until, time.monotonic()) + len(frame) / 2 / RATE_HZ
            await asyncio.sleep(played_until - LEAD_S - time.monotonic())
            self._answer.task_done()

    def take(self, message: str | bytes) -> None:
        """Take what the server sent."""
        self._news_at = time.monotonic()
        if isinstance(message, bytes):
            for start in range(0, len(message), FRAME_BYTES):
                self._answer.put_nowait(message[start : start + FRAME_BYTES])
            return
        event = json.loads(message)
        if event["type"] == "transcript" and event["is_final"]:
            print(f"[{event['role']}] {event['text']}", file=sys.stderr)
        elif event["type"] == "interrupted":
            while not self._answer.empty():
                self._answer.get_nowait()
                self._answer.task_done()
        elif event["type"] in ("error", "notice"):
            print(f"{event['type']}: {event['message']}", file=sys.stderr)
            self._least_wait_s = (event.get("retry_after_ms") or 0) / 1000
            self._is_over = event.get("fatal", False) and event["retry_after_ms"] is None

    async def _converse(self, gateway: ClientConnection) -> None:
        async def forward() -> None:
            with contextlib.suppress(ConnectionClosed):
                await gateway.send(json.dumps({"type": "config", **self._config}))
                while True:
                    await gateway.send(await self._spoken.get())

        self._least_wait_s = 0.0
        forwarding = asyncio.create_task(forward())
        try:
            async for message in gateway:
                self.take(message)
        except ConnectionClosed:
            pass
        finally:
            forwarding.cancel()
            await gateway.close()
        self._is_over |= gateway.close_code == 1000


async def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Talk with Parley's gateway.")
    parser.add_argument("url", nargs="?", default="ws://localhost:3000/realtime")
    parser.add_argument("--input", metavar="WAV", help="default: PCM from stdin")
    parser.add_argument("--output", metavar="WAV", help="default: PCM to stdout")
    parser.add_argument("--config", type=json.loads, default={}, help="options, as JSON")
    parser.add_argument("--token", default="", help="the server's ACCESS_TOKEN")
    parser.add_argument("--linger", type=float, default=5, help="seconds to wait for an answer")
    options = parser.parse_args()
    if not options.input and sys.stdin.isatty():
        parser.error("there is no sound to send: name a file with --input, or pipe PCM into it")
    if not options.output and sys.stdout.isatty():
        parser.error("a terminal plays no sound: name a file with --output, or pipe into a player")
    read = functools.partial(sys.stdin.buffer.read, FRAME_BYTES)
    write: Callable[[bytes], object] = functools.partial(os.write, sys.stdout.fileno())
    with contextlib.ExitStack() as files:
        if options.input:
            recording = files.enter_context(wave.open(options.input, "rb"))
            if recording.getparams()[:3] != (1, 2, RATE_HZ):
                parser.error("the input is not mono, 16 bit, 24 kHz: sox IN -r 24k -c 1 -b 16 OUT")
            read = functools.partial(recording.readframes, FRAME_BYTES // 2)
        if options.output:
            answer = files.enter_context(wave.open(options.output, "wb"))
            answer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            write = answer.writeframes
        talk = Talk(options.config)
        running = asyncio.create_task(talk.run(options.url, options.token))
        playing = asyncio.create_task(talk.play(write))
        # A recording is read as fast as it was spoken; a microphone has its own pace.
        hearing = asyncio.create_task(
            talk.hear(read, FRAME_S if options.input else 0.0, options.linger)
        )
        tasks = (running, playing, hearing)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        faults = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        for fault in filter(None, faults):
            is_distrust = isinstance(fault, ssl.SSLCertVerificationError)
            hint = ". SSL_CERT_FILE=FILE trusts it; see docs/tls.md" if is_distrust else ""
            sys.exit(f"It cannot go on: {fault}{hint}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
