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
import sys
import time
import wave
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

RATE_HZ, FRAME_SAMPLES, FRAME_S = 24_000, 960, 0.04
LEAD_S = 0.2  # so far ahead of its time sound is written: what an interruption cannot take back
STABLE_S = 10.0  # a connection that lasted so long was a good one: the next wait is short again


def retry_delay_s(attempt: int, random_01: float) -> float:
    """Return how long to wait before attempt 1, 2, …: full jitter, 15 s at most."""
    return random_01 * min(15.0, 0.5 * 2.0 ** min(attempt, 10))


class Speaker:
    """Plays sound when its time comes, so that an interruption takes back what still waits."""

    def __init__(self, play: Callable[[bytes], object]) -> None:
        self._play = play
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()

    def add(self, pcm: bytes) -> None:
        """Take sound."""
        for start in range(0, len(pcm), 2 * FRAME_SAMPLES):
            self._waiting.put_nowait(pcm[start : start + 2 * FRAME_SAMPLES])

    def interrupt(self) -> None:
        """Forget what was not played yet."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
            self._waiting.task_done()

    async def finish(self) -> None:
        """Wait until everything was played."""
        await self._waiting.join()

    async def run(self) -> None:
        """Play for ever."""
        played_until = 0.0
        while True:
            frame = await self._waiting.get()
            await asyncio.to_thread(self._play, frame)
            played_until = max(played_until, time.monotonic()) + len(frame) / 2 / RATE_HZ
            await asyncio.sleep(played_until - LEAD_S - time.monotonic())
            self._waiting.task_done()


class Talk:
    """One conversation, over as many connections as it takes."""

    def __init__(
        self,
        config: dict[str, Any],
        speaker: Speaker,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._config, self._speaker, self._jitter = config, speaker, jitter
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(25)
        self._news_at = self._least_wait_s = 0.0
        self._is_over = False

    async def run(self, url: str, token: str) -> None:
        """Talk until the server is done with us; raises InvalidStatus when it refuses us."""
        headers = {"Authorization": f"Bearer {token}"} if token else None
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                async with connect(url, additional_headers=headers) as gateway:
                    await self._converse(gateway)
            except (OSError, InvalidHandshake) as exc:
                if isinstance(exc, InvalidStatus) and exc.response.status_code in (401, 403, 404):
                    raise
                print("No connection:", exc, file=sys.stderr)
            if self._is_over:
                return
            attempt = 1 if time.monotonic() - began > STABLE_S else attempt + 1
            await asyncio.sleep(max(retry_delay_s(attempt, self._jitter()), self._least_wait_s))

    async def send(self, read: Callable[[], bytes], pause_s: float, linger_s: float) -> None:
        """Send what `read` gives, then silence until `linger_s` after the last news."""
        while frame := await asyncio.to_thread(read):
            await self._frames.put(frame)
            await asyncio.sleep(pause_s)
        self._news_at = time.monotonic()
        while time.monotonic() - self._news_at < linger_s:
            await self._frames.put(bytes(2 * FRAME_SAMPLES))  # silence ends the user's turn
            await asyncio.sleep(FRAME_S)

    async def _converse(self, gateway: ClientConnection) -> None:
        async def forward() -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await gateway.send(await self._frames.get())

        self._least_wait_s = 0.0
        await gateway.send(json.dumps({"type": "config", **self._config}))
        forwarding = asyncio.create_task(forward())
        with contextlib.suppress(ConnectionClosed):
            async for message in gateway:
                self._news_at = time.monotonic()
                if isinstance(message, bytes):
                    self._speaker.add(message)
                else:
                    self._take(json.loads(message))
        forwarding.cancel()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "transcript" and message["is_final"]:
            print(f"[{message['role']}] {message['text']}", file=sys.stderr)
        elif message["type"] == "interrupted":
            self._speaker.interrupt()
        elif message["type"] in ("error", "notice"):
            print(f"{message['type']}: {message['message']}", file=sys.stderr)
            wait_ms = message.get("retry_after_ms")
            self._least_wait_s = (wait_ms or 0) / 1000
            self._is_over = message.get("fatal", False) and wait_ms is None


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
    read = functools.partial(sys.stdin.buffer.read, 2 * FRAME_SAMPLES)
    play: Callable[[bytes], object] = functools.partial(os.write, sys.stdout.fileno())
    pause_s = 0.0
    with contextlib.ExitStack() as files:
        if options.input:
            recording = files.enter_context(wave.open(options.input, "rb"))
            read = functools.partial(recording.readframes, FRAME_SAMPLES)
            pause_s = FRAME_S  # as fast as it was spoken
        if options.output:
            file = files.enter_context(wave.open(options.output, "wb"))
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            play = file.writeframes
        speaker = Speaker(play)
        talk = Talk({"provider": "openai", **options.config}, speaker)
        running = asyncio.create_task(talk.run(options.url, options.token))
        playing = asyncio.create_task(speaker.run())
        sending = asyncio.create_task(talk.send(read, pause_s, options.linger))
        for task in (await asyncio.wait({running, sending}, return_when="FIRST_COMPLETED"))[0]:
            task.result()
        await speaker.finish()
        for task in (running, playing, sending):
            task.cancel()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
