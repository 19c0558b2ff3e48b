"""Settings as attributes, whichever dialect is on the wire."""

from typing import Any

import pytest

from rtclient.models import (
    FunctionToolChoice,
    NoTurnDetection,
    SemanticVAD,
    ServerVAD,
    Session,
)
from rtclient.protocol.dialects import session_to_preview
from rtclient.protocol.session import default_session

GA = default_session("gpt-realtime", "sess_1", 4_102_444_800, voice="marin")
GA["audio"]["input"]["transcription"] = {"model": "whisper-1"}
PREVIEW = session_to_preview(GA, [])


@pytest.mark.parametrize("raw", [GA, PREVIEW], ids=["ga", "preview"])
def test_a_session_has_the_words_of_both_dialects(raw: dict[str, Any]) -> None:
    session = Session.from_dict(raw)
    assert (session.id, session.model) == ("sess_1", "gpt-realtime")
    assert session.modalities == ["audio", "text"]
    assert session.output_modalities == ["audio"]
    assert session.voice == "marin"
    assert session.input_audio_format == "pcm16"
    assert session.max_output_tokens == session.max_response_output_tokens == "inf"
    assert isinstance(session.turn_detection, ServerVAD)
    assert session.turn_detection.silence_duration_ms == 200
    assert session.input_audio_transcription is not None
    assert session.input_audio_transcription.model == "whisper-1"
    assert session.audio is not None
    assert session.audio.output is not None
    assert session.audio.output.voice == "marin"
    assert session.audio.input is not None
    assert isinstance(session.audio.input.turn_detection, ServerVAD)
    assert session.temperature is None
    assert session.tools == []


def test_a_turn_detection_that_is_off_is_none() -> None:
    for raw in ({"audio": {"input": {"turn_detection": None}}}, {"turn_detection": None}):
        assert Session.from_dict(raw).turn_detection is None
    none = Session.from_dict({"turn_detection": {"type": "none"}}).turn_detection
    assert isinstance(none, NoTurnDetection)
    semantic = Session.from_dict({"turn_detection": {"type": "semantic_vad"}}).turn_detection
    assert isinstance(semantic, SemanticVAD)


def test_the_choice_of_a_function_has_the_name_that_the_api_has() -> None:
    choice = FunctionToolChoice(function="clock")
    assert choice.to_dict() == {"type": "function", "name": "clock"}
    assert FunctionToolChoice.from_dict(choice.to_dict()).function == "clock"
