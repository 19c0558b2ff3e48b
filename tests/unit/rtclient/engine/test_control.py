"""The control endpoint: requests in, state and answers out."""

import json
from typing import Any

import pytest

from rtclient.engine.control import KEPT_EVENTS, KEPT_SESSIONS, Record, Reply, State, handle


def asked(state: State, method: str, place: str, body: Any = None) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return handle(state, method, f"/_control/{place}", data)


def test_faults_are_added_listed_and_ended() -> None:
    state = State()
    faults = state.faults
    assert asked(state, "POST", "faults", "close:1011").status == 200
    reply = asked(state, "POST", "faults", ["expire", {"fault": "slow", "ms": 5}])
    wanted = [{"fault": "close", "code": 1011}, {"fault": "expire"}, {"fault": "slow", "ms": 5}]
    assert reply.body == {"faults": wanted}
    assert asked(state, "GET", "faults") == reply
    assert state.faults is faults, "open sessions look at this very list"
    assert asked(state, "DELETE", "faults").body == {"faults": []}


def test_of_a_list_with_a_mistake_nothing_is_taken() -> None:
    state = State()
    reply = asked(state, "POST", "faults", ["expire", "explode"])
    assert reply.status == 400
    assert "unknown fault 'explode'" in reply.body["error"]["message"]
    assert not state.faults


def test_a_scenario_counts_its_sessions_from_the_next_one() -> None:
    state = State(handshakes=4)
    scenario = {
        "turns": [{"answer": "a"}],
        "sessions": [{"turns": [], "faults": ["close:1011"]}],
    }
    assert asked(state, "POST", "scenario", scenario).body == {"turns": 1}
    assert state.faults[0].session == 5
    assert state.script(4) is None
    first, second = state.script(5), state.script(6)
    assert first is not None
    assert second is not None
    assert (len(first.turns), len(second.turns)) == (0, 1)
    assert asked(state, "DELETE", "scenario").status == 200
    assert not state.faults
    assert state.script(6) is None


def test_a_scenario_may_be_yaml_and_its_mistakes_are_told() -> None:
    assert asked(State(), "POST", "scenario", b"turns: [{answer: a}]").body == {"turns": 1}
    reply = asked(State(), "POST", "scenario", b"turns:\n- respond: a")
    assert reply.status == 400
    assert "line 2, 'turns[0].respond'" in reply.body["error"]["message"]


def test_the_clock_is_moved_when_it_is_manual() -> None:
    state = State(has_manual_clock=True)
    assert asked(state, "POST", "clock/advance", {"ms": 1500}).advance_ms == 1500
    for wrong in ({}, {"ms": -1}, {"ms": "1"}, {"ms": True}, {"ms": 1, "s": 1}, [1], 1):
        assert asked(state, "POST", "clock/advance", wrong).status == 400
    assert asked(State(), "POST", "clock/advance", {"ms": 1}).status == 409


def test_sessions_are_told_without_contents_and_the_log_with_them() -> None:
    state = State()
    record = Record(1, "sess_1")
    state.add(record)
    record.on_frame('{"type": "response.create"}')
    record.on_frame(json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA" * 100}))
    record.on_frame(b"\xff\xfe")
    record.on_frame("[1]")
    sessions = asked(state, "GET", "sessions").body
    summary = {"number": 1, "id": "sess_1", "is_open": True, "received": 4, "sent": 0}
    assert sessions == {"sessions": [summary]}
    events = [
        {"type": "response.create"},
        {"type": "input_audio_buffer.append", "audio_bytes": 300},
        {"unreadable_bytes": 2},
        {"unreadable_bytes": 3},
    ]
    assert asked(state, "GET", "log").body == {"sessions": [{**summary, "events": events}]}
    assert asked(state, "GET", "log/1") == asked(state, "GET", "log")
    assert asked(state, "GET", "log/2").status == 404
    assert asked(state, "GET", "log/x").status == 404


def test_only_the_last_sessions_and_events_are_kept() -> None:
    state = State()
    for number in range(KEPT_SESSIONS + 3):
        state.add(Record(number, "s"))
    assert len(state.records) == KEPT_SESSIONS
    assert 0 not in state.records
    record = Record(1, "s")
    for _ in range(KEPT_EVENTS + 3):
        record.on_frame("{}")
    assert (len(record.events), record.received) == (KEPT_EVENTS, KEPT_EVENTS + 3)


@pytest.mark.parametrize(
    ("method", "place", "status"),
    [("GET", "nothing", 404), ("PUT", "faults", 405), ("POST", "clock/stop", 405)],
)
def test_what_there_is_not_is_said(method: str, place: str, status: int) -> None:
    assert asked(State(), method, place).status == status


def test_a_body_that_is_no_json_is_refused() -> None:
    assert asked(State(), "POST", "faults", b"{").status == 400
    assert asked(State(), "POST", "scenario", b"\xff").status == 400


@pytest.mark.parametrize(
    ("place", "body"),
    [("faults", b"[" * 100_000), ("faults", b'{"fault": []}'), ("scenario", b"&a [*a]")],
)
def test_what_cannot_be_read_is_refused_in_words(place: str, body: bytes) -> None:
    assert asked(State(), "POST", place, body).status == 400


def test_the_log_takes_whatever_a_client_sends_and_keeps_no_audio() -> None:
    record = Record(1, "sess_1")
    record.on_frame('{"type": "a", "text": "\\ud800"}')
    record.on_frame("[" * 100_000)
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "a"}
    record.on_frame(json.dumps({"type": "conversation.item.create", "item": {"content": [part]}}))
    item = {"content": [{"type": "input_audio", "audio_bytes": 3, "transcript": "a"}]}
    assert list(record.events) == [
        {"unreadable_bytes": 31},
        {"unreadable_bytes": 100_000},
        {"type": "conversation.item.create", "item": item},
    ]
