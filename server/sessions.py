"""Opens relay sessions: who is admitted, with which plan, on which clocks.

The routes know HTTP and WebSockets, the relay knows one session; this is what stands between.
"""

import copy
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rtclient.protocol.dialects import Dialect
from rtclient.protocol.session import VOICES
from rtclient.transport import Transport
from server.drop_in import Models, Wish
from server.gateway.core import Gateway
from server.gateway.session import Offer
from server.limits import SessionLimits
from server.policy import Policy
from server.relay.actions import Note, Notice, Plan
from server.relay.bridging import ClientDialect, UpstreamDialect
from server.relay.core import RelayCore
from server.relay.layers import Layer, Stack
from server.relay.pump import STALL_S, Client, Relay
from server.relay.sequencer import Sequencer
from server.relay.voices import Voices
from server.upstreams import Upstream

_log = logging.getLogger("server.relay")
_MAX_NOTES = 1000

_TRANSCRIPTION_ADVICE = {
    "azure": (
        "Set AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT in .env to the name of a transcription "
        "deployment of the same Azure resource."
    ),
    "openai": "Set TRANSCRIPTION_MODEL in .env to a transcription model that the account may use.",
}


def queue_notice(queue_ms: int) -> Notice:
    """Return what the page is told when turns begin to wait for the engine's ears, or no more."""
    if queue_ms:
        longer_s = max(1, round(queue_ms / 1000))
        message = f"Many people are talking: answers take about {longer_s} s longer."
        return Notice("warning", "engine_busy", message)
    return Notice("info", "engine_busy", "Answers come as fast as usual again.")


class Layers(NamedTuple):
    """The layers of a session besides the core, as `server/relay/layers.py` orders them."""

    above: list[Layer]
    below: list[Layer]


