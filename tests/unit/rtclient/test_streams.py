"""Queues with an end, and things that happen once."""

import asyncio

import pytest

from rtclient.streams import Signal, Stream


async def others() -> None:
    """Let all other tasks go on as far as they can."""
    gone_round = asyncio.Event()
    asyncio.get_running_loop().call_soon(gone_round.set)
    await gone_round.wait()


async def test_values_come_in_order_and_then_the_end() -> None:
    stream: Stream[int] = Stream()
    for value in range(3):
        assert stream.put(value)
    stream.end()
    assert [value async for value in stream] == [0, 1, 2]
    assert [value async for value in stream] == []


async def test_a_reader_gets_what_comes_later() -> None:
    stream: Stream[int] = Stream()
    reading = asyncio.ensure_future(anext(stream))
    await others()
    stream.put(1)
    assert await reading == 1


async def test_an_error_comes_behind_the_last_value_for_everybody() -> None:
    stream: Stream[int] = Stream()
    stream.put(1)
    stream.end(RuntimeError("gone"))
    stream.put(2)
    assert await anext(stream) == 1
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            await anext(stream)


async def test_cancelling_a_wait_loses_nothing() -> None:
    stream: Stream[int] = Stream()
    waiting = asyncio.ensure_future(anext(stream))
    await others()
    stream.put(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await anext(stream) == 1


async def test_two_readers_get_each_value_once() -> None:
    stream: Stream[int] = Stream()

    async def read() -> list[int]:
        return [value async for value in stream]

    readers = [asyncio.ensure_future(read()) for _ in range(2)]
    for value in range(10):
        stream.put(value)
        await others()
    stream.end()
    read_values = [value for values in await asyncio.gather(*readers) for value in values]
    assert sorted(read_values) == list(range(10))


async def test_the_oldest_go_when_nobody_reads() -> None:
    stream: Stream[bytes] = Stream(10, len)
    assert stream.put(b"12345")
    assert stream.put(b"67890")
    assert not stream.put(b"abc")
    stream.end()
    assert [value async for value in stream] == [b"67890", b"abc"]


async def test_one_value_beyond_the_limit_is_kept() -> None:
    stream: Stream[bytes] = Stream(2, len)
    assert stream.put(b"12345")
    assert await anext(stream) == b"12345"
    assert stream.put(b"67890")


async def test_what_was_not_read_can_be_dropped() -> None:
    stream: Stream[int] = Stream()
    stream.put(1)
    stream.drop()
    stream.end()
    assert [value async for value in stream] == []


async def test_a_signal_is_for_everybody_and_only_once() -> None:
    signal = Signal()
    waits = [asyncio.ensure_future(signal.wait()) for _ in range(2)]
    await others()
    assert not signal.is_set
    signal.set()
    signal.set(RuntimeError("too late"))
    await asyncio.gather(*waits)
    await signal.wait()
    assert signal.is_set


async def test_a_signal_that_fails_fails_everybody() -> None:
    signal = Signal()
    signal.set(RuntimeError("no"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            await signal.wait()
