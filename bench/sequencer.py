"""Does the sequencer keep simple clients out of trouble?

`python -m bench.sequencer [--runs 10000] [--seed 1] [--quick]`

What programs do that their authors did not mean (below, `HABITS`), in random order, mixed and at
random moments, against the engine's own core: with the sequencer and without, with messages that
arrive at once and with messages in flight for up to 150 ms each way. No sockets, no waiting: the
clock is moved by hand.

With the sequencer the upstream must never say one of the errors when messages take no time, and no
client may ever see one; each habit alone must get as many answers as it should. Without it the same
runs must show the errors, or they prove nothing.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.common import SHORT, VOID, head
from tests.support.two_ends import Caller, World

IN_FLIGHT_S = 0.15
MANUAL = None
VAD = {"type": "server_vad", "silence_duration_ms": 500}
UNANSWERED_VAD = {"type": "server_vad", "create_response": False}
LATE_MS = (0, 1, 40, 300, 99_999)

Step = tuple[float, Callable[[Caller], None]]
"""A pause in seconds, and then what is done."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that programs do."""

    name: str
    steps: Callable[[Random], list[Step]]
    answers: int
    """Responses that it should get when nothing else happens."""
    detection: dict[str, Any] | None = field(default_factory=lambda: VAD)
    """How turns are ended."""


def _speech(
    random: Random, *, most_silence: int = 12, every: int = 0, creates: bool = False
) -> list[Step]:
    """A spoken turn from a live microphone, with a commit after `every` so many pieces."""
    voice, silence = random.randint(4, 20), random.randint(0, most_silence)
    steps: list[Step] = []
    for at in range(voice + silence):
        is_voice = at < voice
        steps.append((0.0, lambda c, v=is_voice: c.speaks(1) if v else c.is_quiet(1)))  # type: ignore[misc]
        if every and at % every == every - 1:
            steps.append((0.0, Caller.commits))
            if creates:
                steps.append((0.0, Caller.creates))
    return steps


def _stop_button(random: Random) -> list[Step]:
    return [*_speech(random), (0.0, Caller.commits), (0.0, Caller.creates)]


def _every_8_chunks(random: Random) -> list[Step]:
    # The microphone stays open, so that the turn ends by itself.
    quiet: Step = (0.0, lambda caller: caller.is_quiet(8))
    return [*_speech(random, every=8), quiet, (0.0, Caller.commits)]


def _every_8_chunks_create(random: Random) -> list[Step]:
    quiet: Step = (0.0, lambda caller: caller.is_quiet(8))
    return [*_speech(random, every=8, creates=True), quiet]


def _file(random: Random) -> list[Step]:
    voice, silence = random.randint(4, 20), random.choice((0, 0, 8))
    return [
        (0.0, lambda caller: caller.speaks(voice, is_live=False)),
        (0.0, lambda caller: caller.is_quiet(silence, is_live=False)),
        (0.0, Caller.commits),
        (0.0, Caller.creates),
    ]


def _hold_to_talk(random: Random) -> list[Step]:
    voice = random.choice((0, 0, 6, 12))
    return [
        (0.0, Caller.clears),
        (0.0, lambda caller: caller.speaks(voice)),
        (0.0, Caller.commits),
        (0.0, Caller.creates),
    ]


def _create_when_heard(random: Random) -> list[Step]:
    return [*_speech(random, most_silence=0), (0.0, Caller.creates_when_heard)]


def _typed(words: str = "hello") -> Step:
    return (0.0, lambda caller: caller.types(words))


def _double_create(random: Random) -> list[Step]:
    return [_typed(), (0.0, Caller.creates), (random.choice((0.0, 0.05)), Caller.creates)]


def _cancel_late(random: Random) -> list[Step]:
    pause_s = random.choice((0.0, 0.1, 1.0, 30.0))
    return [
        _typed("a long story"),
        (0.0, Caller.creates),
        (pause_s, Caller.cancels),
        (0.0, Caller.cancels),
        (0.0, Caller.cancels_the_last),
    ]


def _truncate(random: Random) -> list[Step]:
    cuts = [(random.choice(LATE_MS), random.randint(0, 2)) for _ in range(3)]
    return [
        _typed("a long story"),
        (0.0, Caller.creates),
        *((random.choice((0.0, 0.2, 1.0)), lambda c, cut=cut: c.truncates(*cut)) for cut in cuts),
    ]


def _tool_outputs(random: Random) -> list[Step]:
    return [
        _typed("two calls"),
        (0.0, Caller.creates),
        (random.choice((1.5, 3.0)), lambda caller: caller.answers_calls(1)),
        (random.choice((0.0, 0.2, 1.0)), lambda caller: caller.answers_calls(1)),
    ]


