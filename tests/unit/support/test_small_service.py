"""The small service keeps the rules that its tests go by."""

import base64
from typing import Any

import pytest

from rtclient.protocol.conversation import Conversation
from tests.support.small_service import SmallSession, spoken, transcript, words_of


def test_sound_that_comes_twice_or_not_at_all_is_heard() -> None:
    assert transcript(spoken(3, 4)) == "3:20 4:20"
    assert transcript(spoken(3) + spoken(3)) == "3:40"
    assert transcript(spoken(3)[: 24 * 2 * 5]) == "3:5"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.item.create", "item": {"id": "a", "type": "message"}},
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "audio": ""}],
            },
        },
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "c", "output": ""},
        },
        {"type": "session.update", "session": {"id": "sess_2"}},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.drop"},
    ],
)
def test_a_broken_rule_is_answered_and_noted(event: dict[str, Any]) -> None:
    session = SmallSession(1)
    session.receive({"type": "conversation.item.create", "item": {"id": "a", "type": "message"}})
    (answer,) = session.receive(event)
    assert answer["type"] == "error"
    assert len(session.faults) == 1


def test_a_second_response_waits_for_the_end_of_the_first() -> None:
    session = SmallSession(1)
    events = session.receive({"type": "response.create"})
    (refused,) = session.receive({"type": "response.create"})
    assert refused["error"]["code"] == "conversation_already_has_active_response"
    for event in events:
        session.finished(event)
    assert session.receive({"type": "response.create"})[0]["type"] == "response.created"


def test_a_mirror_follows_it() -> None:
    session, mirror = SmallSession(1), Conversation()
    sound = base64.b64encode(spoken(7, 8)).decode()
    part = {"type": "input_text", "text": "Hello"}
    item = {"id": "a", "type": "message", "role": "user", "content": [part]}
    for event in session.greeting():
        mirror.apply(event)
    for event in (
        {"type": "conversation.item.create", "item": item},
        {"type": "response.create"},
        {"type": "input_audio_buffer.append", "audio": sound},
        {"type": "input_audio_buffer.commit"},
        {"type": "response.create", "response": {"tools": [{"name": "f"}]}},
        {"type": "conversation.item.delete", "item_id": "a"},
    ):
        mirror.sent(event)
        for answer in session.receive(event):
            session.finished(answer)
            mirror.apply(answer)
    there = {item_id: words_of(item) for item_id, item in session.items.items()}
    words = {one.id: one.text or one.transcript or one.arguments for one in mirror.items}
    assert words == there
    assert list(words) == list(there)
