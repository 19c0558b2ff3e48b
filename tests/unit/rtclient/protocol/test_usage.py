"""The totals of a session."""

from typing import Any

import pytest

from rtclient.protocol.usage import SessionUsage

RESPONSE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {
        "text_tokens": 5,
        "audio_tokens": 12,
        "image_tokens": 3,
        "cached_tokens": 6,
        "cached_tokens_details": {"text_tokens": 1, "audio_tokens": 4, "image_tokens": 1},
    },
    "output_token_details": {"text_tokens": 2, "audio_tokens": 8},
}


def test_responses_add_up() -> None:
    usage = SessionUsage().with_response(RESPONSE).with_response(RESPONSE)
    assert usage == SessionUsage(
        total_tokens=60,
        input_tokens=40,
        output_tokens=20,
        input_text_tokens=10,
        input_audio_tokens=24,
        input_image_tokens=6,
        cached_tokens=12,
        cached_text_tokens=2,
        cached_audio_tokens=8,
        cached_image_tokens=2,
        output_text_tokens=4,
        output_audio_tokens=16,
        responses=2,
    )


@pytest.mark.parametrize("usage", [None, {}, "none", 3])
def test_a_response_that_reports_nothing_counts_as_none(usage: Any) -> None:
    assert SessionUsage().with_response(usage) == SessionUsage()


def test_fields_that_are_missing_or_odd_count_as_zero() -> None:
    usage = SessionUsage().with_response(
        {"total_tokens": 7, "input_tokens": "9", "output_tokens": True}
    )
    assert usage == SessionUsage(total_tokens=7, responses=1)


def test_transcripts_count_in_tokens_or_in_seconds() -> None:
    usage = SessionUsage().with_transcription({"type": "tokens", "total_tokens": 12})
    usage = usage.with_transcription({"type": "duration", "seconds": 2})
    usage = usage.with_transcription({"type": "duration", "seconds": None})
    usage = usage.with_transcription(None)
    assert usage == SessionUsage(transcription_tokens=12, transcription_s=2.0)
