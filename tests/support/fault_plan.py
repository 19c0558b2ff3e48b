"""What goes wrong in a run with lines that break, by its seed."""

import random
from collections.abc import Callable
from dataclasses import replace

from tests.support.fault_peer import LineFault

MOST_EVENTS = 60
"""A fault strikes at the latest after so many events of its connection."""
FATAL = (
    LineFault("close", value=4001),
    LineFault("close", value=1008),
    LineFault("status", value=401),
    LineFault("status", value=404),
    LineFault("status", value=402),
)
"""After these no new connection helps."""


def plan_of(seed: int) -> list[LineFault]:
    """Return the faults of a run, one for each connection in turn; the same for the same seed."""
    rng = random.Random(f"plan {seed}")
    at_door: list[Callable[[], LineFault]] = [
        lambda: LineFault("reset_at_once"),
        lambda: LineFault("silence"),
        lambda: LineFault("mute"),
        lambda: LineFault("half_answer"),
        lambda: LineFault("status", value=rng.choice((408, 429, 429, 500, 502, 503, 504, 529))),
        lambda: LineFault("close_first", value=rng.choice((1001, 1011, 1012, 1013))),
    ]
    in_session: list[Callable[[], LineFault]] = [
        lambda: LineFault("reset", after()),
        lambda: LineFault("cut", after()),
        lambda: LineFault("half_open", after()),
        lambda: LineFault("end", after()),
        lambda: LineFault("close", after(), rng.choice((1001, 1001, 1011, 1011, 1012, 1013))),
        lambda: LineFault("expired", after()),
        lambda: LineFault("down", after(), rng.randint(5, 60)),
        lambda: LineFault("slow", after(), rng.randint(1, 4)),
    ]

    def after() -> int:
        return rng.randint(0, MOST_EVENTS) if rng.random() < 0.8 else rng.randint(0, 3)

    faults: list[LineFault] = []
    for _ in range(rng.randint(1, 6)):
        faults += [rng.choice(at_door)() for _ in range(rng.choice((0, 0, 1, 2)))]
        faults.append(rng.choice(in_session)())
    if seed % 7 == 6:
        faults.append(replace(FATAL[seed // 7 % len(FATAL)], after=after()))
    return faults


def is_fatal(fault: LineFault) -> bool:
    """Whether no new connection can help."""
    return replace(fault, after=0) in FATAL
