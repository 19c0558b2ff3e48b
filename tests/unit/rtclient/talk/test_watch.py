"""Words that are missing and answers that are slow."""

from typing import Any

import pytest

from rtclient.talk.watch import ABSENT_AFTER_S, LatencyWatch, TranscriptionWatch

PREFIX = "conversation.item.input_audio_transcription."
COMMITTED = {"type": "input_audio_buffer.committed", "item_id": "item_1"}


def session(transcription: Any) -> dict[str, Any]:
    audio = {"input": {"transcription": transcription}}
    return {"type": "session.updated", "session": {"type": "realtime", "audio": audio}}


def test_a_turn_without_words_is_told_in_time_and_once() -> None:
    watch = TranscriptionWatch("azure")
    assert watch.on_server_event(session({"model": "whisper-1"}), 0.0) is None
    assert watch.on_server_event(COMMITTED, 5.0) is None
    assert watch.due(5.0 + ABSENT_AFTER_S - 0.1) is None
    told = watch.due(5.0 + ABSENT_AFTER_S)
    assert told is not None
    assert told.code == "transcription_absent"
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in told.advice
    assert watch.due(100.0) is None


@pytest.mark.parametrize("kind", ["delta", "completed"])
def test_words_that_come_are_nothing_to_tell(kind: str) -> None:
    watch = TranscriptionWatch("openai")
    watch.on_server_event(COMMITTED, 0.0)
    watch.on_server_event({"type": f"{PREFIX}{kind}", "item_id": "item_1"}, 3.0)
    assert watch.due(100.0) is None


def test_a_failed_transcription_is_told_at_once() -> None:
    watch = TranscriptionWatch("openai")
    watch.on_server_event(COMMITTED, 0.0)
    event = {"type": f"{PREFIX}failed", "item_id": "item_1", "error": {"code": "model_not_found"}}
    told = watch.on_server_event(event, 0.5)
    assert told is not None
    assert told.said == ("model_not_found",)


def test_a_session_without_transcription_is_told_as_that() -> None:
    watch = TranscriptionWatch("server")
    watch.on_server_event(session(None), 0.0)
    watch.on_server_event(COMMITTED, 0.0)
    told = watch.due(ABSENT_AFTER_S)
    assert told is not None
    assert told.code == "transcription_off"


def test_who_turned_it_off_is_told_nothing() -> None:
    watch = TranscriptionWatch("openai", is_wanted=False)
    watch.on_server_event(COMMITTED, 0.0)
    assert watch.due(100.0) is None


@pytest.mark.parametrize(
    ("silence_ms", "service_ms", "playback_ms", "words"),
    [
        (900, 500, 200, "--silence-ms"),
        (500, 1200, 100, "--instructions"),
        (None, 1700, 100, "1700 ms of it is the model"),
        (500, 400, 800, "--output-device"),
    ],
)
def test_slow_answers_name_the_setting_that_helps_most(
    silence_ms: int | None, service_ms: int, playback_ms: int, words: str
) -> None:
    watch = LatencyWatch(silence_ms)
    told = [watch.turn(service_ms=service_ms, playback_ms=playback_ms) for _ in range(5)]
    said = [advice for advice in told if advice is not None]
    assert len(said) == 1
    assert words in said[0].advice


def test_one_slow_turn_is_no_matter() -> None:
    watch = LatencyWatch(500)
    times = (300, 9000, 300, 300, 300)
    assert not any(watch.turn(service_ms=time, playback_ms=50) for time in times)
