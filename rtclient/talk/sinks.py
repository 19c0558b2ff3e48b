"""Where the model's sound goes without a sound card: a file or a pipe, in real time.

What is written is what a loudspeaker would have played from its begin, with the silence between the
answers and without what a barge-in cut off.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from rtclient.protocol.audio import PCM16
from rtclient.resampling import Resampler
from rtclient.sound_files import WavWriter
from rtclient.talk.echo_guard import BLOCK_MS
from rtclient.talk.sources import BLOCK_BYTES

Take = Callable[[int], bytes]
"""Gives the next bytes of pcm16 (24 000 Hz, mono) for a loudspeaker, always as many as asked."""

_BLOCK_S: Final = BLOCK_MS / 1000


class Sink(Protocol):
    """A loudspeaker, or what stands for it."""

    @property
    def latency_s(self) -> float:
        """From `take` to the ear, in seconds."""
        ...

    async def play(self, take: Take) -> None:
        """Take and play until cancelled. Raises what the device or file raises."""


class WavSink:
    """Writes a WAV file."""

    latency_s = 0.0

    def __init__(self, path: Path) -> None:
        """Create the file, or empty it. Raises OSError."""
        self._writer = WavWriter(path)

    async def play(self, take: Take) -> None:
        """Write until cancelled; the file is whole at any time."""

        async def write() -> None:
            self._writer.write(take(BLOCK_BYTES))

        await _on_time(write)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._writer.close()


class PipeSink:
    """Writes raw PCM, signed 16-bit little-endian, mono, to stdout or another stream."""

    latency_s = 0.0

    def __init__(self, rate_hz: int | None = None, stream: BinaryIO | None = None) -> None:
        self._resampler = Resampler(PCM16.rate_hz, rate_hz or PCM16.rate_hz, is_live=True)
        self._stream = stream or sys.stdout.buffer

    async def play(self, take: Take) -> None:
        """Write until cancelled, or until the reader has gone (BrokenPipeError)."""

        def write(pcm: bytes) -> None:
            self._stream.write(pcm)
            self._stream.flush()

        async def step() -> None:
            # In a thread: a reader that is slow must not hold up the conversation.
            await asyncio.to_thread(write, self._resampler.feed(take(BLOCK_BYTES)))

        await _on_time(step)


class NoSink:
    """For conversations without sound."""

    latency_s = 0.0

    async def play(self, take: Take) -> None:
        """Take as a loudspeaker does, so that what comes is heard by nobody and counted."""

        async def step() -> None:
            take(BLOCK_BYTES)

        await _on_time(step)


async def _on_time(step: Callable[[], Awaitable[None]]) -> None:
    """Make a step every 20 ms; after a hold-up those that are missing at once."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        while due_s <= loop.time():
            await step()
            due_s += _BLOCK_S
        await asyncio.sleep(due_s - loop.time())
