"""Does the relay carry 100 talking sessions on one core and change not a byte?

`python -m bench.relay [--sessions 100] [--seconds 60] [--batch-ms 40] [--direct 10] [--quick]`

The server runs as its own command does, pinned to one core; the clients (this process) and the
scripted upstream (another) share the rest. Every message is random, numbered, stamped and has a
checksum, which the other end verifies, in both directions. Some more clients dial the upstream
directly in the same run: the difference of the latencies is what the relay adds. The run proves
nothing when clients and upstream together used more than 80 % of their cores.
"""

import argparse
import asyncio
import contextlib
import math
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from bench.common import BYTES_PER_MS, SHORT, VOID, Child, head, load, percentile, start_module
from bench.traffic import Ledger, decoded, is_stamped, payload, stamped
from tests.support.servers import child_server

MAX_GENERATOR_SHARE = 0.8
MAX_QUEUED_SHARE = 0.05


class Talker:
    """One client: appends audio at its pace, checks what comes down."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.sent = 0
        self.inbound = Ledger()
        self.close: str | None = None
        self._url = url
        self._socket: ClientConnection | None = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Dial and wait for session.created."""
        self._socket = await connect(
            self._url, compression=None, max_size=None, ping_interval=None, proxy=None
        )
        first = decoded(await self._socket.recv())
        if first["type"] != "session.created":
            raise SystemExit(f"the server answered with {first}")
        self._listening = asyncio.create_task(self._listen(self._socket))

    async def talk(self, seconds: float, batch_ms: int) -> None:
        """Append one batch of random audio per `batch_ms`."""
        assert self._socket is not None
        starts = time.monotonic()
        for n in range(int(seconds * 1000 / batch_ms)):
            await asyncio.sleep(max(0.0, starts + n * batch_ms / 1000 - time.monotonic()))
            audio = payload(batch_ms * BYTES_PER_MS)
            kind = "input_audio_buffer.append"
            await self._socket.send(stamped(self.name, self.sent, kind, audio, "audio"))
            self.sent += 1

    async def stop(self) -> None:
        """Close the connection."""
        assert self._socket is not None
        assert self._listening is not None
        await self._socket.close()
        await self._listening

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            event = decoded(text)
            if is_stamped(event):
                self.inbound.enter(event, "note" if "note" in event else "delta")
            elif event["type"] == "error":
                self.close = str(event["error"])
        self.close = self.close or f"{socket.close_code} {socket.close_reason}"


async def exchange(
    peer: Child, relay: psutil.Process, urls: dict[str, str], options: argparse.Namespace
) -> int:
    """Open all, talk, and compare the books. Returns the exit code."""
    warm = Talker(
        "w0", urls["r"]
    )  # a cold process imports on its first session: not a session's cost
    await warm.open()
    await warm.stop()
    base = relay.memory_info().rss
    talkers = [Talker(f"r{n}", urls["r"]) for n in range(options.sessions)]
    talkers += [Talker(f"d{n}", urls["d"]) for n in range(options.direct)]
    for talker in talkers:
        await talker.open()
    idle = relay.memory_info().rss
    cpu = [_own_cpu_s(), peer.cpu_s(), sum(relay.cpu_times()[:2])]
    queued_s = _queued_s(relay.pid)
    starts = time.monotonic()
    pauses = [n * options.batch_ms / 1000 / len(talkers) for n in range(len(talkers))]

    async def talk(talker: Talker, pause: float) -> None:
        await asyncio.sleep(pause)
        await talker.talk(options.seconds, options.batch_ms)

    await asyncio.gather(*(talk(t, p) for t, p in zip(talkers, pauses, strict=True)))
    wall = time.monotonic() - starts
    busy = relay.memory_info().rss
    cpu = [
        (after - before) / wall
        for before, after in zip(
            cpu, [_own_cpu_s(), peer.cpu_s(), sum(relay.cpu_times()[:2])], strict=True
        )
    ]
    queued = (_queued_s(relay.pid) - queued_s) / wall
    books = await settled(peer, talkers)
    closed = [f"{t.name}: {t.close}" for t in talkers if t.close]
    for talker in talkers:
        await talker.stop()
    print(f"  the relay waited for its core {queued:.1%} of the time: others' work, not its own")
    if queued > MAX_QUEUED_SHARE:
        print("  so the added latencies of this run say nothing about the relay")
    return verdict(books, talkers, closed, cpu, (base, idle, busy), options)


