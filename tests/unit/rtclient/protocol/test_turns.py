"""The Python side of the fixture that the page's turns.js is tested on too."""

import json
from pathlib import Path
from typing import Any

import pytest

from rtclient.protocol.turns import Playback, heard_chars, heard_ms, truncation

FIXTURE = Path(__file__).parents[3] / "fixtures" / "turns.jsonl"
CASES = [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_cut_is_what_was_heard(case: dict[str, Any]) -> None:
    result = truncation(Playback(**case["in"]))
    assert {"heard_ms": result.heard_ms, "event": result.event} == case["out"]


@pytest.mark.parametrize("latency_s", [float("nan"), float("inf"), -1.0, None, 0.0])
def test_a_latency_that_cannot_be_counts_as_none(latency_s: float | None) -> None:
    assert heard_ms(2400, latency_s, 1000) == 100


def test_heard_is_within_what_was_received() -> None:
    assert heard_ms(10**9, 0.0, 40) == 40
    assert heard_ms(0, 3.0, 40) == 0


@pytest.mark.parametrize(
    ("text", "heard", "expected"),
    [
        ("One two three", 0, ""),
        ("One two three", 1000, "One two three"),
        ("One two three", 5000, "One two three"),
        ("One two three", 400, "One"),
        ("One two three", 560, "One two"),
        ("One two three", 100, ""),
        ("三个字的话", 500, "三个字"),
    ],
)
def test_heard_text_ends_at_a_word(text: str, heard: int, expected: str) -> None:
    assert text[: heard_chars(text, heard, 1000)] == expected


def test_nothing_is_known_of_sound_without_a_length() -> None:
    assert heard_chars("One two", 500, 0) == 0
