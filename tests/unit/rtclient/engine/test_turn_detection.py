"""Probabilities become turns: onset, hysteresis, silence window."""

from collections.abc import Sequence
from typing import Any

import pytest

from rtclient.engine.turn_detection import (
    Rules,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    Waits,
    rules_of,
)


def run(detector: TurnDetector, probabilities: Sequence[float]) -> list[Any]:
    return [seen for p in probabilities if (seen := detector.feed(p)) is not None]


def test_speech_is_noticed_after_100_ms_and_begins_with_its_first_frame() -> None:
    detector = TurnDetector(Rules(), 20)
    assert run(detector, [0, 0, 0, 1, 1, 1, 1]) == []
    assert run(detector, [1]) == [SpeechStarted(60)]


def test_frames_of_32_ms_need_four() -> None:
    detector = TurnDetector(Rules(), 32)
    assert run(detector, [1, 1, 1]) == []
    assert run(detector, [1]) == [SpeechStarted(0)]


def test_the_onset_may_have_holes_within_160_ms() -> None:
    detector = TurnDetector(Rules(), 20)
    assert run(detector, [1, 0, 1, 0, 1, 1]) == []
    assert run(detector, [1]) == [SpeechStarted(0)]


def test_scattered_clicks_are_no_speech() -> None:
    detector = TurnDetector(Rules(), 20)
    assert run(detector, [1, 1, 0, 0, 0, 0, 0, 0] * 20) == []


@pytest.mark.parametrize(("threshold", "is_noticed"), [(0.5, True), (0.6, True), (0.61, False)])
def test_the_threshold_is_included(threshold: float, is_noticed: bool) -> None:
    detector = TurnDetector(Rules(threshold=threshold), 20)
    assert bool(run(detector, [0.6] * 8)) is is_noticed


def test_while_somebody_speaks_less_counts_as_speech() -> None:
    detector = TurnDetector(Rules(silence_ms=100), 20)
    run(detector, [1] * 5)
    assert run(detector, [0.36] * 50) == []
    assert run(detector, [0.34] * 5) == [SpeechStopped(1200)]


def test_a_pause_shorter_than_the_window_does_not_end_the_turn() -> None:
    detector = TurnDetector(Rules(silence_ms=200), 20)
    assert run(detector, [1] * 5 + [0] * 9 + [1] + [0] * 9 + [1]) == [SpeechStarted(0)]


def test_after_a_stop_the_next_turn_begins_anew() -> None:
    detector = TurnDetector(Rules(silence_ms=40), 20)
    turn = [1.0] * 5 + [0.0] * 2
    assert run(detector, turn * 2) == [
        SpeechStarted(0),
        SpeechStopped(140),
        SpeechStarted(140),
        SpeechStopped(280),
    ]


def test_a_reset_forgets_the_open_turn() -> None:
    detector = TurnDetector(Rules(), 20)
    run(detector, [1] * 5)
    detector.reset()
    assert not detector.is_speaking
    assert run(detector, [0] * 50) == []


def test_rules_are_read_from_the_session() -> None:
    assert rules_of(None) is None
    assert rules_of({"type": "server_vad"}) == Rules()
    assert rules_of(
        {
            "type": "server_vad",
            "threshold": 0.7,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 500,
            "create_response": False,
            "interrupt_response": False,
        }
    ) == Rules(0.7, 100, 500, creates_response=False, interrupts=False)
    assert rules_of({"type": "semantic_vad", "eagerness": None}) == (
        Rules(silence_ms=4000, waits=Waits(500, 1500, 4000))
    )
    assert rules_of({"type": "semantic_vad", "eagerness": "high"}) == (
        Rules(silence_ms=2000, waits=Waits(300, 800, 2000))
    )
