"""`Candidate`: the connection that is to become the live one. Pure.

It begins with a dial. Its server greets, is given the settings and the items that are missing, and
confirms them; when nothing is missing any more, `keeper.SessionKeeper` makes it live.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rtclient.errors import ConnectError, ConnectionLost, RTError
from rtclient.protocol import restoring
from rtclient.protocol.reading import mapping_of
from rtclient.protocol.session import merge

Event = dict[str, Any]

RESTORING_S: Final = 15.0
"""From the greeting to the whole conversation, at most."""

FATAL_ERRORS: Final = frozenset(
    {
        "invalid_api_key",
        "invalid_model",
        "model_not_found",
        "account_deactivated",
        "billing_hard_limit_reached",
        "insufficient_quota",
        "beta_api_shape_disabled",
    }
)
"""Codes of `error` events after which another connection ends the same way."""

ECHOES: Final = frozenset(
    {"conversation.item.added", "conversation.item.done", "conversation.item.created"}
)
"""What a server says of an item that was put there."""

OURS: Final = "event_restore_"
"""How the ids of events begin that the program did not send."""


@dataclass(slots=True)
class Candidate:
    """One connection in preparation."""

    generation: int
    deadline: float | None = None
    """When it must be further; None while it is dialled, which the face limits, and while it waits
    for a quiet moment."""
    fallback_life_s: float = 0.0
    """How long its session lasts if the server does not say."""
    session: dict[str, Any] | None = None
    """Its settings, as it shows them; None before its greeting."""
    there: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Item id → the item, for those that were put there, in order."""
    is_late: bool = False
    """Whether it was last filled when it could wait no longer for a quiet moment."""
    lost: list[str] = field(default_factory=list)
    """What its server refused."""
    _asked: dict[str, Any] | None = None
    _waiting: dict[str, tuple[str, object]] = field(default_factory=dict)
    """Event id → what confirms it: a type, and the id of the item."""
    _fatal_code: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether its server greeted and has confirmed everything so far."""
        return self.session is not None and not self._waiting

    def see(self, event: Mapping[str, Any], now: float) -> None:
        """Look at an event of its server."""
        kind = event["type"]
        if kind == "error":
            self._refused(mapping_of(event.get("error")))
        elif kind == "session.created" and self.session is None:
            self.session = merge({}, mapping_of(event.get("session")))
            self.deadline = now + RESTORING_S
        elif kind == "session.updated":
            self.session = merge(self.session or {}, mapping_of(event.get("session")))
            self._confirm(kind, None)
        elif kind in ECHOES:
            self._confirm("conversation.item.added", mapping_of(event.get("item")).get("id"))
        elif kind == "conversation.item.deleted":
            self._confirm(kind, event.get("item_id"))

    def fill(
        self,
        session: Mapping[str, Any],
        items: Iterable[Mapping[str, Any]],
        new_id: Callable[[], str],
    ) -> list[Event]:
        """Return what to send so that nothing is missing; nothing when nothing is.

        Args:
            session: The settings to have.
            items: The items to have, in order.
            new_id: Returns a fresh random text.
        """
        goal = tuple(items)
        events = restoring.steps(self.there, goal)
        update = restoring.settings(session, self.session or {})
        # Asked for once: a server may show other settings than it was given.
        if update is not None and update != self._asked:
            self._asked = update
            events.insert(0, {"type": "session.update", "session": update})
        self.there = {str(item["id"]): item for item in goal}
        return [self._ask(event, f"{OURS}{new_id()}") for event in events]

    def as_refusal(self, error: RTError) -> RTError:
        """Return why a connection that ended before it was live counts as none at all."""
        if not isinstance(error, ConnectionLost):
            return error
        if self._fatal_code:
            return ConnectError("rejected", detail=self._fatal_code)
        detail = f"it closed the connection (code {error.code}) before the session began"
        is_passing = error.code == 1000 or error.retryable
        return ConnectError("handshake" if is_passing else "rejected", detail=detail)

    def _ask(self, event: Event, event_id: str) -> Event:
        kind = event["type"]
        if kind == "conversation.item.create":
            self._waiting[event_id] = "conversation.item.added", event["item"]["id"]
        elif kind == "conversation.item.delete":
            self._waiting[event_id] = "conversation.item.deleted", event["item_id"]
        else:
            self._waiting[event_id] = "session.updated", None
        return {"event_id": event_id, **event}

    def _confirm(self, kind: str, item_id: object) -> None:
        for event_id, waited in self._waiting.items():
            if waited == (kind, item_id):
                del self._waiting[event_id]
                return

    def _refused(self, error: Mapping[str, Any]) -> None:
        code = error.get("code")
        if isinstance(code, str) and code in FATAL_ERRORS:
            self._fatal_code = code
        # A server that names no event means the oldest.
        asked_id = error.get("event_id") or next(iter(self._waiting), None)
        waited = self._waiting.pop(str(asked_id), None)
        if waited is not None:
            self.lost.append(f"{waited[1] or 'the settings of the session'}: refused by the server")
