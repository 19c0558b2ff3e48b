"""A realtime service behind lines that break: honest sessions, one planned fault on each.

Every connection takes the next fault of the plan; when none is left, all goes well. What each
session held and what its client did wrong is kept for whoever judges. Nothing of the client under
test is used here.
"""

import asyncio
import contextlib
import itertools
import json
import socket
import struct
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from tests.support.small_service import SmallSession

FaultKind = Literal[
    # Before there is a session:
    "reset_at_once",  # RST instead of an answer
    "silence",  # a connection, and never a byte
    "half_answer",  # the 101 breaks off
    "status",  # HTTP status `value`, with retry-after-ms
    "close_first",  # 101, then a close with code `value`, no event
    "mute",  # 101, and never an event
    # After `after` server events:
    "reset",  # RST
    "cut",  # the line ends in the middle of a frame
    "end",  # FIN without a close frame
    "close",  # a close frame with code `value`
    "expired",  # session_expired, then close 1001
    "half_open",  # no byte any more in either direction, and no end
    "down",  # RST, and for `value` ms nobody listens
    "slow",  # each further event `value` ms late
]
AT_THE_DOOR = ("reset_at_once", "silence", "half_answer", "status", "close_first", "mute")
RETRY_AFTER_MS = 30


@dataclass(frozen=True, slots=True)
class LineFault:
    """What goes wrong on one connection."""

    kind: FaultKind
    after: int = 0
    value: int = 0


class FaultyService:
    """The service; use it as `async with`."""

    def __init__(self, faults: Iterable[LineFault] = ()) -> None:
        self.plan = deque(faults)
        self.sessions: list[SmallSession] = []
        """Every session that began, in order; the last one is what a client talks to."""
        self.breaks_s: list[float] = []
        """When each line broke, in seconds of the loop's clock."""
        self.broke = asyncio.Event()
        """Set when a line has broken."""
        self.struck: Counter[str] = Counter()
        """How often each kind of fault struck."""
        self.connections = 0
        self.port = 0
        self._words = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.cancel()
        outcomes = await asyncio.gather(*self._lines, return_exceptions=True)
        failures = [one for one in outcomes if isinstance(one, Exception)]
        if failures and exc is None:
            raise failures[0]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}/v1/realtime?model=small"

    @property
    def faults(self) -> list[str]:
        """Rules that clients broke, in all sessions."""
        return [fault for session in self.sessions for fault in session.faults]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _go_down(self, ms: int) -> None:
        """Let nobody in for some milliseconds."""
        assert self._server is not None
        self._server.close()
        loop = asyncio.get_running_loop()

        def come_back() -> None:
            self._lines.add(loop.create_task(self._listen()))

        self._timers.add(loop.call_later(ms / 1000, come_back))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        fault = self.plan.popleft() if self.plan else None
        line = _Line(self, reader, writer, fault, self.connections)
        self._lines.add(asyncio.get_running_loop().create_task(line.run()))

    def new_session(self, number: int) -> SmallSession:
        """Begin a session."""
        session = SmallSession(number, self._words)
        self.sessions.append(session)
        return session

    def strikes(self, fault: LineFault) -> None:
        """Note that a fault strikes."""
        self.struck[fault.kind] += 1
        if fault.kind in AT_THE_DOOR or fault.kind == "slow":
            return
        self.breaks_s.append(asyncio.get_running_loop().time())
        self.broke.set()
        if fault.kind == "down":
            self._go_down(fault.value)


class _Broken(Exception):
    """The fault struck; nothing more goes out on this line."""


