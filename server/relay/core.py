"""The relay core: what happens between one client and one upstream. Sans I/O.

Rules of the file:
- plain input in, list of frozen actions out; time and ids are passed in;
- hostile input never raises;
- what it does not know it passes on untouched, the same text;
- every client event is strictly parsed; what was checked is what upstream gets;
- upstream events are peeked; only the types in `_SUBSCRIBED` are parsed;
- once it returned a `Close`, the session is over: it answers every later input with nothing.

Lifecycle: dialling → greeting (until `session.created`) → configuring (until the `session.updated`
that answers the server's own update; client events are held in order) → open → over.
"""

import enum
import re
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import MAX_BYTES, MAX_SERVER_BYTES, decode, encode, peek_type
from rtclient.protocol.dialects import session_dialect
from server.errors import FAULTS, Fault, account_fault, error_event, fault_of_event
from server.policy import check
from server.relay.actions import (
    Action,
    Close,
    Count,
    Leg,
    Notice,
    Plan,
    ToClient,
    ToUpstream,
    WakeAt,
)
from server.relay.closing import Scrubber, clip_reason, sendable_code
from server.relay.deadlines import Deadlines
from server.relay.own_update import OwnUpdate

HOLD_BYTES = 256 * 1024
"""How much of the client's text is held before its reading stops."""
SETUP_S = 10.0
"""How long the upstream may take, once dialled, until the session is set up."""

_AUDIO_DELTA = "response.output_audio.delta"
_TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"
_DELTA = re.compile(r'"delta"\s*:\s*"')
_WATCHED = frozenset(
    {
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "input_audio_buffer.timeout_triggered",
        "response.created",
        "response.done",
        _AUDIO_DELTA,
    }
)
_TURN_ENDS = frozenset({"input_audio_buffer.speech_stopped", "input_audio_buffer.committed"})


class Phase(enum.Enum):
    """Where a session is in its life."""

    DIALLING = enum.auto()
    GREETING = enum.auto()
    CONFIGURING = enum.auto()
    OPEN = enum.auto()
    OVER = enum.auto()


