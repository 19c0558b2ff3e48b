"""The redaction example: what it takes out, what stays, and that pieces give the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.redaction import Redactor, is_card, is_iban, redact

CASES = {
    # Cards: the test numbers that payment services publish.
    "My card is 4111 1111 1111 1111, thanks.": "My card is [card], thanks.",
    "Amex 3782-822463-10005 please": "Amex [card] please",
    "5555, 5555, 5555, 4444": "[card]",
    "four two four two four two four two four two four two four two four two ok": "[card] ok",
    # IBANs: the examples of their registry.
    "The IBAN is DE89 3704 0044 0532 0130 00 please.": "The IBAN is [iban] please.",
    "GB29 NWBK 6016 1331 9268 19": "[iban]",
    "fr1420041010050500013m02606 and more": "[iban] and more",
    # Telephone numbers: those set aside for fiction.
    "Call me at +49 (0) 30 1234-5678 tomorrow.": "Call me at [phone] tomorrow.",
    "Ring 020 7946 0958 now": "Ring [phone] now",
    "it is five five five oh one nine nine": "it is [phone]",
    # Addresses.
    "mail anna.smith+x@mail.example.co.uk now": "mail [e-mail] now",
    "anna dot smith at example dot com thanks": "[e-mail] thanks",
    # Names.
    "My name is Anna Smith and I live here.": "My name is [name] and I live here.",
    "my name is anna smith": "my name is [name]",
    "Hello, this is Bob.": "Hello, this is [name].",
    "I'm Zoë O’Neill-Brown, hello": "I'm [name], hello",
    "Dr. Miller will see Mrs Jones": "Dr. [name] will see Mrs [name]",
}
HARMLESS = (
    "on 2026-11-21 or 21.11.2026 at 10:30",
    "It costs 1,250,000 dollars",
    "my name is on the list",
    "I'm here and this is fine",
    "we had three dogs and 12 cats in 2024",
    "Invoice number 123456 is open",
    "one two three testing",
    "meet me at noon",
)


@pytest.mark.parametrize("text", CASES)
def test_what_is_secret_is_taken_out(text: str) -> None:
    assert redact(text) == CASES[text]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert redact(text) == text


def test_a_long_number_that_is_no_card_is_taken_out_too() -> None:
    assert redact("4111 1111 1111 1112") == "[number]"


@pytest.mark.parametrize("number", ["4242424242424242", "378282246310005", "6011111111111117"])
def test_luhn_finds_every_single_wrong_digit(number: str) -> None:
    assert is_card(number)
    for place in range(1, len(number)):
        for digit in set("0123456789") - {number[place]}:
            assert not is_card(number[:place] + digit + number[place + 1 :])


def test_a_card_has_13_to_19_digits() -> None:
    assert not is_card("424242424242")
    assert not is_card("2" + "0" * 19)


def test_an_iban_with_two_digits_swapped_is_none() -> None:
    assert is_iban("DE89370400440532013000")
    assert not is_iban("DE98370400440532013000")
    assert redact("DE98 3704 0044 0532 0130 00") != "[iban]"


@given(st.sampled_from([*CASES, *HARMLESS]), st.lists(st.integers(1, 9), min_size=1))
def test_pieces_give_the_same_as_the_whole(text: str, sizes: list[int]) -> None:
    redactor, shown, rest = Redactor(), "", text
    while rest:
        for size in sizes:
            shown += redactor.feed(rest[:size])
            rest = rest[size:]
    assert shown + redactor.end() == redact(text)


def test_a_number_spoken_over_two_turns_is_kept_back_until_it_is_whole() -> None:
    redactor = Redactor()
    first = redactor.feed("Yes of course you can have my card it is 4111 1111 ")
    assert not any(mark.isdigit() for mark in first)
    assert first + redactor.feed("1111 1111 thanks") + redactor.end() == (
        "Yes of course you can have my card it is [card] thanks"
    )
