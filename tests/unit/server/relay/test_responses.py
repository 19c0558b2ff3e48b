"""Whose turn it is to answer; the plays of test_sequencer.py have the rest."""

from typing import Any

from server.relay.input_audio import InputAudio
from server.relay.responses import (
    BUSY_S,
    MAX_WAITING,
    MAX_WAITING_CHARS,
    Responses,
    Waiting,
)
from server.relay.session_view import SessionView

CREATE: dict[str, Any] = {"type": "response.create"}


def make() -> Responses:
    view = SessionView()
    return Responses(view, InputAudio(view))


def option(number: int, length: int = 0) -> Waiting:
    return Waiting(f"{number}{' ' * length}", is_bare=False, since=0.0, has_news=False)


def test_what_waits_is_bounded_by_count_and_by_size() -> None:
    responses = make()
    assert responses.has_room(option(0, 2 * MAX_WAITING_CHARS))  # one may always wait
    for number in range(MAX_WAITING):
        assert responses.has_room(option(number))
        responses.add(option(number))
    assert not responses.has_room(option(99))
    few = make()
    few.add(option(1, MAX_WAITING_CHARS))
    assert not few.has_room(option(2))


def test_a_bare_one_joins_only_the_one_before_it() -> None:
    responses = make()
    assert not responses.add(responses.new(CREATE, "a", 0.0))
    assert responses.add(responses.new(CREATE, "b", 0.0))
    assert not responses.add(option(1))
    assert not responses.add(responses.new(CREATE, "c", 0.0))


def test_one_goes_at_a_time_and_none_waits_for_ever() -> None:
    responses = make()
    responses.add(option(1))
    responses.add(option(2))
    assert [one.text for one in responses.due(0.0)] == ["1"]
    responses.on_created({"id": "resp_1", "conversation_id": "conv_1"})
    assert list(responses.due(1.0)) == []
    assert responses.next_due(1.0) == BUSY_S
    assert [one.text for one in responses.due(BUSY_S)] == ["2"]


def test_an_upstream_without_conversation_ids_is_followed_too() -> None:
    responses = make()
    responses.on_created({"id": "resp_1", "conversation_id": None})
    assert responses.is_busy(0.0)
    responses.on_done({"id": "resp_1"}, 0.0)
    responses.on_out_of_band()
    responses.on_created({"id": "resp_2", "conversation_id": None})
    assert not responses.is_busy(0.0)


def test_options_of_any_shape_are_no_trouble() -> None:
    responses = make()
    for options in (None, {}, {"metadata": None}):
        assert responses.new({**CREATE, "response": options}, "", 0.0).is_bare
    for odd in ([], "x", 7, {"input": []}, {"conversation": "auto", "metadata": {}}):
        assert not responses.new({**CREATE, "response": odd}, "", 0.0).is_bare
