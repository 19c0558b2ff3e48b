from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.brain.numbers import (
    ArithmeticFault,
    compute,
    numbers_in,
    spoken,
    sum_in,
    with_digits,
    written,
)
from rtclient.engine.words import NUMBER_WORDS


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("twenty one", "21"),
        ("twenty-one", "21"),
        ("a hundred and five", "105"),
        ("two thousand six hundred", "2600"),
        ("seven plus five", "7 plus 5"),
        ("three and four", "3 and 4"),
        ("five five", "5 5"),
        ("1,250 apples", "1250 apples"),
        ("a banana", "a banana"),
    ],
)
def test_numbers_in_words_become_digits(words, digits):
    assert with_digits(words) == digits


def test_every_number_that_can_be_spoken_is_read():
    values = [next(numbers_in(word)) for word in NUMBER_WORDS]
    assert sorted(set(values)) == list(range(101))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is seven plus five?", 12),
        ("what's 12.5 * 4", 50),
        ("20% of 50", 10),
        ("what is the square root of 144", 12),
        ("2 to the power of 3 squared", 512),
        ("(3 + 4) * 2", 14),
        ("-5 + 8", 3),
        ("how much is ninety divided by four", 22.5),
        ("1,000 minus one", 999),
        ("17 modulo 5", 2),
    ],
)
def test_sums_are_really_computed(question, answer):
    expression = sum_in(question)
    assert expression is not None
    assert compute(expression) == pytest.approx(answer)


@pytest.mark.parametrize("text", ["I have two cats", "what is five", "call 555-1234 now", "plus"])
def test_what_is_no_sum_is_none(text):
    assert sum_in(text) is None


@pytest.mark.parametrize(
    "question", ["1 / 0", "5 % 0", "9 ^ 999", "sqrt ( - 4 )", "( 1 + 2", "1 +", "9 ^ 60 ^ 2"]
)
def test_sums_without_an_answer_say_why(question):
    with pytest.raises(ArithmeticFault) as fault:
        compute(question)
    assert str(fault.value).endswith(".")


@given(st.text(alphabet="0123456789+-*/^%(). ", max_size=40))
def test_any_sum_has_an_answer_or_a_reason(text):
    expression = sum_in(text)
    if expression is not None:
        with suppress(ArithmeticFault):
            compute(expression)


def test_results_are_written_to_be_read_out():
    assert written(1234567) == "1,234,567"
    assert written(10 / 3) == "3.3333"
    assert written(2.0) == "2"
    assert spoken("6 * 9") == "6 times 9"
