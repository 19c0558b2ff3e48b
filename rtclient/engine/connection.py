"""One client of the engine: actions of its core carried to the senses and to its socket.

Rules of the file:
- it decides nothing about events; `core.Session` does;
- the receive loop never waits for a sense; every piece of work is a task of the connection's task
  group, and all of it is cancelled when the work is stopped or the connection ends;
- what breaks in a sense is told to the core and logged by its type; only our own bugs end a
  connection (1011);
- nothing of a client's words or audio is logged;
- without a stage that asks for faults, nothing is spent on them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rtclient.engine.actions import (
    Close,
    Continued,
    Emit,
    Hear,
    Input,
    Opened,
    Received,
    SenseFailed,
    Speak,
    Speaking,
    SpeakingEnded,
    Stop,
    Think,
    Thinking,
    ThinkingEnded,
    TurnHeard,
    WakeAt,
    Woke,
)
from rtclient.engine.clock import Timer
from rtclient.engine.control import Record
from rtclient.engine.core import Session
from rtclient.engine.fault_plan import Abort, Deafen, Feed, Step
from rtclient.engine.preview import PreviewFace
from rtclient.engine.senses import Listening, SenseError, Senses
from rtclient.engine.stage import Stage
from rtclient.protocol.codec import encode

log = logging.getLogger("rtclient.engine")

MAX_UNSENT_SPEECH_BYTES = 256 * 1024
"""More than this on its way to a client, and speech waits: who hears slowly may still interrupt."""
MAX_UNSENT_BYTES = 1024 * 1024
"""More than this on its way to a client, and the engine stops reading from it."""
STALL_S = 15.0


class _Hole(asyncio.Protocol):
    """Swallows what a client sends; only the end of TCP still gets through."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket.connection_lost(exc)

    def pause_writing(self) -> None:
        self._socket.pause_writing()

    def resume_writing(self) -> None:
        self._socket.resume_writing()


