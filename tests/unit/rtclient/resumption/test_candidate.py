"""A connection in preparation: what it is given, and when it is ready."""

from typing import Any

import pytest

from rtclient.errors import ConnectError, ConnectionLost, RTError
from rtclient.resumption.candidate import RESTORING_S, Candidate

WANTED = {"type": "realtime", "instructions": "Be kind.", "tools": []}
ITEM = {"id": "a", "type": "message", "role": "user", "content": []}


def greeted(**session: Any) -> Candidate:
    candidate = Candidate(2)
    candidate.see({"type": "session.created", "session": {**WANTED, **session}}, 100.0)
    return candidate


def fill(candidate: Candidate, *items: dict[str, Any]) -> list[dict[str, Any]]:
    names = iter("123456789")
    return candidate.fill(WANTED, items, lambda: next(names))


def test_it_is_ready_when_it_greeted_and_nothing_is_missing() -> None:
    assert not Candidate(2).is_ready
    candidate = greeted()
    assert candidate.is_ready
    assert candidate.deadline == 100.0 + RESTORING_S
    assert fill(candidate) == []


def test_it_is_given_the_settings_that_differ_and_then_the_items() -> None:
    candidate = greeted(instructions="", id="sess_2", expires_at=5)
    update, create = fill(candidate, ITEM)
    assert update["session"] == {"type": "realtime", "instructions": "Be kind."}
    assert create["item"] == ITEM
    assert not candidate.is_ready
    candidate.see({"type": "session.updated", "session": WANTED}, 100.0)
    candidate.see({"type": "conversation.item.added", "item": ITEM}, 100.0)
    assert candidate.is_ready
    assert fill(candidate, ITEM) == []


def test_settings_that_it_does_not_show_are_asked_for_once() -> None:
    candidate = greeted(instructions="")
    fill(candidate)
    candidate.see({"type": "session.updated", "session": {}}, 100.0)
    assert fill(candidate) == []


def test_an_item_that_changed_is_put_there_again() -> None:
    candidate = greeted()
    fill(candidate, ITEM)
    candidate.see({"type": "conversation.item.done", "item": ITEM}, 100.0)
    changed = {**ITEM, "content": [{"type": "input_text", "text": "hello"}]}
    delete, create = fill(candidate, changed)
    assert delete["item_id"] == "a"
    assert create["item"] == changed
    candidate.see({"type": "conversation.item.deleted", "item_id": "a"}, 100.0)
    candidate.see({"type": "conversation.item.created", "item": ITEM}, 100.0)
    assert candidate.is_ready


def test_what_is_refused_is_lost_and_not_asked_for_again() -> None:
    candidate = greeted(instructions="")
    update, create = fill(candidate, ITEM)
    for event in (update, create):
        candidate.see({"type": "error", "error": {"event_id": event["event_id"]}}, 100.0)
    assert candidate.is_ready
    assert candidate.lost == [
        "the settings of the session: refused by the server",
        "a: refused by the server",
    ]
    assert fill(candidate, ITEM) == []


def test_a_server_that_names_no_event_means_the_oldest() -> None:
    candidate = greeted()
    fill(candidate, ITEM)
    candidate.see({"type": "error", "error": {"code": "x"}}, 100.0)
    assert candidate.lost == ["a: refused by the server"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionLost(1000), "handshake"),
        (ConnectionLost(1006), "handshake"),
        (ConnectionLost(1011), "handshake"),
        (ConnectionLost(1008), "rejected"),
        (ConnectionLost(4001), "rejected"),
    ],
    ids=str,
)
def test_an_end_before_it_is_live_is_a_refusal(error: RTError, kind: str) -> None:
    refusal = greeted().as_refusal(error)
    assert isinstance(refusal, ConnectError)
    assert refusal.kind == kind
    assert "before the session began" in str(refusal)


def test_a_fatal_error_makes_every_end_final() -> None:
    candidate = greeted()
    candidate.see({"type": "error", "error": {"code": "insufficient_quota"}}, 100.0)
    refusal = candidate.as_refusal(ConnectionLost(1006))
    assert isinstance(refusal, ConnectError)
    assert (refusal.kind, refusal.detail) == ("rejected", "insufficient_quota")