@dataclass(slots=True)
class Sessions:
    """The sessions of this server. One place holds the upstream, so routes need not know it."""

    upstream: Upstream
    session: Mapping[str, Any]
    """What the server's own `session.update` sets on `/ws`."""
    limits: SessionLimits
    others: Mapping[str, Upstream] = field(default_factory=dict)
    """The upstreams besides, by kind, that clients of the gateway may choose."""
    offers: Mapping[str, Offer] = field(default_factory=dict)
    """What each upstream has for clients of the gateway, by kind."""
    voice: str = VOICES[0]
    """What speaks when a client names a voice that the upstream lacks."""
    is_strict: bool = False
    """Whether a model that is not configured is refused instead of replaced."""
    profiles: tuple[str, ...] = ("default",)
    """The names that `/ws?profile=` knows."""
    session_limit_s: float | None = None
    idle_limit_s: float | None = None
    stall_s: float = STALL_S
    clock: Callable[[], float] = time.monotonic
    unix_clock: Callable[[], float] = time.time
    new_id: Callable[[str], str] = field(default=lambda prefix: f"{prefix}_{secrets.token_hex(8)}")

    _relays: set[Relay] = field(default_factory=set)
    """Those that run."""
    _noted: set[Note] = field(default_factory=set)

    def on_queue(self, queue_ms: int) -> None:
        """Tell every page that answers take longer, or (0) that this is over."""
        for relay in self._relays:
            relay.tell(queue_notice(queue_ms))

    def page_plan(self) -> Plan:
        """Return the plan of a session on `/ws`: the built-in profile, our own events allowed."""
        notices = []
        if self.upstream.kind == "engine" and self.upstream.state() == "starting":
            message = "The built-in voice engine is still starting; this takes a few seconds."
            notices.append(Notice("info", "engine_starting", message))
        if queue_ms := getattr(self.upstream, "queue_ms", 0):
            notices.append(queue_notice(queue_ms))
        return Plan(
            path="/ws",
            session=self.session,
            policy=Policy("open", model=self.upstream.model),
            secrets=self.upstream.secrets,
            session_limit_s=self.session_limit_s,
            idle_limit_s=self.idle_limit_s,
            notices=tuple(notices),
            transcription_advice=_TRANSCRIPTION_ADVICE.get(self.upstream.kind, ""),
        )

    @property
    def models(self) -> Models:
        """The models that programs may name."""
        return Models(self.upstream.model, self.is_strict)

    def drop_in_plan(self, path: str, preset: Mapping[str, Any] | None = None) -> Plan:
        """Return the plan of a session on a drop-in path: nothing of ours but the limits.

        `preset`: the session of the client secret that opened it.
        """
        session = None
        if preset is not None:
            session = copy.deepcopy(dict(preset))
            for notice in Voices(self.upstream.voices, self.voice).replace(session):
                self.note(Note(notice.code, notice.message))
        return Plan(
            path=path,
            session=session,
            is_preset=session is not None,
            policy=Policy("passthrough"),
            has_extras=False,
            secrets=self.upstream.secrets,
            session_limit_s=self.session_limit_s,
            idle_limit_s=self.idle_limit_s,
        )

    def gateway_plan(self, session_id: str) -> Plan:
        """Return the plan of a session on `/realtime`: dialled when there is something to say."""
        peers = (self.upstream, *self.others.values())
        return Plan(
            path="/realtime",
            policy=Policy("open"),
            secrets=tuple(secret for peer in peers for secret in peer.secrets),
            session_limit_s=self.session_limit_s,
            idle_limit_s=self.idle_limit_s,
            client_session_id=session_id,
            hides_close_codes=True,
            dials_on_demand=True,
        )

    def gateway(self, session_id: str) -> Gateway:
        """Return the layer of a session on `/realtime`."""
        return Gateway(
            self.offers,
            self.upstream.kind,
            session_id=session_id,
            new_id=self.new_id,
            today=datetime.fromtimestamp(self.unix_clock(), UTC).date(),
        )

    def upstream_of(self, target: str) -> Upstream:
        """Return the upstream of this kind, or the default one."""
        return self.others.get(target, self.upstream)

    def below_of(self, target: str) -> list[Layer]:
        """Return the layers below the core that an upstream chosen late needs."""
        return self._below(self.upstream_of(target), uses_sequencer=True)

    def page_layers(self, dialect: Dialect | None = None, *, uses_sequencer: bool = True) -> Layers:
        """Return the layers of a session on `/ws`.

        Args:
            dialect: what the client says it speaks.
            uses_sequencer: whether the client wants to be kept out of trouble.
        """
        return Layers(
            [self._client_dialect("ga", dialect), Voices(self.upstream.voices, self.voice)],
            self._below(self.upstream, uses_sequencer=uses_sequencer),
        )

    def drop_in_layers(self, wish: Wish) -> Layers:
        """Return the layers of a session on a drop-in path."""
        model = None if self.is_strict else self.upstream.model
        return Layers(
            [
                self._client_dialect(wish.evidence, wish.dialect),
                Voices(self.upstream.voices, self.voice, model=model),
            ],
            self._below(self.upstream, uses_sequencer=wish.uses_sequencer),
        )

    def _client_dialect(self, guess: Dialect, said: Dialect | None) -> ClientDialect:
        is_certain = said is not None
        return ClientDialect(said or guess, is_certain=is_certain, upstream=self.upstream.dialect)

    def _below(self, upstream: Upstream, *, uses_sequencer: bool) -> list[Layer]:
        layers: list[Layer] = [Sequencer()] if uses_sequencer else []
        return [*layers, UpstreamDialect()] if upstream.dialect == "preview" else layers

    async def run(
        self,
        plan: Plan,
        client: Client,
        dial: Callable[[str], Awaitable[Transport]],
        *,
        above: Sequence[Layer] = (),
        below: Sequence[Layer] = (),
        below_of: Callable[[str], Sequence[Layer]] = lambda _: (),
    ) -> None:
        """Relay between an accepted client and what `dial` opens, until it is over.

        `above`, `below`, `below_of`: the session's layers besides the core; see
        `server/relay/layers.py`.
        """
        core = RelayCore(plan, now=self.clock(), unix_now=self.unix_clock(), new_id=self.new_id)
        relay = Relay(
            Stack(core, above=above, below=below, below_of=below_of),
            client,
            dial,
            waits_for_dial=plan.dials_on_demand,
            clock=self.clock,
            stall_s=self.stall_s,
            label=self.upstream.kind,
            on_note=self.note,
        )
        self._relays.add(relay)
        try:
            await relay.run()
        finally:
            self._relays.discard(relay)

    def note(self, note: Note) -> None:
        """Write it into the log, once; a client that makes up ever new ones is heard no more."""
        if note not in self._noted and len(self._noted) < _MAX_NOTES:
            self._noted.add(note)
            _log.info("noted", extra={"code": note.code, "note": note.message})
