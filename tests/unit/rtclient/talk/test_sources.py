import asyncio
import io
import os

import pytest

from rtclient.sound_files import SoundFileError, write_wav
from rtclient.talk.sources import (
    BLOCK_BYTES,
    SILENCE,
    Blocks,
    all_of,
    file_blocks,
    in_real_time,
    pipe_blocks,
)

RAMP = b"".join(n.to_bytes(2, "little") for n in range(1200))


def test_a_stream_of_any_cut_becomes_blocks_of_20_ms():
    cutter = Blocks()
    blocks = [*cutter.feed(RAMP[:1000]), *cutter.feed(RAMP[1000:]), *cutter.end()]
    assert [len(block) for block in blocks] == [BLOCK_BYTES] * 3
    assert b"".join(blocks) == RAMP.ljust(3 * BLOCK_BYTES, b"\0")
    assert list(cutter.end()) == []


def test_a_file_becomes_blocks(tmp_path):
    write_wav(tmp_path / "a.wav", RAMP)
    assert b"".join(file_blocks(tmp_path / "a.wav")) == RAMP.ljust(3 * BLOCK_BYTES, b"\0")


def test_a_file_that_cannot_be_read_is_told_before_the_call(tmp_path):
    with pytest.raises(SoundFileError, match=r"none\.wav"):
        file_blocks(tmp_path / "none.wav")


async def test_a_pipe_becomes_blocks():
    blocks = [block async for block in pipe_blocks(stream=io.BytesIO(RAMP))]
    assert b"".join(blocks) == RAMP.ljust(3 * BLOCK_BYTES, b"\0")


async def test_a_pipe_at_another_rate_is_resampled():
    second = bytes(32_000)
    blocks = [block async for block in pipe_blocks(16_000, io.BytesIO(second))]
    assert len(b"".join(blocks)) == pytest.approx(48_000, abs=BLOCK_BYTES)


async def test_a_pipe_gives_what_there_is_while_it_is_open():
    out, into = os.pipe()
    with os.fdopen(out, "rb") as stream, os.fdopen(into, "wb", buffering=0) as writer:
        blocks = pipe_blocks(stream=stream)
        writer.write(RAMP[:BLOCK_BYTES])
        assert await anext(blocks) == RAMP[:BLOCK_BYTES]
        writer.close()
        assert [block async for block in blocks] == []


async def test_blocks_come_no_faster_than_they_sound():
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    blocks = [block async for block in in_real_time(all_of(iter([SILENCE] * 6)))]
    assert len(blocks) == 6
    assert loop.time() - start_s >= 0.099
