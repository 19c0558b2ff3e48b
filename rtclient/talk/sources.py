"""Where the person's sound comes from without a sound card: a file or a pipe, in real time.

A source gives blocks of `BLOCK_MS` as pcm16: little-endian signed 16-bit, mono, 24 000 Hz.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from rtclient.protocol.audio import PCM16, ms_to_bytes
from rtclient.resampling import Resampler
from rtclient.sound_files import sound_chunks
from rtclient.talk.echo_guard import BLOCK_MS

BLOCK_BYTES: Final = ms_to_bytes(BLOCK_MS, PCM16)
SILENCE: Final = bytes(BLOCK_BYTES)
_READ_BYTES: Final = 4_096
_MOST_UNREAD: Final = 50


class Blocks:
    """Cuts a stream of pcm16 into blocks."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, pcm: bytes) -> Iterator[bytes]:
        """Take in sound of any length; give the blocks that are whole."""
        self._rest += pcm
        while len(self._rest) >= BLOCK_BYTES:
            yield bytes(self._rest[:BLOCK_BYTES])
            del self._rest[:BLOCK_BYTES]

    def end(self) -> Iterator[bytes]:
        """Give what is left, filled up with silence."""
        if self._rest:
            yield bytes(self._rest).ljust(BLOCK_BYTES, b"\0")
            self._rest.clear()


def file_blocks(path: Path) -> Iterator[bytes]:
    """Give a sound file's blocks, of any format and rate.

    The first one is read at once, so that a file that cannot be read is told before the call.

    Raises:
        SoundFileError: It cannot be read, or holds no sound.
        MissingExtraError: It needs packages that are not installed.
    """
    chunks = sound_chunks(path, chunk_ms=BLOCK_MS)
    first = next(chunks)

    def blocks() -> Iterator[bytes]:
        cutter = Blocks()
        yield from cutter.feed(first)
        for chunk in chunks:
            yield from cutter.feed(chunk)
        yield from cutter.end()

    return blocks()


async def all_of(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Give blocks to who iterates asynchronously."""
    for block in blocks:
        yield block


async def pipe_blocks(
    rate_hz: int | None = None, stream: BinaryIO | None = None
) -> AsyncIterator[bytes]:
    """Give the blocks of raw PCM: signed 16-bit little-endian, mono.

    Args:
        rate_hz: Samples per second in the pipe; None is 24 000.
        stream: None is stdin.
    """
    resampler, cutter = Resampler(rate_hz or PCM16.rate_hz, is_live=True), Blocks()
    async for data in _read(stream or sys.stdin.buffer):
        for block in cutter.feed(resampler.feed(data)):
            yield block
    for block in (*cutter.feed(resampler.end()), *cutter.end()):
        yield block


async def in_real_time(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give blocks no faster than they sound. What comes late is given at once."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    async for block in blocks:
        if (early_s := due_s - loop.time()) > 0:
            await asyncio.sleep(early_s)
        yield block
        # A live source that paused has not saved the time up.
        due_s = max(due_s, loop.time() - _MOST_UNREAD * BLOCK_MS / 1000) + BLOCK_MS / 1000


async def silence() -> AsyncIterator[bytes]:
    """Give silence, without an end."""
    while True:
        yield SILENCE


async def _read(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Read a pipe in a thread; it ends with the program, wherever it waits then."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(_MOST_UNREAD)

    def read() -> None:
        data = b"begin"
        while data:
            room.acquire()
            data = _read1(stream)()
            try:
                loop.call_soon_threadsafe(arrived.put_nowait, data)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while data := await arrived.get():
        room.release()
        yield data


def _read1(stream: BinaryIO) -> Callable[[], bytes]:
    read1 = getattr(stream, "read1", stream.read)
    return lambda: read1(_READ_BYTES)
