"""What a program created and the server does not send back."""

from typing import Any

import pytest

from rtclient.protocol.created_items import KEPT_CHARS, CreatedItems


def create(item_id: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    item = {"id": item_id, "type": "message", "role": "user", "content": list(parts)}
    return {"type": "conversation.item.create", "item": item, **fields}


def test_sound_and_images_are_kept_and_words_are_not() -> None:
    created = CreatedItems()
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA"}
    created.note(create("a", {"type": "input_text", "text": "See"}, image))
    assert created.part("a", 0) is None
    assert created.part("a", 1) == image
    created.forget("a", 2)
    assert created.part("a", 1) is None


def test_the_oldest_is_forgotten_when_it_becomes_too_much() -> None:
    created = CreatedItems()
    sound = {"type": "input_audio", "audio": "A" * (KEPT_CHARS // 2 - 100)}
    for item_id in "abc":
        created.note(create(item_id, sound))
    assert [created.part(item_id, 0) is not None for item_id in "abc"] == [False, True, True]


def test_a_part_that_is_too_large_alone_is_not_kept() -> None:
    created = CreatedItems()
    created.note(create("a", {"type": "input_audio", "audio": "A" * KEPT_CHARS}))
    assert created.part("a", 0) is None


def test_it_is_known_what_was_put_first() -> None:
    created = CreatedItems()
    created.note(create("a", previous_item_id="root"))
    created.note(create("b", previous_item_id="a"))
    assert created.is_at_root("a")
    assert not created.is_at_root("b")


@pytest.mark.parametrize(
    "event", [{}, {"item": None}, {"item": {"id": "a", "content": [None, 3, {"type": []}]}}]
)
def test_events_of_any_shape_are_taken(event: dict[str, Any]) -> None:
    created = CreatedItems()
    created.note(event)
    assert created.part("a", 0) is None
