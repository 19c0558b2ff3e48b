"""One session without sockets: connection, configuration, order, faults."""

import json
from typing import Any

import pytest

from rtclient.engine.actions import Broken, Expired, Woke
from rtclient.engine.scripted import tone
from rtclient.engine.senses import Heard, Say, Trouble, Vad
from rtclient.engine.shapes import Fault
from rtclient.protocol.audio import to_base64
from tests.support.engine_driver import EXPIRES_AT, Driver


def update(driver: Driver, **session: Any) -> list[dict[str, Any]]:
    return driver.send("session.update", session={"type": "realtime", **session})


def test_the_first_event_is_session_created_with_the_real_defaults() -> None:
    driver = Driver()
    assert driver.types == ["session.created"]
    session = driver.events[0]["session"]
    assert session["id"] == "sess_1"
    assert session["expires_at"] == EXPIRES_AT
    assert session["type"] == "realtime"
    assert session["model"] == "scripted"
    assert session["output_modalities"] == ["audio"]
    assert session["audio"]["input"]["transcription"] is None
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def test_an_update_is_answered_with_the_whole_session() -> None:
    driver = Driver()
    (event,) = update(driver, instructions="Be brief.")
    assert event["type"] == "session.updated"
    assert event["session"]["instructions"] == "Be brief."
    assert event["session"]["audio"]["output"]["voice"] == "alloy"


def test_one_bad_field_refuses_the_whole_update() -> None:
    driver = Driver()
    (error,) = update(driver, instructions="Be brief.", temperature=0.8)
    assert error["error"] == {
        "type": "invalid_request_error",
        "code": "unknown_parameter",
        "message": "Unknown parameter: 'session.temperature'.",
        "param": "session.temperature",
        "event_id": None,
    }
    (event,) = update(driver)
    assert event["session"]["instructions"] != "Be brief."


def test_an_error_names_the_client_event() -> None:
    driver = Driver()
    driver.send("response.cancel", event_id="mine_1")
    assert driver.error()["event_id"] == "mine_1"
    assert driver.error()["code"] == "response_cancel_not_active"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("not json", "invalid_json"),
        ("[]", "invalid_event"),
        ("{}", "invalid_event"),
        ('{"type":1}', "invalid_event"),
        (b"\xff\xfe", "invalid_json"),
        ('{"type":"response.cancel","type":"response.create"}', "invalid_json"),
    ],
)
def test_what_is_no_event_is_answered_and_the_session_lives(data: Any, code: str) -> None:
    driver = Driver()
    (error,) = driver.send_raw(data)
    assert error["error"]["code"] == code
    assert update(driver)[0]["type"] == "session.updated"


def test_an_unknown_event_is_answered_with_the_supported_ones() -> None:
    driver = Driver()
    driver.send("output_audio_buffer.clear")
    error = driver.error()
    assert (error["code"], error["param"]) == ("invalid_value", "type")
    assert "'conversation.item.truncate'" in error["message"]


def test_the_beta_shape_is_refused_and_closed() -> None:
    driver = Driver(is_beta=True)
    assert driver.error()["code"] == "beta_api_shape_disabled"
    assert driver.closed is not None
    assert driver.closed.code == 4000
    assert driver.closed.reason == "invalid_request_error.beta_api_shape_disabled"


def test_the_session_expires() -> None:
    driver = Driver()
    driver.now += 3600
    driver.feed(Woke())
    assert driver.error()["code"] == "session_expired"
    assert driver.closed is not None
    assert driver.closed.code == 1001
    assert "maximum duration of 60 minutes" in driver.closed.reason
    assert driver.send("response.create") == []


def test_the_first_alarm_is_the_end_of_the_session() -> None:
    driver = Driver()
    assert driver.wake == driver.now + 3600


def test_what_came_after_a_large_append_waits_for_it() -> None:
    driver = Driver("one", "two")
    turn = tone(300, 500) + bytes(48 * 400)
    text = json.dumps({"type": "input_audio_buffer.append", "audio": to_base64(turn * 2)})
    driver.send_raw(text)
    driver.send("conversation.item.delete", item_id="nobody")
    assert driver.types[-1] == "error"
    assert driver.types.count("input_audio_buffer.speech_stopped") == 2


def test_g711_is_heard_and_spoken() -> None:
    driver = Driver("hello")
    form = {"type": "audio/pcmu"}
    update(driver, audio={"input": {"format": form}, "output": {"format": form}})
    loud, quiet = bytes([0x10, 0x10, 0x90, 0x90] * 1000), bytes([0xFF] * 4000)
    driver.send("input_audio_buffer.append", audio=to_base64(loud + quiet))
    driver.settle()
    assert driver.last("input_audio_buffer.speech_started")["audio_start_ms"] == 0
    delta = driver.of("response.output_audio.delta")[0]["delta"]
    assert len(delta) == 1068, "100 ms at 8 000 bytes a second, in base64"
    response = driver.last("response.done")["response"]
    assert response["audio"]["output"]["format"] == form


class BrokenVad:
    frame_ms = 20

    def feed(self, pcm: bytes) -> list[float]:
        raise RuntimeError("broken")


def test_a_broken_vad_is_told_once_and_the_session_lives() -> None:
    vad: Vad = BrokenVad()
    driver = Driver(vad=vad)
    driver.speak(400)
    assert driver.types.count("error") == 1
    assert driver.error()["type"] == "server_error"
    update(driver, audio={"input": {"turn_detection": None}})
    driver.send("input_audio_buffer.commit")
    driver.send("response.create")
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"


