"""Settings, items and responses as attributes, whichever dialect is on the wire."""

from typing import Any

import pytest

from rtclient.models import (
    FunctionToolChoice,
    InputTextContentPart,
    NoTurnDetection,
    Response,
    ResponseCancelledDetails,
    ResponseCreateParams,
    ResponseFailedDetails,
    ResponseFunctionCallItem,
    ResponseFunctionCallOutputItem,
    ResponseItemAudioContentPart,
    ResponseItemTextContentPart,
    ResponseMessageItem,
    SemanticVAD,
    ServerVAD,
    Session,
    UserMessageItem,
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


def test_fields_of_the_first_beta_do_not_reach_the_wire() -> None:
    items = [UserMessageItem(content=[InputTextContentPart(text="Hi")])]
    params = ResponseCreateParams(commit=True, cancel_previous=True, input_items=items)
    assert params.to_dict() == {"input": [items[0].to_dict()]}


def test_a_response_has_items_of_their_own_classes() -> None:
    response = Response.from_dict(
        {
            "id": "resp_1",
            "status": "cancelled",
            "status_details": {"type": "cancelled", "reason": "turn_detected"},
            "output": [
                {
                    "id": "item_1",
                    "type": "message",
                    "role": "assistant",
                    "content": [
                        {"type": "output_audio", "transcript": "Hi"},
                        {"type": "text", "text": "Hi"},
                    ],
                },
                {"id": "item_2", "type": "function_call", "name": "clock", "arguments": "{}"},
                {"id": "item_3", "type": "function_call_output", "output": "12:00"},
            ],
            "usage": {"total_tokens": 3, "input_token_details": {"cached_tokens": 1}},
        }
    )
    message, call, output = response.output
    assert isinstance(message, ResponseMessageItem)
    spoken, written = message.content
    assert isinstance(spoken, ResponseItemAudioContentPart)
    assert spoken.transcript == "Hi"
    assert isinstance(written, ResponseItemTextContentPart)
    assert isinstance(call, ResponseFunctionCallItem)
    assert call.name == "clock"
    assert call.call_id is None
    assert isinstance(output, ResponseFunctionCallOutputItem)
    assert output.output == "12:00"
    assert isinstance(response.status_details, ResponseCancelledDetails)
    assert response.usage is not None
    assert response.usage.input_token_details.cached_tokens == 1
    assert response.usage.output_token_details is None


def test_an_unknown_reason_of_an_end_can_be_read() -> None:
    response = Response.from_dict(
        {"status_details": {"type": "failed", "error": {"type": "server_error", "code": "x"}}}
    )
    assert isinstance(response.status_details, ResponseFailedDetails)
    assert response.status_details.error.code == "x"
