"""Transcription sessions, presets, quiet people and spent limits, judged by the official models."""

from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from openai.types.realtime.realtime_transcription_session_create_response import (
    RealtimeTranscriptionSessionCreateResponse,
)
from pydantic import TypeAdapter

from rtclient.engine.senses import Heard, Prompt, Say
from tests.support.engine_driver import Driver, shape

MODEL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
KIND = "conversation.item.input_audio_transcription"
WHISPER = {"input": {"transcription": {"model": "whisper-1"}}}


def judged(driver: Driver) -> Driver:
    for event in driver.events:
        assert MODEL.validate_python(event, strict=True).type == event["type"]
    return driver


def transcription(*hears: str | Heard | Exception, **options: Any) -> Driver:
    driver = Driver(*hears, kind="transcription", **options)
    return driver


def update(driver: Driver, kind: str = "transcription", **fields: Any) -> dict[str, Any]:
    (answer,) = driver.send("session.update", session={"type": kind, **fields})
    return answer


# ---------------------------------------------------------------- transcription sessions


def test_a_transcription_session_begins_as_the_service_s() -> None:
    session = judged(transcription()).last("session.created")["session"]
    RealtimeTranscriptionSessionCreateResponse.model_validate(session, strict=True)
    assert session == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": "sess_1",
        "expires_at": 4_000_000_000,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                },
            }
        },
        "include": None,
    }


def test_turns_are_transcribed_and_not_answered() -> None:
    driver = transcription("hello there")
    update(driver, audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    driver.speak(500)
    driver.quiet(400)
    driver.settle()
    assert shape(judged(driver).types) == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{KIND}.delta",
        f"{KIND}.completed",
    ]
    assert driver.last(f"{KIND}.completed")["transcript"] == "hello there"


def test_the_live_whisper_takes_turns_by_hand() -> None:
    driver = transcription("one", RuntimeError("ears"))
    live = {"model": "gpt-realtime-whisper", "delay": "low"}
    error = update(driver, audio={"input": {"transcription": live}})["error"]
    assert error["message"] == "Turn detection is not supported for this transcription model."
    with_prompt = {"transcription": {**live, "prompt": "x"}, "turn_detection": None}
    error = update(driver, audio={"input": with_prompt})["error"]
    assert error["param"] == "session.audio.input.transcription.prompt"
    answer = update(driver, audio={"input": {"transcription": live, "turn_detection": None}})
    assert answer["session"]["audio"]["input"]["turn_detection"] is None
    for _ in range(2):
        driver.speak(300)
        driver.send("input_audio_buffer.commit")
        driver.settle()
    assert judged(driver).last(f"{KIND}.completed")["transcript"] == "one"
    assert driver.last(f"{KIND}.failed")["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    "event_type",
    [
        "response.create",
        "response.cancel",
        "conversation.item.create",
        "conversation.item.truncate",
    ],
)
def test_a_transcription_session_is_no_conversation(event_type: str) -> None:
    driver = transcription()
    driver.send(event_type)
    error = judged(driver).error()
    assert (error["code"], error["param"]) == ("invalid_value", "type")
    assert "session.update" in error["message"]


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
def test_a_session_never_becomes_the_other_kind(kind: Any) -> None:
    other = "transcription" if kind == "realtime" else "realtime"
    driver = Driver(kind=kind)
    error = update(driver, other)["error"]
    assert error["code"] == "invalid_parameter"
    assert error["message"] == (
        f"Passing a {other} session update event to a {kind} session is not allowed."
    )
    assert update(driver, kind)["type"] == "session.updated"


def test_what_responses_need_is_unknown_to_a_transcription_session() -> None:
    driver = transcription()
    for field in ("model", "instructions", "tools", "output_modalities"):
        assert update(driver, **{field: None})["error"]["param"] == f"session.{field}"
    assert update(driver, audio={"output": {}})["error"]["param"] == "session.audio.output"
    idle = {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}
    error = update(driver, audio={"input": idle})["error"]
    assert error["param"] == "session.audio.input.turn_detection.idle_timeout_ms"
    switches = {"turn_detection": {"type": "server_vad", "create_response": True}}
    detection = update(driver, audio={"input": switches})["session"]["audio"]["input"]
    assert "create_response" not in detection["turn_detection"]
    judged(driver)


