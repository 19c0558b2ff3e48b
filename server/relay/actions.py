"""What the relay core asks its face to do, and what it is told at the start. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from server.policy import Policy

OWN_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "parley.notice": ("level", "code", "message"),
    "parley.session_expiring": ("expires_at", "seconds_left"),
}
"""Events of our own and their fields, besides `type` and `event_id`."""

Leg = Literal["client", "upstream"]
"""One of the two connections of a session."""


@dataclass(frozen=True, slots=True)
class ToClient:
    """Send this to the client: text, or bytes as a binary message."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class ToUpstream:
    """Send this text upstream."""

    text: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `on_time` at this moment or soon after; replaces what was asked before."""

    at: float


@dataclass(frozen=True, slots=True)
class Close:
    """Close one leg after everything before it was sent. The session is over."""

    leg: Leg
    code: int
    """1000–1014 or 3000–4999, never one that cannot be sent."""
    reason: str
    """At most 123 bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Count:
    """Add to a counter of the session."""

    name: str
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the client should know; a `parley.notice` where it may be sent one.

    From a layer it goes into the log too. It says nothing that the client wrote.
    """

    level: Literal["info", "warning"]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something for the log, written once in the life of the server."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fail:
    """End the session by this fault (see `server.errors`). From a layer to the core."""

    code: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial now, and whom; only in a session whose plan says that it waits for this."""

    target: str = ""
    """The name of an upstream; empty is the server's own choice."""
    session: Mapping[str, Any] | None = None
    """What the server's own `session.update` sets (GA), in place of the plan's."""


Action = ToClient | ToUpstream | WakeAt | Close | Count | Notice | Note | Fail | Dial


@dataclass(frozen=True, slots=True)
class Plan:
    """What one session is about. Times in seconds."""

    session: Mapping[str, Any] | None = None
    """The session of the server's own `session.update` (GA); None sends none."""
    is_preset: bool = False
    """Whether the client asked for that session before it connected: `session.created` waits for
    it and shows it, and the client is told when the upstream rejects it."""
    policy: Policy = Policy()  # noqa: RUF009 - frozen
    has_extras: bool = True
    """Whether the client may be sent events of our own, `parley.*`."""
    secrets: tuple[str, ...] = ()
    """Strings that must not reach the client: key, token, address of the upstream."""
    session_limit_s: float | None = None
    idle_limit_s: float | None = None
    """How long nobody may speak, write or answer."""
    notices: tuple[Notice, ...] = ()
    """Sent at the start."""
    path: str = ""
    """What the client dialled, for the log."""
    client_session_id: str = ""
    """What the client calls the session, where that is not what the upstream calls it."""
    hides_close_codes: bool = False
    """Whether the client is told in words when the upstream closes, not by the upstream's code."""
    dials_on_demand: bool = False
    """Whether the upstream is dialled only when a layer says so with `Dial`."""
    transcription_advice: str = ""
    """What to do when the upstream cannot transcribe; empty when there is no setting for it."""
