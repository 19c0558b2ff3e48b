"""How faults of client events are told; tests/contract/test_strictness.py has every field."""

from typing import Any

import pytest

from rtclient.engine.strict import fault_in, tool_choice_fault
from rtclient.engine.voice import VOICES
from rtclient.protocol.session import VOICES as SERVICE_VOICES


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def audio_out(**fields: Any) -> dict[str, Any]:
    return session(audio={"output": fields})


def test_a_fault_is_named_as_the_real_service_names_it() -> None:
    fault = fault_in(audio_out(voice="nova"))
    assert fault is not None
    assert (fault.type, fault.code) == ("invalid_request_error", "invalid_value")
    assert fault.param == "session.audio.output.voice"
    assert fault_in(audio_out(voice="marin")) is None


def test_of_several_faults_the_first_is_told() -> None:
    # Missing fields, then unknown ones, then each value in the order of the table.
    event = session(x=1, instructions=5)
    del event["session"]["type"]
    params = []
    for repair in ({"type": "realtime"}, {"x": ...}, {"instructions": "y"}):
        fault = fault_in(event)
        assert fault is not None
        params.append(fault.param)
        event["session"].update(repair)
        event["session"] = {k: v for k, v in event["session"].items() if v is not ...}
    assert params == ["session.type", "session.x", "session.instructions"]
    assert fault_in(event) is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (session(tools=[{"type": "mcp", "server_label": "x"}]), "MCP"),
        (session(prompt={"id": "pmpt_1"}), "stored prompts"),
        (audio_out(voice={"id": "voice_1"}), "custom voices"),
        ({"type": "conversation.item.create", "item": {"type": "mcp_call"}}, "MCP"),
    ],
)
def test_what_is_not_emulated_says_so(event: dict[str, Any], why: str) -> None:
    fault = fault_in(event)
    assert fault is not None
    assert fault.code == "invalid_value"
    assert why in fault.message
    assert fault.message.endswith(".")


def test_a_transcription_session_knows_fewer_events() -> None:
    event = {"type": "response.create"}
    assert fault_in(event) is None
    fault = fault_in(event, "transcription")
    assert fault is not None
    assert fault.param == "type"
    assert "input_audio_buffer.append" in fault.message


def test_messages_are_those_of_the_real_service() -> None:
    def message_of(event: dict[str, Any]) -> str:
        fault = fault_in(event)
        assert fault is not None
        return fault.message

    assert message_of(session(x=1)) == "Unknown parameter: 'session.x'."
    assert message_of({"type": "session.update", "session": {}}) == (
        "Missing required parameter: 'session.type'."
    )
    assert message_of(session(instructions=5)) == (
        "Invalid type for 'session.instructions': expected a string, but got an integer instead."
    )
    assert message_of(audio_out(speed=2)) == (
        "Invalid 'session.audio.output.speed': decimal above maximum value. "
        "Expected a value <= 1.5, but got 2 instead."
    )
    assert message_of(audio_out(voice="nova")).startswith(
        "Invalid value: 'nova'. Supported values are: 'alloy', 'ash',"
    )
    assert message_of({}) == "The 'type' field is missing."


def test_a_client_s_value_is_shown_in_part_only() -> None:
    fault = fault_in(audio_out(voice="v" * 5000))
    assert fault is not None
    assert len(fault.message) < 300


def test_the_voice_speaks_every_name_that_is_taken() -> None:
    assert VOICES == SERVICE_VOICES


def test_a_forced_tool_is_looked_up() -> None:
    choice = {"type": "function", "name": "f"}
    assert tool_choice_fault(choice, [{"name": "f"}], "p") is None
    assert tool_choice_fault("required", [], "p") is None
    fault = tool_choice_fault(choice, None, "session.tool_choice")
    assert fault is not None
    assert fault.message == "Tool choice 'f' not found in 'tools' parameter."
