"""Close codes, close reasons and secrets."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.relay.closing import REMOVED, Scrubber, clip_reason, sendable_code

KEY = "sk-Canary/7+Q=?ü"


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1011, 1012, 1013, 3000, 4000, 4999])
def test_codes_that_may_be_sent_stay(code: int) -> None:
    assert sendable_code(code) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1])
def test_codes_that_may_not_be_sent_become_1011(code: int) -> None:
    assert sendable_code(code) == 1011


@given(st.text())
def test_a_reason_fits_and_is_a_start_of_the_original(reason: str) -> None:
    clipped = clip_reason(reason)
    assert len(clipped.encode()) <= 123
    assert reason.startswith(clipped) or "?" in clipped
    if len(reason.encode(errors="replace")) <= 123:
        assert len(clipped) == len(reason)


def test_a_reason_is_cut_between_characters() -> None:
    assert clip_reason("ü" * 100) == "ü" * 61


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        KEY.replace("/", "\\/").replace("ü", "\\u00fc"),
        quote(KEY),
        quote(KEY, safe=""),
    ],
)
def test_a_secret_is_removed_in_each_form_a_peer_may_repeat_it(form: str) -> None:
    assert Scrubber([KEY]).scrub(f"before {form} after") == f"before {REMOVED} after"


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "x", "xy", "Bearer "])
@pytest.mark.parametrize("after", ["", "!", "?!", " and more"])
def test_a_secret_is_removed_from_base64(
    encode: Callable[[bytes], bytes], before: str, after: str
) -> None:
    text = encode(f"{before}{KEY}{after}".encode()).decode()
    scrubbed = Scrubber([KEY]).scrub(text)
    assert REMOVED in scrubbed
    around = len(before) + len(after)
    assert len(scrubbed) - len(REMOVED) <= around * 4 / 3 + 6


def test_text_without_a_secret_stays_the_same_object() -> None:
    text = "nothing to hide"
    assert Scrubber([KEY, "short", ""]).scrub(text) is text


def test_a_secret_within_a_longer_one_leaves_no_rest() -> None:
    assert Scrubber(["abcdefgh", "abcdefgh-tail"]).scrub("abcdefgh-tail") == REMOVED
