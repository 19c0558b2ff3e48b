"""An engine of one's own as a child process: for the terminal client and for tests.

The child never outlives its parent: it ends when its stdin closes. It gets a key made at the start,
so nobody else on this machine can use it, and none of the parent's keys but those of `LOCAL_…`.
"""

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.environment import ENGINE_KEY, child_environment, names_of_keys
from rtclient.errors import ConnectError

_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 5.0
_MAX_LINE_BYTES = 65_536


@contextlib.asynccontextmanager
async def engine_process(
    *options: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Endpoint]:
    """Run `rtclient engine` on a free loopback port until the block ends; gives its address.

    `warnings` of the address say which senses are missing, and what to install.

    Args:
        options: Of `rtclient engine`, such as `--seed 1`.
        environment: Variables for the child besides ours.

    Raises:
        ConnectError: The engine did not get ready; `detail` has its last words.
    """
    key = secrets.token_urlsafe(32)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtclient", "engine"),
        *("--host", "127.0.0.1", "--port", "0", "--watch-stdin", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment({ENGINE_KEY: key, **(environment or {})}, without=names_of_keys()),
        limit=_MAX_LINE_BYTES,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    last_words: list[str] = []
    reading = asyncio.create_task(_read_log(child.stderr, last_words))
    draining: asyncio.Task[None] | None = None
    try:
        ready = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                ready = await _ready_line(child.stdout)
        if ready is None:
            raise ConnectError("refused", host="the engine", detail=" ".join(last_words))
        draining = asyncio.create_task(_drain(child.stdout))
        address = endpoints.engine(f"ws://{ready['host']}:{ready['port']}", key=key)
        yield replace(address, warnings=_notes(ready))
    finally:
        child.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        await asyncio.gather(reading, *filter(None, (draining,)), return_exceptions=True)


async def _ready_line(stdout: asyncio.StreamReader) -> dict[str, object] | None:
    while line := await stdout.readline():
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("event") == "ready":
                return found
    return None


def _notes(ready: Mapping[str, object]) -> tuple[str, ...]:
    """Return what the engine says about senses that are missing or replaced."""
    notes = ready.get("notes")
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


async def _read_log(stderr: asyncio.StreamReader, last_words: list[str]) -> None:
    async for line in stderr:
        last_words[:] = [line.decode(errors="replace").strip()[:500]]


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_MAX_LINE_BYTES):
        pass
