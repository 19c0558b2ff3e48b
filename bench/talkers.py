"""How many people can talk with one engine at the same time?

`python -m bench.talkers [--talkers 10] [--seconds 60] [--ear-workers N] [--back-to-back] [--quick]`

A real `rtclient engine` child process; the talkers run in this process, on the same cores. By
default there are 5 of them for each core. A talker says a phrase of about 2 s (flite, in real
time, over a noise floor of -72 dBFS), hears the answer out, pauses 0.8 to 2.0 s and says the next:
the talk share (speech over time) is printed. `--back-to-back`: the next phrase begins as soon as
the answer has been received, so nobody ever listens or pauses; its figures are told, not judged.

Latency = arrival of the first audio delta − end of the speech − silence window, as in
bench/latency.py. Memory is the engine's main process, before and with all sessions. A run in which
other programs used more than a third of a core is void.
"""

import argparse
import asyncio
import contextlib
import os
import time

import psutil
from websockets.asyncio.client import connect

from bench.common import (
    SHORT,
    VOID,
    Child,
    TimerLag,
    head,
    judge,
    percentile,
    start_module,
    until_quiet,
)
from bench.talk import Room, Talker, Tally, configured, lines

PER_CORE = 5
P95_MS = 600.0
LEAST_UNDERSTOOD = 0.9
MOST_OTHERS_CORES = 0.3
"""More CPU than this used by other programs, and the run proves nothing."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_cpu_s() -> float:
    """CPU seconds so far of everything that runs on this machine."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def cpu_s(engine: Child) -> tuple[float, float]:
    """CPU seconds so far of the engine's main process, and of its workers."""
    main = psutil.Process(engine.process.pid).cpu_times()
    own = main.user + main.system
    return own, engine.cpu_s() - own


async def measure(options: argparse.Namespace) -> tuple[float, int]:
    """One run: (own timer lag p95 in ms, exit code)."""
    room = Room()
    said = lines(room)
    tally = Tally()
    async with contextlib.AsyncExitStack() as stack:
        most = str(options.talkers)
        workers = ("--ear-workers", str(options.ear_workers)) if options.ear_workers else ()
        engine = await start_module(
            *("rtclient.engine", "--port", "0", "--watch-stdin", "--max-sessions", most), *workers
        )
        stack.push_async_callback(engine.stop)
        main = psutil.Process(engine.process.pid)
        print(f"  senses: {engine.ready['senses']}")
        empty_bytes = main.memory_info().rss
        url = f"ws://127.0.0.1:{engine.ready['port']}/v1/realtime?model=engine"
        sockets = [
            await stack.enter_async_context(
                connect(url, compression=None, max_size=None, proxy=None)
            )
            for _ in range(options.talkers)
        ]
        await asyncio.gather(*(configured(socket) for socket in sockets))
        lag = await stack.enter_async_context(TimerLag())
        before, own_before, begun = cpu_s(engine), time.process_time(), time.perf_counter()
        all_before = machine_cpu_s()
        async with asyncio.TaskGroup() as group:
            for seed, socket in enumerate(sockets):
                talker = Talker(socket, room, tally, seed=seed, patient=not options.back_to_back)
                group.create_task(talker.talk(said, begun + options.seconds))
        wall_s = time.perf_counter() - begun
        shares = [(a - b) / wall_s for a, b in zip(cpu_s(engine), before, strict=True)]
        own = (time.process_time() - own_before) / wall_s
        others = (machine_cpu_s() - all_before) / wall_s - sum(shares) - own
        grown = (main.memory_info().rss - empty_bytes) / options.talkers / 1024
        print(
            f"  {options.talkers} talkers, {wall_s:.0f} s, {tally.turns} turns, talk share "
            f"{tally.spoken_s / wall_s / options.talkers:.0%}; CPU in cores: main {shares[0]:.2f}, "
            f"{len(main.children())} workers {shares[1]:.2f}, talkers {own:.2f}; "
            f"{grown:.0f} KiB per session, "
            f"{engine.memory_bytes() / 2**20:.0f} MiB in all"
        )
        code = report(tally, is_judged=not options.back_to_back)
        if others > MOST_OTHERS_CORES:
            print(f"  void: other programs used {others:.2f} cores meanwhile")
            code = VOID
        return lag.p95_ms, code


def report(tally: Tally, *, is_judged: bool) -> int:
    """Print the figures; return the exit code."""
    late = tally.latencies_ms
    understood = tally.understood / max(1, tally.turns)
    print(
        f"  first audio beyond the window: median {percentile(late, 0.5):.0f}, "
        f"p90 {percentile(late, 0.9):.0f}, max {max(late, default=0):.0f} ms; "
        f"{understood:.1%} understood word for word, {tally.missed} without an answer"
    )
    for trouble in sorted(set(tally.troubles)):
        print(f"  {tally.troubles.count(trouble)} × {trouble}")
    if not is_judged:
        print(f"  p95 {percentile(late, 0.95):.0f} ms")
        return 0
    code = judge(
        [
            ("first audio, p95", percentile(late, 0.95), P95_MS, "ms"),
            ("turns without an answer", tally.missed, 0, "turns"),
            ("not understood", 100 * (1 - understood), 100 * (1 - LEAST_UNDERSTOOD), "%"),
        ]
    )
    return SHORT if tally.troubles else code


async def main(options: argparse.Namespace) -> int:
    """Measure until the machine was quiet enough."""
    kind = "back to back" if options.back_to_back else "in conversation"
    head(f"Talkers: {options.talkers} {kind} for {options.seconds:g} s")
    return await until_quiet(lambda: measure(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--talkers", type=int, default=PER_CORE * cores())
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--ear-workers", type=int, help="as of the engine")
    parser.add_argument("--back-to-back", action="store_true", help="nobody listens or pauses")
    parser.add_argument("--quick", action="store_true", help="20 s")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds = 20.0
    raise SystemExit(asyncio.run(main(chosen)))