def test_transcription_comes_with_logprobs_when_asked() -> None:
    driver = Driver(Heard("front left", confidence=0.5))
    update(
        driver,
        audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
        include=["item.input_audio_transcription.logprobs"],
    )
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    kind = "conversation.item.input_audio_transcription"
    assert [e["delta"] for e in driver.of(f"{kind}.delta")] == ["front", " left"]
    completed = driver.last(f"{kind}.completed")
    assert completed["transcript"] == "front left"
    assert completed["usage"]["type"] == "tokens"
    assert [p["token"] for p in completed["logprobs"]] == ["front", " left"]
    assert completed["logprobs"][0]["bytes"] == list(b"front")
    assert completed["logprobs"][0]["logprob"] == pytest.approx(-0.693, abs=1e-3)


def test_transcription_is_off_by_default_and_the_brain_hears_all_the_same() -> None:
    driver = Driver("tell me a joke")
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    assert not [t for t in driver.types if "transcription" in t]
    (prompt,) = driver.brain.prompts
    assert prompt.items[0]["content"][0]["transcript"] == "tell me a joke"
    assert prompt.heard is not None
    item_id = driver.last("input_audio_buffer.committed")["item_id"]
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert event["item"]["content"][0]["transcript"] is None


def test_ears_that_fail_fail_the_turn_and_the_next_works() -> None:
    driver = Driver(RuntimeError("worker died"), "hello")
    update(driver, audio={"input": {"transcription": {"model": "whisper-1"}}})
    for _ in range(2):
        driver.speak(400)
        driver.quiet(300)
        driver.settle()
    failed = driver.last("conversation.item.input_audio_transcription.failed")
    assert failed["error"]["type"] == "server_error"
    assert failed["item_id"] in failed["error"]["message"]
    first, second = (e["response"] for e in driver.of("response.done"))
    assert first["status"] == "failed"
    assert first["status_details"]["error"]["code"] == "server_error"
    assert second["status"] == "completed"
    assert driver.of("error") == []


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_who_speaks_to_broken_ears_is_told_so(modality: str) -> None:
    driver = Driver(RuntimeError("worker died"))
    update(driver, output_modalities=[modality])
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    response = driver.last("response.done")["response"]
    assert response["status"] == "failed"
    (item,) = response["output"]
    (part,) = item["content"]
    assert "could not hear you" in part["transcript" if modality == "audio" else "text"]
    assert bool(driver.of("response.output_audio.delta")) == (modality == "audio")
    assert not driver.brain.prompts


def test_after_ears_that_failed_the_client_may_ask_again() -> None:
    driver = Driver(RuntimeError("worker died"))
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    failed = driver.last("response.done")["response"]
    assert "Send response.create to try again" in failed["status_details"]["error"]["message"]
    driver.send("response.create")
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"


def test_a_voice_set_by_the_client_wins_over_a_remembered_one() -> None:
    driver = Driver()
    driver.core._desk.memory.update(voice="echo", speed=1.25)
    update(driver, audio={"output": {"voice": "sage"}})
    assert driver.core._desk.memory == {"speed": 1.25}


def test_the_buffer_has_an_end() -> None:
    driver = Driver()
    update(driver, audio={"input": {"turn_detection": None, "format": {"type": "audio/pcmu"}}})
    driver.core._microphone.buffer.base = -24 * 15 * 60_000
    (error,) = driver.send("input_audio_buffer.append", audio=to_base64(bytes(80)))
    assert error["error"]["code"] == "invalid_value"
    assert "commit" in error["error"]["message"]


def test_audio_must_be_base64() -> None:
    driver = Driver()
    (error,) = driver.send("input_audio_buffer.append", audio="%%%")
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", "audio")
    assert "PCM16" in error["error"]["message"]


def test_a_response_that_is_broken_from_outside_fails_with_that_error() -> None:
    driver = Driver()
    driver.say("hello")
    driver.send("response.create")
    driver.feed(Broken(Fault("rate_limit_exceeded", "Try again in 2s.", type="rate_limit")))
    details = driver.last("response.done")["response"]["status_details"]
    assert details["error"]["code"] == "rate_limit_exceeded"
    driver.feed(Broken(Fault("server_error", "Nobody is there.")))
    assert len(driver.of("response.done")) == 1


def test_a_session_can_be_made_to_expire() -> None:
    driver = Driver()
    driver.feed(Expired())
    assert driver.error()["code"] == "session_expired"
    assert driver.closed is not None
    assert driver.closed.code == 1001


def test_trouble_of_the_brain_is_an_error_event_and_the_response_goes_on() -> None:
    driver = Driver(answers={"hello": [Trouble("chat_server_failed", "No answer."), Say("Sorry.")]})
    driver.say("hello")
    driver.send("response.create")
    driver.settle()
    assert driver.error() == {
        "type": "server_error",
        "code": "chat_server_failed",
        "message": "No answer.",
        "param": None,
        "event_id": None,
    }
    assert driver.last("response.done")["response"]["status"] == "completed"


def test_a_session_of_seconds_does_not_end_after_0_minutes() -> None:
    driver = Driver(session_s=30)
    driver.feed(Expired())
    assert "maximum duration of 0.5 minutes" in driver.error()["message"]
