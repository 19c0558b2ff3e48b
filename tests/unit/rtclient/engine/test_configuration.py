"""How a session changes: null, merge, and what is fixed."""

from typing import Any

from rtclient.engine.configuration import Fixed, updated
from rtclient.engine.shapes import Fault
from rtclient.protocol.session import default_session

OLD = default_session("model", "sess_1", 4_000_000_000)


def change(fixed: Fixed | None = None, old: dict[str, Any] = OLD, **patch: Any) -> dict[str, Any]:
    new = updated(old, {"type": "realtime", **patch}, fixed or Fixed())
    assert not isinstance(new, Fault), new
    return new


def refused(fixed: Fixed, old: dict[str, Any] = OLD, **patch: Any) -> Fault:
    fault = updated(old, {"type": "realtime", **patch}, fixed)
    assert isinstance(fault, Fault)
    return fault


def test_absent_fields_stay_and_the_old_session_is_untouched() -> None:
    new = change(instructions="x", audio={"output": {"voice": "echo"}})
    assert new["instructions"] == "x"
    assert new["audio"]["output"]["voice"] == "echo"
    assert new["audio"]["input"] == OLD["audio"]["input"]
    assert OLD["audio"]["output"]["voice"] == "alloy"


def test_null_switches_off_what_can_be_off_and_restores_the_rest() -> None:
    audio = {
        "input": {"turn_detection": None, "format": None},
        "output": {"voice": None, "speed": None, "format": None},
    }
    new = change(
        audio=audio,
        instructions=None,
        tools=None,
        tool_choice=None,
        max_output_tokens=None,
        output_modalities=None,
        model=None,
    )
    assert new["audio"]["input"]["turn_detection"] is None
    assert new["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert new["audio"]["output"] == OLD["audio"]["output"]
    assert new["instructions"] == ""
    assert (new["tools"], new["tool_choice"]) == ([], "auto")
    assert (new["max_output_tokens"], new["output_modalities"]) == ("inf", ["audio"])
    assert new["model"] == "model"


def test_a_null_branch_changes_nothing() -> None:
    assert change(audio=None) == OLD
    assert change(audio={"input": None, "output": None}) == OLD


def test_turn_detection_is_filled_with_defaults() -> None:
    new = change(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert new["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }
    detection = {"type": "server_vad", "threshold": None, "silence_duration_ms": 500}
    new = change(audio={"input": {"turn_detection": detection}})
    assert new["audio"]["input"]["turn_detection"]["threshold"] == 0.5
    assert new["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
    off = change(audio={"input": {"turn_detection": None}})
    on = change(old=off, audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert on == OLD


def test_transcription_without_a_model_has_the_default_one() -> None:
    new = change(audio={"input": {"transcription": {"language": "en"}}})
    assert new["audio"]["input"]["transcription"] == {"language": "en", "model": "whisper-1"}


def test_the_model_is_fixed_once_the_connection_named_one() -> None:
    assert change(model="other")["model"] == "other"
    assert change(Fixed(is_model_fixed=True), model="model")["model"] == "model"
    assert refused(Fixed(is_model_fixed=True), model="other").param == "session.model"


def test_the_voice_is_fixed_once_the_engine_has_spoken() -> None:
    fault = refused(Fixed(has_spoken=True), audio={"output": {"voice": "sage"}})
    assert fault.code == "cannot_update_voice"
    change(Fixed(has_spoken=True), audio={"output": {"voice": "alloy"}})


def test_tracing_is_fixed_once_it_is_on() -> None:
    on = change(tracing="auto")
    change(old=on, tracing="auto")
    assert refused(Fixed(), old=on, tracing=None).param == "session.tracing"


def test_a_forced_tool_must_be_among_the_tools() -> None:
    choice = {"type": "function", "name": "f"}
    assert refused(Fixed(), tool_choice=choice).param == "session.tool_choice"
    assert change(tool_choice=choice, tools=[{"type": "function", "name": "f"}])
