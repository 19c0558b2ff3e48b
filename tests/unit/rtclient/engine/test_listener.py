"""One turn on its way to the ears: live, early, once more."""

import itertools

import pytest

from rtclient.engine.actions import Hear, Outbox, Stop
from rtclient.engine.buffer import InputBuffer
from rtclient.engine.listener import EARLY_LIMIT_MS, Listener, early_after_ms


def listener(length_ms: int = 1000) -> tuple[Listener, InputBuffer, Outbox]:
    count = itertools.count(1)
    outbox = Outbox(lambda prefix: f"{prefix}_{next(count)}")
    buffer = InputBuffer()
    buffer.append(bytes(48 * length_ms))
    return Listener(outbox, "item_1", 0), buffer, outbox


def told(outbox: Outbox) -> list[tuple[str, int, bool] | str]:
    return [
        (a.work_id, len(a.pcm) // 48, a.is_last) if isinstance(a, Hear) else a.work_id
        for a in outbox.take()
        if isinstance(a, Hear | Stop)
    ]


@pytest.mark.parametrize(("window_ms", "early_ms"), [(0, 160), (200, 160), (500, 250), (700, 350)])
def test_the_ears_may_finish_after_half_of_the_window(window_ms: int, early_ms: int) -> None:
    assert early_after_ms(window_ms) == early_ms


def test_audio_is_given_once() -> None:
    one, buffer, outbox = listener()
    one.follow(buffer, 24 * 100)
    one.follow(buffer, 24 * 100)
    one.follow(buffer, 24 * 300)
    one.finish(buffer, 24 * 500)
    one.finish(buffer, 24 * 600)
    one.follow(buffer, 24 * 700)
    assert told(outbox) == [
        ("hearing_1", 100, False),
        ("hearing_1", 200, False),
        ("hearing_1", 200, True),
    ]


def test_who_goes_on_is_heard_anew_from_the_start() -> None:
    one, buffer, outbox = listener()
    one.finish_early(buffer, 24 * 500)
    one.go_on()
    one.follow(buffer, 24 * 800)
    one.finish_early(buffer, 24 * 900)
    one.finish(buffer, 24 * 1000)
    assert told(outbox) == [
        ("hearing_1", 500, True),
        "hearing_1",
        ("hearing_2", 800, False),
        ("hearing_2", 200, True),
    ]


def test_going_on_before_the_ears_finish_changes_nothing() -> None:
    one, _, outbox = listener()
    one.go_on()
    assert told(outbox) == []
    assert one.work_id == "hearing_1"


def test_long_turns_are_not_tried_early() -> None:
    one, buffer, outbox = listener(EARLY_LIMIT_MS + 1000)
    one.finish_early(buffer, buffer.end)
    assert told(outbox) == []


def test_a_dropped_turn_is_stopped() -> None:
    one, _, outbox = listener()
    one.drop()
    assert told(outbox) == ["hearing_1"]
