"""The relay's asyncio face: two sockets and a clock around one session. It decides nothing.

How it works:
- one task reads the client, one dials and reads the upstream, one keeps time; each gives what it
  got to the session's `Stack` and then performs what that returned;
- what goes to a leg passes through its outbox in the order the core said; a task goes on reading
  only when what it caused has been taken. So nothing is queued but one message for each task and
  what the core holds: back-pressure is reading stopped;
- when the core says that the session is over, the tasks are cancelled, what is left for the client
  is sent, and both legs are closed. Cancelling `run` frees both legs too.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, assert_never

from rtclient.errors import ConnectionLost, RemoteProtocolError, RTError
from rtclient.protocol.codec import peek_type
from rtclient.transport import Transport
from server.errors import fault_of
from server.relay.actions import (
    Action,
    Close,
    Count,
    Dial,
    Fail,
    Leg,
    Note,
    Notice,
    ToClient,
    ToUpstream,
    WakeAt,
)
from server.relay.layers import Stack

STALL_S = 15.0
"""How long a leg may take nothing before the session is ended."""
CLOSE_S = 2.0
"""How long closing may take, in seconds, before the connection is dropped."""
TICK_S = 1.0
"""How often the clock is looked at."""

_log = logging.getLogger("server.relay")
_session_log = logging.getLogger("server.session")


class Client(Protocol):
    """The open connection to a client: a `Transport` that also returns binary messages."""

    async def send(self, data: str | bytes) -> None:
        """Send one message, text or binary; return when there is room for more.

        Raises `ConnectionLost`.
        """

    async def recv(self) -> str | bytes:
        """Return the next message. Raises `ConnectionLost`."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; safe to call twice and on a connection that is gone."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""


class _Over(Exception):
    """The session is over; cancels the sibling tasks."""


