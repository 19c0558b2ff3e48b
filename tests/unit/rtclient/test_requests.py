"""Which answer belongs to which event."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.errors import ServerError
from rtclient.protocol.answering import ANSWERS
from rtclient.requests import Requests, as_exception, new_id

Event = dict[str, Any]
FIELDS = st.sampled_from(["item", "item_id", "id", "response", "conversation", "metadata", "error"])


class Call:
    """A call that waits."""

    def __init__(self, requests: Requests, kind: str, **fields: Any) -> None:
        self.event: Event = {"type": kind, "event_id": new_id("event"), **fields}
        self.outcomes: list[Any] = []
        requests.sent(self.event, self._answered)

    def _answered(self, value: Any, error: Exception | None) -> None:
        self.outcomes.append(error if error is not None else value)


def error_for(event_id: str | None, kind: str = "invalid_request_error") -> Event:
    body = {"type": kind, "code": "bad", "message": "No.", "param": "x", "event_id": event_id}
    return {"type": "error", "error": body}


@pytest.mark.parametrize(("kind", "answer"), ANSWERS.items())
def test_each_kind_is_answered_by_its_own(kind: str, answer: str) -> None:
    requests = Requests()
    call = Call(requests, kind)
    assert not requests.see({"type": "rate_limits.updated"}, None)
    assert requests.see({"type": answer}, "yes")
    assert call.outcomes == ["yes"]
    assert not requests.see({"type": answer}, "again")
    assert call.outcomes == ["yes"]


def test_calls_of_one_kind_are_answered_in_order() -> None:
    requests = Requests()
    first, second = Call(requests, "session.update"), Call(requests, "session.update")
    requests.see({"type": "session.updated"}, 1)
    requests.see({"type": "session.updated"}, 2)
    assert (first.outcomes, second.outcomes) == ([1], [2])


def test_an_event_that_nobody_waits_for_takes_its_own_answer() -> None:
    requests = Requests()
    requests.sent({"type": "session.update", "event_id": "event_1"})
    call = Call(requests, "session.update")
    assert not requests.see({"type": "session.updated"}, "that of the first")
    assert requests.see({"type": "session.updated"}, "mine")
    assert call.outcomes == ["mine"]


def test_items_are_told_apart_by_their_ids() -> None:
    requests = Requests()
    first = Call(requests, "conversation.item.create", item={"id": "item_1"})
    second = Call(requests, "conversation.item.create", item={"id": "item_2"})
    gone = Call(requests, "conversation.item.delete", item_id="item_3")
    assert not requests.see({"type": "conversation.item.added", "item": {"id": "item_9"}}, 9)
    requests.see({"type": "conversation.item.added", "item": {"id": "item_2"}}, 2)
    requests.see({"type": "conversation.item.deleted", "item_id": "item_3"}, 3)
    assert (first.outcomes, second.outcomes, gone.outcomes) == ([], [2], [3])


def test_a_response_beside_the_conversation_is_told_from_one_in_it() -> None:
    requests = Requests()
    beside = Call(requests, "response.create", response={"conversation": "none"})
    inside = {"type": "response.created", "response": {"conversation_id": "conv_1"}}
    outside = {"type": "response.created", "response": {"conversation_id": None}}
    assert not requests.see(inside, "begun by the server")
    assert requests.see(outside, "mine")
    assert beside.outcomes == ["mine"]


def test_responses_side_by_side_are_known_by_their_metadata() -> None:
    requests = Requests()
    asked = [{"conversation": "none", "metadata": {"n": name}} for name in "12"]
    one, two = (Call(requests, "response.create", response=response) for response in asked)
    for name in "21":
        response = {"conversation_id": None, "metadata": {"n": name}}
        assert requests.see({"type": "response.created", "response": response}, name)
    assert (one.outcomes, two.outcomes) == (["1"], ["2"])


def test_a_server_without_metadata_answers_in_order() -> None:
    requests = Requests()
    call = Call(requests, "response.create", response={"metadata": {"n": "1"}})
    assert requests.see({"type": "response.created", "response": {"metadata": None}}, 1)
    assert call.outcomes == [1]


def test_an_error_fails_the_call_that_it_names() -> None:
    requests = Requests()
    first, second = Call(requests, "session.update"), Call(requests, "session.update")
    assert requests.see(error_for(second.event["event_id"]), None)
    assert first.outcomes == []
    (error,) = second.outcomes
    assert isinstance(error, ServerError)
    assert (str(error), error.code, error.param) == ("No.", "bad", "x")
    assert error.error.message == "No."


def test_an_error_about_something_else_fails_no_call() -> None:
    requests = Requests()
    call = Call(requests, "session.update")
    assert not requests.see(error_for("event_of_another"), None)
    assert not requests.see(error_for(None, "server_error"), None)
    assert not requests.see({"type": "error", "error": "odd"}, None)
    assert call.outcomes == []


def test_an_error_without_an_id_is_about_the_oldest() -> None:
    requests = Requests()
    first, second = Call(requests, "input_audio_buffer.commit"), Call(requests, "session.update")
    assert requests.see(error_for(None), None)
    assert isinstance(first.outcomes[0], ServerError)
    assert second.outcomes == []


def test_the_end_fails_whoever_waits() -> None:
    requests = Requests()
    calls = [Call(requests, kind) for kind in ANSWERS]
    lost = RuntimeError("gone")
    requests.end(lost)
    assert [call.outcomes for call in calls] == [[lost]] * len(calls)


def test_a_call_that_gave_up_still_takes_its_answer() -> None:
    requests = Requests()
    first, second = Call(requests, "session.update"), Call(requests, "session.update")
    requests.forget(first.event)
    assert not requests.see({"type": "session.updated"}, 1)
    assert requests.see({"type": "session.updated"}, 2)
    assert (first.outcomes, second.outcomes) == ([], [2])


def test_an_event_that_was_not_sent_has_no_answer() -> None:
    requests = Requests()
    first, second = Call(requests, "session.update"), Call(requests, "session.update")
    requests.withdraw(first.event)
    assert requests.see({"type": "session.updated"}, 1)
    assert (first.outcomes, second.outcomes) == ([], [1])


def test_a_server_that_never_answers_costs_bounded_memory() -> None:
    requests = Requests()
    first = Call(requests, "session.update")
    for _ in range(1000):
        requests.sent({"type": "session.update", "event_id": new_id("event")})
    assert "never answered" in str(first.outcomes[0])


def test_ids_are_new_and_short_enough_for_the_api() -> None:
    ids = {new_id("event") for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) <= 32 for one in ids)


def test_an_error_of_an_odd_shape_still_says_something() -> None:
    assert str(as_exception(None)) == "None"
    assert str(as_exception({"message": None})) == "The server gave no reason."


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)


@given(
    asked=st.lists(st.tuples(st.sampled_from(sorted(ANSWERS)), VALUES, VALUES), max_size=3),
    kinds=st.lists(st.sampled_from(["error", *sorted(ANSWERS.values())]), max_size=5),
    body=st.dictionaries(FIELDS, VALUES, max_size=5),
)
def test_no_shape_of_an_event_breaks_the_reader(
    asked: list[tuple[str, Any, Any]], kinds: list[str], body: Event
) -> None:
    requests = Requests()
    calls = [Call(requests, kind, item=item, response=asks) for kind, item, asks in asked]
    for kind in kinds:
        requests.see({**body, "type": kind}, "answer")
    requests.end(RuntimeError("gone"))
    assert [len(call.outcomes) for call in calls] == [1] * len(calls)
