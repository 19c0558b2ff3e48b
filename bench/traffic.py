"""Checkable messages: numbered, stamped, with a checksum; and the ledger of what arrived.

The event id is `NAME.SEQUENCE.NANOSECONDS.CRC32`: NAME tells the connection, NANOSECONDS is the
monotonic clock at sending (one clock for all processes of a machine), CRC32 covers the payload.
"""

import base64
import json
import os
import random
import time
import zlib
from array import array
from dataclasses import dataclass, field
from typing import Any

DELTA_BYTES = 12_000
"""250 ms of pcm16 at 24 kHz: the service's steady audio delta."""


_POOL = base64.b64encode(os.urandom(6 * 1024 * 1024)).decode()


def payload(size: int) -> str:
    """Random audio of `size` bytes (a multiple of 3) in base64: a random cut of a random text.

    Making fresh randomness for each message would cost the generator more than sending it.
    """
    length = size // 3 * 4
    at = random.randrange(0, len(_POOL) - length, 4)
    return _POOL[at : at + length]


def stamped(name: str, sequence: int, kind: str, content: str, key: str) -> str:
    """An event of type `kind` with `content` under `key`, as text."""
    crc = zlib.crc32(content.encode())
    event_id = f"{name}.{sequence}.{time.monotonic_ns()}.{crc}"
    return f'{{"type":"{kind}","event_id":"{event_id}","{key}":"{content}"}}'


@dataclass
class Ledger:
    """What arrived on one direction of one connection."""

    received: int = 0
    expected: int = 0
    lost: int = 0
    reordered: int = 0
    changed: int = 0
    latencies_us: "array[float]" = field(default_factory=lambda: array("d"))

    def enter(self, event: dict[str, Any], key: str) -> None:
        """Check one event that has a stamp; `key` is where its content is."""
        now = time.monotonic_ns()
        _, sequence, sent_ns, crc = event["event_id"].split(".")
        self.received += 1
        if zlib.crc32(str(event.get(key)).encode()) != int(crc):
            self.changed += 1
        if int(sequence) == self.expected:
            self.expected += 1
        elif int(sequence) > self.expected:
            self.lost += int(sequence) - self.expected
            self.expected = int(sequence) + 1
        else:
            self.reordered += 1
            self.lost -= 1
        self.latencies_us.append((now - int(sent_ns)) / 1000)


def is_stamped(event: dict[str, Any]) -> bool:
    """Whether the event is one of the benchmark's own."""
    return str(event.get("event_id")).count(".") == 3


def decoded(text: str | bytes) -> dict[str, Any]:
    """One event."""
    event: dict[str, Any] = json.loads(text)
    return event
