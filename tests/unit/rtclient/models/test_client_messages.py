"""Each message of the client as it stands on the wire."""

from typing import Any

import pytest

from rtclient.models import (
    InputAudioBufferAppendMessage,
    InputAudioBufferClearMessage,
    InputAudioBufferCommitMessage,
    InputTextContentPart,
    ItemCreateMessage,
    ItemDeleteMessage,
    ItemTruncateMessage,
    ResponseCancelMessage,
    ResponseCreateMessage,
    ResponseCreateParams,
    ServerVAD,
    SessionUpdateMessage,
    SessionUpdateParams,
    UserMessageItem,
)
from rtclient.models.client_messages import ClientMessageBase

ITEM = UserMessageItem(content=[InputTextContentPart(text="Hi")])
MESSAGES: list[tuple[ClientMessageBase, dict[str, Any]]] = [
    (
        SessionUpdateMessage(session=SessionUpdateParams(turn_detection=ServerVAD())),
        {"type": "session.update", "session": {"turn_detection": {"type": "server_vad"}}},
    ),
    (
        InputAudioBufferAppendMessage(audio="AAAA"),
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
    ),
    (InputAudioBufferCommitMessage(), {"type": "input_audio_buffer.commit"}),
    (
        InputAudioBufferClearMessage(event_id="event_1"),
        {"type": "input_audio_buffer.clear", "event_id": "event_1"},
    ),
    (
        ItemCreateMessage(previous_item_id="root", item=ITEM),
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": ITEM.to_dict(),
        },
    ),
    (
        ItemTruncateMessage(item_id="item_1", content_index=0, audio_end_ms=10),
        {
            "type": "conversation.item.truncate",
            "item_id": "item_1",
            "content_index": 0,
            "audio_end_ms": 10,
        },
    ),
    (
        ItemDeleteMessage(item_id="item_1"),
        {"type": "conversation.item.delete", "item_id": "item_1"},
    ),
    (ResponseCreateMessage(), {"type": "response.create"}),
    (
        ResponseCreateMessage(response=ResponseCreateParams(conversation="none", input=[ITEM])),
        {
            "type": "response.create",
            "response": {"conversation": "none", "input": [ITEM.to_dict()]},
        },
    ),
    (ResponseCancelMessage(), {"type": "response.cancel"}),
]


@pytest.mark.parametrize(("message", "wire"), MESSAGES, ids=[wire["type"] for _, wire in MESSAGES])
def test_a_message_stands_on_the_wire_as_the_api_has_it(
    message: ClientMessageBase, wire: dict[str, Any]
) -> None:
    assert message.to_dict() == wire