class _Line:
    """One accepted connection."""

    def __init__(
        self,
        service: FaultyService,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: LineFault | None,
        number: int,
    ) -> None:
        self._service, self._reader, self._writer = service, reader, writer
        self._fault, self._number = fault, number
        self._protocol = ServerProtocol(max_size=16 * 1024 * 1024)
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent = 0

    async def run(self) -> None:
        """Serve the connection to its end."""
        sending: asyncio.Task[None] | None = None
        try:
            session = await self._open()
            if session is None:
                return
            sending = asyncio.create_task(self._send_all(session))
            receiving = asyncio.create_task(self._receive_all(session))
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)
                sending.result()
            else:
                receiving.result()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except _Broken:
            await self._strike()
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            self._writer.close()

    # The door ---------------------------------------------------------------------------------

    async def _open(self) -> SmallSession | None:
        fault = self._fault
        if fault is not None and (fault.kind in AT_THE_DOOR or fault.kind == "slow"):
            self._service.strikes(fault)
        if fault is not None and fault.kind == "reset_at_once":
            self._reset()
            return None
        if fault is not None and fault.kind == "silence":
            await self._until_gone()
            return None
        request = await self._request()
        if request is None:
            return None
        if fault is not None and fault.kind == "status":
            self._refuse(fault.value)
            return None
        self._protocol.send_response(self._protocol.accept(request))
        if fault is not None and fault.kind == "half_answer":
            (answer,) = self._protocol.data_to_send()
            self._writer.write(answer[: len(answer) // 2])
            return None
        self._flush()
        if fault is not None and fault.kind == "close_first":
            self._protocol.send_close(fault.value)
            self._flush()
            await self._until_gone()
            return None
        if fault is not None and fault.kind == "mute":
            await self._until_gone()
            return None
        session = self._service.new_session(self._number)
        for event in session.greeting():
            self._outgoing.put_nowait(event)
        return session

    async def _request(self) -> Request | None:
        while data := await self._reader.read(65_536):
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                assert isinstance(event, Request)
                return event
        return None

    def _refuse(self, status: int) -> None:
        body = b"no"
        if status == 402:  # not a status of the service: 429 that no waiting helps
            status, body = 429, b'{"error": {"code": "insufficient_quota"}}'
        fields = {"Content-Length": str(len(body)), "Connection": "close"}
        fields["Retry-After-Ms"] = str(RETRY_AFTER_MS)
        self._protocol.send_response(Response(status, "Refused", Headers(fields), body))
        self._flush()

    # The session ------------------------------------------------------------------------------

    async def _receive_all(self, session: SmallSession) -> None:
        while data := await self._reader.read(65_536):
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                assert isinstance(frame, Frame)
                if frame.opcode is Opcode.TEXT:
                    for event in session.receive(json.loads(bytes(frame.data))):
                        self._outgoing.put_nowait(event)
            self._flush()
            if self._protocol.close_expected():
                return

    async def _send_all(self, session: SmallSession) -> None:
        fault = self._fault
        while True:
            if fault is not None and fault.kind not in AT_THE_DOOR and self._sent >= fault.after:
                if fault.kind != "slow":
                    raise _Broken
                await _pause(fault.value)
            event = await self._outgoing.get()
            self._protocol.send_text(json.dumps(event).encode())
            self._flush()
            session.finished(event)
            self._sent += 1
            await _pause(0)

    async def _strike(self) -> None:
        fault = self._fault
        assert fault is not None
        self._service.strikes(fault)
        match fault.kind:
            case "reset" | "down":
                self._reset()
            case "cut":
                self._protocol.send_text(b'{"type": "response.output_audio.delta"}')
                (frame,) = self._protocol.data_to_send()
                self._writer.write(frame[: len(frame) // 2])
                await self._writer.drain()
                self._writer.transport.abort()
            case "end":
                self._writer.close()
            case "close":
                self._protocol.send_close(fault.value, "planned")
                self._flush()
                await self._until_gone()
            case "expired":
                error = {"type": "invalid_request_error", "code": "session_expired"}
                error["message"] = "Your session hit the maximum duration."
                expired = {"type": "error", "event_id": "event_expired", "error": error}
                self._protocol.send_text(json.dumps(expired).encode())
                self._protocol.send_close(1001, "expired")
                self._flush()
                await self._until_gone()
            case "half_open":
                self._writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.Event().wait()

    # The line ---------------------------------------------------------------------------------

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)

    def _reset(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _until_gone(self) -> None:
        """Wait until the client has answered our close, or has left."""
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(65_536):
                self._protocol.receive_data(data)
                self._flush()
                if self._protocol.close_expected():
                    return


async def _pause(ms: int) -> None:
    """Let others run, and so many milliseconds go by."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ms / 1000):
            await asyncio.Event().wait()