class Connection:
    """One client: its session's core, its sender and its running work."""

    def __init__(
        self,
        socket: ServerConnection,
        session: Session,
        senses: Senses,
        *,
        stage: Stage | None = None,
        number: int = 1,
        face: PreviewFace | None = None,
    ) -> None:
        """Make one; `run` serves it.

        Args:
            socket: the client.
            session: the core of its session.
            senses: those of the engine.
            stage: clock, chance, faults and scenario; None: a plain one.
            number: which handshake of the `stage` it comes from.
            face: what translates for a client of the preview; None: it speaks GA.
        """
        self._face = face
        self._stage = stage or Stage()
        self._clock = self._stage.clock
        self._socket = socket
        self._session = session
        self._senses = self._stage.senses(number, senses)
        self._number = number
        self._plan = self._stage.plan(number)
        self._record: Record | None = None
        self._inputs: deque[Input] = deque()
        self._is_feeding = False
        self._outgoing: asyncio.Queue[str | Close | Abort] = asyncio.Queue()
        self._unsent_bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._timer: Timer | None = None
        self._plan_timer: Timer | None = None
        self._is_deaf = False
        self._has_missed_alarm = False
        self._group: asyncio.TaskGroup | None = None
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._listenings: dict[str, Listening | None] = {}
        """None: the ears broke over this turn already."""
        self._finished: list[str] = []

    async def run(self, *, is_beta: bool) -> None:
        """Serve the client until either side ends; safe to cancel."""
        self._record = self._stage.enter(self, self._number, self._session.id)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                sender = group.create_task(self._send())
                try:
                    self._feed(Opened(is_beta))
                    await self._receive()
                finally:
                    self._group = None
                    sender.cancel()
                    for job in list(self._jobs.values()):
                        job.cancel()
        finally:
            self._stage.leave(self)
            if self._record is not None:
                self._record.is_open = False
            for timer in (self._timer, self._plan_timer):
                if timer is not None:
                    timer.cancel()
            for listening in self._listenings.values():
                if listening is not None:
                    listening.cancel()
            self._senses.ears.forget(self._session.id)

    async def _receive(self) -> None:
        try:
            async for frame in self._socket:
                if self._is_deaf:
                    continue
                if self._record is not None:
                    self._record.on_frame(frame)
                for happened in self._face.read(frame) if self._face else (Received(frame),):
                    self._feed(happened)
                while self._session.has_backlog:
                    await asyncio.sleep(0)
                    self._feed(Continued())
                await self._has_room.wait()
        except ConnectionClosed:
            return

    async def _send(self) -> None:
        try:
            while True:
                text = await self._outgoing.get()
                if isinstance(text, Close):
                    await self._socket.close(text.code, text.reason)
                    return
                if isinstance(text, Abort):
                    self._socket.transport.abort()
                    return
                async with asyncio.timeout(STALL_S):
                    await self._socket.send(text)
                self._unsent_bytes -= len(text)
                if self._has_missed_alarm and self._unsent_bytes <= MAX_UNSENT_SPEECH_BYTES:
                    self._on_alarm()
                if self._unsent_bytes <= MAX_UNSENT_BYTES:
                    self._has_room.set()
        except TimeoutError:
            log.warning("a client takes nothing; it is let go")
            await self._socket.close(1013, "The client reads too slowly.")
        except ConnectionClosed:
            return
        finally:
            self._has_room.set()

    # ------------------------------------------------------------ the core

    def _feed(self, happened: Input) -> None:
        """Give the core what happened and do what it says; in order, also when nested."""
        self._inputs.append(happened)
        if self._is_feeding:
            return
        self._is_feeding = True
        try:
            while self._inputs:
                now = self._clock.now()
                actions = self._session.feed(self._inputs.popleft(), now)
                for step in actions if self._plan is None else self._plan.apply(actions, now):
                    self._do(step)
                if self._plan is not None:
                    self._set_plan_timer(self._plan.next_due())
        except Exception:
            log.exception("the engine failed; the connection is closed")
            self._inputs.clear()
            self._outgoing.put_nowait(Close(1011, "internal error"))
        finally:
            self._is_feeding = False

    def _do(self, action: Step) -> None:
        match action:
            case Emit(event):
                text = encode(event)
                for one in self._face.written(text) if self._face else (text,):
                    self._put(one)
            case Hear():
                self._hear(action)
            case Think(work_id):
                self._start(work_id, partial(self._think, action))
            case Speak(work_id):
                self._start(work_id, partial(self._speak, action))
            case Stop(work_id):
                self._stop(work_id)
            case WakeAt(at):
                self._wake_at(at)
            case Close() | Abort():
                self._outgoing.put_nowait(action)
            case Feed(happened):
                self._inputs.appendleft(happened)
            case Deafen():
                self._deafen()

    def _put(self, text: str) -> None:
        """Send an event as soon as those before it are sent."""
        if self._record is not None:
            self._record.sent += 1
        self._unsent_bytes += len(text)
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            self._has_room.clear()
        self._outgoing.put_nowait(text)

    def _wake_at(self, at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at is None else self._clock.call_at(at, self._on_alarm)

    def _on_alarm(self) -> None:
        """Let the core send what is due, once the client has taken enough of what was."""
        self._has_missed_alarm = self._unsent_bytes > MAX_UNSENT_SPEECH_BYTES
        if not self._has_missed_alarm:
            self._feed(Woke())

    # ------------------------------------------------------------ faults, and who moves the clock

    def _set_plan_timer(self, at: float | None) -> None:
        if self._plan_timer is not None:
            self._plan_timer.cancel()
        self._plan_timer = None if at is None else self._clock.call_at(at, self._on_plan_time)

    def _on_plan_time(self) -> None:
        """Do what a fault has kept back until now."""
        if self._plan is not None:
            for step in self._plan.on_time(self._clock.now()):
                self._do(step)
            self._set_plan_timer(self._plan.next_due())

    def _deafen(self) -> None:
        """Keep the connection, and neither read nor answer it: as behind a cable that was cut."""
        self._is_deaf = True
        if (pings := self._socket.keepalive_task) is not None:
            pings.cancel()
        self._socket.transport.set_protocol(_Hole(self._socket))

    @property
    def work_count(self) -> int:
        """How many pieces of work the senses have."""
        return len(self._jobs)

    @property
    def is_behind(self) -> bool:
        """Whether there is input to work off, or too much output on its way."""
        return self._session.has_backlog or self._unsent_bytes > MAX_UNSENT_SPEECH_BYTES

    # ------------------------------------------------------------ the senses

    def _start(self, work_id: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        # Not a coroutine object: of a job that is cancelled before it begins, nobody awaits it.
        if self._group is not None:
            self._jobs[work_id] = self._group.create_task(self._guard(work_id, work))

    async def _guard(self, work_id: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as exc:  # a broken sense must not end the session
            log.warning("a sense failed: %s", type(exc).__name__)
            log.debug("how it failed", exc_info=True)
            self._feed(SenseFailed(work_id, str(exc) if isinstance(exc, SenseError) else ""))
        finally:
            self._jobs.pop(work_id, None)

    def _stop(self, work_id: str) -> None:
        if listening := self._listenings.pop(work_id, None):
            listening.cancel()
        if job := self._jobs.pop(work_id, None):
            job.cancel()

    def _hear(self, action: Hear) -> None:
        work_id, pcm = action.work_id, action.pcm
        try:
            if work_id not in self._listenings:
                self._listenings[work_id] = self._senses.ears.listen(
                    self._session.id, action.hints, action.language
                )
            listening = self._listenings[work_id]
            if listening is not None and pcm:
                listening.feed(pcm)
        except Exception as exc:
            log.warning("the ears failed: %s", type(exc).__name__)
            listening = self._listenings[work_id] = None
        if not action.is_last:
            return
        if listening is None:
            del self._listenings[work_id]
            self._feed(SenseFailed(work_id))
        else:
            self._start(work_id, partial(self._finish, work_id, listening))

    async def _finish(self, work_id: str, listening: Listening) -> None:
        try:
            heard = await listening.finish()
        except BaseException:
            self._listenings.pop(work_id, None)
            raise
        # The newest one is kept until the next: a turn may go on, and then it is not wanted.
        for finished in self._finished:
            self._listenings.pop(finished, None)
        self._finished = [work_id]
        self._feed(TurnHeard(work_id, heard))

    async def _think(self, action: Think) -> None:
        thoughts = self._senses.brain.think(action.prompt)
        async with aclosing(thoughts):  # type: ignore[type-var]  # senses yield generators
            async for thought in thoughts:
                self._feed(Thinking(action.work_id, thought))
        self._feed(ThinkingEnded(action.work_id))

    async def _speak(self, action: Speak) -> None:
        speech = self._senses.voice.speak(
            action.text, voice=action.voice, speed=action.speed, volume=action.volume
        )
        async with aclosing(speech):  # type: ignore[type-var]  # senses yield generators
            async for spoken in speech:
                self._feed(Speaking(action.work_id, spoken))
        self._feed(SpeakingEnded(action.work_id))
