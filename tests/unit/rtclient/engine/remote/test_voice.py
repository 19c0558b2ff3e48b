"""How far a sentence got before its server failed."""

import pytest

from rtclient.engine.remote.voice import MS_PER_CHAR, unsaid

TEXT = "Good day to you."


@pytest.mark.parametrize(
    ("chars", "rest"),
    [
        (0, "Good day to you."),
        (3, "Good day to you."),
        (5, "day to you."),
        (10, "to you."),
        (15, "you."),
        (16, ""),
        (99, ""),
    ],
)
def test_the_word_that_was_cut_is_said_again(chars: int, rest: str) -> None:
    assert TEXT[unsaid(TEXT, chars * MS_PER_CHAR, 1.0) :] == rest


def test_who_speaks_fast_has_said_more() -> None:
    assert TEXT[unsaid(TEXT, 5 * MS_PER_CHAR, 1.5) :] == "day to you."
    assert TEXT[unsaid(TEXT, 5 * MS_PER_CHAR, 0.5) :] == TEXT
