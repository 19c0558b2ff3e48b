"""The conversation keeps order, ids, audio within bounds, and what was heard."""

import pytest

from rtclient.engine.items import MAX_CHARS, MAX_ITEMS, Conversation, Item, prompt_costs
from rtclient.engine.pacing import Mark
from rtclient.engine.senses import Heard


def user(item_id: str, pcm: bytes = b"") -> Item:
    part = {"type": "input_audio", "transcript": None}
    wire = {"id": item_id, "type": "message", "role": "user", "content": [part]}
    return Item(wire, audio={0: pcm})


def reply(item_id: str, transcript: str, pcm: bytes, marks: list[Mark]) -> Item:
    part = {"type": "output_audio", "transcript": transcript}
    wire = {"id": item_id, "type": "message", "role": "assistant", "content": [part]}
    return Item(wire, audio={0: pcm}, marks=marks)


def test_items_go_where_they_are_put() -> None:
    conversation = Conversation("conv_1")
    for name, after in (("a", None), ("b", None), ("c", "a"), ("d", "root")):
        conversation.add(user(name), after)
    assert [item.id for item in conversation] == ["d", "a", "c", "b"]
    assert conversation.last_id == "b"
    first = conversation.get("d")
    assert first is not None
    assert conversation.previous_id(first) is None
    conversation.remove(first)
    assert "d" not in conversation
    assert len(conversation) == 3


def test_the_brain_sees_what_was_heard_and_clients_do_not() -> None:
    item = user("a")
    item.heard = Heard("hello", 0.9, is_certain=True)
    assert item.for_brain()["content"][0]["transcript"] == "hello"
    assert item.public()["content"][0]["transcript"] is None


def test_a_copy_for_an_event_shares_nothing() -> None:
    item = user("a")
    item.public()["content"].clear()
    assert item.wire["content"]


@pytest.mark.parametrize(
    ("end_ms", "text"), [(1, "one"), (200, "one"), (201, "one two"), (600, "one two three")]
)
def test_truncation_keeps_the_words_that_began(end_ms: int, text: str) -> None:
    marks = [Mark(0, 3), Mark(200, 7), Mark(400, 13), Mark(600, 13)]
    item = reply("a", "one two three", bytes(48 * 600), marks)
    item.truncate(end_ms)
    assert item.wire["content"][0]["transcript"] == text
    assert len(item.audio[0]) == 48 * end_ms


def test_the_oldest_audio_goes_first() -> None:
    conversation = Conversation("conv_1")
    for name in "abc":
        conversation.add(user(name, bytes(1000)))
    conversation.keep_within_bounds(2000)
    assert [len(item.audio) for item in conversation] == [0, 1, 1]


def test_the_oldest_items_leave_a_conversation_without_end() -> None:
    conversation = Conversation("conv_1")
    pending = user("heard")
    pending.is_hearing = True
    conversation.add(pending)
    for number in range(MAX_ITEMS + 9):
        conversation.add(user(str(number)))
    assert len(conversation) == MAX_ITEMS
    assert "heard" in conversation, "somebody waits for it"
    assert "9" not in conversation
    assert "10" in conversation
    conversation.add(user("at the start"), "root")
    assert "at the start" in conversation, "what was just added stays, wherever it is put"
    assert len(conversation) == MAX_ITEMS


def test_images_and_text_have_a_bound() -> None:
    conversation = Conversation("conv_1")
    url = "data:image/png;base64," + "A" * (MAX_CHARS // 4)
    for name in "abcdef":
        part = {"type": "input_image", "image_url": url}
        wire = {"id": name, "type": "message", "role": "user", "content": [part]}
        conversation.add(Item(wire))
    assert [item.id for item in conversation] == ["d", "e", "f"]


def test_costs_follow_the_content() -> None:
    spoken = reply("a", "hello there!", bytes(48 * 1000), [])
    call = Item({"id": "b", "type": "function_call", "name": "f", "arguments": "{}"})
    rules, first, second, third = prompt_costs(
        "Be brief", [{"name": "f"}], [spoken, call, user("c", bytes(48 * 1000))]
    )
    assert rules.text > 2
    assert (first.text, first.audio) == (3, 20)
    assert second.text == 1
    assert third.audio == 10
    spoken.truncate(500)
    assert spoken.cost() != first, "a truncated item is no longer cached"
