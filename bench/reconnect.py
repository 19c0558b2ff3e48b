"""How long is a program without a session when its connection breaks?

`python -m bench.reconnect [--trials 200] [--quick]`

A client with its default policy holds a conversation of 12 items with a small honest service on
real sockets. Then the line breaks in one of the ways below. At the same moment the program sends an
item; the clock stops when the server's confirmation of it has arrived, so dial, settings, the 12
items and the item that was held are all in the figure. Afterwards the new session must hold exactly
the 13 items.

`refused for 1 s` is a server that restarts: its figure holds the second. `half-open` is a line on
which nothing comes and goes any more: only the pings find out (`ClientOptions`, 10 s and 8 s), so
it is told, not judged.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass

from bench.common import TimerLag, head, judge, percentile, until_quiet
from rtclient.endpoints import Endpoint
from rtclient.low_level_client import RTLowLevelClient
from tests.support.fault_peer import FaultyService, LineFault
from tests.support.fault_program import LowLevelProgram

ITEMS = 12
EVENTS = 1 + 2 * ITEMS
"""What the service sends until they are all confirmed: the greeting, and two for each."""
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Way:
    """A way for a line to break."""

    name: str
    fault: LineFault
    most_p95_s: float | None
    """None: told, not judged."""
    at_once: int = 1
    """Where a trial mostly waits, several do so at the same time."""
    share: float = 1.0
    """Of the trials."""


WAYS = (
    Way("reset", LineFault("reset", EVENTS), 0.25),
    Way("cut in the middle of a frame", LineFault("cut", EVENTS), 0.25),
    Way("closed with 1001", LineFault("close", EVENTS, 1001), 0.25),
    Way("closed with 1011", LineFault("close", EVENTS, 1011), 0.25),
    Way("session expired", LineFault("expired", EVENTS), 0.25),
    Way("refused for 1 s", LineFault("down", EVENTS, 1000), 5.0, at_once=20),
    Way("half-open", LineFault("half_open", EVENTS), None, at_once=10, share=0.1),
)


async def recovery_s(way: Way, seed: int) -> float:
    """Return the seconds from the break to the confirmation of an item sent at the break."""
    async with FaultyService([way.fault]) as service:
        endpoint = Endpoint(url=service.url, kind="openai", label="the service")
        program = LowLevelProgram(RTLowLevelClient.to(endpoint), seed, limit_s=LIMIT_S)
        await program.connect()
        for _ in range(ITEMS):
            await program.say()
        await program.limited(service.broke.wait(), "the break")
        await program.limited(program.say(), "the recovery")
        elapsed_s = asyncio.get_running_loop().time() - service.breaks_s[0]
        held = list(service.sessions[-1].items)
        assert held == list(program.book.kept), "the new session holds something else"
        await program.close()
    return elapsed_s


async def measure(trials: int) -> tuple[float, int]:
    """Measure all ways once; returns the own timer's lag and the exit code."""
    figures = []
    async with TimerLag() as lag:
        for way in WAYS:
            count = max(2, round(trials * way.share))
            times: list[float] = []
            for first in range(0, count, way.at_once):
                seeds = range(first, min(count, first + way.at_once))
                times += await asyncio.gather(*(recovery_s(way, seed) for seed in seeds))
            p50, p95 = percentile(times, 0.5) * 1000, percentile(times, 0.95) * 1000
            print(f"  {way.name}: p50 {p50:.0f}, p95 {p95:.0f} ms, slowest {max(times):.2f} s")
            if way.most_p95_s is not None:
                figures.append((f"{way.name}, p95", p95, way.most_p95_s * 1000, "ms"))
    return lag.p95_ms, judge(figures)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=200, help="of each way to break")
    parser.add_argument("--quick", action="store_true", help="20 trials")
    options = parser.parse_args()
    trials = 20 if options.quick else options.trials
    head(f"From a broken line to a working session of {ITEMS} items: {trials} times each way")
    return asyncio.run(until_quiet(lambda: measure(trials)))


if __name__ == "__main__":
    sys.exit(main())
