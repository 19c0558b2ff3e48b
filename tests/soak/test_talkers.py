"""Ten people talk with a real engine for half an hour, and nothing is left behind.

The engine is a child process with its real senses; the talkers speak in real time, hear the answers
out and pause. Everybody hangs up after two minutes (a twelfth of a short run) and calls again. What
counts is growth from the end of a warm-up to the end, each time with no session open: processes,
descriptors and tasks not at all, memory by less than `MAX_GROWTH_BYTES`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil
from websockets.asyncio.client import connect

from bench.common import percentile
from bench.talk import Line, Room, Talker, Tally, configured, lines
from tests.support.servers import child
from tests.support.waiting import ready_line

TALKERS = 10
LONGEST_CALL_S = 120.0
WARM_UP_SHARE = 1 / 6
"""5 of 30 minutes."""
MAX_GROWTH_BYTES = 16 * 1024 * 1024
LEAST_UNDERSTOOD = 0.9


@dataclass(frozen=True)
class Held:
    """What the engine holds when no session is open."""

    workers: frozenset[int]
    descriptors: int
    threads: int
    tasks: int
    main_bytes: int
    worker_bytes: int


async def measure(engine: psutil.Process, port: int) -> Held:
    """Look when all sessions are freed; whoever counts the tasks is one of them."""
    async with httpx.AsyncClient() as http:
        health = (await http.get(f"http://127.0.0.1:{port}/healthz")).json()
    async with asyncio.timeout(10):
        # Another process: nobody tells us when it is done.
        while any(c.status != psutil.CONN_LISTEN for c in engine.net_connections()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    workers = engine.children()
    return Held(
        workers=frozenset(worker.pid for worker in workers),
        descriptors=engine.num_fds(),
        threads=engine.num_threads(),
        tasks=health["tasks"],
        main_bytes=engine.memory_info().rss,
        worker_bytes=sum(worker.memory_info().rss for worker in workers),
    )


async def call_again_and_again(
    url: str, room: Room, said: Sequence[Line], tally: Tally, seed: int, call_s: float, until: float
) -> None:
    """Hold one conversation after the other, each `call_s` long."""
    while (now := time.perf_counter()) < until:
        async with connect(url, compression=None, max_size=None, proxy=None) as socket:
            await configured(socket)
            await Talker(socket, room, tally, seed=seed).talk(said, min(until, now + call_s))
        seed += TALKERS


async def talk(url: str, room: Room, said: Sequence[Line], seconds: float, call_s: float) -> Tally:
    """Let everybody talk for so long."""
    tally = Tally()
    until = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as tasks:
        for seed in range(TALKERS):
            tasks.create_task(call_again_and_again(url, room, said, tally, seed, call_s, until))
    return tally


async def test_half_an_hour_of_ten_talkers_leaves_nothing_behind(minutes: float) -> None:
    room = Room()
    said = lines(room)
    async with child("-m", "rtclient.engine", "--port", "0") as kid:
        port = (await ready_line(kid))["port"]
        url = f"ws://127.0.0.1:{port}/v1/realtime?model=engine"
        engine = psutil.Process(kid.process.pid)
        # Two calls of everybody: what they need at their longest has been taken then.
        warm_up_s = 60 * minutes * WARM_UP_SHARE
        call_s = min(LONGEST_CALL_S, warm_up_s / 2)
        await talk(url, room, said, warm_up_s, call_s)
        before = await measure(engine, port)
        tally = await talk(url, room, said, 60 * minutes - warm_up_s, call_s)
        after = await measure(engine, port)
    late = tally.latencies_ms
    print(
        f"{minutes:g} min, {tally.turns} turns, {tally.understood} understood, "
        f"{tally.missed} without an answer; first audio beyond the window: median "
        f"{percentile(late, 0.5):.0f}, p95 {percentile(late, 0.95):.0f}, max {max(late):.0f} ms"
        f"\nbefore {before}\nafter  {after}"
    )
    assert tally.troubles == []
    assert tally.missed == 0
    assert tally.understood >= LEAST_UNDERSTOOD * tally.turns
    assert after.workers == before.workers
    assert after.descriptors <= before.descriptors
    assert after.threads <= before.threads
    assert after.tasks <= before.tasks
    assert after.main_bytes - before.main_bytes <= MAX_GROWTH_BYTES
    assert after.worker_bytes - before.worker_bytes <= MAX_GROWTH_BYTES
