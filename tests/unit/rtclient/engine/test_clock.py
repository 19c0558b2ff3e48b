"""A manual clock calls what is due, in order and at its time; nothing else moves it."""

import asyncio

import pytest

from rtclient.engine.clock import LoopClock, ManualClock, Sleepers


def test_what_is_due_is_called_in_order_at_its_time() -> None:
    clock = ManualClock(10)
    calls: list[tuple[str, float]] = []
    for name, at in (("late", 13.0), ("first", 11.0), ("second", 11.0), ("after", 20.0)):
        clock.call_at(at, lambda name=name: calls.append((name, clock.now())))  # type: ignore[misc]
    clock.advance(5)
    assert calls == [("first", 11.0), ("second", 11.0), ("late", 13.0)]
    assert clock.now() == 15
    assert clock.next_due() == 20


def test_a_timer_set_by_a_timer_is_called_in_the_same_stretch() -> None:
    clock = ManualClock()
    calls: list[float] = []

    def again() -> None:
        calls.append(clock.now())
        clock.call_at(clock.now() + 1, again)

    clock.call_at(1, again)
    clock.advance(3.5)
    assert calls == [1, 2, 3]


def test_a_cancelled_timer_is_never_called() -> None:
    clock = ManualClock()
    calls: list[str] = []
    timer = clock.call_at(1, lambda: calls.append("cancelled"))
    clock.call_at(1, timer.cancel)
    clock.call_at(2, lambda: calls.append("kept")).cancel()
    clock.call_at(0, timer.cancel)
    clock.advance(3)
    timer.cancel()
    assert not calls
    assert clock.next_due() is None


def test_a_timer_of_the_past_is_called_without_going_back() -> None:
    clock = ManualClock(5)
    calls: list[float] = []
    clock.call_at(1, lambda: calls.append(clock.now()))
    assert not calls
    clock.advance(0)
    assert calls == [5]


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward only"):
        ManualClock().advance(-1)


def test_both_kinds_of_time_pass_together() -> None:
    clock = ManualClock()
    before = clock.wall()
    clock.advance(90)
    assert clock.wall() - before == 90


async def test_a_sleeper_wakes_by_the_clock_alone_and_may_be_cancelled() -> None:
    clock = ManualClock()
    sleepers = Sleepers(clock)
    one, other = (asyncio.create_task(sleepers.rest(2)) for _ in range(2))
    await asyncio.wait({one}, timeout=0)
    assert sleepers.count == 2
    other.cancel()
    await asyncio.wait({other})
    assert sleepers.count == 1
    clock.advance(1.9)
    assert not one.done()
    clock.advance(0.2)
    assert sleepers.count == 0
    await one


async def test_the_loops_clock_is_the_loops() -> None:
    clock, rang = LoopClock(), asyncio.Event()
    clock.call_at(clock.now(), rang.set)
    await rang.wait()
    clock.call_at(clock.now() + 60, rang.clear).cancel()
    assert clock.wall() > 1_700_000_000
