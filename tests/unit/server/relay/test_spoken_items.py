"""What a truncation comes to."""

from typing import Any

import pytest

from rtclient.protocol.audio import to_base64
from server.relay.session_view import SessionView
from server.relay.spoken_items import MAX_ITEMS, SpokenItems


def delta(item_id: str, count: int) -> str:
    return (
        '{"type":"response.output_audio.delta","event_id":"e","response_id":"r",'
        f'"item_id":"{item_id}","output_index":0,"content_index":0,'
        f'"delta":"{to_base64(bytes(count))}"}}'
    )


def cut(end_ms: Any, item_id: Any = "item_1", content_index: Any = 0) -> dict[str, Any]:
    return {"item_id": item_id, "content_index": content_index, "audio_end_ms": end_ms}


@pytest.mark.parametrize(("ticks", "length_ms"), [(1, 100), (6, 600)])
def test_the_length_is_what_was_sent_in_its_own_format(ticks: int, length_ms: int) -> None:
    items = SpokenItems(SessionView())
    items.on_added("item_1", ticks, is_in_conversation=True)
    for _ in range(2):
        items.on_delta(delta("item_1", 2400))
    assert items.cut(cut(length_ms + 1)) == length_ms


def test_more_that_comes_after_a_cut_cannot_be_cut() -> None:
    items = SpokenItems(SessionView())
    items.on_delta(delta("item_1", 4800))
    assert items.cut(cut(40)) == "pass"
    items.on_delta(delta("item_1", 4800))
    assert items.cut(cut(80)) == "nothing"
    assert items.cut(cut(20)) == "pass"


def test_at_0_ms_an_item_is_deleted_once_when_it_is_whole() -> None:
    items = SpokenItems(SessionView())
    items.on_delta(delta("item_1", 4800))
    assert items.cut(cut(0)) == "nothing"
    assert items.was_deleted_here("item_1")
    assert items.on_done("item_1")
    assert not items.on_done("item_1")
    assert items.cut(cut(0)) == "nothing"
    items.on_delta(delta("item_2", 4800))
    items.on_done("item_2")
    assert items.cut(cut(-5, "item_2")) == "delete"


def test_an_item_that_went_meanwhile_is_not_deleted_again() -> None:
    items = SpokenItems(SessionView())
    items.on_delta(delta("item_1", 4800))
    items.cut(cut(0))
    items.on_gone("item_1")
    assert not items.on_done("item_1")


def test_an_item_outside_the_conversation_cannot_be_cut() -> None:
    items = SpokenItems(SessionView())
    items.on_added("item_1", 1, is_in_conversation=False)
    items.on_delta(delta("item_1", 4800))
    assert items.cut(cut(50)) == "nothing"
    assert not items.was_deleted_here("item_1")


@pytest.mark.parametrize(
    "event",
    [cut(1.5), cut("1"), cut(True), cut(50, 7), cut(50, content_index=1), cut(50, None), {}],
)
def test_what_is_not_well_formed_is_left_to_the_upstream(event: dict[str, Any]) -> None:
    items = SpokenItems(SessionView())
    items.on_delta(delta("item_1", 4800))
    assert items.cut(event) == "pass"


def test_an_id_may_be_used_again_by_a_client() -> None:
    items = SpokenItems(SessionView())
    items.on_delta(delta("item_1", 4800))
    items.on_done("item_1")
    items.cut(cut(0))
    items.on_created("item_1")
    assert not items.was_deleted_here("item_1")


def test_the_oldest_items_are_forgotten() -> None:
    items = SpokenItems(SessionView())
    for number in range(MAX_ITEMS + 1):
        items.on_delta(delta(f"item_{number}", 4800))
    assert items.cut(cut(50, "item_0")) == "nothing"
    assert items.cut(cut(50, "item_1")) == "pass"
