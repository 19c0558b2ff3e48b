"""Worker processes for senses that would hold the interpreter: recognition and speech.

A `WorkerPool` keeps `size` processes of one craft alive. A job is leased at once, worker or not:
what is sent before a worker is free waits in the lease and is caught up on. When a worker dies,
the job that it had fails with a `SenseError`, the pool starts another one, and nobody else notices.

Rules of the file:
- a lease never blocks and never awaits a worker; only `Lease.receive` waits;
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
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Protocol

from rtclient.engine.senses import SenseError

_HEADER = struct.Struct(">IIB")
_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024

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

    def __init__(self, pool: "WorkerPool", begin: Mapping[str, Any]) -> None:
        self._pool = pool
        self._unsent: list[tuple[int, bytes]] = [(BEGIN, json.dumps(begin).encode())]
        self._replies: asyncio.Queue[tuple[int, bytes] | SenseError] = asyncio.Queue()
        self._worker: _Worker | None = None
        self._number = 0
        self.is_over = False

    @property
    def is_waiting(self) -> bool:
        """True until a worker has taken the job."""
        return self._worker is None and not self.is_over

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame to the worker, or keep it until there is one. Never blocks."""
        if self.is_over:
            return
        if self._worker is None:
            self._unsent.append((kind, payload))
        else:
            self._worker.write(self._number, kind, payload)

    async def receive(self, *, patience_s: float) -> tuple[int, bytes]:
        """Return the next (kind, payload): PIECE any number of times, then END.

        Raises `SenseError` when the worker failed, died, or did not answer within `patience_s`
        (then it counts as stuck and is replaced). Cancelling loses nothing.
        """
        try:
            async with asyncio.timeout(patience_s):
                reply = await self._replies.get()
        except TimeoutError:
            self.is_over = True
            if self._worker is not None:
                self._worker.lease = None  # not given back: it is stuck
                self._worker.kill()
                self._worker = None
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
        self._unsent.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.write(self._number, CANCEL, b"")
            worker.lease = None
            self._pool._give_work(worker)

    def _assign(self, worker: "_Worker", number: int) -> None:
        self._worker, self._number = worker, number
        unsent, self._unsent = self._unsent, []
        for kind, payload in unsent:
            worker.write(number, kind, payload)

    def _reply(self, kind: int, payload: bytes) -> None:
        self._replies.put_nowait((kind, payload))
        if kind in (END, FAIL):
            self.is_over, self._worker = True, None

    def _fail(self, error: SenseError) -> None:
        self._replies.put_nowait(error)
        self.is_over, self._worker = True, None


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
    """`size` processes that run `craft` ("module:Class"), kept alive until `close`."""

    def __init__(
        self,
        craft: str,
        size: int,
        *,
        name: str,
        options: Mapping[str, Any] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        self.name = name
        self.facts: dict[str, Any] = {}
        """What the workers said of themselves when they were ready."""
        self._craft, self._size, self._options = craft, size, dict(options or {})
        self._start_timeout_s = start_timeout_s
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._waiting: deque[Lease] = deque()
        self._tending: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._last_fault = ""
        self._is_closed = False

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that live now (for tests and reports)."""
        return [worker.process.pid for worker in self._workers]

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

    def lease(self, begin: Mapping[str, Any]) -> Lease:
        """Begin a job; `begin` is what its worker gets first. Never blocks."""
        lease = Lease(self, begin)
        if self._is_closed:
            lease._fail(SenseError(f"The {self.name} workers are closed."))
        elif self._idle:
            self._hand(self._idle.pop(), lease)
        else:
            self._waiting.append(lease)
        return lease

    async def close(self) -> None:
        """Stop all workers and wait until they are gone. Safe to call twice."""
        self._is_closed = True
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft()._fail(SenseError(f"The {self.name} workers are closed."))

    def _hand(self, worker: _Worker, lease: Lease) -> None:
        worker.jobs += 1
        worker.lease = lease
        lease._assign(worker, worker.jobs)

    def _give_work(self, worker: _Worker) -> None:
        while self._waiting:
            lease = self._waiting.popleft()
            if not lease.is_over:
                self._hand(worker, lease)
                return
        if worker in self._workers and worker not in self._idle:
            self._idle.append(worker)

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
            self._give_work(worker)
            while True:
                job, kind, payload = await worker.read()
                if worker.lease is None or job != worker.jobs:
                    continue  # the tail of a job that was closed
                lease = worker.lease
                lease._reply(kind, payload)
                if lease.is_over:
                    worker.lease = None
                    self._give_work(worker)
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
