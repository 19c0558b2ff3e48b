import pytest

from rtclient.engine.brain.answers import ANSWERS
from rtclient.engine.brain.wishes import _TABLE, wish_in


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hey, what's the time?", "time"),
        ("do you know any jokes", "joke"),
        ("could you please speak a little slower", "slower"),
        ("Heads or tails?", "coin"),
        ("throw a die", "die"),
        ("Stop!", "stop"),
        ("play me back", "replay"),
        ("turn off the echo", "echo off"),
        ("what can i say", "help"),
        ("bye bye", "bye"),
        ("pick a number between 5 and 9", "number"),
        ("thanks a lot", "thanks"),
    ],
)
def test_typed_words_are_understood_broadly(text, name):
    assert wish_in(text).name == name


@pytest.mark.parametrize("text", ["", "?!", "my brother lives in chicago", "the weather in rome"])
def test_other_words_are_no_wish(text):
    assert wish_in(text) is None


def test_every_wish_has_an_answer():
    assert {name for _, name in _TABLE} - set(ANSWERS) == set()
