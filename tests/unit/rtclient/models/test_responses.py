"""What is asked of a response, and what came of it."""

from rtclient.models import (
    InputTextContentPart,
    Response,
    ResponseCancelledDetails,
    ResponseCreateParams,
    ResponseFailedDetails,
    ResponseFunctionCallItem,
    ResponseFunctionCallOutputItem,
    ResponseItemAudioContentPart,
    ResponseItemTextContentPart,
    ResponseMessageItem,
    UserMessageItem,
)


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
