"""What goes into the engine's core and what comes out of it, as small frozen values.

`core.Session.feed(happened, now)` takes one of the inputs and returns a list of the actions. The
face (`serve.py`) only carries: it gives each `work_id` to a sense and the sense's results back.

Rules of the file: values only. `work_id` is the id of a response (thinking), of a stretch of speech
(speaking) or made for one hearing of an item; it is never reused and never chosen by a client.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rtclient.engine.senses import Heard, Prompt, Spoken, Thought
from rtclient.engine.shapes import Fault

# ---------------------------------------------------------------- what happened


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection is there; `is_beta` when the client asked for the dead beta shape."""

    is_beta: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One frame from the client, as it came."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event from the client that is known to be at fault: it is answered in its turn."""

    fault: Fault
    event_id: str | None = None
    """That of the client's event."""


@dataclass(frozen=True, slots=True)
class Continued:
    """Go on with the backlog (`Session.has_backlog`)."""


@dataclass(frozen=True, slots=True)
class Woke:
    """The time of the last `WakeAt` has come."""


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """The ears are done with an item."""

    work_id: str
    heard: Heard


@dataclass(frozen=True, slots=True)
class Thinking:
    """The brain yielded a piece of a response."""

    work_id: str
    thought: Thought


@dataclass(frozen=True, slots=True)
class ThinkingEnded:
    """The brain has nothing more to say to a response."""

    work_id: str


@dataclass(frozen=True, slots=True)
class Speaking:
    """The voice yielded a piece of speech."""

    work_id: str
    spoken: Spoken


@dataclass(frozen=True, slots=True)
class SpeakingEnded:
    """The voice is done with a text."""

    work_id: str


@dataclass(frozen=True, slots=True)
class SenseFailed:
    """A sense broke while it worked."""

    work_id: str
    message: str = ""
    """What to tell the client (the text of a `SenseError`); empty: the service's own words."""


@dataclass(frozen=True, slots=True)
class Broken:
    """End the response that writes to the conversation as `failed`, with this error."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Expired:
    """End the session as its time limit does."""


Input = (
    Opened
    | Received
    | Rejected
    | Continued
    | Woke
    | TurnHeard
    | Thinking
    | ThinkingEnded
    | Speaking
    | SpeakingEnded
    | SenseFailed
    | Broken
    | Expired
)

# ---------------------------------------------------------------- what to do


@dataclass(frozen=True, slots=True)
class Emit:
    """Send an event to the client, now."""

    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hear:
    """Give pcm16 of an item to the ears: begins at the first, ends with `is_last`."""

    work_id: str
    pcm: bytes = b""
    is_last: bool = False
    hints: tuple[str, ...] = ()
    """Words that are likely in this session; those of the first `Hear` of a work count."""
    language: str = ""
    """What the session says is spoken, such as `en`; that of the first `Hear` of a work counts."""


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the brain for a response."""

    work_id: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Speak:
    """Ask the voice for the speech of a text."""

    work_id: str
    text: str
    voice: str
    speed: float
    volume: float = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Forget a piece of work; its results are no longer wanted. Unknown ids are fine."""

    work_id: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Feed `Woke` at this time (replaces the one before); None: no need to."""

    at: float | None


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after what was emitted."""

    code: int
    reason: str


Action = Emit | Hear | Think | Speak | Stop | WakeAt | Close


@dataclass(slots=True)
class Outbox:
    """Collects the actions of one `feed`, shared by the parts of a core."""

    new_id: Callable[[str], str]
    """Makes an id for a prefix: `new_id("item")` → `item_…`; all ids come from here."""
    actions: list[Action] = field(default_factory=list)

    def emit(self, event_type: str, **fields: Any) -> None:
        """Add a server event; its `event_id` is made here."""
        self.actions.append(Emit({"type": event_type, "event_id": self.new_id("event"), **fields}))

    def error(self, fault: Fault, event_id: str | None = None) -> None:
        """Add an `error` event; `event_id`: that of the client event at fault."""
        error = {
            "type": fault.type,
            "code": fault.code,
            "message": fault.message,
            "param": fault.param,
            "event_id": event_id,
        }
        self.emit("error", error=error)

    def do(self, action: Action) -> None:
        """Add any other action."""
        self.actions.append(action)

    def take(self) -> list[Action]:
        """Return what was collected and begin anew."""
        actions, self.actions = self.actions, []
        return actions