class _Outbox:
    """What is on its way to one leg, in order."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts: deque[Any] = deque()
        self._lock = asyncio.Lock()
        self._peer: Client | Transport | None = None
        self._is_gone = False
        self._busy_since: float | None = None
        self._last_pending = 0

    def open(self, peer: Client | Transport) -> None:
        self._peer = peer

    def put(self, data: str | bytes) -> None:
        self._texts.append(data)

    def give_up(self) -> None:
        """Send no more; what waits is dropped."""
        self._is_gone = True
        self._texts.clear()

    async def drain(self) -> None:
        """Return when everything put so far was taken by the peer."""
        if not self._texts or self._peer is None:
            return
        async with self._lock:
            while self._texts and not self._is_gone:
                self._busy_since = self._clock()
                try:
                    await self._peer.send(self._texts[0])
                except ConnectionLost:
                    self._is_gone = True  # the task that reads this leg learns the close code
                finally:
                    self._busy_since = None
                if self._texts:
                    self._texts.popleft()
            if self._is_gone:
                self._texts.clear()

    def stalled_s(self) -> float:
        """Return for how long the peer has taken nothing, in seconds."""
        if self._busy_since is None or self._peer is None:
            return 0.0
        pending = self._peer.pending_bytes
        if pending != self._last_pending:
            self._last_pending, self._busy_since = pending, self._clock()
        return self._clock() - self._busy_since

    async def finish(self, close: Close | None) -> None:
        """Send what is left unless the peer is stuck, then close it."""
        if self._peer is None:
            return
        with suppress(TimeoutError, RTError):
            async with asyncio.timeout(CLOSE_S):
                await self.drain()
        with suppress(TimeoutError, RTError):
            async with asyncio.timeout(2 * CLOSE_S):
                await (self._peer.close(close.code, close.reason) if close else self._peer.close())


class Relay:
    """One session between an open client and an upstream that is yet to be dialled."""

    def __init__(
        self,
        stack: Stack,
        client: Client,
        dial: Callable[[str], Awaitable[Transport]],
        *,
        waits_for_dial: bool = False,
        clock: Callable[[], float] = time.monotonic,
        stall_s: float = STALL_S,
        label: str = "",
        on_note: Callable[[Note], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            stack: The session.
            client: Its client, open.
            dial: Target → an open connection; raises what `server.errors.fault_of` knows.
            waits_for_dial: Whether the upstream is dialled at the action `Dial` only; else at
                once, with the empty target.
            clock: Monotonic, in seconds.
            stall_s: How long a leg may take nothing.
            label: What to call the upstream in the log.
            on_note: Gets what is for the log only.
        """
        self._stack = stack
        self._client = client
        self._dial = dial
        self._clock = clock
        self._stall_s = stall_s
        self._label = label
        self._on_note = on_note
        self._target: str | None = None if waits_for_dial else ""
        self._may_dial = asyncio.Event()
        if self._target is not None:
            self._may_dial.set()
        self._client_box, self._upstream_box = _Outbox(clock), _Outbox(clock)
        self._client_box.open(client)
        self._boxes: dict[Leg, _Outbox] = {
            "client": self._client_box,
            "upstream": self._upstream_box,
        }
        self._closes: dict[Leg, Close] = {}
        self._wake_at: float | None = None
        self._rearmed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._traces = _log.isEnabledFor(logging.DEBUG)
        self._counts: Counter[str] = Counter()
        self._told: list[Notice] = []

    def tell(self, notice: Notice) -> None:
        """Send the page a notice, while the session lasts. Never blocks."""
        self._told.append(notice)
        self._rearmed.set()

    async def run(self) -> None:
        """Relay until either side is gone or a rule ends the session; then free everything."""
        started = self._clock()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read_client())
                tasks.create_task(self._read_upstream())
                tasks.create_task(self._keep_time(tasks))
        except* _Over:
            pass
        except* Exception as bugs:
            _log.exception("relay failed", exc_info=bugs)
            self._note(self._stack.on_bug())
        finally:
            await self._finish()
            self._log_session(self._clock() - started)

    async def _read_client(self) -> None:
        await self._perform(self._stack.on_open(self._clock()))
        while True:
            while not self._stack.wants_client:
                self._has_room.clear()
                await self._has_room.wait()
            try:
                data = await self._client.recv()
            except ConnectionLost as lost:
                now = self._clock()
                await self._perform(self._stack.on_client_closed(lost.code, lost.reason, now))
                return
            if self._traces:
                _trace("client event", data)
            await self._perform(self._stack.on_client(data, self._clock()))

    async def _read_upstream(self) -> None:
        await self._may_dial.wait()
        try:
            peer = await self._dial(self._target or "")
        except Exception as exc:
            fault = fault_of(exc)
            if fault.code == "internal_error":
                _log.exception("dial failed")
            await self._perform(self._stack.on_dial_failed(fault, self._clock()))
            return
        self._upstream_box.open(peer)
        await self._perform(self._stack.on_dialled(self._clock()))
        while True:
            try:
                text = await peer.recv()
            except ConnectionLost as lost:
                now = self._clock()
                await self._perform(self._stack.on_upstream_closed(lost.code, lost.reason, now))
                return
            except RemoteProtocolError:
                await self._perform(self._stack.on_upstream_bad_data(self._clock()))
                return
            if self._traces:
                _trace("upstream event", text)
            await self._perform(self._stack.on_upstream(text, self._clock()))

    async def _keep_time(self, tasks: asyncio.TaskGroup) -> None:
        tick_s = min(TICK_S, self._stall_s / 4)
        while True:
            until_wake = tick_s if self._wake_at is None else self._wake_at - self._clock()
            self._rearmed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(tick_s, max(0.0, until_wake))):
                    await self._rearmed.wait()
            now = self._clock()
            told, self._told = self._told, []
            actions = [action for notice in told for action in self._stack.on_notice(notice, now)]
            if self._wake_at is not None and now >= self._wake_at:
                self._wake_at = None
                actions += self._stack.on_time(now)
            for box in self._take(actions):
                tasks.create_task(box.drain())  # a stuck leg must not stop the clock
            for leg, box in self._boxes.items():
                if box.stalled_s() >= self._stall_s:
                    box.give_up()
                    self._take(self._stack.on_stalled(leg, now))

    async def _perform(self, actions: list[Action]) -> None:
        for box in self._take(actions):
            await box.drain()

    def _take(self, actions: list[Action]) -> list[_Outbox]:
        """Note the actions; return the outboxes that have something new."""
        filled = self._note(actions)
        if self._stack.is_over:
            raise _Over
        if self._stack.wants_client:
            self._has_room.set()
        return filled

    def _note(self, actions: list[Action]) -> list[_Outbox]:
        filled: list[_Outbox] = []
        for action in actions:
            match action:
                case ToClient(data):
                    self._client_box.put(data)
                    filled.append(self._client_box)
                case ToUpstream(text):
                    self._upstream_box.put(text)
                    filled.append(self._upstream_box)
                case Count(name, amount):
                    self._counts[name] += amount
                case WakeAt(at):
                    self._wake_at = at
                    self._rearmed.set()
                case Close(leg):
                    self._closes[leg] = action
                case Dial(target):
                    self._target = target
                    self._may_dial.set()
                case Note():
                    self._on_note(action)
                case Notice() | Fail():
                    raise AssertionError("the stack did not pass this on to its core")
                case _:
                    assert_never(action)
        return filled

    async def _finish(self) -> None:
        # What is left for the upstream may have been written already: only the client's is sent.
        self._upstream_box.give_up()
        await asyncio.gather(
            *(box.finish(self._closes.get(leg)) for leg, box in self._boxes.items())
        )

    def _log_session(self, duration_s: float) -> None:
        counts = self._counts
        fields = self._stack.facts() | {
            "upstream": self._target or self._label,
            "duration_s": round(duration_s, 1),
            "turns": counts["turns"],
            "responses": counts["responses"],
            "audio_in_ms": counts["audio_in_us"] // 1000,
            "audio_out_ms": counts["audio_out_us"] // 1000,
            "client_events_refused": counts["client_events_refused"],
            "upstream_errors": counts["upstream_errors"],
            "fields_lost": counts["fields_lost"],
        }
        _session_log.info("session ended", extra=fields)


def _trace(what: str, data: str | bytes) -> None:
    """Log type and size of an event, never its content."""
    event_type = peek_type(data) if isinstance(data, str) else None
    _log.debug(what, extra={"event_type": event_type, "size": len(data)})