def test_items_of_a_transcription_session_can_be_fetched_and_deleted() -> None:
    driver = transcription()
    driver.speak(400)
    driver.quiet(300)
    item_id = driver.last("conversation.item.done")["item"]["id"]
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["audio"]
    (deleted,) = driver.send("conversation.item.delete", item_id=item_id)
    assert deleted["type"] == "conversation.item.deleted"
    judged(driver)


# ---------------------------------------------------------------- presets and models


def test_a_preset_is_there_from_the_first_event() -> None:
    preset = {"type": "realtime", "instructions": "Be brief.", "audio": WHISPER}
    session = judged(Driver(preset=preset)).last("session.created")["session"]
    assert session["instructions"] == "Be brief."
    assert session["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200


def test_a_preset_turns_detection_off_from_the_first_sample() -> None:
    driver = Driver(preset={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    driver.speak(400)
    assert driver.types == ["session.created"]


@pytest.mark.parametrize(
    "preset",
    [
        {"type": "transcription"},
        {"type": "realtime", "voice": "alloy"},
        {"type": "realtime", "tool_choice": {"type": "function", "name": "f"}},
    ],
)
def test_a_preset_that_does_not_fit_is_no_session(preset: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Driver(preset=preset)


def test_a_transcription_model_that_is_not_deployed_fails_each_turn() -> None:
    driver = Driver("hello", transcription_models=frozenset({"mine"}))
    update(driver, "realtime", audio=WHISPER)
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    failed = judged(driver).last(f"{KIND}.failed")
    assert failed["error"] == {
        "type": "server_error",
        "code": None,
        "message": f"Input transcription failed for item '{failed['item_id']}'.",
        "param": None,
    }
    assert driver.last("response.done")["response"]["status"] == "completed"
    assert not driver.of(f"{KIND}.completed")
    update(driver, "realtime", audio={"input": {"transcription": {"model": "mine"}}})
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    assert driver.of(f"{KIND}.completed")


# ---------------------------------------------------------------- nobody speaks


def idle(driver: Driver, timeout_ms: int | None = 6000) -> Driver:
    detection = {"type": "server_vad", "idle_timeout_ms": timeout_ms}
    update(driver, "realtime", audio={"input": {"turn_detection": detection, **WHISPER["input"]}})
    return driver


def answered(driver: Driver) -> float:
    """Have a spoken turn; return when its answer has been heard."""
    driver.speak(400)
    driver.quiet(400)
    while "response.done" not in driver.types:
        assert driver.do_work() or driver.tick()
    (audio,) = driver.last("response.done")["response"]["output"]
    item = driver.core._conversation.get(audio["id"])
    assert item is not None
    return driver.now + len(item.audio[0]) / 48_000


def test_who_stays_quiet_is_spoken_to() -> None:
    driver = idle(Driver("hello", answers={"hello": [Say("Hi.")], "": [Say("Still there?")]}))
    heard_at = answered(driver)
    driver.quiet(7000)
    before = len(driver.events)
    assert driver.tick()
    assert driver.now == pytest.approx(heard_at + 6.0)
    assert [event["type"] for event in driver.events[before:]][:5] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    triggered = judged(driver).last("input_audio_buffer.timeout_triggered")
    assert triggered["audio_end_ms"] - triggered["audio_start_ms"] == 6000
    assert triggered["item_id"] == driver.last("input_audio_buffer.committed")["item_id"]
    assert driver.last(f"{KIND}.completed")["transcript"] == ""
    driver.do_work()
    prompt: Prompt = driver.brain.prompts[-1]
    assert prompt.is_idle
    assert prompt.heard == Heard("")
    assert prompt.items[-1]["content"] == [{"type": "input_audio", "transcript": ""}]


def test_the_timeout_begins_anew_with_each_answer() -> None:
    driver = idle(Driver("hello"))
    answered(driver)
    driver.tick()
    assert len(driver.of("input_audio_buffer.timeout_triggered")) == 1
    while len(driver.of("response.done")) == 1:
        assert driver.do_work() or driver.tick()
    driver.tick()
    assert len(driver.of("input_audio_buffer.timeout_triggered")) == 2
    assert judged(driver).last("input_audio_buffer.timeout_triggered")["audio_end_ms"] == 800


def test_who_speaks_is_not_idle() -> None:
    driver = idle(Driver("hello"))
    answered(driver)
    driver.speak(300)
    driver.now += 60
    driver.tick()
    assert "input_audio_buffer.timeout_triggered" not in driver.types


@pytest.mark.parametrize("timeout_ms", [None, 5000])
def test_the_timeout_can_be_switched_off_meanwhile(timeout_ms: int | None) -> None:
    driver = idle(Driver("hello"))
    answered(driver)
    idle(driver, timeout_ms)
    while driver.tick():
        pass
    assert ("input_audio_buffer.timeout_triggered" in driver.types) is (timeout_ms is not None)


def test_nobody_is_spoken_to_before_the_first_answer_or_after_a_failed_one() -> None:
    driver = idle(Driver("boom", answers={"boom": [RuntimeError("boom")]}))
    driver.quiet(400)
    assert not driver.tick()
    driver.speak(400)
    driver.quiet(400)
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "failed"
    assert "input_audio_buffer.timeout_triggered" not in driver.types


def test_a_timeout_that_no_response_can_follow_is_told_once() -> None:
    driver = idle(Driver("hello"))
    answered(driver)
    driver.send("session.update", session={"type": "realtime", "truncation": "disabled"})
    driver.say("x" * 200_000)
    driver.settle()
    assert len(driver.of("input_audio_buffer.timeout_triggered")) == 1
    assert driver.error()["code"] == "conversation_too_long"


def test_a_tool_may_take_its_time() -> None:
    driver = idle(Driver("weather"))
    update(driver, "realtime", tools=[{"type": "function", "name": "weather"}])
    driver.speak(400)
    driver.quiet(400)
    driver.settle()
    assert driver.last("response.done")["response"]["output"][0]["type"] == "function_call"
    driver.now += 30
    assert not driver.tick()
    assert "input_audio_buffer.timeout_triggered" not in judged(driver).types


# ---------------------------------------------------------------- limits


def test_a_response_for_which_nothing_is_left_fails_and_says_when_to_try_again() -> None:
    driver = Driver(tokens_per_minute=60, preset={"type": "realtime", "instructions": "x" * 320})
    driver.say("hello")
    driver.send("response.create")
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"
    (limits,) = driver.last("rate_limits.updated")["rate_limits"]
    assert (limits["limit"], limits["remaining"]) == (60, 0)
    assert limits["reset_seconds"] > 60, "more was taken than there was"
    events = driver.send("response.create")
    types = [event["type"] for event in events]
    assert types == ["response.created", "response.done", "rate_limits.updated"]
    response = events[1]["response"]
    assert response["status"] == "failed"
    assert response["usage"]["total_tokens"] == 0
    error = response["status_details"]["error"]
    assert error["code"] == "rate_limit_exceeded"
    wait_s = float(error["message"].rpartition("Please try again in ")[2].removesuffix("s."))
    driver.now += wait_s + 0.001
    assert driver.send("response.create")[-1]["type"] == "response.created"
    judged(driver)


def test_what_was_cached_does_not_count_again() -> None:
    driver = Driver(tokens_per_minute=600, preset={"type": "realtime", "instructions": "x" * 2000})
    for _ in range(4):
        driver.send("response.create", response={"output_modalities": ["text"]})
        driver.settle()
    assert {e["response"]["status"] for e in driver.of("response.done")} == {"completed"}
