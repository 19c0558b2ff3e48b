"""How many open microphones in quiet rooms does one engine carry?

`python -m bench.microphones [--microphones 100] [--seconds 30] [--quick]`

A real `rtclient engine` child process; its loop runs on one core, so what it carries, a core
carries. Every microphone sends 25 batches a second in real time and nobody speaks: first into
rooms with noise at -50 dBFS, which the model has to judge frame by frame, then digital silence,
which it has not. The engine's loop is asked how late it is by pings on one more connection, every
20 ms; what this process adds to their way is in the figure. Memory is the main process's growth
from none to all sessions, after the first room.
"""

import argparse
import asyncio
import contextlib
import math
import time
from collections import Counter

import psutil
from websockets.asyncio.client import ClientConnection, connect

from bench.common import SHORT, TimerLag, head, judge, percentile, start_module, until_quiet
from bench.talk import Microphone, Room, configured, kind_of

ROOMS = (("noise at -50 dBFS", -50.0), ("digital silence", -math.inf))
CPU_CORES, LAG_P99_MS = 1.0, 50.0


async def listen(socket: ClientConnection, starts: Counter[str]) -> None:
    """Count every event that a quiet room should not cause."""
    async for text in socket:
        starts[kind_of(str(text))] += 1


async def ping(socket: ClientConnection, lags_ms: list[float]) -> None:
    """Measure the way to the engine's loop and back, again and again."""
    while True:
        begun = time.perf_counter()
        await (await socket.ping())
        lags_ms.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(0.02)


async def one_room(
    sockets: list[ClientConnection], probe: ClientConnection, room: Room, seconds: float
) -> list[float]:
    """Keep all microphones open for some seconds; return the lags in ms."""
    lags_ms: list[float] = []
    tasks: list[asyncio.Task[None]] = []
    for number, socket in enumerate(sockets):
        tasks.append(asyncio.create_task(Microphone(socket, room).run()))
        if number % 10 == 9:  # not all of them in the same millisecond
            await asyncio.sleep(0.004)
    tasks.append(asyncio.create_task(ping(probe, lags_ms)))
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    broken = [r for r in results if not isinstance(r, asyncio.CancelledError)]
    if broken:
        raise SystemExit(f"{len(broken)} microphones broke: {broken[0]!r}")
    return lags_ms


async def measure(options: argparse.Namespace) -> tuple[float, int]:
    """One run: (own timer lag p95 in ms, exit code)."""
    code = 0
    async with contextlib.AsyncExitStack() as stack:
        most = str(options.microphones + 1)
        engine = await start_module(
            *("rtclient.engine", "--port", "0", "--watch-stdin", "--max-sessions", most)
        )
        stack.push_async_callback(engine.stop)
        url = f"ws://127.0.0.1:{engine.ready['port']}/v1/realtime?model=engine"
        main = psutil.Process(engine.process.pid)
        empty_bytes = main.memory_info().rss
        sockets = [
            await stack.enter_async_context(connect(url, compression=None, proxy=None))
            for _ in range(options.microphones + 1)
        ]
        starts: Counter[str] = Counter()
        for socket in sockets:
            await configured(socket)
        listening = [asyncio.create_task(listen(socket, starts)) for socket in sockets]
        lag = await stack.enter_async_context(TimerLag())
        grown_kib = math.nan
        for name, dbfs in ROOMS:
            times, own = main.cpu_times(), time.process_time()
            begun = time.perf_counter()
            lags_ms = await one_room(sockets[1:], sockets[0], Room(dbfs), options.seconds)
            wall_s = time.perf_counter() - begun
            after = main.cpu_times()
            cpu = (after.user + after.system - times.user - times.system) / wall_s
            print(
                f"  {name}: {options.microphones} microphones, {wall_s:.0f} s, CPU in cores: "
                f"engine {cpu:.2f}, microphones {(time.process_time() - own) / wall_s:.2f}; "
                f"loop lag median {percentile(lags_ms, 0.5):.1f} ms"
            )
            if math.isnan(grown_kib):
                grown_kib = (main.memory_info().rss - empty_bytes) / len(sockets) / 1024
                print(f"  memory per session: {grown_kib:.0f} KiB")
            figures = [
                (f"{name}: CPU", cpu, CPU_CORES, "cores"),
                (f"{name}: loop lag, p99", percentile(lags_ms, 0.99), LAG_P99_MS, "ms"),
                (f"{name}: false starts", starts.total(), 0, "events"),
            ]
            code = max(code, judge(figures))
            if any(task.done() for task in listening):
                print("  a session ended on its own")
                code = SHORT
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return lag.p95_ms, code


async def main(options: argparse.Namespace) -> int:
    """Measure until the machine was quiet enough."""
    head(f"Open microphones: {options.microphones}, {options.seconds:g} s in each room")
    return await until_quiet(lambda: measure(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--microphones", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--quick", action="store_true", help="5 s in each room")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds = 5.0
    raise SystemExit(asyncio.run(main(chosen)))
