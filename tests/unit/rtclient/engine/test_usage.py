"""Tokens of a response."""

import pytest

from rtclient.engine.senses import Used
from rtclient.engine.usage import Cost, RateLimit, as_counted, audio_tokens, text_tokens, usage


def test_tokens_are_rounded_up() -> None:
    assert [text_tokens("x" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert [audio_tokens(ms, 100) for ms in (0, 1, 100, 101)] == [0, 1, 1, 2]


def test_a_minute_costs_600_tokens_heard_and_1200_spoken() -> None:
    assert audio_tokens(60_000, 100) == 600
    assert audio_tokens(60_000, 50) == 1200


def test_usage_has_every_field_and_the_common_beginning_is_cached() -> None:
    before = [Cost("rules", text=10), Cost("a", audio=20), Cost("b", text=3, audio=4)]
    now = [Cost("rules", text=10), Cost("a", audio=20), Cost("b", text=1), Cost("c", image=85)]
    assert usage(now, before, 7, 9) == {
        "total_tokens": 132,
        "input_tokens": 116,
        "output_tokens": 16,
        "input_token_details": {
            "text_tokens": 11,
            "audio_tokens": 20,
            "image_tokens": 85,
            "cached_tokens": 30,
            "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 20, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 7, "audio_tokens": 9},
    }


def test_what_a_language_model_counted_replaces_the_text_tokens_and_adds_up() -> None:
    before = [Cost("rules", text=10)]
    ours = usage([*before, Cost("a", text=5, audio=20, image=85)], before, 7, 9)
    counted = as_counted(ours, Used(input_tokens=100, output_tokens=30, cached_tokens=64))
    assert counted == {
        "total_tokens": 159,
        "input_tokens": 120,
        "output_tokens": 39,
        "input_token_details": {
            "text_tokens": 100,
            "audio_tokens": 20,
            "image_tokens": 0,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 9},
    }


def test_the_limit_refills_within_a_minute() -> None:
    limit = RateLimit()
    (first,) = limit.spend(1000, 0.0)
    assert (first["name"], first["limit"], first["remaining"]) == ("tokens", 40_000, 39_000)
    assert first["reset_seconds"] == 1.5
    (second,) = limit.spend(0, 1.0)
    assert second["remaining"] == 39_666
    (third,) = limit.spend(10**6, 60.0)
    assert third["remaining"] == 0


def test_who_took_too_much_waits_until_it_is_paid_back() -> None:
    limit = RateLimit(600)
    assert limit.wait_s(0.0) == 0.0
    limit.spend(599, 0.0)
    assert limit.wait_s(0.0) == 0.0, "one token is left"
    limit.spend(101, 0.0)
    assert limit.wait_s(0.0) == pytest.approx(10.1)
    fault = limit.fault(limit.wait_s(0.0))
    assert fault.code == "rate_limit_exceeded"
    assert fault.message.endswith("Limit 600, Used 700. Please try again in 10.100s.")
    assert limit.wait_s(10.1) == pytest.approx(0.0)
    assert limit.spend(0, 100.0)[0]["remaining"] == 600
