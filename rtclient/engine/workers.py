"""Worker processes for senses that would hold the interpreter: recognition and speech.

A `WorkerPool` keeps processes of one craft alive. A job is leased at once, worker or not:
what is sent before a worker is free waits in the lease and is caught up on. When a worker dies,
the job that it had fails with a `SenseError`, the pool starts another one, and nobody else notices.

A *live* job comes while somebody speaks, so its worker mostly waits. When another job is complete
and no worker is free, the live one gives up its worker, keeps what it was fed, and is worked off in
one go when it is complete itself: working off is several times faster than speaking.

Rules of the file:
- a lease never blocks and never awaits a worker; only `Lease.receive` waits;
- who is next is line.py's business;
- workers speak frames over their own stdin and stdout: 4 bytes length, 4 bytes job, 1 byte kind,
  then the payload (big endian). Whatever else a library prints goes to stderr;
- a worker whose stdin ends exits at once, whatever it does: no orphan outlives its parent;
- no content (audio, words) in errors: only the kind of the fault.
"""

import asyncio
import contextlib
import importlib
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol

from rtclient.engine.line import Line
from rtclient.engine.senses import SenseError
from rtclient.environment import worker_environment

_HEADER = struct.Struct(">IIB")
_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_STALE_S: Final = 1.0
"""A live job that was not fed for so long gives up its worker before any other."""
_FIRST_GUESS_S: Final = 0.2
"""How long a complete job takes, until it was measured."""

# Kinds of frames. Parent to worker:
BEGIN, DATA, FINISH, CANCEL = 1, 2, 3, 4
# Worker to parent:
READY, PIECE, END, FAIL = 16, 17, 18, 19

# The child gets the parent's module search path, so it finds the same `rtclient` however the
# parent was started (checkout, wheel, test run); -P keeps the working directory out of it.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from rtclient.engine.workers import work; work(sys.argv[2], json.loads(sys.argv[3]))"
)


# --- the side of the engine process ---------------------------------------------------------


class Lease:
    """One job: send to it at any time, receive its pieces, close it when it is of no more use."""

    def __init__(
        self, pool: "WorkerPool", begin: Mapping[str, Any], owner: str | None, *, is_live: bool
    ) -> None:
        self.owner = owner or f"{id(self)}"
        self.is_complete = not is_live
        """Nothing more is to come: somebody waits for the result."""
        self.is_deferred = False
        """It gave up its worker and waits to be complete."""
        self.is_over = False
        self.touched = time.monotonic()
        """When it was last fed."""
        self._pool = pool
        # All that was sent, until no other job can take the worker away.
        self._frames: list[tuple[int, bytes]] = [(BEGIN, json.dumps(begin).encode())]
        self._replies: asyncio.Queue[tuple[int, bytes] | SenseError] = asyncio.Queue()
        self._worker: _Worker | None = None
        self._number = 0
        self._catching_up_since = 0.0

    @property
    def is_waiting(self) -> bool:
        """True while no worker has the job."""
        return self._worker is None and not self.is_over

    @property
    def size(self) -> int:
        """Bytes that it was fed so far."""
        return sum(len(payload) for _, payload in self._frames)

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame to the worker, or keep it until there is one. Never blocks."""
        if self.is_over:
            return
        self.touched = time.monotonic()
        self._frames.append((kind, payload))
        if self._worker is not None:
            self._worker.write(self._number, kind, payload)
        if kind == FINISH:
            self.is_complete = True
            if self._worker is not None:
                self._settle()
            else:
                self._pool._dispatch()

    async def receive(self, *, patience_s: float) -> tuple[int, bytes]:
        """Return the next (kind, payload): PIECE any number of times, then END.

        Raises `SenseError` when the worker failed, died, or did not answer within `patience_s`
        (then it counts as stuck and is replaced). Cancelling loses nothing.
        """
        try:
            async with asyncio.timeout(patience_s):
                reply = await self._replies.get()
        except TimeoutError:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.lease = None  # not given back: it is stuck
                worker.kill()
            self.close()
            raise SenseError(
                f"The {self._pool.name} worker did not answer within {patience_s:g} s. "
                "The machine may be overloaded; try again."
            ) from None
        if isinstance(reply, SenseError):
            raise reply
        kind, payload = reply
        if kind == FAIL:
            raise SenseError(
                f"The {self._pool.name} worker could not do its work "
                f"({payload.decode(errors='replace')}). Try again."
            )
        return kind, payload

    def close(self) -> None:
        """Stop the job and give the worker back at once. Safe to call twice."""
        if self.is_over:
            return
        self.is_over = True
        self._frames.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.write(self._number, CANCEL, b"")
        self._pool._release(self, worker)

    def _assign(self, worker: "_Worker", number: int) -> None:
        self._worker, self._number = worker, number
        for kind, payload in self._frames:
            worker.write(number, kind, payload)
        if self.is_complete:
            self._settle()

    def _settle(self) -> None:
        """The worker keeps the job now, whatever comes."""
        self._frames.clear()
        self._catching_up_since = time.monotonic()

    def _give_up(self) -> "_Worker":
        """Leave the worker to a job that is complete; wait to be complete as well."""
        worker, self._worker = self._worker, None
        assert worker is not None
        worker.write(self._number, CANCEL, b"")
        self.is_deferred = True
        return worker

    def _reply(self, kind: int, payload: bytes) -> None:
        self._replies.put_nowait((kind, payload))
        if kind in (END, FAIL):
            self.is_over, self._worker = True, None
            if self._catching_up_since:
                self._pool._note(time.monotonic() - self._catching_up_since)

    def _fail(self, error: SenseError) -> None:
        self._replies.put_nowait(error)
        self.is_over, self._worker = True, None
        self._frames.clear()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a pool is."""

    workers: int
    """That live."""
    busy: int
    """That have a job, live ones included."""
    waiting: int
    """Complete jobs without a worker."""
    queue_ms: int
    """How long a job that was complete now would wait for a worker: an estimate."""


