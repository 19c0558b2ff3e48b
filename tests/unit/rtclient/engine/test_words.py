import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.words import CONFUSABLE, DIGITS, UNITS, digit_of, with_digits, with_figures


def test_every_number_that_sounds_like_another_is_told_both_ways():
    assert CONFUSABLE["fourteen"] == "forty"
    assert all(CONFUSABLE[CONFUSABLE[word]] == word for word in CONFUSABLE)


def test_a_digit_has_one_figure_and_zero_two_names():
    assert [digit_of(word) for word in DIGITS] == [*"0123456789", "0"]


@pytest.mark.parametrize(
    ("words", "figures"),
    [
        ("it is two hundred and fifty", "it is 250"),
        ("sixty one thousand one hundred and twenty", "61,120"),
        ("a hundred", "100"),
    ],
)
def test_large_numbers_are_written_with_their_thousands_apart(words, figures):
    assert with_figures(words) == figures


@given(st.integers(1, 99))
def test_a_number_in_words_becomes_the_same_in_digits(number):
    tens = "x ten twenty thirty forty fifty sixty seventy eighty ninety".split()
    word = UNITS[number] if number < 20 else f"{tens[number // 10]} {UNITS[number % 10]}"
    assert with_digits(word.removesuffix(" zero")) == str(number)
