"""The session's defaults and the merge of a session.update."""

import copy
from typing import Any

from openai.types.realtime import RealtimeSessionCreateRequest, SessionCreatedEvent

from rtclient.protocol.audio import PCM16, PCMU
from rtclient.protocol.session import (
    default_session,
    default_turn_detection,
    merge,
    sound_format,
)

DEFAULT = default_session("gpt-realtime", "sess_1", 4_102_444_800)


def merged(patch: dict[str, Any], current: dict[str, Any] = DEFAULT) -> dict[str, Any]:
    """The merge, checked to leave both arguments alone."""
    before = copy.deepcopy((current, patch))
    result = merge(current, patch)
    assert (current, patch) == before
    return result


def test_the_default_is_what_the_official_package_reads() -> None:
    event = SessionCreatedEvent.model_validate(
        {"type": "session.created", "event_id": "event_1", "session": DEFAULT}, strict=True
    )
    assert isinstance(event.session, RealtimeSessionCreateRequest)


def test_the_default_has_the_service_own_silence_window() -> None:
    turn_detection = DEFAULT["audio"]["input"]["turn_detection"]
    assert turn_detection["silence_duration_ms"] == 200
    assert DEFAULT["audio"]["input"]["transcription"] is None


def test_each_side_has_its_own_format_and_pcm16_is_the_default() -> None:
    session = merged({"audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    assert sound_format(session, "input") is PCMU
    assert sound_format(session, "output") is PCM16
    assert sound_format({}, "input") is PCM16


def test_an_empty_patch_changes_nothing() -> None:
    assert merged({}) == DEFAULT


def test_what_is_absent_stays() -> None:
    result = merged({"audio": {"output": {"voice": "marin"}}, "instructions": "Be brief."})
    expected = copy.deepcopy(DEFAULT)
    expected["audio"]["output"]["voice"] = "marin"
    expected["instructions"] = "Be brief."
    assert result == expected


def test_null_and_empty_clear() -> None:
    patch = {"instructions": "", "audio": {"input": {"turn_detection": None}}}
    result = merged(patch)
    assert result["instructions"] == ""
    assert result["audio"]["input"]["turn_detection"] is None
    assert result["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_tools_are_replaced_whole() -> None:
    one = merged({"tools": [{"type": "function", "name": "a"}]})
    two = merged({"tools": [{"type": "function", "name": "b"}]}, one)
    assert [tool["name"] for tool in two["tools"]] == ["b"]


def test_transcription_is_replaced_whole() -> None:
    one = merged({"audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}}}})
    two = merged({"audio": {"input": {"transcription": {"model": "other"}}}}, one)
    assert two["audio"]["input"]["transcription"] == {"model": "other"}


def test_turn_detection_of_the_same_type_keeps_its_other_fields() -> None:
    patch = {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}}
    result = merged(patch)["audio"]["input"]["turn_detection"]
    assert result == {**default_turn_detection(), "threshold": 0.7}


def test_turn_detection_of_another_type_begins_with_its_defaults() -> None:
    semantic = merged({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}})
    assert semantic["audio"]["input"]["turn_detection"] == default_turn_detection("semantic_vad")
    off = merged({"audio": {"input": {"turn_detection": None}}}, semantic)
    back = merged({"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}, off)
    assert back["audio"]["input"]["turn_detection"] == default_turn_detection()


def test_the_result_shares_nothing() -> None:
    patch = {"tools": [{"type": "function", "name": "a"}]}
    result = merged(patch)
    result["tools"][0]["name"] = "changed"
    result["audio"]["output"]["voice"] = "changed"
    assert patch["tools"][0]["name"] == "a"
    assert DEFAULT["audio"]["output"]["voice"] == "alloy"
