"""The built-in engine as a supervised child process on a loopback port.

Rules of the file:
- the child never outlives us: it watches its stdin, and its whole process group is ended with it;
- it gets a secret made at our start, and of the operator's keys only those of `LOCAL_…`;
- a child that dies is started again, later each time; after three failures in a row the state is
  `failed`, and it is tried on.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import rtclient
from rtclient import endpoints
from rtclient.endpoints import Endpoint, SessionKind
from rtclient.environment import ENGINE_KEY, child_environment
from rtclient.errors import ConnectError
from rtclient.protocol.dialects import Dialect
from rtclient.protocol.session import VOICES
from rtclient.transport import Transport
from server.errors import FaultError
from server.upstreams.dialling import Dialler
from server.upstreams.state import State

MODEL = "parley-engine"

COMMAND = (
    *(sys.executable, "-m", "rtclient.engine"),
    *("--host", "127.0.0.1", "--port", "0", "--watch-stdin", "--model", MODEL),
)

_IMPORT_ROOT = Path(rtclient.__file__).parents[1]
"""Where `python -m` finds the same rtclient as ours, wherever the server was started."""

_NOT_FOR_THE_CHILD = (
    "AZURE_OPENAI_API_KEY",
    "OPENAI_API_KEY",
    "ACCESS_TOKEN",
    "PARLEY_UPSTREAM_PROXY",  # may hold a password
    "AZURE_CLIENT_SECRET",  # azure-identity reads it
)
_FAILED_AFTER = 3
_STABLE_AFTER_S = 60.0
_MAX_DOUBLINGS = 16
"""Of the pause between restarts; a float ends at some thousand."""
_STARTING_STOP_S = 0.5
_MAX_LINE_BYTES = 4096
_DRAIN_S = 1.0

_log = logging.getLogger("server.upstreams.engine")


class EngineUpstream:
    """Starts, watches, restarts and dials the engine."""

    kind: Literal["engine"] = "engine"
    dialect: Dialect = "ga"
    label = "the built-in engine"
    model = MODEL
    voices: frozenset[str] | None = frozenset(VOICES)

    def __init__(
        self,
        dialler: Dialler,
        *,
        command: Sequence[str] = COMMAND,
        environment: Mapping[str, str] | None = None,
        max_sessions: int | None = None,
        start_timeout_s: float = 90.0,
        wait_ready_s: float = 8.0,
        stop_timeout_s: float = 5.0,
        backoff_s: float = 0.5,
        max_backoff_s: float = 30.0,
    ) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            dialler: How to dial; without proxy.
            command: The child's command line.
            environment: The variables `LOCAL_…`, all of them: an empty one says that nothing is
                set, whatever file `.env` the child would find.
            max_sessions: How many sessions the child may have; None: as many as it thinks right
                for this machine.
            start_timeout_s: How long the child may take until it says that it is ready.
            wait_ready_s: How long `dial` waits for that.
            stop_timeout_s: How long the child may take to end before it is killed.
            backoff_s: The pause before the first restart; doubles up to `max_backoff_s`.
            max_backoff_s: The longest pause between restarts.
        """
        self._dialler = dialler
        limit = () if max_sessions is None else ("--max-sessions", str(max_sessions))
        self._command = (*command, *limit)
        self._environment = dict(environment or {})
        self._start_timeout_s = start_timeout_s
        self._wait_ready_s = wait_ready_s
        self._stop_timeout_s = stop_timeout_s
        self._backoff_s = backoff_s
        self._max_backoff_s = max_backoff_s
        self._key = secrets.token_urlsafe(32)
        self._endpoint: Endpoint | None = None
        self._failures = 0
        self._last_words = ""
        self._changed = asyncio.Condition()
        self._supervising: asyncio.Task[None] | None = None
        self.pid: int | None = None
        """The child's process id while it runs."""
        self.notes: tuple[str, ...] = ()
        """What the engine said about senses that are missing or replaced."""
        self.queue_ms = 0
        """How long a turn waits for the ears, when that matters; else 0."""
        self.on_queue: Callable[[int], None] | None = None
        """Called with `queue_ms` when it begins to matter, and with 0 when that is over."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key between us and the child, and those that the child has."""
        theirs = (value for name, value in self._environment.items() if name.endswith("_KEY"))
        return (self._key, *filter(None, theirs))

    def state(self) -> State:
        """Whether the engine can be dialled."""
        if self._endpoint is not None:
            return "ready"
        return "failed" if self._failures >= _FAILED_AFTER else "starting"

    async def start(self) -> None:
        """Start the child and keep it running; returns at once."""
        if self._supervising is None:
            self._supervising = asyncio.create_task(self._supervise(), name="engine supervisor")

    async def dial(self, kind: SessionKind = "realtime") -> Transport:
        """Open a connection for one session; waits a while for an engine that is starting.

        Raises:
            FaultError: `engine_starting`, `engine_failed` or `too_many_sessions`.
            ConnectError: The engine is there and does not answer.
        """
        try:
            async with asyncio.timeout(self._wait_ready_s), self._changed:
                await self._changed.wait_for(lambda: self.state() != "starting")
        except TimeoutError:
            raise FaultError("engine_starting") from None
        if self._endpoint is None:
            raise FaultError("engine_failed")
        try:
            return await self._dialler.dial(self._endpoint.with_kind(kind))
        except ConnectError as refused:
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise FaultError("too_many_sessions") from None
            if self._endpoint is None:
                raise FaultError("engine_starting") from None
            raise

    async def close(self) -> None:
        """End the child and wait until it is gone."""
        supervising, self._supervising = self._supervising, None
        if supervising is not None:
            supervising.cancel()
            await asyncio.gather(supervising, return_exceptions=True)

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started_at = loop.time()
            try:
                await self._run_once()
            except Exception:
                # Whatever a child says must not end its supervision.
                _log.exception("engine not understood")
            if loop.time() - started_at > _STABLE_AFTER_S:
                self._failures = 0
            doublings = min(self._failures, _MAX_DOUBLINGS)
            pause_s = min(self._backoff_s * 2**doublings, self._max_backoff_s)
            self._failures += 1
            await self._tell(None)
            _log.warning(
                "engine ended",
                extra={
                    "failures": self._failures,
                    "restart_in_s": round(pause_s, 1),
                    "last_words": self._last_words,
                },
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), pause_s)

    async def _run_once(self) -> None:
        """Run one child until it ends; when cancelled, end it."""
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=child_environment(
                    {ENGINE_KEY: self._key, **self._environment}, without=_NOT_FOR_THE_CHILD
                ),
                start_new_session=True,
                cwd=_IMPORT_ROOT,
            )
        except OSError as exc:
            _log.error("engine cannot be started", extra={"error": exc.strerror or ""})
            return
        self.pid = child.pid
        assert child.stdout is not None
        assert child.stderr is not None
        listening = asyncio.create_task(self._relay_log(child.stderr), name="engine log")
        try:
            async with asyncio.timeout(self._start_timeout_s):
                ready = await self._ready_line(child.stdout)
            if ready is not None:
                await self._announce(ready)
                # All that it prints is read, so that it can never block on us.
                async for line in _lines(child.stdout):
                    self._note_load(line)
                await child.wait()
        except TimeoutError:
            _log.error("engine did not get ready", extra={"after_s": self._start_timeout_s})
        finally:
            # One that is still starting has no session to end, and may not listen to us yet.
            was_ready, self._endpoint = self._endpoint is not None, None
            await self._end(child, self._stop_timeout_s if was_ready else _STARTING_STOP_S)
            await _drain(child.stdout)
            self.pid = None
            self._set_queue(0)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _ready_line(self, stdout: asyncio.StreamReader) -> dict[str, Any] | None:
        while line := await stdout.readline():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("event") == "ready":
                    return found
        return None

    async def _announce(self, ready: dict[str, Any]) -> None:
        self.notes = tuple(str(note) for note in ready.get("notes", ()))
        _log.info("engine ready", extra={"senses": ready.get("senses"), "notes": self.notes})
        url = f"ws://{ready['host']}:{ready['port']}"
        await self._tell(endpoints.engine(url, key=self._key, model=MODEL))

    async def _tell(self, endpoint: Endpoint | None) -> None:
        async with self._changed:
            self._endpoint = endpoint
            self._changed.notify_all()

    def _note_load(self, line: bytes) -> None:
        """Note how long turns wait for the ears, when a line says so."""
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("event") == "load":
                queue_ms = found.get("queue_ms")
                self._set_queue(queue_ms if isinstance(queue_ms, int) else 0)

    def _set_queue(self, queue_ms: int) -> None:
        was_ms, self.queue_ms = self.queue_ms, max(0, queue_ms)
        if self.on_queue is not None and bool(was_ms) != bool(self.queue_ms):
            self.on_queue(self.queue_ms)

    async def _relay_log(self, stderr: asyncio.StreamReader) -> None:
        async for line in _lines(stderr):
            self._log_line(line)

    def _log_line(self, line: bytes) -> None:
        if text := line.decode(errors="replace").rstrip():
            self._last_words = text
            is_bad = text.startswith(("WARNING", "ERROR", "CRITICAL"))
            _log.log(
                logging.WARNING if is_bad else logging.DEBUG, "engine log", extra={"line": text}
            )

    async def _end(self, child: asyncio.subprocess.Process, stop_timeout_s: float) -> None:
        """End the child: politely, then with force, then what is left of its process group."""
        if child.returncode is None:
            assert child.stdin is not None
            child.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                async with asyncio.timeout(stop_timeout_s):
                    await child.wait()
            except TimeoutError:
                level = logging.WARNING if stop_timeout_s > _STARTING_STOP_S else logging.INFO
                _log.log(level, "engine killed", extra={"after_s": stop_timeout_s})
        if hasattr(os, "killpg"):  # not on Windows
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        elif child.returncode is None:
            child.kill()
        await child.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    """Read what a process that is gone has left: its pipe is closed only at the end of it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while await stream.read(65_536):
                pass


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; one that is too long comes in pieces."""
    rest = b""
    while data := await stream.read(_MAX_LINE_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _MAX_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield line
    yield rest