async def settled(peer: Child, talkers: list[Talker], patience_s: float = 10.0) -> dict[str, Any]:
    """The peer's report when nothing is under way any more."""
    ends = time.monotonic() + patience_s
    while True:
        books = await peer.ask("report")
        rows = books["connections"]
        up = all(rows.get(t.name, {}).get("received") == t.sent for t in talkers)
        down = all(rows.get(t.name, {}).get("sent") == t.inbound.received for t in talkers)
        if (books["is_silent"] and up and down) or time.monotonic() > ends:
            return books
        await asyncio.sleep(0.2)


def verdict(
    books: dict[str, Any],
    talkers: list[Talker],
    closed: list[str],
    cpu: list[float],
    memory: tuple[int, int, int],
    options: argparse.Namespace,
) -> int:
    """Print everything; return the exit code."""
    relayed = [t for t in talkers if t.name.startswith("r")]
    rows = books["connections"]
    up = sum(t.sent for t in relayed)
    down = sum(rows[t.name]["sent"] for t in relayed)
    missing_up = up - sum(rows[t.name]["received"] for t in relayed)
    missing_down = down - sum(t.inbound.received for t in relayed)
    lost = missing_up + missing_down
    reordered = sum(rows[t.name]["reordered"] + t.inbound.reordered for t in relayed)
    changed = sum(rows[t.name]["changed"] + t.inbound.changed for t in relayed)
    down_us = {
        kind: [us for t in talkers if t.name.startswith(kind) for us in t.inbound.latencies_us]
        for kind in ("r", "d")
    }
    print(f"  {up} messages up, {down} down: {lost} lost, {reordered} reordered, {changed} changed")
    for way, at in (
        ("up", {kind: books["up_us"][kind] for kind in ("r", "d")}),
        (
            "down",
            {
                k: {"p50": percentile(v, 0.5), "p99": percentile(v, 0.99)}
                for k, v in down_us.items()
            },
        ),
    ):
        for name in ("p50", "p99"):
            through, direct = at["r"][name] / 1000, at["d"][name] / 1000
            print(
                f"  {way} {name}: {through:.2f} ms through, {direct:.2f} ms direct, "
                f"added {through - direct:.2f} ms"
            )
    base, idle, busy = memory
    kib = 1024 * len(relayed)
    print(
        f"  memory: {base / 2**20:.1f} MiB before, {(idle - base) / kib:.0f} KiB per idle session, "
        f"{(busy - base) / kib:.0f} KiB per talking session"
    )
    generator, upstream, relay = cpu
    per_message_us = relay * options.seconds * 1e6 / (up + down)
    print(
        f"  CPU: relay {relay:.0%} of its core ({per_message_us:.0f} µs per message), "
        f"clients {generator:.0%} + upstream {upstream:.0%} of theirs; {load()}"
    )
    for line in closed[:5]:
        print(f"  closed early: {line}")
    others = max(1, len(os.sched_getaffinity(0)))
    if (generator + upstream) / others > MAX_GENERATOR_SHARE:
        print("  void: clients and upstream used more than 80 % of their cores")
        return VOID
    good = lost == 0 and reordered == 0 and changed == 0 and not closed and up > 0 and down > 0
    print(f"  {'ok' if good else 'SHORT'}")
    return 0 if good else SHORT


def _queued_s(pid: int) -> float:
    """How long the process's threads were ready to run and did not, in seconds; nan if unknown."""
    try:
        files = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(file.read_text().split()[1]) for file in files) / 1e9 if files else math.nan
    except OSError:
        return math.nan


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(options: argparse.Namespace) -> int:
    """Start the peer and the server, pin them, run."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("  void: the relay needs a core of its own")
        return VOID
    head(
        f"Relay: {options.sessions} sessions × {options.seconds:g} s, {options.batch_ms} ms batches"
    )
    os.sched_setaffinity(0, cores[1:])  # inherited by the upstream
    peer = await start_module("bench.relay_peer", str(options.seconds))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(peer.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {
            "UPSTREAM": "openai",
            "OPENAI_API_KEY": "bench-key",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{peer.ready['port']}/v1",
            "MAX_SESSIONS": str(options.sessions + 10),
        }
        server, port = await stack.enter_async_context(child_server(settings, folder=folder))
        relay = psutil.Process(server.process.pid)
        relay.cpu_affinity(cores[:1])
        urls = {
            "r": f"ws://127.0.0.1:{port}/ws",
            "d": f"ws://127.0.0.1:{peer.ready['port']}/v1/realtime?model=m",
        }
        return await exchange(peer, relay, urls, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--batch-ms", type=int, default=40, help="audio per append")
    parser.add_argument("--direct", type=int, default=10, help="sessions without the relay")
    parser.add_argument("--quick", action="store_true", help="20 sessions, 5 s")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.sessions, chosen.seconds = 20, 5.0
    raise SystemExit(uvloop.run(main(chosen)))