class RelayCore:
    """One session. Feed it what happens, do what it returns, in order."""

    def __init__(
        self, plan: Plan, *, now: float, unix_now: float, new_id: Callable[[str], str]
    ) -> None:
        """`now`: monotonic; `unix_now`: the same moment as Unix time; `new_id`: prefix → id."""
        self._plan = plan
        self._new_id = new_id
        self._scrubber = Scrubber(plan.secrets)
        self._deadlines = Deadlines(now, unix_now - now, plan.session_limit_s, plan.idle_limit_s)
        self._update = OwnUpdate(plan.session) if plan.session is not None else None
        self._created: dict[str, Any] | None = None
        """Waits until the preset is in it."""
        self._after_created: list[Action] = []
        self._phase = Phase.DIALLING
        self._setup_ends_at: float | None = None
        self._held: list[str] = []
        self._held_bytes = 0
        self._is_transcription_advised = False
        self._input_bytes_per_ms = self._output_bytes_per_ms = 48
        self._turn_ended_at: float | None = None
        self._first_audio_ms: list[float] = []
        self._facts: dict[str, Any] = {"path": plan.path, "session_id": ""}
        if plan.client_session_id:
            self._facts["client_session_id"] = plan.client_session_id

    # What the face may ask.

    @property
    def phase(self) -> Phase:
        """Where the session is."""
        return self._phase

    @property
    def is_over(self) -> bool:
        """Whether both legs are to be closed."""
        return self._phase is Phase.OVER

    @property
    def wants_client(self) -> bool:
        """Whether the client may be read; False while enough of its text is held."""
        return self._held_bytes < HOLD_BYTES

    def facts(self) -> dict[str, Any]:
        """Return what the session's log line says beyond the counters; no content."""
        first_audio = round(median(self._first_audio_ms)) if self._first_audio_ms else None
        return self._facts | {"first_audio_ms_p50": first_audio}

    # What happens.

    def on_open(self, now: float) -> list[Action]:
        """The client is connected; the dial begins."""
        actions: list[Action] = []
        for notice in self._plan.notices:
            actions += self._notice(notice)
        return actions + self._wake(now)

    def on_notice(self, notice: Notice) -> list[Action]:
        """Somebody on this side has something to tell the page."""
        return [] if self.is_over else self._notice(notice)

    def on_dial(self, session: Mapping[str, Any]) -> None:
        """A layer has chosen whom to dial, and the session of the server's own update."""
        if self._phase is Phase.DIALLING:
            self._update = OwnUpdate(session)

    def on_dialled(self, now: float) -> list[Action]:
        """The upstream accepted the connection."""
        if self.is_over:
            return []
        self._phase = Phase.GREETING
        self._setup_ends_at = now + SETUP_S
        released = self._release() if self._update is None else []
        return released + self._wake(now)

    def on_dial_failed(self, fault: Fault) -> list[Action]:
        """The upstream cannot be reached or refused the handshake."""
        return self._end(fault, "upstream")

    def on_client(self, text: str, now: float) -> list[Action]:
        """One text message of the client."""
        if self.is_over:
            return []
        try:
            event = decode(text, max_bytes=MAX_BYTES)
        except RemoteProtocolError as exc:
            return self._refuse(exc.code, exc.message, exc.param, None)
        event_id = event.get("event_id")
        if denied := check(event, self._plan.policy):
            return self._refuse("not_allowed", denied.message, denied.param, event_id)
        counts = self._watch_client(event, now)
        if self._is_holding:
            self._held.append(text)
            self._held_bytes += len(text)
            return counts
        return [*counts, ToUpstream(text)]

    def on_client_binary(self, data: bytes) -> list[Action]:
        """One binary message of the client. The API has none; `data` is not looked at."""
        if self.is_over:
            return []
        fault = FAULTS["binary_not_supported"]
        return self._refuse(fault.code, fault.text, None, None)

    def on_upstream_bad_data(self) -> list[Action]:
        """The upstream sent a message that is no text at all."""
        return self._end(FAULTS["upstream_bad_data"], "upstream")

    def on_upstream(self, text: str, now: float) -> list[Action]:
        """One message of the upstream; the face has decoded binary ones that hold UTF-8."""
        if self.is_over:
            return []
        event_type = peek_type(text)
        if event_type is None:
            return self.on_upstream_bad_data()
        if event_type in _WATCHED:
            counts = self._watch_upstream(event_type, text, now)
            if event_type == _AUDIO_DELTA:
                return [*counts, ToClient(text)]
        else:
            counts = []
        text = self._scrubber.scrub(text)
        passed: list[Action] = [*counts, ToClient(text)]
        subscriber = self._SUBSCRIBED.get(event_type)
        if subscriber is None:
            return self._in_order(passed)
        try:
            event = decode(text, max_bytes=MAX_SERVER_BYTES)
        except RemoteProtocolError:
            return self.on_upstream_bad_data()
        return subscriber(self, event, passed, now)

    def on_client_closed(self, code: int, reason: str) -> list[Action]:
        """The client closed its leg or vanished (1005, 1006)."""
        if self.is_over:
            return []
        self._phase = Phase.OVER
        self._facts |= {"close_side": "client", "close_code": code}
        return [self._close("upstream", code, reason)]

    def on_upstream_closed(self, code: int, reason: str) -> list[Action]:
        """The upstream closed its leg or vanished (1005, 1006)."""
        if self.is_over:
            return []
        fault = FAULTS["upstream_closed"]
        if self._plan.hides_close_codes:
            return self._end(fault, "upstream")
        if self._phase is Phase.GREETING or sendable_code(code) != code:
            return self._end(fault, "upstream", code=sendable_code(code), reason=reason)
        self._phase = Phase.OVER
        self._facts |= {"close_side": "upstream", "close_code": code}
        return [self._close("client", code, reason)]

    def on_fault(self, fault: Fault) -> list[Action]:
        """A layer found something that the session cannot live with."""
        return self._end(fault, "server")

    def on_stalled(self, leg: Leg) -> list[Action]:
        """A leg took nothing for too long."""
        return self._end(FAULTS["slow_client" if leg == "client" else "slow_upstream"], leg)

    def on_bug(self) -> list[Action]:
        """Our own code failed; nothing more may pass."""
        return self._end(FAULTS["internal_error"], "server")

    def on_time(self, now: float) -> list[Action]:
        """The moment asked for with `WakeAt` has come."""
        if self.is_over:
            return []
        if self._setup_ends_at is not None and now >= self._setup_ends_at:
            return self._end(FAULTS["upstream_timeout"], "upstream")
        if code := self._deadlines.fault(now):
            return self._end(FAULTS[code], "server")
        actions: list[Action] = []
        if (expiring := self._deadlines.expiring(now)) and self._plan.has_extras:
            actions.append(
                self._event(
                    "parley.session_expiring",
                    expires_at=expiring.expires_at,
                    seconds_left=expiring.seconds_left,
                )
            )
        return actions + self._wake(now)

    # Upstream events that mean something to the relay: (event, what passes it on, now) → actions.

    def _on_created(self, event: dict[str, Any], passed: list[Action], now: float) -> list[Action]:
        if self._phase is not Phase.GREETING:
            return passed
        session = _dict(event.get("session"))
        if session_dialect(session) == "preview":
            return self._end(FAULTS["upstream_dialect_mismatch"], "upstream")
        self._facts["session_id"] = str(session.get("id", ""))[:128]
        self._deadlines.on_expires_at(session.get("expires_at"), now)
        self._learn_formats(session)
        if self._update is None:
            self._phase = Phase.OPEN
            self._setup_ends_at = None
            return passed + self._wake(now)
        self._phase = Phase.CONFIGURING
        if self._plan.is_preset:
            self._created, passed = event, []
        return passed + self._send_update(now)

    def _on_updated(self, event: dict[str, Any], passed: list[Action], now: float) -> list[Action]:
        self._learn_formats(_dict(event.get("session")))
        if self._phase is not Phase.CONFIGURING:
            return passed
        self._phase = Phase.OPEN
        self._setup_ends_at = None
        if self._created is not None:
            event = self._created | {"session": event.get("session")}
            passed = [ToClient(self._scrubber.scrub(encode(event))), *self._after_created]
        return passed + self._release() + self._wake(now)

    def _on_error(self, event: dict[str, Any], passed: list[Action], now: float) -> list[Action]:
        if self._phase is Phase.GREETING:
            return self._end(fault_of_event(event), "upstream")
        error = _dict(event.get("error"))
        if self._phase is not Phase.CONFIGURING or not self._update:
            return [Count("upstream_errors"), *passed]
        if not self._update.is_rejected_by(error):
            return [Count("upstream_errors"), *passed]
        if not error.get("param") and (fault := account_fault(error)) is not None:
            return self._end(fault, "upstream")  # no part of the update is at fault
        if self._plan.is_preset:
            return [*passed, *self._end(FAULTS["client_secret_rejected"], "upstream")]
        dropped = self._update.shrink(error)
        if dropped is None:
            return self._end(FAULTS["session_defaults_rejected"], "upstream")
        return self._notice(self._dropped_notice(dropped)) + self._send_update(now)

    def _on_transcription_failed(
        self, event: dict[str, Any], passed: list[Action], now: float
    ) -> list[Action]:
        if not self._plan.transcription_advice or self._is_transcription_advised:
            return passed
        self._is_transcription_advised = True
        message = f"Your words could not be transcribed. {self._plan.transcription_advice}"
        return passed + self._notice(Notice("warning", "transcription_failed", message))

    _SUBSCRIBED: Mapping[
        str, Callable[["RelayCore", dict[str, Any], list[Action], float], list[Action]]
    ] = {
        "session.created": _on_created,
        "session.updated": _on_updated,
        "error": _on_error,
        _TRANSCRIPTION_FAILED: _on_transcription_failed,
    }

    # The server's own update and what is held meanwhile.

    def _in_order(self, actions: list[Action]) -> list[Action]:
        """Return what may be done now: nothing reaches a client before `session.created`."""
        if self._created is None or self._phase is not Phase.CONFIGURING:
            return actions
        self._after_created += actions
        return []

    @property
    def _is_holding(self) -> bool:
        if self._phase is Phase.GREETING:
            return self._update is not None
        return self._phase in (Phase.DIALLING, Phase.CONFIGURING)

    def _send_update(self, now: float) -> list[Action]:
        assert self._update is not None
        event = self._update.event(self._new_id("parley"))
        return [ToUpstream(encode(event)), *self._wake(now)]

    def _release(self) -> list[Action]:
        held, self._held, self._held_bytes = self._held, [], 0
        return [ToUpstream(text) for text in held]

    def _dropped_notice(self, part: str) -> Notice:
        if part == "voice":
            message = (
                "The voice service rejected the configured voice and speaks with its own. "
                "Check AZURE_OPENAI_VOICE."
            )
            return Notice("warning", "voice_rejected", message)
        message = "The voice service rejected the transcription of your speech; it is off."
        advice = self._plan.transcription_advice
        return Notice("warning", "transcription_rejected", f"{message} {advice}".strip())

    # Watching what passes.

    def _watch_client(self, event: Mapping[str, Any], now: float) -> list[Action]:
        event_type = event["type"]
        self._deadlines.on_client_event(event_type, now)
        if event_type == "input_audio_buffer.append":
            audio = event.get("audio")
            chars = len(audio) if isinstance(audio, str) else 0
            return [Count("audio_in_us", _audio_us(chars, self._input_bytes_per_ms))]
        if event_type == "response.create":
            self._turn_ended_at = now
        elif event_type == "conversation.item.create":
            item = _dict(event.get("item"))
            if item.get("type") == "message" and item.get("role") == "user":
                return [Count("turns")]
        return []

    def _watch_upstream(self, event_type: str, text: str, now: float) -> list[Action]:
        self._deadlines.on_upstream_event(event_type, now)
        if event_type == _AUDIO_DELTA:
            if self._turn_ended_at is not None:
                self._first_audio_ms.append((now - self._turn_ended_at) * 1000)
                self._turn_ended_at = None
            found = _DELTA.search(text)
            chars = text.find('"', found.end()) - found.end() if found else 0
            return [Count("audio_out_us", _audio_us(chars, self._output_bytes_per_ms))]
        if event_type in _TURN_ENDS:
            self._turn_ended_at = now
        if event_type == "input_audio_buffer.committed":
            return [Count("turns")]
        if event_type == "response.created":
            return [Count("responses")]
        return []

    def _learn_formats(self, session: Mapping[str, Any]) -> None:
        audio = _dict(session.get("audio"))
        self._input_bytes_per_ms = _bytes_per_ms(audio.get("input"))
        self._output_bytes_per_ms = _bytes_per_ms(audio.get("output"))

    # Making actions.

    def _wake(self, now: float) -> list[Action]:
        moments = [self._deadlines.next_at(now), self._setup_ends_at]
        at = min((moment for moment in moments if moment is not None), default=None)
        return [] if at is None else [WakeAt(at)]

    def _event(self, event_type: str, **fields: Any) -> ToClient:
        event = {"type": event_type, "event_id": self._new_id("event")} | fields
        return ToClient(self._scrubber.scrub(encode(event)))

    def _notice(self, notice: Notice) -> list[Action]:
        if not self._plan.has_extras:
            return []
        fields = {"level": notice.level, "code": notice.code, "message": notice.message}
        return [self._event("parley.notice", **fields), Count("notices")]

    def _refuse(self, code: str, message: str, param: str | None, event_id: object) -> list[Action]:
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id if isinstance(event_id, str) else None,
        }
        return [self._event("error", error=error), Count("client_events_refused")]

    def _end(
        self, fault: Fault, side: str, *, code: int | None = None, reason: str = ""
    ) -> list[Action]:
        """End the session by a fault: one `error` event, then both legs are closed."""
        if self.is_over:
            return []
        self._phase = Phase.OVER
        code = code or fault.close_code or 1011
        self._facts |= {"close_side": side, "close_code": code, "error_code": fault.code}
        return [
            ToClient(encode(error_event(fault, self._new_id("event")))),
            self._close("client", code, reason or fault.code),
            self._close("upstream", code, fault.code),
        ]

    def _close(self, leg: Leg, code: int, reason: str) -> Close:
        reason = self._scrubber.scrub(reason) if leg == "client" else reason
        return Close(leg, sendable_code(code), clip_reason(reason))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bytes_per_ms(side: object) -> int:
    audio_format = _dict(_dict(side).get("format")).get("type", "audio/pcm")
    return 48 if audio_format == "audio/pcm" else 8


def _audio_us(base64_chars: int, bytes_per_ms: int) -> int:
    """Return how long base64 audio sounds, in microseconds."""
    return max(0, base64_chars) * 750 // bytes_per_ms