HABITS = (
    Habit("commit + create when the microphone stops", _stop_button, 1),
    Habit("commit every 8 chunks", _every_8_chunks, 1),
    Habit("commit + create every 8 chunks", _every_8_chunks_create, 1),
    Habit("a file at once, commit + create", _file, 1),
    Habit("create when speech has stopped", _create_when_heard, 1),
    Habit("empty or short push-to-talk", _hold_to_talk, 1, MANUAL),
    Habit("two creates", _double_create, 2, MANUAL),
    Habit("cancel when all is done", _cancel_late, 1, MANUAL),
    Habit("truncate too much, nothing or something else", _truncate, 1, MANUAL),
    Habit("tool outputs, a create after each", _tool_outputs, 2, MANUAL),
)


def play(
    habits: Sequence[Habit], seed: int, *, longest_s: float, sequencer: bool
) -> tuple[World, int]:
    """Mix the habits' steps in a random order and do them; return the world and its answers."""
    random = Random(seed)
    world = World(Random(seed), longest_s=longest_s, sequencer=sequencer)
    caller = Caller(world)
    caller.detects(random.choice(habits).detection)
    world.passes(2 * longest_s + 0.01)
    rows = [habit.steps(random) for habit in habits]
    while rows := [row for row in rows if row]:
        pause_s, step = random.choice(rows).pop(0)
        world.passes(pause_s)
        step(caller)
    world.rests()
    answers = world.engine.of("response.created")
    return world, len(answers)


@dataclass(slots=True)
class Tally:
    """What came of many runs."""

    said: Counter[str] = field(default_factory=Counter)
    """Errors of the upstream, by code."""
    seen: Counter[str] = field(default_factory=Counter)
    """Errors that reached the client."""

    def add(self, world: World) -> None:
        """Count one run."""
        self.said += world.prevented(upstream=True)
        self.seen += world.prevented(upstream=False)


def mixed(runs: int, seed: int, *, longest_s: float, sequencer: bool) -> Tally:
    """Play `runs` random mixtures of up to four habits."""
    tally = Tally()
    for number in range(runs):
        chosen = Random(seed + number).choices(HABITS, k=1 + number % 4)
        world, _ = play(chosen, seed + number, longest_s=longest_s, sequencer=sequencer)
        tally.add(world)
    return tally


def alone(runs: int, seed: int, habit: Habit, *, longest_s: float, sequencer: bool) -> Counter[int]:
    """Play one habit `runs` times; return how often it had how many answers."""
    return Counter(
        play([habit], seed + number, longest_s=longest_s, sequencer=sequencer)[1]
        for number in range(runs)
    )


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="300 runs")
    options = parser.parse_args()
    runs = 300 if options.quick else options.runs
    head(f"Sequencer: {runs} random interleavings of {len(HABITS)} habits, four times")
    began = time.perf_counter()

    ways = [(0.0, True), (0.0, False), (IN_FLIGHT_S, True), (IN_FLIGHT_S, False)]
    tallies = {
        (longest_s, sequencer): mixed(runs, options.seed, longest_s=longest_s, sequencer=sequencer)
        for longest_s, sequencer in ways
    }
    codes = sorted({code for tally in tallies.values() for code in tally.said})
    print(f"\n{'errors':45}{'at once':^24}{'in flight':^36}")
    print(f"{'':45}{'off':>12}{'on':>12}{'off':>12}{'on, said':>12}{'on, seen':>12}")
    for code in codes:
        away = tallies[IN_FLIGHT_S, True]
        counts = [tallies[way].said[code] for way in ways[1::-1] + ways[:1:-1]]
        print(f"{code:45}" + "".join(f"{count:>12}" for count in [*counts, away.seen[code]]))

    each = max(20, runs // 20)
    print(f"\nanswers to a habit alone, share of {each} runs (on, then off)")
    is_right = True
    for habit in HABITS:
        on, off, late = (
            alone(each, options.seed, habit, longest_s=longest_s, sequencer=sequencer)
            for longest_s, sequencer in ways[:3]
        )
        is_right &= set(on) == {habit.answers}
        print(f"{habit.name:46}should be {habit.answers}")
        print(f"    at once: {_shown(on)}; in flight: {_shown(late)}; without: {_shown(off)}")

    print(f"\n{time.perf_counter() - began:.0f} s")
    if not tallies[0.0, False].seen or not tallies[IN_FLIGHT_S, False].seen:
        print("Without the sequencer there was no error: this proves nothing.")
        return VOID
    is_silent = not tallies[0.0, True].said and not tallies[IN_FLIGHT_S, True].seen
    print("ok" if is_silent and is_right else "MISSED")
    return 0 if is_silent and is_right else SHORT


def _shown(counts: Counter[int]) -> str:
    total = counts.total()
    return ", ".join(f"{n}: {counts[n] * 100 // total} %" for n in sorted(counts))


if __name__ == "__main__":
    sys.exit(main())
