"""Prices: tokens of each kind times their own price, the cached ones once."""

from datetime import date

import pytest

from rtclient.prices import (
    AS_OF,
    PRICES,
    Prices,
    TranscriptionPrices,
    cost_of,
    prices_of,
    transcription_prices_of,
)
from rtclient.protocol.usage import SessionUsage

FLAGSHIP = Prices(4.0, 32.0, 5.0, 0.4, 0.4, 0.5, 24.0, 64.0)

TURN = {
    "total_tokens": 1300,
    "input_tokens": 1000,
    "output_tokens": 300,
    "input_token_details": {
        "text_tokens": 400,
        "audio_tokens": 500,
        "image_tokens": 100,
        "cached_tokens": 448,
        "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 256, "image_tokens": 64},
    },
    "output_token_details": {"text_tokens": 60, "audio_tokens": 240},
}


def test_every_kind_of_token_has_its_own_price() -> None:
    cost = cost_of(SessionUsage().with_response(TURN), FLAGSHIP)
    assert cost.text_in == pytest.approx((400 - 128) * 4 / 1e6)
    assert cost.audio_in == pytest.approx((500 - 256) * 32 / 1e6)
    assert cost.image_in == pytest.approx((100 - 64) * 5 / 1e6)
    assert cost.cached_in == pytest.approx((128 * 0.4 + 256 * 0.4 + 64 * 0.5) / 1e6)
    assert cost.text_out == pytest.approx(60 * 24 / 1e6)
    assert cost.audio_out == pytest.approx(240 * 64 / 1e6)


def test_the_sum_is_that_of_its_parts() -> None:
    cost = cost_of(SessionUsage().with_response(TURN), FLAGSHIP)
    parts = (cost.text_in, cost.audio_in, cost.image_in, cost.cached_in)
    assert cost.usd == pytest.approx(sum(parts) + cost.text_out + cost.audio_out)
    assert cost.is_complete


def test_cached_tokens_are_not_paid_twice() -> None:
    cached = {"text_tokens": 1000, "cached_tokens": 1000}
    details = {**cached, "cached_tokens_details": {"text_tokens": 1000}}
    usage = SessionUsage().with_response({"input_tokens": 1000, "input_token_details": details})
    assert cost_of(usage, FLAGSHIP).usd == pytest.approx(1000 * 0.4 / 1e6)


def test_cached_tokens_of_no_kind_count_as_text() -> None:
    details = {"text_tokens": 600, "audio_tokens": 400, "cached_tokens": 500}
    usage = SessionUsage().with_response({"input_tokens": 1000, "input_token_details": details})
    cost = cost_of(usage, FLAGSHIP)
    assert cost.text_in == pytest.approx(100 * 4 / 1e6)
    assert cost.audio_in == pytest.approx(400 * 32 / 1e6)


def test_tokens_of_no_kind_count_as_text() -> None:
    usage = SessionUsage().with_response({"input_tokens": 10, "output_tokens": 5})
    assert cost_of(usage, FLAGSHIP).usd == pytest.approx((10 * 4 + 5 * 24) / 1e6)


def test_a_session_costs_what_its_turns_cost() -> None:
    one = cost_of(SessionUsage().with_response(TURN), FLAGSHIP)
    two = cost_of(SessionUsage().with_response(TURN).with_response(TURN), FLAGSHIP)
    assert two.usd == pytest.approx(2 * one.usd)


def test_nothing_used_costs_nothing() -> None:
    assert cost_of(SessionUsage(), FLAGSHIP).usd == 0


def test_transcripts_by_the_minute_are_added() -> None:
    usage = SessionUsage().with_transcription({"type": "duration", "seconds": 30})
    cost = cost_of(usage, FLAGSHIP, TranscriptionPrices(minute=0.006))
    assert cost.usd == cost.transcription == pytest.approx(0.003)


def test_transcripts_by_the_token_are_added() -> None:
    counts = {"type": "tokens", "total_tokens": 120, "input_tokens": 100, "output_tokens": 20}
    usage = SessionUsage().with_transcription(counts)
    prices = TranscriptionPrices(tokens_in=2.5, tokens_out=10)
    assert cost_of(usage, FLAGSHIP, prices).usd == pytest.approx((100 * 2.5 + 20 * 10) / 1e6)


def test_transcripts_of_unknown_price_are_told() -> None:
    usage = SessionUsage().with_transcription({"type": "duration", "seconds": 30})
    assert not cost_of(usage, FLAGSHIP).is_complete
    assert cost_of(SessionUsage(), FLAGSHIP).is_complete


@pytest.mark.parametrize("model", ["gpt-realtime-2.1", "gpt-realtime-2.1-2026-06-25"])
def test_a_snapshot_costs_what_its_model_costs(model: str) -> None:
    assert prices_of(model) == FLAGSHIP


@pytest.mark.parametrize("model", [None, "", "my-deployment", "gpt-realtime-3", "scripted"])
def test_an_unknown_model_has_no_price(model: str | None) -> None:
    assert prices_of(model) is None
    assert transcription_prices_of(model) is None


def test_small_models_are_cheaper_in_every_way() -> None:
    large, small = PRICES["gpt-realtime"], PRICES["gpt-realtime-mini"]
    assert all(getattr(small, kind) < getattr(large, kind) for kind in Prices.__slots__)


def test_the_table_says_when_it_was_made() -> None:
    assert date(2026, 11, 1) <= AS_OF
