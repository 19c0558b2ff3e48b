"""What a client may send: for every event and field a valid, an invalid and an unknown case."""

from typing import Any

import pytest

from rtclient.engine.strict import fault_in, tool_choice_fault
from rtclient.engine.voice import VOICES
from rtclient.protocol.session import VOICES as SERVICE_VOICES


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def audio_in(**fields: Any) -> dict[str, Any]:
    return session(audio={"input": fields})


def audio_out(**fields: Any) -> dict[str, Any]:
    return session(audio={"output": fields})


def response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


def message(role: str, *content: Any, **fields: Any) -> dict[str, Any]:
    return item(type="message", role=role, content=list(content), **fields)


TEXT = {"type": "input_text", "text": "x"}
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"$schema": "x"}}
VAD = {"type": "server_vad"}

VALID = [
    session(),
    session(model="any", instructions="", tools=[], tool_choice="none", prompt=None, include=None),
    session(tracing=None, truncation="auto", max_output_tokens="inf", output_modalities=["text"]),
    session(tracing="auto", max_output_tokens=4096, output_modalities=["audio"]),
    session(tracing={"workflow_name": "w", "group_id": "g", "metadata": {"a": [1]}}),
    session(truncation="disabled"),
    session(truncation={"type": "retention_ratio", "retention_ratio": 0.8}),
    session(
        truncation={
            "type": "retention_ratio",
            "retention_ratio": 1,
            "token_limits": {"post_instructions": 5000},
        }
    ),
    session(include=["item.input_audio_transcription.logprobs"]),
    session(reasoning={"effort": "low"}, parallel_tool_calls=True),
    session(tools=[TOOL, {"name": "g"}], tool_choice={"type": "function", "name": "f"}),
    session(tools=[{**TOOL, "parameters": None, "description": None}], tool_choice="required"),
    session(audio=None),
    session(audio={"input": None, "output": None}),
    audio_in(format={"type": "audio/pcm", "rate": 24000}),
    audio_in(format={"type": "audio/pcm"}),
    audio_in(format={"type": "audio/pcmu"}),
    audio_in(format={"type": "audio/pcma"}),
    audio_in(noise_reduction=None, transcription=None, turn_detection=None),
    audio_in(noise_reduction={"type": "near_field", "strength": 0.5}),
    audio_in(transcription={"model": "my-deployment", "language": "en", "prompt": "p"}),
    audio_in(transcription={"model": "w", "keywords": ["a"], "languages": ["en"], "delay": "low"}),
    audio_in(turn_detection=VAD),
    audio_in(turn_detection={**VAD, "threshold": 0, "prefix_padding_ms": 0}),
    audio_in(turn_detection={**VAD, "threshold": 1.0, "silence_duration_ms": 10000}),
    audio_in(turn_detection={**VAD, "create_response": False, "interrupt_response": False}),
    audio_in(turn_detection={**VAD, "idle_timeout_ms": None}),
    audio_in(turn_detection={**VAD, "idle_timeout_ms": 30000}),
    audio_in(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
    *(audio_out(voice=voice) for voice in SERVICE_VOICES),
    audio_out(speed=0.25),
    audio_out(speed=1.5),
    audio_out(format={"type": "audio/pcmu"}),
    {"type": "input_audio_buffer.append", "audio": ""},
    {"type": "input_audio_buffer.commit", "event_id": "e"},
    {"type": "input_audio_buffer.clear", "event_id": None},
    message("user", TEXT, {"type": "input_image", "image_url": "data:image/png;base64,"}),
    message("user", {"type": "input_audio", "audio": "", "transcript": "t"}),
    message("system", TEXT, id="a" * 512, object="realtime.item", status="completed"),
    message("assistant", {"type": "output_text", "text": ""}, id=None),
    item(type="function_call", name="f", arguments="{}", call_id="c"),
    item(type="function_call", name="f", arguments=""),
    item(type="function_call_output", call_id="c", output=""),
    {**message("user", TEXT), "previous_item_id": "root"},
    {**message("user", TEXT), "previous_item_id": None},
    {"type": "conversation.item.retrieve", "item_id": "a"},
    {"type": "conversation.item.delete", "item_id": "a"},
    {
        "type": "conversation.item.truncate",
        "item_id": "a",
        "content_index": 0,
        "audio_end_ms": 0,
    },
    {"type": "response.create"},
    {"type": "response.create", "response": None},
    response(),
    response(instructions=None, metadata={"client_event_id": "x"}, tools=None, input=None),
    response(conversation="none", input=[], output_modalities=["text"], max_output_tokens=1),
    response(input=[{"type": "item_reference", "id": "a"}, message("user", TEXT)["item"]]),
    response(audio={"output": {"voice": "marin", "format": {"type": "audio/pcma"}}}),
    response(metadata={f"k{n}": "v" * 512 for n in range(16)}),
    response(tool_choice="auto", tools=[TOOL], reasoning={}, parallel_tool_calls=None),
    {"type": "response.cancel"},
    {"type": "response.cancel", "response_id": "r"},
]

UNKNOWN = "unknown_parameter"
MISSING = "missing_required_parameter"
KIND = "invalid_type"
VALUE = "invalid_value"
INPUT, OUTPUT = "session.audio.input", "session.audio.output"

INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"event_id": "x"}, "invalid_event", "type"),
    ({"type": "nonsense"}, VALUE, "type"),
    ({"type": "transcription_session.update"}, VALUE, "type"),
    ({"type": "output_audio_buffer.clear"}, VALUE, "type"),
    ({"type": "response.cancel", "event_id": 5}, KIND, "event_id"),
    ({"type": "response.cancel", "event_id": "e" * 513}, VALUE, "event_id"),
    # session.update
    ({"type": "session.update"}, MISSING, "session"),
    ({"type": "session.update", "session": None}, KIND, "session"),
    ({"type": "session.update", "session": []}, KIND, "session"),
    ({"type": "session.update", "session": {}}, MISSING, "session.type"),
    ({"type": "session.update", "session": {"modalities": ["text"]}}, MISSING, "session.type"),
    ({"type": "session.update", "session": {"type": "x"}}, VALUE, "session.type"),
    ({"type": "session.update", "session": {"type": None}}, KIND, "session.type"),
    (
        {"type": "session.update", "session": {"type": "transcription"}},
        "invalid_parameter",
        "session.type",
    ),
    ({"type": "session.update", "session": {"type": "realtime"}, "x": 1}, UNKNOWN, "x"),
    (session(voice="alloy"), UNKNOWN, "session.voice"),
    (session(temperature=0.8), UNKNOWN, "session.temperature"),
    (session(modalities=["text"]), UNKNOWN, "session.modalities"),
    (session(turn_detection=None), UNKNOWN, "session.turn_detection"),
    (session(input_audio_format="pcm16"), UNKNOWN, "session.input_audio_format"),
    (session(id="sess_1"), UNKNOWN, "session.id"),
    (session(object="realtime.session"), UNKNOWN, "session.object"),
    (session(expires_at=1), UNKNOWN, "session.expires_at"),
    (session(client_secret=None), UNKNOWN, "session.client_secret"),
    (session(model=5), KIND, "session.model"),
    (session(model=""), VALUE, "session.model"),
    (session(instructions=5), KIND, "session.instructions"),
    (session(instructions=["x"]), KIND, "session.instructions"),
    (session(output_modalities=["audio", "text"]), VALUE, "session.output_modalities"),
    (session(output_modalities=[]), VALUE, "session.output_modalities"),
    (session(output_modalities="audio"), VALUE, "session.output_modalities"),
    (session(tools={}), KIND, "session.tools"),
    (session(tools=[5]), KIND, "session.tools[0]"),
    (session(tools=[{"type": "mcp", "server_label": "x"}]), VALUE, "session.tools[0].type"),
    (session(tools=[{"type": "x"}]), VALUE, "session.tools[0].type"),
    (session(tools=[TOOL, {"type": "function"}]), MISSING, "session.tools[1].name"),
    (session(tools=[{**TOOL, "strict": True}]), UNKNOWN, "session.tools[0].strict"),
    (session(tools=[{**TOOL, "name": ""}]), VALUE, "session.tools[0].name"),
    (session(tools=[{**TOOL, "parameters": "{}"}]), KIND, "session.tools[0].parameters"),
    (session(tool_choice="always"), VALUE, "session.tool_choice"),
    (session(tool_choice=5), KIND, "session.tool_choice"),
    (session(tool_choice={"name": "f"}), MISSING, "session.tool_choice.type"),
    (session(tool_choice={"type": "function"}), MISSING, "session.tool_choice.name"),
    (session(tool_choice={"type": "mcp"}), VALUE, "session.tool_choice.type"),
    (session(max_output_tokens=0), VALUE, "session.max_output_tokens"),
    (session(max_output_tokens=4097), VALUE, "session.max_output_tokens"),
    (session(max_output_tokens="all"), VALUE, "session.max_output_tokens"),
    (session(max_output_tokens=1.5), KIND, "session.max_output_tokens"),
    (session(max_output_tokens=True), KIND, "session.max_output_tokens"),
    (session(tracing="on"), VALUE, "session.tracing"),
    (session(tracing={"name": "x"}), UNKNOWN, "session.tracing.name"),
    (session(truncation="never"), VALUE, "session.truncation"),
    (
        session(truncation={"type": "retention_ratio"}),
        MISSING,
        "session.truncation.retention_ratio",
    ),
    (
        session(truncation={"type": "retention_ratio", "retention_ratio": 2}),
        VALUE,
        "session.truncation.retention_ratio",
    ),
    (session(prompt={"id": "pmpt_1"}), VALUE, "session.prompt"),
    (session(include=["x"]), VALUE, "session.include[0]"),
    (session(include="x"), KIND, "session.include"),
    (session(reasoning={"effort": "max"}), VALUE, "session.reasoning.effort"),
    (session(parallel_tool_calls="yes"), KIND, "session.parallel_tool_calls"),
    (session(audio=5), KIND, "session.audio"),
    (session(audio={"both": {}}), UNKNOWN, "session.audio.both"),
    (audio_in(voice="alloy"), UNKNOWN, f"{INPUT}.voice"),
    (audio_in(format="pcm16"), KIND, f"{INPUT}.format"),
    (audio_in(format={"type": "pcm16"}), VALUE, f"{INPUT}.format.type"),
    (audio_in(format={"rate": 24000}), MISSING, f"{INPUT}.format.type"),
    (audio_in(format={"type": "audio/pcm", "rate": 16000}), VALUE, f"{INPUT}.format.rate"),
    (audio_in(format={"type": "audio/pcm", "rate": 24000.0}), VALUE, f"{INPUT}.format.rate"),
    (audio_in(format={"type": "audio/pcmu", "rate": 8000}), UNKNOWN, f"{INPUT}.format.rate"),
    (audio_in(format={"type": "audio/G711-ulaw"}), VALUE, f"{INPUT}.format.type"),
    (audio_in(noise_reduction="near_field"), KIND, f"{INPUT}.noise_reduction"),
    (audio_in(noise_reduction={"type": "x"}), VALUE, f"{INPUT}.noise_reduction.type"),
    (audio_in(noise_reduction={"x": 1}), UNKNOWN, f"{INPUT}.noise_reduction.x"),
    (audio_in(transcription="whisper-1"), KIND, f"{INPUT}.transcription"),
    (audio_in(transcription={"model": 5}), KIND, f"{INPUT}.transcription.model"),
    (audio_in(transcription={"x": 5}), UNKNOWN, f"{INPUT}.transcription.x"),
    (audio_in(transcription={"delay": "x"}), VALUE, f"{INPUT}.transcription.delay"),
    (audio_in(turn_detection={}), MISSING, f"{INPUT}.turn_detection.type"),
    (audio_in(turn_detection="server_vad"), KIND, f"{INPUT}.turn_detection"),
    (audio_in(turn_detection={"type": "none"}), VALUE, f"{INPUT}.turn_detection.type"),
    (audio_in(turn_detection={"type": None}), KIND, f"{INPUT}.turn_detection.type"),
    (
        audio_in(turn_detection={**VAD, "threshold": 1.1}),
        VALUE,
        f"{INPUT}.turn_detection.threshold",
    ),
    (audio_in(turn_detection={**VAD, "threshold": "x"}), KIND, f"{INPUT}.turn_detection.threshold"),
    (
        audio_in(turn_detection={**VAD, "eagerness": "low"}),
        UNKNOWN,
        f"{INPUT}.turn_detection.eagerness",
    ),
    (
        audio_in(turn_detection={**VAD, "prefix_padding_ms": -1}),
        VALUE,
        f"{INPUT}.turn_detection.prefix_padding_ms",
    ),
    (
        audio_in(turn_detection={**VAD, "silence_duration_ms": 0.5}),
        KIND,
        f"{INPUT}.turn_detection.silence_duration_ms",
    ),
    (
        audio_in(turn_detection={**VAD, "create_response": 1}),
        KIND,
        f"{INPUT}.turn_detection.create_response",
    ),
    (
        audio_in(turn_detection={**VAD, "idle_timeout_ms": 4999}),
        VALUE,
        f"{INPUT}.turn_detection.idle_timeout_ms",
    ),
    (
        audio_in(turn_detection={"type": "semantic_vad", "threshold": 0.5}),
        UNKNOWN,
        f"{INPUT}.turn_detection.threshold",
    ),
    (
        audio_in(turn_detection={"type": "semantic_vad", "eagerness": "x"}),
        VALUE,
        f"{INPUT}.turn_detection.eagerness",
    ),
    (audio_out(turn_detection=None), UNKNOWN, f"{OUTPUT}.turn_detection"),
    (audio_out(voice="nova"), VALUE, f"{OUTPUT}.voice"),
    (audio_out(voice={"id": "voice_1"}), VALUE, f"{OUTPUT}.voice"),
    (audio_out(voice=5), VALUE, f"{OUTPUT}.voice"),
    (audio_out(speed=0.2), VALUE, f"{OUTPUT}.speed"),
    (audio_out(speed=1.6), VALUE, f"{OUTPUT}.speed"),
    (audio_out(speed="fast"), KIND, f"{OUTPUT}.speed"),
    (audio_out(format={"type": "x"}), VALUE, f"{OUTPUT}.format.type"),
    # input audio
    ({"type": "input_audio_buffer.append"}, MISSING, "audio"),
    ({"type": "input_audio_buffer.append", "audio": None}, KIND, "audio"),
    ({"type": "input_audio_buffer.append", "audio": "", "x": 1}, UNKNOWN, "x"),
    ({"type": "input_audio_buffer.commit", "x": 1}, UNKNOWN, "x"),
    ({"type": "input_audio_buffer.clear", "x": 1}, UNKNOWN, "x"),
    # items
    ({"type": "conversation.item.create"}, MISSING, "item"),
    ({**message("user", TEXT), "x": 1}, UNKNOWN, "x"),
    ({**message("user", TEXT), "previous_item_id": 5}, KIND, "previous_item_id"),
    (item(), MISSING, "item.type"),
    (item(type="x"), VALUE, "item.type"),
    (item(type="mcp_call"), VALUE, "item.type"),
    (item(type="item_reference", id="a"), VALUE, "item.type"),
    (item(type="message"), MISSING, "item.role"),
    (item(type="message", role="user"), MISSING, "item.content"),
    (item(type="message", role="tool", content=[]), VALUE, "item.role"),
    (item(type="message", role="user", content="x"), KIND, "item.content"),
    (message("user", "x"), KIND, "item.content[0]"),
    (message("user", {}), MISSING, "item.content[0].type"),
    (message("user", {"type": "text", "text": "x"}), VALUE, "item.content[0].type"),
    (message("user", {"type": "input_text"}), MISSING, "item.content[0].text"),
    (message("user", {"type": "input_text", "text": 5}), KIND, "item.content[0].text"),
    (message("user", {**TEXT, "x": 1}), UNKNOWN, "item.content[0].x"),
    (message("user", {"type": "input_audio"}), MISSING, "item.content[0].audio"),
    (message("user", {"type": "input_image"}), MISSING, "item.content[0].image_url"),
    (message("user", {"type": "output_text", "text": ""}), VALUE, "item.content[0].type"),
    (message("system", {"type": "input_audio", "audio": ""}), VALUE, "item.content[0].type"),
    (message("assistant", TEXT), VALUE, "item.content[0].type"),
    (message("assistant", {"type": "output_audio"}), VALUE, "item.content[0].type"),
    (message("user", TEXT, id=""), VALUE, "item.id"),
    (message("user", TEXT, id=5), KIND, "item.id"),
    (message("user", TEXT, status="done"), VALUE, "item.status"),
    (message("user", TEXT, object="x"), VALUE, "item.object"),
    (message("user", TEXT, x=1), UNKNOWN, "item.x"),
    (item(type="function_call", arguments=""), MISSING, "item.name"),
    (item(type="function_call", name="f"), MISSING, "item.arguments"),
    (item(type="function_call", name="f", arguments={}), KIND, "item.arguments"),
    (item(type="function_call_output", output=""), MISSING, "item.call_id"),
    (item(type="function_call_output", call_id="c"), MISSING, "item.output"),
    (item(type="function_call_output", call_id="c", output={}), KIND, "item.output"),
    ({"type": "conversation.item.retrieve"}, MISSING, "item_id"),
    ({"type": "conversation.item.retrieve", "item_id": 5}, KIND, "item_id"),
    ({"type": "conversation.item.delete"}, MISSING, "item_id"),
    ({"type": "conversation.item.delete", "item_id": "a", "x": 1}, UNKNOWN, "x"),
    ({"type": "conversation.item.truncate", "item_id": "a"}, MISSING, "content_index"),
    (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0},
        MISSING,
        "audio_end_ms",
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": -1,
            "audio_end_ms": 1,
        },
        VALUE,
        "content_index",
    ),
    # responses
    ({"type": "response.create", "x": 1}, UNKNOWN, "x"),
    ({"type": "response.create", "response": []}, KIND, "response"),
    (response(modalities=["text"]), UNKNOWN, "response.modalities"),
    (response(temperature=1), UNKNOWN, "response.temperature"),
    (response(voice="alloy"), UNKNOWN, "response.voice"),
    (response(conversation="x"), VALUE, "response.conversation"),
    (response(output_modalities=["audio", "text"]), VALUE, "response.output_modalities"),
    (response(max_output_tokens=0), VALUE, "response.max_output_tokens"),
    (response(metadata=[]), KIND, "response.metadata"),
    (response(metadata={"a": 1}), KIND, "response.metadata.a"),
    (response(metadata={"a": "v" * 513}), VALUE, "response.metadata.a"),
    (response(metadata={"k" * 65: "v"}), VALUE, "response.metadata"),
    (response(metadata={f"k{n}": "" for n in range(17)}), VALUE, "response.metadata"),
    (response(prompt={"id": "x"}), VALUE, "response.prompt"),
    (response(input={}), KIND, "response.input"),
    (response(input=[{"type": "item_reference"}]), MISSING, "response.input[0].id"),
    (response(audio={"input": {}}), UNKNOWN, "response.audio.input"),
    (response(audio={"output": {"speed": 1}}), UNKNOWN, "response.audio.output.speed"),
    (response(audio={"output": {"voice": "x"}}), VALUE, "response.audio.output.voice"),
    ({"type": "response.cancel", "response_id": 5}, KIND, "response_id"),
    ({"type": "response.cancel", "x": 1}, UNKNOWN, "x"),
]


@pytest.mark.parametrize("event", VALID, ids=lambda event: str(event)[:90])
def test_what_the_real_service_takes_is_taken(event: dict[str, Any]) -> None:
    assert fault_in(event) is None


@pytest.mark.parametrize(("event", "code", "param"), INVALID, ids=lambda one: str(one)[:70])
def test_what_the_real_service_refuses_is_refused(
    event: dict[str, Any], code: str, param: str
) -> None:
    fault = fault_in(event)
    assert fault is not None
    assert (fault.code, fault.param) == (code, param)
    assert fault.message.endswith(".")
    assert fault.type == "invalid_request_error"


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