class _Worker:
    """One process and the lease that it works for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lease: Lease | None = None
        self.jobs = 0

    def write(self, job: int, kind: int, payload: bytes) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        if not stdin.is_closing():
            # No drain: a lease must not block. A turn is bounded by who feeds it (ears.py).
            stdin.write(_HEADER.pack(len(payload), job, kind) + payload)

    async def read(self) -> tuple[int, int, bytes]:
        """Return (job, kind, payload) of the next frame. Raises EOFError when the worker died."""
        stdout = self.process.stdout
        assert stdout is not None
        try:
            length, job, kind = _HEADER.unpack(await stdout.readexactly(_HEADER.size))
            return job, kind, await stdout.readexactly(length) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise EOFError from exc

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def stop(self) -> None:
        """Close its stdin, which ends it; kill it when that does not help within a second."""
        stdin = self.process.stdin
        assert stdin is not None
        stdin.close()
        try:
            async with asyncio.timeout(1.0):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
        # The reading transport closes only at its end of file; read what is left of it.
        stdout = self.process.stdout
        assert stdout is not None
        with contextlib.suppress(ConnectionError):
            await stdout.read()


class WorkerPool:
    """Processes that run `craft` ("module:Class"), kept alive until `close`.

    It begins with `size` of them and adds one when a job has to wait, up to `most`.
    """

    def __init__(
        self,
        craft: str,
        size: int,
        *,
        name: str,
        most: int | None = None,
        options: Mapping[str, Any] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        self.name = name
        self.facts: dict[str, Any] = {}
        """What the workers said of themselves when they were ready."""
        self._craft, self._options = craft, dict(options or {})
        self._size, self._most = size, max(size, most or size)
        self._start_timeout_s = start_timeout_s
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._line: Line[Lease] = Line()
        self._catching_up_s = _FIRST_GUESS_S
        self._tending: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._last_fault = ""
        self._is_closed = False

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that live now (for tests and reports)."""
        return [worker.process.pid for worker in self._workers]

    @property
    def busy_pids(self) -> list[int]:
        """Process ids of those that have a job now (for tests and reports)."""
        return [worker.process.pid for worker in self._workers if worker.lease is not None]

    async def start(self) -> None:
        """Start the workers; return when the first one is ready, the others follow.

        Raises `SenseError` when none is ready within `start_timeout_s`; the pool is closed then.
        """
        self._tending = [asyncio.create_task(self._tend()) for _ in range(self._size)]
        ready = asyncio.create_task(self._ready.wait())
        try:
            # A worker that never becomes ready ends its tending; waiting on is of no use then.
            await asyncio.wait(
                [ready, *self._tending],
                timeout=self._start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if not self._ready.is_set():
            await self.close()
            raise SenseError(f"The {self.name} worker did not start. {self._last_fault}".strip())

    @property
    def load(self) -> Load:
        """How busy the workers are now."""
        waiting = sum(lease.is_complete for lease in self._line)
        ahead = waiting + (not self._idle and self._yielding() is None)
        queue_s = ahead * self._catching_up_s / max(1, len(self._workers))
        return Load(
            workers=len(self._workers),
            busy=len(self._workers) - len(self._idle),
            waiting=waiting,
            queue_ms=round(1000 * queue_s),
        )

    def lease(
        self, begin: Mapping[str, Any], *, owner: str | None = None, is_live: bool = False
    ) -> Lease:
        """Begin a job; `begin` is what its worker gets first. Never blocks.

        `owner`: whose job it is (a session); None: nobody else's. `is_live`: it is fed bit by bit
        and complete with FINISH; until then it may have to begin anew, without anybody noticing.
        """
        lease = Lease(self, begin, owner, is_live=is_live)
        if self._is_closed:
            lease._fail(SenseError(f"The {self.name} workers are closed."))
        else:
            self._line.add(lease)
            self._dispatch()
            # Not while one is on its way: it may be enough.
            if lease.is_waiting and len(self._workers) == len(self._tending) < self._most:
                self._tending.append(asyncio.create_task(self._tend()))
        return lease

    async def close(self) -> None:
        """Stop all workers and wait until they are gone. Safe to call twice."""
        self._is_closed = True
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        for lease in list(self._line):
            self._line.remove(lease)
            lease._fail(SenseError(f"The {self.name} workers are closed."))

    def _dispatch(self) -> None:
        """Give workers to jobs as long as there is one to give."""
        while not self._is_closed:
            yielding = None if self._idle else self._yielding()
            if not self._idle and yielding is None:
                return
            busy = {worker.lease.owner for worker in self._workers if worker.lease is not None}
            lease = self._line.take(busy, only_complete=not self._idle)
            if lease is None:
                return
            if yielding is None:
                worker = self._idle.pop()
            else:
                worker = yielding._give_up()
                self._line.add(yielding)
            worker.jobs += 1
            worker.lease = lease
            lease._assign(worker, worker.jobs)

    def _yielding(self) -> Lease | None:
        """Return the live job that would give up its worker: a stale one, else the shortest."""
        now = time.monotonic()
        live = [w.lease for w in self._workers if w.lease is not None and not w.lease.is_complete]
        return min(live, key=lambda job: (now - job.touched < _STALE_S, job.size), default=None)

    def _release(self, lease: Lease, worker: _Worker | None) -> None:
        """A job was closed: it waits no more, and its worker is free."""
        self._line.remove(lease)
        if worker is not None:
            worker.lease = None
            self._free(worker)

    def _free(self, worker: _Worker) -> None:
        if worker in self._workers and worker not in self._idle:
            self._idle.append(worker)
        self._dispatch()

    def _note(self, catching_up_s: float) -> None:
        self._catching_up_s += 0.1 * (catching_up_s - self._catching_up_s)

    async def _tend(self) -> None:
        """Keep one worker alive; give up only when the very first one cannot start."""
        pause_s = 0.0
        while True:
            was_ready = await self._live()
            if not was_ready and not self._ready.is_set():
                return
            pause_s = 0.0 if was_ready else min(5.0, 0.1 + 2 * pause_s)
            await asyncio.sleep(pause_s)

    async def _live(self) -> bool:
        """Run one worker from start to death; return whether it was ever ready."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _BOOT),
                *(json.dumps(sys.path), self._craft, json.dumps(self._options)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=worker_environment(),
                start_new_session=True,  # Ctrl+C is for the engine, which then ends them
            )
        except OSError as exc:
            self._last_fault = f"Its process could not be started ({exc.strerror})."
            return False
        worker, is_ready = _Worker(process), False
        try:
            async with asyncio.timeout(self._start_timeout_s):
                _, kind, payload = await worker.read()
            if kind != READY:
                self._last_fault = payload.decode(errors="replace")
                return False
            is_ready = True
            self.facts = json.loads(payload)
            self._workers.add(worker)
            self._ready.set()
            self._free(worker)
            while True:
                job, kind, payload = await worker.read()
                if worker.lease is None or job != worker.jobs:
                    continue  # the tail of a job that was closed
                lease = worker.lease
                lease._reply(kind, payload)
                if lease.is_over:
                    worker.lease = None
                    self._free(worker)
        except (EOFError, TimeoutError):
            self._last_fault = "It ended before it was ready."
            return is_ready
        finally:
            self._workers.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)
            if worker.lease is not None:
                ending = (
                    "was closed" if self._is_closed else "died and is being replaced; try again"
                )
                worker.lease._fail(SenseError(f"The {self.name} worker {ending}."))
                worker.lease = None
            await worker.stop()


# --- the side of the worker process ---------------------------------------------------------


class Job:
    """One job as its worker sees it."""

    def __init__(self, number: int, begin: Mapping[str, Any], out: BinaryIO) -> None:
        self.begin = begin
        self.is_cancelled = False
        self._number, self._out = number, out
        self._inbox: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()

    def data(self) -> Iterator[bytes]:
        """Yield what the job is fed, until it is finished or cancelled."""
        while True:
            kind, payload = self._inbox.get()
            if kind != DATA or self.is_cancelled:
                return
            yield payload

    def reply(self, kind: int, payload: bytes = b"") -> None:
        """Send a PIECE or the END to the parent; a cancelled job sends nothing."""
        if not self.is_cancelled:
            self._out.write(_HEADER.pack(len(payload), self._number, kind) + payload)
            self._out.flush()


class Craft(Protocol):
    """What a worker can do. Its constructor takes the pool's options and loads its models."""

    def facts(self) -> Mapping[str, Any]:
        """Return what the parent should know once the worker is ready (JSON)."""
        ...

    def run(self, job: Job) -> bytes:
        """Do one job; return the payload of its END."""
        ...


def work(craft: str, options: Mapping[str, Any]) -> None:
    """Be a worker: the main function of the child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; our stdin will end
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a C library that prints must not break the frames
    inbox: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, inbox, out), daemon=True).start()
    module, _, name = craft.partition(":")
    ready = Job(0, {}, out)
    try:
        crafter: Craft = getattr(importlib.import_module(module), name)(options)
        facts = crafter.facts()
    except Exception as exc:
        ready.reply(FAIL, f"{type(exc).__name__}: {exc}".encode())
        raise SystemExit(1) from None
    ready.reply(READY, json.dumps(facts).encode())
    while True:
        job = inbox.get()
        if job.is_cancelled:
            continue
        try:
            job.reply(END, crafter.run(job))
        except BrokenPipeError:
            return
        except Exception as exc:
            job.reply(FAIL, type(exc).__name__.encode())


def _read(stdin: BinaryIO, inbox: "queue.SimpleQueue[Job]", out: BinaryIO) -> None:
    """Sort incoming frames to their jobs; leave the process when the parent is gone."""
    job: Job | None = None
    current = 0
    while True:
        header = stdin.read(_HEADER.size)
        if len(header) < _HEADER.size:
            os._exit(0)
        length, number, kind = _HEADER.unpack(header)
        payload = stdin.read(length) if length <= _MAX_PAYLOAD_BYTES else b""
        if len(payload) < length:
            os._exit(0)
        if kind == BEGIN:
            job, current = Job(number, json.loads(payload), out), number
            inbox.put(job)
        elif job is not None and number == current:
            if kind == CANCEL:
                job.is_cancelled = True
            job._inbox.put((kind, payload))
