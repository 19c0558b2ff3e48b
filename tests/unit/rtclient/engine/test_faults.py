"""Faults as text and as JSON say the same, and what is wrong with one is said in full."""

from typing import Any

import pytest

from rtclient.engine.faults import FaultError, PlannedFault, error_of, parse

DELTA = "response.output_audio.delta"
BOTH: list[tuple[str, dict[str, Any]]] = [
    ("fail", {"fault": "fail"}),
    ("fail:server_error", {"fault": "fail", "code": "server_error"}),
    (
        f"fail:rate_limit_exceeded:1.5@{DELTA}#2",
        {
            "fault": "fail",
            "code": "rate_limit_exceeded",
            "seconds": 1.5,
            "event": DELTA,
            "number": 2,
        },
    ),
    ("expire@response.done", {"fault": "expire", "event": "response.done"}),
    ("close:1006", {"fault": "close", "code": 1006}),
    (
        f"close:4000:too: late, @ last@{DELTA}",
        {"fault": "close", "code": 4000, "reason": "too: late, @ last", "event": DELTA},
    ),
    ("stall", {"fault": "stall"}),
    ("stall:2@session=3", {"fault": "stall", "seconds": 2.0, "session": 3}),
    (
        "half_open@response.created,response=2",
        {"fault": "half_open", "event": "response.created", "response": 2},
    ),
    ("slow:20", {"fault": "slow", "ms": 20}),
    ("slow:20-60@p=0.5", {"fault": "slow", "ms": [20, 60], "probability": 0.5}),
    ("duplicate_transcript@turn=2", {"fault": "duplicate_transcript", "turn": 2}),
    ("late_transcript", {"fault": "late_transcript"}),
    ("late_transcript:300@once", {"fault": "late_transcript", "ms": 300, "once": True}),
    ("unknown_events", {"fault": "unknown_events"}),
    (
        "unknown_events:response.smell.delta@response.*",
        {"fault": "unknown_events", "type": "response.smell.delta", "event": "response.*"},
    ),
    ("unknown_fields@#3", {"fault": "unknown_fields", "number": 3}),
    (
        "refuse:429:2@session=1",
        {"fault": "refuse", "status": 429, "seconds": 2.0, "session": 1},
    ),
]


@pytest.mark.parametrize(("text", "value"), BOTH)
def test_both_forms_say_the_same(text: str, value: dict[str, Any]) -> None:
    assert parse(text) == parse(value)
    assert parse(text).to_dict() == value


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("explode", "unknown fault 'explode'; known: fail, expire"),
        ("", "unknown fault ''"),
        ("stall:1:2", "too many arguments; it is 'stall:SECONDS'"),
        ("expire:1", "too many arguments; it is 'expire'"),
        ("close", "'close' needs 'code', such as close:1011"),
        ("close:1005", "no server can close with 1005"),
        ("close:soon", "no server can close with 'soon'"),
        ("close:1011:" + "x" * 124, "at most 123 bytes"),
        ("slow", "'slow' needs 'ms'"),
        ("slow:fast", "'fast' is not a number"),
        ("slow:60-20", "two of them in order"),
        ("slow:86400001", "0 to 86400000 milliseconds"),
        ("refuse:200", "400 to 599"),
        ("refuse:503@turn=1", "a handshake has no turns"),
        ("fail@", "after '@' stands an event"),
        ("fail@response.smelled", "no server event is called 'response.smelled'"),
        ("fail:rate_limit_exceeded:2,response=1", "conditions stand after '@'"),
        ("fail:server_error,once", "conditions stand after '@'"),
        ("fail:server error", "'code' is a name"),
        ("fail@turn=0", "'turn' counts from 1"),
        ("fail@round=1", "unknown condition 'round='; known: session="),
        ("fail@turn=1,response.done", "'response.done' is no condition"),
        ("fail@p=2", "a chance is 0.0 to 1.0"),
        ("fail@response.created#x", "'x' is not a number"),
        ("late_transcript@response.done", "strikes at its own event"),
        ("unknown_events:response.done", "clients know 'response.done' already"),
        ({"fault": "stall", "code": 1}, "'stall' has no 'code'; it has: event, number"),
        ({"fault": "stall", "seconds": True}, "'seconds' is a number of seconds, not True"),
        ({"fault": "fail", "once": 1}, "'once' is true or false"),
        ({"fault": "fail", "code": 3}, "'code' is a name"),
        (7, "A fault is a text"),
    ],
)
def test_what_is_wrong_is_said(given: Any, complaint: str) -> None:
    with pytest.raises(FaultError) as raised:
        parse(given)
    assert complaint in str(raised.value)


def test_a_rate_limit_says_when_to_try_again() -> None:
    error = error_of(parse("fail:rate_limit_exceeded:2.5"))
    assert (error.code, error.type) == ("rate_limit_exceeded", "tokens")
    assert "try again in 2.5s" in error.message


def test_other_errors_have_their_code() -> None:
    assert error_of(PlannedFault("fail")).code == "server_error"
    assert error_of(parse("fail:overloaded")).code == "overloaded"
