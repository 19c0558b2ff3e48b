"""What the Python programs of this folder share: the words of each step, the runs, the report.

A program runs in its client's own environment, so this uses the standard library only. It is
started as `PYTHON PROGRAM SPEECH.wav RUN...`; a run is a JSON object that says where to dial.
For each step of each run it prints `{"run": "3", "step": "text", "result": "pass"}`, with what went
wrong in the place of "pass". A step is a coroutine that opens a session of its own and raises when
something is not as it should be.
"""

import asyncio
import json
import sys
import traceback
import wave
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

LIMIT_S = 20.0
RATE_HZ = 24_000
PIECE_MS = 100

MODEL = "gpt-realtime"
VOICE = "ash"
INSTRUCTIONS = "You are a helpful assistant. Be brief."
REQUEST = "Repeat after me: banana"
LONG_REQUEST = (
    "Repeat after me: " + "one, two, three, four, five, six, seven, eight, nine, ten, " * 4
)
TOOL_REQUEST = "Please use get_weather for Paris."
WEATHER = "21 degrees and sunny"
"""What the tool returns."""


class Run(NamedTuple):
    """Where to dial, and as what."""

    id: str
    kind: str
    origin: str
    """Such as `http://127.0.0.1:3000`."""
    path: str
    """Such as `/v1/realtime`."""
    key: str

    @property
    def address(self) -> str:
        """The socket's address, without a query."""
        return f"ws{self.origin.removeprefix('http')}{self.path}"


Step = Callable[[Run], Awaitable[None]]


def speech() -> Iterator[bytes]:
    """The question "What time is it?" after half a second of silence, pcm16 in pieces."""
    with wave.open(sys.argv[1]) as sound:
        return _pieces(bytes(RATE_HZ) + sound.readframes(sound.getnframes()))


def silence() -> Iterator[bytes]:
    """A second of silence, which ends the turn; pcm16 in pieces."""
    return _pieces(bytes(2 * RATE_HZ))


def _pieces(pcm: bytes) -> Iterator[bytes]:
    size = 2 * RATE_HZ * PIECE_MS // 1000
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


def must(condition: object, *facts: object) -> None:
    """Fail the step with these facts unless the condition holds."""
    if not condition:
        raise AssertionError("; ".join(map(str, facts)) or "it does not hold")


async def _take(run: Run, steps: tuple[Step, ...]) -> None:
    for step in steps:
        result = "pass"
        try:
            async with asyncio.timeout(LIMIT_S):
                await step(run)
        except Exception as exc:
            traceback.print_exc()
            result = f"{type(exc).__name__}: {exc}"
        print(json.dumps({"run": run.id, "step": step.__name__, "result": result}), flush=True)


async def _take_all(*steps: Step) -> None:
    runs = (json.loads(argument) for argument in sys.argv[2:])
    await asyncio.gather(*(_take(Run(**run), steps) for run in runs))


def main(*steps: Step) -> None:
    """Take the steps of all runs; the runs go side by side."""
    asyncio.run(_take_all(*steps))
