import json
from typing import Any

import pytest

from server.gateway import reading
from server.gateway.messages import Config, FunctionResult, Text
from server.gateway.reading import BadMessage, read


def config(**fields: Any) -> reading.Reading:
    return read(json.dumps({"type": "config", **fields}))


def said(found: reading.Reading) -> dict[str, Any]:
    return found.message.model_dump(exclude_unset=True, exclude={"type"})


def refusal(**fields: Any) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        config(**fields)
    return caught.value


def test_what_is_left_out_has_the_defaults_of_the_page() -> None:
    message = config().message
    assert isinstance(message, Config)
    assert message.model_dump() == {
        "type": "config",
        "provider": None,
        "model": "gpt-4o-realtime-preview",
        "voice": "alloy",
        "instructions": "",
        "turn_detection": "server_vad",
        "vad": {
            "enabled": True,
            "threshold": 0.5,
            "silence_duration_ms": 500,
            "prefix_padding_ms": 300,
            "eagerness": "auto",
        },
        "input_transcription": {"enabled": True, "model": "whisper-1"},
        "temperature": 0.8,
        "max_response_tokens": "inf",
        "tools": [],
        "tool_choice": "auto",
    }


def test_null_is_the_same_as_leaving_it_out() -> None:
    assert said(config(voice=None, vad={"threshold": None})) == {"vad": {}}


def test_a_function_may_return_null() -> None:
    message = read('{"type":"function_result","call_id":"c","result":null}').message
    assert message == FunctionResult(type="function_result", call_id="c", result=None)


@pytest.mark.parametrize(
    ("fields", "param", "word"),
    [
        ({"vad": {"threshold": 2}}, "vad.threshold", "less than or equal to 1"),
        ({"vad": {"threshold": "0.5"}}, "vad.threshold", "number"),
        ({"vad": {"silence_duration_ms": 0.5}}, "vad.silence_duration_ms", "whole number"),
        ({"vad": {"enabled": "yes"}}, "vad.enabled", "boolean"),
        ({"vad": 3}, "vad", "must be an object"),
        ({"turn_detection": "always"}, "turn_detection", "'server_vad'"),
        ({"turn_detection": {"mode": "always"}}, "turn_detection", "`server_vad`"),
        ({"max_response_tokens": 0}, "max_response_tokens", "or must be 'inf'"),
        ({"max_response_tokens": 5000}, "max_response_tokens", "4096"),
        ({"temperature": True}, "temperature", "number"),
        ({"voice": 3}, "voice", "string"),
        ({"instructions": ["x"]}, "instructions", "string"),
        ({"tools": {}}, "tools", "list"),
        ({"tools": [{"type": "mcp", "name": "x"}]}, "tools[0].type", "'function'"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "is missing"),
        ({"tools": ["x"]}, "tools[0]", "must be an object"),
        ({"provider": 3}, "provider", "string"),
    ],
)
def test_a_wrong_option_is_named_with_what_it_must_be(
    fields: dict[str, Any], param: str, word: str
) -> None:
    bad = refusal(**fields)
    assert (bad.code, bad.param) == ("InvalidConfiguration", param)
    assert word in bad.message


def test_an_empty_text_is_told_what_it_must_have() -> None:
    with pytest.raises(BadMessage) as caught:
        read('{"type":"text","text":""}')
    assert caught.value.message.startswith("`text` must have at least 1 character")


def test_a_refusal_repeats_nothing_that_was_written() -> None:
    for text in ('{"type":"sk-secret"}', '{"type":"config","voice":["sk-secret"]}', '"sk-secret"'):
        with pytest.raises(BadMessage) as caught:
            read(text)
        assert "sk-secret" not in caught.value.message


def test_events_of_the_api_are_sent_to_its_own_path() -> None:
    with pytest.raises(BadMessage, match="/v1/realtime"):
        read('{"type":"session.update","session":{}}')


def test_unknown_fields_are_kept_out_and_named_in_order() -> None:
    found = config(vad={"energy": 1}, volume=2, tools=[{"name": "f", "strict": True}])
    assert found.unknown == ("volume", "vad.energy", "tools.strict")
    assert said(found) == {"vad": {}, "tools": [{"name": "f"}]}


@pytest.mark.parametrize(
    ("fields", "ours", "hint"),
    [
        ({"type": "update_session", "voice": "sage"}, {"voice": "sage"}, reading.UPDATE_SESSION),
        (
            {"turn_detection": {"mode": "server_vad", "threshold": 0.3, "create_response": True}},
            {"turn_detection": "server_vad", "vad": {"threshold": 0.3}},
            reading.TAGGED,
        ),
        (
            {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
            {"turn_detection": "semantic_vad", "vad": {"eagerness": "low"}},
            reading.TAGGED,
        ),
        (
            {"turn_detection": {"mode": "semantic"}},
            {"turn_detection": "semantic_vad", "vad": {}},
            reading.TAGGED,
        ),
        (
            {"turn_detection": {"mode": "manual"}},
            {"turn_detection": "none", "vad": {}},
            reading.TAGGED,
        ),
        (
            {"transcribe_input": False, "transcription_model": "gpt-4o-transcribe"},
            {"input_transcription": {"enabled": False, "model": "gpt-4o-transcribe"}},
            reading.TRANSCRIBE,
        ),
        ({"max_response_tokens": -1}, {"max_response_tokens": "inf"}, reading.MINUS_ONE),
        (
            {"turnDetection": "none", "vad": {"silenceDurationMs": 200}},
            {"turn_detection": "none", "vad": {"silence_duration_ms": 200}},
            reading.RENAMED,
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
            {"tools": [{"type": "function", "name": "f", "parameters": {}}]},
            reading.NESTED_TOOL,
        ),
        ({"modalities": ["text"], "input_audio_format": "pcm16"}, {}, reading.NO_EFFECT),
    ],
)
def test_other_spellings_mean_the_same_and_are_hinted_at(
    fields: dict[str, Any], ours: dict[str, Any], hint: str
) -> None:
    found = read(json.dumps({"type": "config", **fields}))
    assert isinstance(found.message, Config)
    assert said(found) == ours
    assert found.hints == (hint,)


def test_our_own_spelling_wins() -> None:
    found = config(turnDetection="none", turn_detection="semantic_vad")
    assert said(found) == {"turn_detection": "semantic_vad"}
    tagged = config(turn_detection={"mode": "server_vad", "threshold": 0.1}, vad={"threshold": 0.9})
    assert said(tagged)["vad"] == {"threshold": 0.9}
    retold = config(transcribe_input=True, input_transcription={"enabled": False})
    assert said(retold)["input_transcription"] == {"enabled": False}


def test_a_plain_message_has_no_hints() -> None:
    assert read('{"type":"text","text":"Hi"}') == reading.Reading(Text(type="text", text="Hi"))
