"""Retired models are named in time."""

from datetime import date

import pytest

from rtclient.service.retirements import (
    Retirement,
    azure_retirement,
    openai_model_warning,
    retirement,
    transcription_warning,
)

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("model", "today", "words"),
    [
        ("gpt-realtime-2.1", TODAY, None),
        ("a-model-of-tomorrow", TODAY, None),
        ("gpt-realtime", date(2026, 1, 1), None),
        ("gpt-realtime", TODAY, "retires gpt-realtime on 2027-01-20"),
        ("gpt-realtime", date(2027, 1, 20), "retired gpt-realtime on 2027-01-20"),
        ("gpt-4o-realtime-preview", TODAY, "retired gpt-4o-realtime-preview. Set OPENAI_MODEL="),
        (
            "gpt-4o-mini-realtime-preview-2024-12-17",
            TODAY,
            "Set OPENAI_MODEL=gpt-realtime-2.1-mini",
        ),
    ],
)
def test_a_model_that_goes_is_told_in_time(model: str, today: date, words: str | None) -> None:
    warning = openai_model_warning(model, today)
    assert (warning is None) if words is None else (warning is not None and words in warning)


@pytest.mark.parametrize(
    ("kind", "model", "today", "words"),
    [
        ("openai", "whisper-1", date(2026, 6, 1), None),
        ("openai", "whisper-1", TODAY, "2027-02-26. Set TRANSCRIPTION_MODEL=gpt-transcribe"),
        ("openai", "gpt-transcribe", TODAY, None),
        ("azure", "whisper-1", TODAY, "retires whisper on 2026-12-15"),
        ("azure", "whisper-1", date(2027, 1, 1), "retired whisper on 2026-12-15"),
        ("azure", "my-deployment", TODAY, None),
        ("engine", "whisper-1", TODAY, None),
    ],
)
def test_a_transcriber_that_goes_is_told_in_time(
    kind: str, model: str, today: date, words: str | None
) -> None:
    warning = transcription_warning(kind, model, today)
    assert (warning is None) if words is None else (warning is not None and words in warning)


def test_the_end_of_a_model_is_known_by_its_name() -> None:
    assert retirement("gpt-realtime") == Retirement(date(2027, 1, 20), "gpt-realtime-2.1")
    gone = Retirement(None, "gpt-realtime-2.1")
    assert retirement("gpt-4o-realtime-preview-2024-10-01") == gone
    assert retirement("gpt-realtime-2.1") is None


@pytest.mark.parametrize(
    ("model", "end", "is_near"),
    [
        ("gpt-realtime-mini", date(2026, 12, 15), True),
        ("gpt-realtime-2.1", date(2027, 6, 25), False),
        ("gpt-4o-realtime-preview-2024-12-17", None, True),
    ],
)
def test_azure_ends_models_on_its_own_days(model: str, end: date | None, is_near: bool) -> None:
    found = azure_retirement(model)
    assert found is not None
    assert (found.on, found.is_near(TODAY)) == (end, is_near)


def test_the_name_of_a_deployment_says_nothing() -> None:
    assert azure_retirement("voice") is None
