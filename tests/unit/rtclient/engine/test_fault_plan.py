"""What becomes of the actions of a core under faults."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from rtclient.engine.actions import Broken, Close, Emit, Expired, Stop, WakeAt
from rtclient.engine.fault_plan import Abort, Deafen, FaultPlan, Feed, Step, refusal
from rtclient.engine.faults import FUTURE_EVENT, FUTURE_FIELD, PlannedFault, Refused, parse

DELTA = "response.output_audio.delta"
HEARD = "conversation.item.input_audio_transcription"


def event(kind: str, **fields: Any) -> Emit:
    return Emit({"type": kind, "event_id": "e", **fields})


def user_item(item_id: str) -> Emit:
    return event("conversation.item.added", item={"id": item_id, "role": "user"})


def transcript(item_id: str, end: str = "completed") -> Emit:
    return event(f"{HEARD}.{end}", item_id=item_id)


class Playing:
    """A plan with what it needs; chance goes through the given numbers again and again."""

    def __init__(self, *faults: str, session: int = 1, chances: Sequence[float] = (0.5,)) -> None:
        self.faults: list[PlannedFault] = [parse(text) for text in faults]
        numbers = itertools.count(1)
        self.plan = FaultPlan(
            self.faults,
            session=session,
            chance=itertools.cycle(chances).__next__,
            new_id=lambda prefix: f"{prefix}_{next(numbers)}",
            spend=self.faults.remove,
        )

    def play(self, *emits: Emit, now: float = 0.0) -> list[Step]:
        return self.plan.apply(list(emits), now)


def shown(steps: Sequence[Step]) -> list[str]:
    """Steps as words: event types, and the names of the others."""
    return [s.event["type"] if isinstance(s, Emit) else type(s).__name__ for s in steps]


def test_without_faults_everything_goes_through() -> None:
    actions = [event(DELTA), WakeAt(1.0), Close(1001, "")]
    assert Playing().plan.apply(list(actions), 0) == actions


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("close:1011:bye@response.created", Close(1011, "bye")),
        ("close:1006@response.created", Abort()),
        ("half_open@response.created", Deafen()),
    ],
)
def test_after_the_end_nothing_goes_out(text: str, last: Step) -> None:
    play = Playing(text)
    steps = play.play(event("response.created"), event(DELTA))
    assert steps == [event("response.created"), last]
    assert play.plan.apply([event(DELTA), Stop("w")], 1) == [Stop("w")]


def test_who_is_deaf_is_let_go_when_the_session_ends() -> None:
    play = Playing("half_open")
    play.play(event("session.created"))
    assert play.plan.apply([event("error"), Close(1001, "")], 9) == [Abort()]


def test_a_response_fails_after_its_event() -> None:
    steps = Playing("fail:server_error@response.output_audio.delta#2").play(
        event(DELTA), event(DELTA), event(DELTA)
    )
    assert shown(steps) == [DELTA, DELTA, "Feed", DELTA]
    assert isinstance(steps[2], Feed)
    assert isinstance(steps[2].happened, Broken)


def test_a_session_expires() -> None:
    assert Playing("expire").play(event("session.created"))[1] == Feed(Expired())


def test_a_stall_holds_back_and_then_lets_go_in_order() -> None:
    play = Playing("stall:2@response.created")
    assert shown(play.play(event("response.created"), event(DELTA))) == ["response.created"]
    assert play.play(event("response.done"), now=1) == []
    assert play.plan.next_due() == 2
    assert play.plan.on_time(1.9) == []
    assert shown(play.plan.on_time(2)) == [DELTA, "response.done"]
    assert shown(play.play(event("error"), now=3)) == ["error"]


def test_a_stall_for_good_still_ends_with_the_session() -> None:
    play = Playing("stall@response.created")
    assert shown(play.play(event("response.created"), event(DELTA))) == ["response.created"]
    assert play.plan.next_due() is None
    assert play.plan.apply([event("error"), Close(1001, "over")], 1e5) == [Close(1001, "over")]


def test_slow_events_keep_their_order_and_the_close_comes_last() -> None:
    play = Playing("slow:100-300", chances=(0.5, 0.0))
    assert play.play(event("session.created"), event("error")) == []
    assert play.plan.apply([Close(1001, "")], 0.1) == []
    assert play.plan.next_due() == 0.2
    assert shown(play.plan.on_time(0.2)) == ["session.created", "error", "Close"]


def test_a_transcript_may_come_twice() -> None:
    first, second = Playing("duplicate_transcript").play(transcript("a"))
    assert isinstance(first, Emit)
    assert isinstance(second, Emit)
    assert first.event["event_id"] != second.event["event_id"]
    assert first.event["item_id"] == second.event["item_id"]


def test_a_transcript_may_come_after_the_response() -> None:
    play = Playing("late_transcript@turn=2")
    assert len(play.play(user_item("a"), transcript("a", "delta"), transcript("a"))) == 3
    steps = play.play(
        user_item("b"), transcript("b", "delta"), event("response.created"), transcript("b")
    )
    assert shown(steps) == ["conversation.item.added", "response.created"]
    assert shown(play.play(event("response.done"))) == [
        "response.done",
        f"{HEARD}.delta",
        f"{HEARD}.completed",
    ]


def test_a_transcript_may_come_late_by_the_clock() -> None:
    play = Playing("late_transcript:500")
    assert play.play(transcript("a"), now=1) == []
    assert shown(play.play(event(DELTA), now=1.2)) == [DELTA]
    assert play.plan.next_due() == 1.5
    assert shown(play.plan.on_time(1.5)) == [f"{HEARD}.completed"]


def test_unknown_events_and_fields() -> None:
    steps = Playing("unknown_events", "unknown_fields").play(
        event("response.created", response={"id": "r"})
    )
    assert shown(steps) == ["response.created", FUTURE_EVENT]
    assert isinstance(steps[0], Emit)
    assert FUTURE_FIELD in steps[0].event
    assert FUTURE_FIELD in steps[0].event["response"]
    assert steps[0].event["response"]["id"] == "r"


def test_conditions_all_have_to_hold() -> None:
    play = Playing(f"unknown_events@{DELTA}#2,session=1,turn=2,response=1")
    for emit in (user_item("a"), event("response.created"), event(DELTA), event(DELTA)):
        assert len(play.play(emit)) == 1
    for emit in (event("input_audio_buffer.speech_started", item_id="b"), event(DELTA)):
        assert len(play.play(emit)) == 1
    assert len(play.play(event("input_audio_buffer.committed", item_id="b"))) == 1
    assert len(play.play(user_item("b"))) == 1
    assert shown(play.play(event(DELTA), event(DELTA))) == [DELTA, FUTURE_EVENT, DELTA]
    other = Playing("unknown_events@session=1", session=2)
    assert len(other.play(event(DELTA))) == 1


def test_chance_decides_with_the_given_odds() -> None:
    play = Playing(f"unknown_events@{DELTA},p=0.3", chances=(0.1, 0.3, 0.9))
    assert [len(play.play(event(DELTA))) for _ in range(6)] == [2, 1, 1, 2, 1, 1]


def test_once_is_once() -> None:
    play = Playing("unknown_events@once")
    assert [len(play.play(event(DELTA))) for _ in range(3)] == [2, 1, 1]
    assert play.faults == []


def test_faults_may_be_added_and_ended_while_the_session_lasts() -> None:
    play = Playing()
    assert len(play.play(user_item("a"))) == 1
    play.faults.append(parse("unknown_events@turn=1"))
    assert len(play.play(event(DELTA))) == 2
    play.faults.clear()
    assert len(play.play(event(DELTA))) == 1


def test_handshakes_are_refused_by_number_or_chance() -> None:
    faults = [parse("refuse:429:2@session=1"), parse("refuse:503@p=0.5,session=3,once")]

    def asked(number: int, chance: float) -> Refused | None:
        return refusal(faults, number, lambda: chance, faults.remove)

    assert asked(1, 0.9) == Refused(429, 2.0)
    assert asked(2, 0.0) is None
    assert asked(3, 0.9) is None
    assert asked(3, 0.1) == Refused(503, None)
    assert len(faults) == 1


def test_a_fault_that_comes_later_begins_to_count_anew() -> None:
    playing = Playing()
    for _ in range(100):  # a new value soon lives where an old one lived
        playing.faults[:] = [parse(f"close:1011@{DELTA}#3")]
        assert shown(playing.play(event(DELTA), event(DELTA))) == [DELTA, DELTA]
