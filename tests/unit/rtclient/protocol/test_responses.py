"""The responses of a session."""

from typing import Any

import pytest

from rtclient.protocol.responses import MAX_RESPONSES, Response, Responses


def test_the_active_response_is_the_one_inside_the_conversation() -> None:
    responses = Responses()
    inside = responses.begin({"id": "a", "conversation_id": "conv_1"})
    outside = responses.begin({"id": "b", "conversation_id": None})
    assert responses.active == inside
    assert outside == Response("b", is_out_of_band=True)
    responses.end({"id": "b", "status": "completed"})
    assert responses.active == inside
    responses.end({"id": "a", "status": "completed"})
    assert responses.active is None


def test_a_response_tells_how_it_ended() -> None:
    responses = Responses()
    responses.begin({"id": "a"})
    details = {"reason": "turn_detected", "error": {"code": "x"}}
    ended = responses.end({"id": "a", "status": "cancelled", "status_details": details})
    assert ended == Response("a", "cancelled", "turn_detected", {"code": "x"})
    assert ended is not None
    assert not ended.is_active


def test_the_end_of_a_response_that_nobody_saw_begin_is_noted() -> None:
    responses = Responses()
    assert responses.end({"id": "a"}) == Response("a", "completed")
    assert responses.all == (Response("a", "completed"),)


def test_a_response_has_each_item_once() -> None:
    responses = Responses()
    responses.begin({"id": "a"})
    for item_id in ("x", "y", "x"):
        responses.add_item("a", item_id)
    assert responses.all[0].item_ids == ("x", "y")
    assert responses.add_item("b", "x") is None


@pytest.mark.parametrize("wire", [{}, {"id": None}, {"id": 3}])
def test_a_response_without_an_id_is_none(wire: dict[str, Any]) -> None:
    responses = Responses()
    assert responses.begin(wire) is None
    assert responses.end(wire) is None
    assert responses.all == ()


def test_the_oldest_of_very_many_are_forgotten() -> None:
    responses = Responses()
    for number in range(MAX_RESPONSES + 3):
        responses.begin({"id": f"r{number}"})
    assert len(responses.all) == MAX_RESPONSES
    assert responses.active == Response(f"r{MAX_RESPONSES + 2}")
