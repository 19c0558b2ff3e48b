"""The sequencer between a client that does anything and an engine, with messages in flight."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.two_ends import Caller, World, is_prevented

EXAMPLES = settings.default.max_examples // 4
DETECTIONS: list[Any] = [
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "create_response": False},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "semantic_vad", "eagerness": "high"},
]
END_MS = st.sampled_from([0, 0, 1, 40, 100, 99_999])
BACK = st.integers(0, 3)


def act(name: str, *arguments: Any, **named: Any) -> Any:
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(named))


ACTS = st.one_of(
    act("types", st.sampled_from(["hello", "two calls", "a long story"])),
    act("creates"),
    act("creates"),
    act("creates_with_options"),
    act("creates_out_of_band"),
    act("speaks", st.integers(1, 9), is_live=st.booleans()),
    act("is_quiet", st.integers(1, 9), is_live=st.booleans()),
    act("commits"),
    act("commits"),
    act("clears"),
    act("cancels"),
    act("cancels_the_last"),
    act("truncates", END_MS, BACK),
    act("deletes", BACK),
    act("retrieves", BACK),
    act("answers_calls", st.integers(1, 2)),
    act("detects", st.sampled_from(DETECTIONS)),
    act("sends_as", st.sampled_from(["audio/pcm", "audio/pcmu"])),
)
PLAN = st.lists(st.tuples(ACTS, st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.5])), max_size=30)


def run(seed: int, plan: list[Any], longest_s: float) -> Caller:
    world = World(Random(seed), longest_s=longest_s)
    caller = Caller(world)
    for (name, arguments, named), pause_s in plan:
        getattr(caller, name)(*arguments, **named)
        world.passes(pause_s)
    world.rests()
    return caller


def check(caller: Caller) -> None:
    world = caller.world
    assert not world.prevented(upstream=False)
    assert not caller.unanswered()
    # Nothing else is hidden, changed or put in another order.
    shown = [event for event in world.received if event["type"] != "error"]
    assert shown == [event for event in world.engine.events if event["type"] != "error"]
    hidden = [event for event in world.engine.events if is_prevented(event)]
    assert len(world.received) == len(world.engine.events) - len(hidden)
    # It has come to rest, and is of use.
    begun = len(world.engine.of("response.created"))
    assert begun == len(world.engine.of("response.done"))
    caller.creates_with_options()
    world.rests()
    assert len(world.engine.of("response.created")) == begun + 1


@given(st.integers(0, 2**32), PLAN)
@settings(max_examples=EXAMPLES)
def test_whatever_a_client_does_the_upstream_never_says_one_of_these_errors(
    seed: int, plan: list[Any]
) -> None:
    caller = run(seed, plan, 0.0)
    assert not caller.world.prevented(upstream=True)
    check(caller)


@given(st.integers(0, 2**32), PLAN, st.sampled_from([0.02, 0.2, 1.0]))
@settings(max_examples=EXAMPLES)
def test_whatever_is_in_flight_the_client_never_sees_one_of_these_errors(
    seed: int, plan: list[Any], longest_s: float
) -> None:
    check(run(seed, plan, longest_s))


def test_without_a_sequencer_the_same_client_sees_them() -> None:
    world = World(Random(1), sequencer=False)
    caller = Caller(world)
    caller.creates()
    caller.creates()
    caller.commits()
    world.rests()
    caller.cancels()
    caller.truncates(0)
    assert set(world.prevented(upstream=False)) == {
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "response_cancel_not_active",
        "unsupported_content_type",
    }
