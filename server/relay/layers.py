"""Stages between a client and an upstream, put together. Sans I/O.

A session is a row of layers; the relay core is one of them:

    client ⇄ [above: gateway, or dialect of the client and voices] ⇄ core
    ⇄ [below: sequencer, dialect of the upstream] ⇄ upstream

Rules of the file:
- inside, between the layers, everything is GA text; only the outermost ones know anything else;
- a layer gets one message and returns actions; its `ToClient` goes to the next layer toward the
  client, its `ToUpstream` to the next one toward the upstream, in order;
- whatever ends a session is the core's: a layer says so with `Fail`, and tells people with
  `Notice`, which the core turns into an event where the client may be sent one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from server.errors import FAULTS, Fault
from server.relay.actions import Action, Dial, Fail, Leg, Note, Notice, ToClient, ToUpstream, WakeAt
from server.relay.core import RelayCore


class Layer(Protocol):
    """One stage. `now`: monotonic seconds. No input raises."""

    def on_open(self, now: float) -> list[Action]:
        """The client is connected; nothing is dialled yet."""

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """One message on its way to the upstream; bytes only in the layer next to the client."""

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """One message on its way to the client."""

    def on_time(self, now: float) -> list[Action]:
        """The moment that this layer asked for with `WakeAt` has come."""


class Stack:
    """A core with its layers; to the face it is one session, as a bare `RelayCore` is."""

    def __init__(
        self,
        core: RelayCore,
        *,
        above: Sequence[Layer] = (),
        below: Sequence[Layer] = (),
        below_of: Callable[[str], Sequence[Layer]] = lambda _: (),
    ) -> None:
        """Put them in a row.

        Args:
            core: The one that must be there.
            above: Toward the client, the one next to it first.
            below: Toward the upstream, the one next to the core first.
            below_of: Target of a `Dial` → the layers that this upstream needs, after `below`.
        """
        self._core = core
        self._below_of = below_of
        self._row: list[Layer | RelayCore] = [*above, core, *below]
        self._core_at = len(above)
        self._wakes: dict[int, float] = {}
        self._armed: float | None = None
        self._noted: set[Notice] = set()

    # What the face may ask.

    @property
    def is_over(self) -> bool:
        """Whether both legs are to be closed."""
        return self._core.is_over

    @property
    def wants_client(self) -> bool:
        """Whether the client may be read."""
        return self._core.wants_client

    def facts(self) -> dict[str, Any]:
        """Return what the session's log line says beyond the counters; no content."""
        return self._core.facts()

    # What happens.

    def on_open(self, now: float) -> list[Action]:
        """The client is connected."""
        done: list[Action] = []
        for at, layer in enumerate(self._row):
            done += self._pass(layer.on_open(now), at, now)
        return self._with_wake(done)

    def on_notice(self, notice: Notice, now: float) -> list[Action]:
        """Somebody on this side has something to tell the page."""
        return self._from_core(self._core.on_notice(notice), now)

    def on_dialled(self, now: float) -> list[Action]:
        """The upstream accepted the connection."""
        return self._from_core(self._core.on_dialled(now), now)

    def on_dial_failed(self, fault: Fault, now: float) -> list[Action]:
        """The upstream cannot be reached or refused the handshake."""
        return self._from_core(self._core.on_dial_failed(fault), now)

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """One message of the client."""
        return self._with_wake(self._up(0, data, now))

    def on_upstream(self, text: str, now: float) -> list[Action]:
        """One message of the upstream."""
        return self._with_wake(self._down(len(self._row) - 1, text, now))

    def on_upstream_bad_data(self, now: float) -> list[Action]:
        """The upstream sent a message that is no text at all."""
        return self._from_core(self._core.on_upstream_bad_data(), now)

    def on_client_closed(self, code: int, reason: str, now: float) -> list[Action]:
        """The client closed its leg or vanished."""
        return self._from_core(self._core.on_client_closed(code, reason), now)

    def on_upstream_closed(self, code: int, reason: str, now: float) -> list[Action]:
        """The upstream closed its leg or vanished."""
        return self._from_core(self._core.on_upstream_closed(code, reason), now)

    def on_stalled(self, leg: Leg, now: float) -> list[Action]:
        """A leg took nothing for too long."""
        return self._from_core(self._core.on_stalled(leg), now)

    def on_bug(self) -> list[Action]:
        """Our own code failed: the layers are asked nothing more."""
        return self._core.on_bug()

    def on_time(self, now: float) -> list[Action]:
        """The moment asked for with `WakeAt` has come."""
        done: list[Action] = []
        self._armed = None
        for at in [at for at, moment in self._wakes.items() if moment <= now]:
            del self._wakes[at]
            done += self._pass(self._row[at].on_time(now), at, now)
        return self._with_wake(done)

    # Passing on.

    def _from_core(self, actions: list[Action], now: float) -> list[Action]:
        return self._with_wake(self._pass(actions, self._core_at, now))

    def _up(self, at: int, data: str | bytes, now: float) -> list[Action]:
        layer = self._row[at]
        if isinstance(layer, RelayCore) and isinstance(data, bytes):
            return self._pass(layer.on_client_binary(data), at, now)
        return self._pass(layer.on_client(data, now), at, now)  # type: ignore[arg-type]  # text here

    def _down(self, at: int, data: str | bytes, now: float) -> list[Action]:
        return self._pass(self._row[at].on_upstream(data, now), at, now)  # type: ignore[arg-type]

    def _pass(self, actions: list[Action], at: int, now: float) -> list[Action]:
        """Return what of a layer's actions the face has to do, the others having been passed on."""
        done: list[Action] = []
        for action in actions:
            match action:
                case ToClient(data) if at > 0:
                    done += self._down(at - 1, data, now)
                case ToUpstream(text) if at < len(self._row) - 1:
                    done += self._up(at + 1, text, now)
                case WakeAt(moment):
                    self._wakes[at] = moment
                case Notice():
                    done += self._tell(action, now)
                case Dial(target, session):
                    if session is not None:
                        self._core.on_dial(session)
                    # Nothing has come this far yet: the core holds it until the dial is done.
                    self._row += self._below_of(target)
                    done.append(action)
                case Fail(code):
                    done += self._pass(self._core.on_fault(FAULTS[code]), self._core_at, now)
                case _:
                    done.append(action)
        return done

    def _tell(self, notice: Notice, now: float) -> list[Action]:
        """Tell the client and the log, the same thing once in a session."""
        if notice in self._noted:
            return []
        self._noted.add(notice)
        told = self._pass(self._core.on_notice(notice), self._core_at, now)
        return [*told, Note(notice.code, notice.message)]

    def _with_wake(self, done: list[Action]) -> list[Action]:
        moment = min(self._wakes.values(), default=None)
        if moment is not None and moment != self._armed and not self.is_over:
            self._armed = moment
            done.append(WakeAt(moment))
        return done
