"""What `rtclient.resumption` says is to be done, and what a program is told of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from rtclient.errors import RTError

Event = dict[str, Any]


class ClientState(StrEnum):
    """Where a client is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restoration:
    """A conversation goes on over another connection."""

    kind: Literal["reconnected", "renewed"]
    """After a loss, or before the service ended the session."""
    is_restored: bool
    """Whether everything is there again that a new session can hold."""
    lost: tuple[str, ...] = ()
    """What is missing, in sentences with the ids of items; no words of the conversation."""
    items: int = 0
    """How many items of the conversation were put back."""
    attempts: int = 1
    """Dials that it took."""
    elapsed_s: float = 0.0
    """From the loss, or from the begin of the renewal, in seconds."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a connection; then call `opened` or `dial_failed`."""

    generation: int


@dataclass(frozen=True, slots=True)
class Send:
    """Write an event to a connection."""

    generation: int
    event: Event


@dataclass(frozen=True, slots=True)
class Deliver:
    """Give an event to the program."""

    event: Event


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `woke` at this time, and at no other; None: not at all."""

    at: float | None


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection, or end its dial, and forget it."""

    generation: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The client is in another state."""

    state: ClientState


@dataclass(frozen=True, slots=True)
class Restored:
    """Tell the program."""

    restoration: Restoration


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes; None after a clean end."""

    error: RTError | None


Output = Dial | Send | Deliver | WakeAt | Close | StateChanged | Restored | Ended
