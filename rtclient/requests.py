"""What a client asked and the server has not answered yet. No sockets, no clock.

What answers what is in `rtclient.protocol.answering`.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rtclient.errors import ServerError
from rtclient.models import RealtimeError
from rtclient.protocol.answering import ANSWERS, begins, is_refused, item_id_of

_MAX_OPEN = 1000


def new_id(kind: str) -> str:
    """Return a fresh id such as `item_4f…`; at most 32 characters, which is what the API takes."""
    return f"{kind}_{secrets.token_hex(10)}"


def as_exception(error: object) -> ServerError:
    """Return the exception for the `error` of an event."""
    body = error if isinstance(error, Mapping) else {"message": str(error)}
    shown = RealtimeError.from_dict(body)
    return ServerError(
        str(shown.message or "The server gave no reason."),
        type=str(shown.type or "server_error"),
        code=shown.code,
        param=shown.param,
        event_id=shown.event_id,
        error=shown,
    )


Answered = Callable[[Any, Exception | None], None]
"""Gets the answer, or why there is none."""


@dataclass(frozen=True, slots=True)
class _Open:
    event: dict[str, Any]
    answered: Answered | None


class Requests:
    """The events that were sent and not answered yet, in their order."""

    def __init__(self) -> None:
        self._open: list[_Open] = []

    def sent(self, event: dict[str, Any], answered: Answered | None = None) -> None:
        """Note an event that goes out. It needs an `event_id` when its type is in `ANSWERS`."""
        if event.get("type") in ANSWERS:
            self._open.append(_Open(event, answered))
            # A server that never answers some kind must not cost memory for ever.
            if len(self._open) > _MAX_OPEN:
                self._close(self._open[0], None, RuntimeError("the server never answered"))

    def see(self, event: Mapping[str, Any], value: Any) -> bool:
        """Look at an event of the server.

        Args:
            event: With its type.
            value: What a waiting call gets for it; an exception is raised there.

        Returns:
            Whether a call was waiting for it.
        """
        kind = event["type"]
        if kind == "error":
            return self._fail(event.get("error"))
        for one in self._open:
            if ANSWERS[one.event["type"]] == kind and _fits(one.event, event):
                error = value if isinstance(value, Exception) else None
                return self._close(one, value, error)
        return False

    def end(self, error: Exception) -> None:
        """Say that nothing more comes."""
        for one in tuple(self._open):
            self._close(one, None, error)

    def forget(self, event: dict[str, Any]) -> None:
        """Wait no longer for the answer of this event."""
        self._open = [_Open(one.event, None) if one.event is event else one for one in self._open]

    def withdraw(self, event: dict[str, Any]) -> None:
        """Expect no answer of this event: it was not sent."""
        self._open = [one for one in self._open if one.event is not event]

    def _fail(self, error: object) -> bool:
        for place, one in enumerate(self._open):
            if is_refused(one.event, error, is_oldest=place == 0):
                return self._close(one, None, as_exception(error))
        return False

    def _close(self, one: _Open, value: Any, error: Exception | None) -> bool:
        self._open.remove(one)
        if one.answered is None:
            return False
        one.answered(value, error)
        return True


def _fits(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Tell whether an event of the right type is about what was asked."""
    if asked["type"] == "response.create":
        return begins(asked, answer.get("response"))
    asked_id = item_id_of(asked)
    return asked_id is None or bool(asked_id == item_id_of(answer))
