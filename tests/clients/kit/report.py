"""How a client's program is told what to do, and tells what became of it.

It runs in the client's own environment, so it needs only the standard library.

    async def take(run: Run, step: str) -> None:    # raises when the step fails
        ...

    main(take)
"""

import asyncio
import json
import sys
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

LIMIT_S = 30.0
"""What a step may take."""
AT_ONCE = 8
"""How many runs go on side by side; they mostly wait."""


@dataclass(frozen=True)
class Run:
    """One address of our server, for one class of the client."""

    id: str
    kind: str
    path: str
    steps: Sequence[str]
    origin: str
    """`http://127.0.0.1:PORT` or `https://localhost:PORT`."""
    key: str

    @property
    def base(self) -> str:
        """The path without its last part: what a client calls its base URL."""
        return self.origin + self.path.removesuffix("/realtime")

    @property
    def socket_base(self) -> str:
        """The same for clients that want it with the scheme of WebSockets."""
        return "ws" + self.base.removeprefix("http")


def question() -> bytes:
    """The recorded question with half a second of silence before it: pcm16, 24 000 Hz."""
    with wave.open(sys.argv[1]) as sound:
        return bytes(24_000) + sound.readframes(sound.getnframes())


def _why(exc: BaseException) -> str:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}"[:2000]


async def _take_all(take: Callable[[Run, str], Awaitable[None]]) -> None:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def take_run(run: Run) -> None:
        async with at_once:
            for step in run.steps:
                result = "pass"
                try:
                    async with asyncio.timeout(LIMIT_S):
                        await take(run, step)
                except Exception as exc:
                    result = _why(exc)
                print(json.dumps({"run": run.id, "step": step, "result": result}), flush=True)

    async with asyncio.TaskGroup() as group:
        for told in sys.argv[2:]:
            group.create_task(take_run(Run(**json.loads(told))))


def main(take: Callable[[Run, str], Awaitable[None]]) -> None:
    """Take every step of every run with `take(run, step)`, and print what became of it."""
    asyncio.run(_take_all(take))
