"""The scripted upstream of `bench.relay`, a process of its own.

Prints `{"port": …}` when it listens. Each connection gets session.created and, for a
session.update, session.updated; from its first append on, bursts of events down as a speaking
service sends them: every 8 s one response of 20 audio deltas (250 ms each, at four times real
time), 20 transcript deltas and 12 small events. On the line `report` on stdin it prints what came
in and what went out.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.common import percentile
from bench.traffic import DELTA_BYTES, Ledger, decoded, is_stamped, payload, stamped

PERIOD_S = 8.0
DELTAS = 20
SPACING_S = 0.25 / 4
SMALL_BEFORE, SMALL_AFTER = 4, 8


@dataclass
class Connection:
    """Both directions of one connection as the peer sees them."""

    inbound: Ledger = field(default_factory=Ledger)
    sent: int = 0
    is_silent: bool = False
    """Whether it has sent all that it will."""


class Peer:
    """All connections by the name that their first append brings."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.connections: dict[str, Connection] = {}

    async def converse(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        session = {"object": "realtime.session", "type": "realtime", "id": "sess_b", "model": "m"}
        opening = {"type": "session.created", "event_id": "event_created", "session": session}
        await socket.send(json.dumps(opening))
        connection: Connection | None = None
        speaking: asyncio.Task[None] | None = None
        try:
            async for text in socket:
                event = decoded(text)
                if event["type"] == "session.update":
                    session = {**session, **event["session"]}
                    updated = {"type": "session.updated", "event_id": "event_updated"}
                    await socket.send(json.dumps({**updated, "session": session}))
                elif is_stamped(event):
                    name = event["event_id"].split(".")[0]
                    if connection is None:
                        connection = self.connections[name] = Connection()
                        speaking = asyncio.create_task(self.speak(socket, name, connection))
                    connection.inbound.enter(event, "audio")
        except ConnectionClosed:
            pass
        finally:
            if speaking is not None:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)

    async def speak(self, socket: ServerConnection, name: str, connection: Connection) -> None:
        """Send responses until the time is over, then say so."""
        try:
            await self._speak(socket, name, connection)
        finally:
            connection.is_silent = True

    async def _speak(self, socket: ServerConnection, name: str, connection: Connection) -> None:
        # The first begins after a random part of the period, so that not all speak at once.
        ends = time.monotonic() + self.seconds
        await asyncio.sleep(random.random() * min(PERIOD_S / 2, self.seconds / 4))

        async def send(kind: str, content: str, key: str) -> None:
            await socket.send(stamped(name, connection.sent, kind, content, key))
            connection.sent += 1

        with contextlib.suppress(ConnectionClosed):
            while time.monotonic() < ends:
                starts = time.monotonic()
                for _ in range(SMALL_BEFORE):
                    await send("response.output_item.added", payload(150), "note")
                for n in range(DELTAS):
                    await send("response.output_audio_transcript.delta", payload(12), "delta")
                    await send("response.output_audio.delta", payload(DELTA_BYTES), "delta")
                    await asyncio.sleep(max(0.0, starts + (n + 1) * SPACING_S - time.monotonic()))
                    if time.monotonic() >= ends:
                        return
                for _ in range(SMALL_AFTER):
                    await send("response.output_item.done", payload(150), "note")
                await asyncio.sleep(max(0.0, min(starts + PERIOD_S, ends) - time.monotonic()))

    def report(self) -> dict[str, Any]:
        """Counts per connection, and latencies of both kinds of connection (by first letter)."""
        latencies: dict[str, list[float]] = {"r": [], "d": []}
        for name, connection in self.connections.items():
            latencies[name[0]].extend(connection.inbound.latencies_us)
        return {
            "is_silent": all(c.is_silent for c in self.connections.values()),
            "connections": {
                name: {
                    "sent": c.sent,
                    "received": c.inbound.received,
                    "lost": c.inbound.lost,
                    "reordered": c.inbound.reordered,
                    "changed": c.inbound.changed,
                }
                for name, c in self.connections.items()
            },
            "up_us": {
                kind: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
                for kind, values in latencies.items()
            },
        }


async def main(seconds: float) -> None:
    """Serve until stdin ends."""
    peer = Peer(seconds)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with serve(
        peer.converse, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(json.dumps({"port": port}), flush=True)
        while await lines.readline():
            print(json.dumps(peer.report()), flush=True)


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))
