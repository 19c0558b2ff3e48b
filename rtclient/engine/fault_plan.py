"""The faults of one session: what its core wants done → what is done.

Rules of the file: pure; events keep their order, except transcriptions that are told late; after a
close, a cut or half-openness nothing goes out any more; chance and ids come from outside.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from rtclient.engine.actions import Action, Broken, Close, Emit, Expired, Input
from rtclient.engine.faults import (
    FUTURE_FIELD,
    TRANSCRIPTION,
    PlannedFault,
    Refused,
    error_of,
)

_DRAWN_ONCE = "late_transcript"
"""Decided for a transcription as a whole, not for each of its events."""
_ABORT_CODE = 1006


@dataclass(frozen=True, slots=True)
class Feed:
    """Give this to the core, before anything else."""

    happened: Input


@dataclass(frozen=True, slots=True)
class Abort:
    """Cut the connection without a close frame."""


@dataclass(frozen=True, slots=True)
class Deafen:
    """Read and answer nothing any more, and keep the connection."""


Step = Action | Feed | Abort | Deafen
_Outgoing = Emit | Close | Abort | Deafen


def refusal(
    faults: Iterable[PlannedFault],
    session: int,
    chance: Callable[[], float],
    spend: Callable[[PlannedFault], None],
) -> Refused | None:
    """Return how the handshake of connection number `session` is refused; None: it is not."""
    for fault in list(faults):
        is_meant = fault.fault == "refuse" and fault.session in (None, session)
        # All handshakes are one series: the number of a handshake is that of its session.
        is_this_one = fault.number in (None, session)
        if is_meant and is_this_one and _is_drawn(fault, chance):
            if fault.once:
                spend(fault)
            return Refused(fault.status or 503, fault.seconds)
    return None


def _is_drawn(fault: PlannedFault, chance: Callable[[], float]) -> bool:
    return fault.probability is None or chance() < fault.probability


class FaultPlan:
    """Call `apply` with all actions of a core; call `on_time` at `next_due`."""

    def __init__(
        self,
        faults: Sequence[PlannedFault],
        *,
        session: int,
        chance: Callable[[], float],
        new_id: Callable[[str], str],
        spend: Callable[[PlannedFault], None],
    ) -> None:
        """Begin with nothing struck.

        Args:
            faults: read at every event, so that it may change while the session lasts.
            session: the number of the connection, from 1.
            chance: 0.0 ≤ x < 1.0.
            new_id: makes the ids of events that are added.
            spend: takes a fault that strikes `once` out of `faults`.
        """
        self._faults = faults
        self._session = session
        self._chance = chance
        self._new_id = new_id
        self._spend = spend
        self._turn = 0
        self._response = 0
        self._open_turns: set[str] = set()
        """Items whose turn is counted and who are not in the conversation yet."""
        self._counts: dict[int, tuple[PlannedFault, int]] = {}
        """By identity; the fault is kept, so that no other one ever gets its `id`."""
        self._late: dict[str, PlannedFault | None] = {}
        """Item → the fault of its transcription, as decided at its first event."""
        self._aside: list[tuple[float, Emit]] = []
        """Late transcriptions; infinite: until the next `response.done`."""
        self._queue: deque[tuple[float, _Outgoing]] = deque()
        self._last_due = -inf
        self._hold_until = -inf
        self._is_over = False
        self._is_deaf = False

    def apply(self, actions: list[Action], now: float) -> list[Step]:
        """Return what to do in place of `actions`, at once; the rest is kept until it is due."""
        if not self._faults and not self._is_stirred:
            for action in actions:
                if isinstance(action, Emit):
                    self._count(action.event)
            return list(actions)
        steps: list[Step] = []
        for action in actions:
            if isinstance(action, Emit):
                if not self._is_over and self._hold_until < inf:
                    self._emit(action.event, now, steps)
            elif isinstance(action, Close):
                self._close(action, now, steps)
            else:
                steps.append(action)
        return steps

    def next_due(self) -> float | None:
        """Return when something that is kept may go out."""
        dues = [due for due, _ in self._aside if due < inf]
        if self._queue:
            dues.append(self._queue[0][0])
        return min(dues, default=None)

    def on_time(self, now: float) -> list[Step]:
        """Return what is due."""
        steps: list[Step] = []
        while self._queue and self._queue[0][0] <= now:
            steps.append(self._queue.popleft()[1])
        self._release(lambda due: due <= now, now, steps)
        return steps

    # ------------------------------------------------------------ events

    @property
    def _is_stirred(self) -> bool:
        """Whether some fault has struck whose effect lasts."""
        return bool(
            self._is_over or self._queue or self._aside or self._late or self._hold_until > -inf
        )

    def _emit(self, event: dict[str, Any], now: float, steps: list[Step]) -> None:
        kind = event["type"]
        self._count(event)
        struck = [f for f in list(self._faults) if f.fault != _DRAWN_ONCE and self._hits(f, kind)]
        names = {fault.fault for fault in struck}
        if "unknown_fields" in names:
            event = _with_unknown_fields(event)
        out = [Emit(event)]
        if "duplicate_transcript" in names:
            out.append(Emit({**event, "event_id": self._new_id("event")}))
        delay = sum(self._delay_s(fault) for fault in struck if fault.fault == "slow")
        late = self._late_fault(event) if kind.startswith(TRANSCRIPTION) else None
        if late is not None:
            due = inf if late.ms is None else now + self._delay_s(late)
            self._aside += [(due, one) for one in out]
        else:
            for one in out:
                self._put(one, now, steps, delay)
        for fault in struck:
            self._after(fault, now, steps)
        if kind == "response.done":
            self._release(lambda due: due == inf, now, steps)

    def _after(self, fault: PlannedFault, now: float, steps: list[Step]) -> None:
        """Do what follows the event after which a fault struck."""
        if self._is_over:
            return
        match fault.fault:
            case "unknown_events":
                note = "Of a type that clients do not know yet; they ignore it."
                event = {"type": fault.type, "event_id": self._new_id("event"), "note": note}
                self._put(Emit(event), now, steps)
            case "fail":
                steps.append(Feed(Broken(error_of(fault))))
            case "expire":
                steps.append(Feed(Expired()))
            case "stall":
                until = inf if fault.seconds is None else now + fault.seconds
                self._hold_until = max(self._hold_until, until)
            case "half_open":
                self._is_deaf = True
                self._end(Deafen(), now, steps)
            case "close" if fault.code == _ABORT_CODE:
                self._end(Abort(), now, steps)
            case "close":
                self._end(Close(int(fault.code or 1000), fault.reason), now, steps)

    def _close(self, action: Close, now: float, steps: list[Step]) -> None:
        """Take a close of the core."""
        if self._is_deaf:
            steps.append(Abort())  # the session's time is up: nobody could be told
        elif self._hold_until == inf:
            steps.append(action)
        elif not self._is_over:
            self._end(action, now, steps)

    def _end(self, last: _Outgoing, now: float, steps: list[Step]) -> None:
        self._put(last, now, steps)
        self._is_over = True
        self._aside.clear()

    def _put(self, one: _Outgoing, now: float, steps: list[Step], delay: float = 0.0) -> None:
        """Let something go out, now or in its turn."""
        due = max(self._last_due, now + delay, self._hold_until)
        if due <= now and not self._queue:
            steps.append(one)
        elif due < inf:
            self._last_due = due
            self._queue.append((due, one))

    def _release(self, is_due: Callable[[float], bool], now: float, steps: list[Step]) -> None:
        ready = [one for due, one in self._aside if is_due(due)]
        self._aside = [(due, one) for due, one in self._aside if not is_due(due)]
        for one in ready:
            self._put(one, now, steps)

    # ------------------------------------------------------------ when

    def _count(self, event: dict[str, Any]) -> None:
        """Count turns and responses: a turn is a user's item, from its first event on."""
        match event["type"]:
            case "response.created":
                self._response += 1
            case "input_audio_buffer.speech_started" | "input_audio_buffer.committed":
                self._count_turn(event["item_id"])
            case "conversation.item.added" if event["item"].get("role") == "user":
                self._count_turn(event["item"]["id"])
                self._open_turns.discard(event["item"]["id"])

    def _count_turn(self, item_id: str) -> None:
        if item_id not in self._open_turns:
            self._open_turns.add(item_id)
            self._turn += 1

    def _hits(self, fault: PlannedFault, kind: str) -> bool:
        """Count an event for a fault; return whether it strikes."""
        if (
            fault.fault == "refuse"
            or not fault.is_after(kind)
            or fault.session not in (None, self._session)
            or fault.turn not in (None, self._turn)
            or fault.response not in (None, self._response)
        ):
            return False
        count = self._counts.get(id(fault), (fault, 0))[1] + 1
        self._counts[id(fault)] = fault, count
        if fault.number not in (None, count) or not _is_drawn(fault, self._chance):
            return False
        if fault.once:
            self._spend(fault)
        return True

    def _late_fault(self, event: dict[str, Any]) -> PlannedFault | None:
        item_id, kind = event["item_id"], event["type"]
        if item_id not in self._late:
            hits = (f for f in list(self._faults) if f.fault == _DRAWN_ONCE and self._hits(f, kind))
            self._late[item_id] = next(hits, None)
        if kind.endswith(".delta"):
            return self._late[item_id]
        return self._late.pop(item_id)

    def _delay_s(self, fault: PlannedFault) -> float:
        begin, end = fault.ms or (0, 0)
        if begin == end:
            return begin / 1000
        return (begin + (end - begin) * self._chance()) / 1000


def _with_unknown_fields(event: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with a field that nobody knows, in the event and in what it carries."""
    extra = {FUTURE_FIELD: {"is": "unknown"}}
    nested = {
        key: {**value, **extra}
        for key in ("session", "response", "item", "part", "error")
        if isinstance(value := event.get(key), dict)
    }
    return {**event, **nested, **extra}
