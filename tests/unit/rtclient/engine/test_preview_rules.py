"""What the preview refuses, in its own spelling."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rtclient.engine.preview_rules import preview_fault_in
from rtclient.engine.strict import fault_in
from rtclient.protocol.bridge import PreviewClient

VAD = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}
PART = {"type": "input_text", "text": "x"}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


def create(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


def message(role: str, part: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "role": role, "content": [part]}
    return {"type": "conversation.item.create", "item": item}


TAKEN = [
    update(),
    update(
        modalities=["audio", "text"],
        instructions="Be brief.",
        voice="verse",
        input_audio_format="pcm16",
        output_audio_format="g711_alaw",
        input_audio_transcription={"model": "whisper-1", "language": "en", "prompt": "x"},
        input_audio_noise_reduction={"type": "near_field"},
        turn_detection=VAD | {"create_response": True, "interrupt_response": False},
        tools=[TOOL],
        tool_choice={"type": "function", "name": "f"},
        temperature=0.6,
        max_response_output_tokens="inf",
        speed=1.1,
        tracing="auto",
    ),
    update(modalities=["text"], turn_detection=None, temperature=1.2),
    update(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
    update(turn_detection={"type": "none"}, input_audio_transcription=None),
    update(**dict.fromkeys(("modalities", "voice", "input_audio_format", "tools", "prompt"))),
    update(client_secret={"expires_after": {"anchor": "created_at", "seconds": 60}}),
    create(**dict.fromkeys(("modalities", "voice", "output_audio_format", "temperature"))),
    create(modalities=["text", "audio"], temperature=0.8, max_response_output_tokens=5),
    create(max_output_tokens=5, voice="ash", output_audio_format="pcm16", metadata={"a": "b"}),
    create(conversation="none", input=[{"type": "item_reference", "id": "item_1"}]),
    {"type": "response.create"},
    message("user", PART),
    message("user", {"type": "input_audio", "audio": "AAA="}),
    message("assistant", {"type": "text", "text": "x"}),
    message("system", PART),
]


@pytest.mark.parametrize("event", TAKEN)
def test_what_the_preview_takes(event: dict[str, Any]) -> None:
    assert preview_fault_in(event) is None


@pytest.mark.parametrize("event", TAKEN)
def test_what_the_preview_takes_is_taken_by_ga_after_crossing(event: dict[str, Any]) -> None:
    (inside,) = PreviewClient().to_inner(json.dumps(event)).texts
    assert fault_in(json.loads(inside)) is None


def misspelled(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Yield the value with one key at a time misspelled, and where it stands."""
    if isinstance(value, list):
        for at, one in enumerate(value):
            for other, place in misspelled(one, f"{path}[{at}]"):
                yield [*value[:at], other, *value[at + 1 :]], place
    elif isinstance(value, dict) and not path.endswith(("parameters", "metadata", "client_secret")):
        for key, one in value.items():
            place = f"{path}.{key}" if path else key
            yield {(name + "x" if name == key else name): v for name, v in value.items()}, place
            for other, inner in misspelled(one, place):
                yield value | {key: other}, inner


@pytest.mark.parametrize("event", TAKEN)
def test_every_misspelled_key_is_found(event: dict[str, Any]) -> None:
    for wrong, place in misspelled(event, ""):
        fault = preview_fault_in(wrong)
        assert fault is not None, place
        assert str(fault.param).removesuffix("x") == place
        assert fault.code in ("unknown_parameter", "missing_required_parameter", "invalid_event")


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        (update(type="realtime"), "unknown_parameter", "session.type"),
        (update(output_modalities=["text"]), "unknown_parameter", "session.output_modalities"),
        (update(audio={"output": {"voice": "ash"}}), "unknown_parameter", "session.audio"),
        (update(max_output_tokens=5), "unknown_parameter", "session.max_output_tokens"),
        (update(truncation="auto"), "unknown_parameter", "session.truncation"),
        (update(reasoning={"effort": "low"}), "unknown_parameter", "session.reasoning"),
        (update(modalities=["audio"]), "invalid_value", "session.modalities"),
        (update(temperature=0.5), "invalid_value", "session.temperature"),
        (update(temperature=1.3), "invalid_value", "session.temperature"),
        (update(voice="marin"), "invalid_value", "session.voice"),
        (
            update(input_audio_format={"type": "audio/pcm", "rate": 24000}),
            "invalid_type",
            "session.input_audio_format",
        ),
        (
            update(turn_detection=VAD | {"idle_timeout_ms": 6000}),
            "unknown_parameter",
            "session.turn_detection.idle_timeout_ms",
        ),
        (
            update(input_audio_transcription={"model": "x", "delay": "low"}),
            "unknown_parameter",
            "session.input_audio_transcription.delay",
        ),
        (create(output_modalities=["text"]), "unknown_parameter", "response.output_modalities"),
        (create(audio={}), "unknown_parameter", "response.audio"),
        (create(modalities=["audio"]), "invalid_value", "response.modalities"),
        (
            message("assistant", {"type": "output_text", "text": "x"}),
            "invalid_value",
            "item.content[0].type",
        ),
        (message("assistant", {"type": "audio"}), "invalid_value", "item.content[0].type"),
        (
            message("user", {"type": "input_image", "image_url": "data:,"}),
            "invalid_value",
            "item.content[0].type",
        ),
        ({"type": "transcription_session.update", "session": {}}, "invalid_parameter", "type"),
        ({"type": "conversation.item.added"}, "invalid_value", "type"),
        ({"no": "type"}, "invalid_event", "type"),
    ],
)
def test_what_the_preview_refuses(event: dict[str, Any], code: str, param: str) -> None:
    fault = preview_fault_in(event)
    assert fault is not None
    assert (fault.code, fault.param) == (code, param)


def test_a_transcription_session_has_an_update_of_its_own() -> None:
    session = {"input_audio_format": "pcm16", "input_audio_transcription": {"model": "whisper-1"}}
    event = {"type": "transcription_session.update", "session": session}
    assert preview_fault_in(event, "transcription") is None
    fault = preview_fault_in({"type": "session.update", "session": {}}, "transcription")
    assert fault is not None
    assert fault.code == "invalid_parameter"
    fault = preview_fault_in(event | {"session": {"instructions": "x"}}, "transcription")
    assert fault is not None
    assert fault.param == "session.instructions"
    fault = preview_fault_in({"type": "response.create"}, "transcription")
    assert fault is not None
    assert fault.param == "type"
