"""What is cut off when the person interrupts: of which message, and where."""

import base64

import pytest

from rtclient.protocol.conversation import Conversation
from rtclient.turn_taking.interruption import cut


def spoken(*lengths_ms: int, status: str = "in_progress") -> Conversation:
    """A conversation with one message: a part of sound for each length."""
    conversation = Conversation()
    item = {"id": "item_1", "type": "message", "role": "assistant", "status": status}
    conversation.apply({"type": "conversation.item.added", "item": item})
    for index, length_ms in enumerate(lengths_ms):
        delta = base64.b64encode(bytes(48 * length_ms)).decode()
        event = {"type": "response.output_audio.delta", "item_id": "item_1", "delta": delta}
        conversation.apply({**event, "response_id": "resp_1", "content_index": index})
    return conversation


def test_the_newest_message_is_cut_to_what_was_played() -> None:
    assert cut(spoken(1000), 400) == {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 400,
    }


def test_a_message_is_never_cut_behind_its_end() -> None:
    event = cut(spoken(1000), 5000)
    assert event is not None
    assert event["audio_end_ms"] == 1000
    assert cut(spoken(1000, status="completed"), 5000) is None


@pytest.mark.parametrize("played_ms", [0, -5])
def test_a_message_of_which_nothing_was_heard_is_deleted(played_ms: int) -> None:
    event = {"type": "conversation.item.delete", "item_id": "item_1"}
    assert cut(spoken(1000), played_ms) == event


def test_what_was_played_counts_over_the_parts() -> None:
    event = cut(spoken(1000, 1000), 1400)
    assert event is not None
    assert (event["content_index"], event["audio_end_ms"]) == (1, 400)


def test_a_message_is_cut_once() -> None:
    conversation = spoken(1000)
    event = cut(conversation, 400)
    assert event is not None
    conversation.apply({**event, "type": "conversation.item.truncated"})
    assert cut(conversation, 300) is None


def test_there_may_be_nothing_to_cut() -> None:
    assert cut(Conversation(), 100) is None
    assert cut(spoken(1000), 100, "item_of_nobody") is None
    assert cut(spoken(), 100, "item_1") is None
