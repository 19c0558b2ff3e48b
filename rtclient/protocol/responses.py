"""The responses of a session, as far as they are remembered. Pure.

Source: Realtime API reference, response.created and response.done (GA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rtclient.protocol.reading import mapping_of, text_of

MAX_RESPONSES: Final = 1000
"""Responses that are remembered; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response of the model, as it is now."""

    id: str
    status: str = "in_progress"
    """`in_progress`, `completed`, `cancelled`, `failed`, `incomplete`."""
    reason: str | None = None
    """Why it ended early: `turn_detected`, `client_cancelled`, `max_output_tokens` …"""
    error: Mapping[str, Any] | None = None
    """What failed, as the server says it."""
    usage: Mapping[str, Any] | None = None
    """As the server sent it, once it is done."""
    is_out_of_band: bool = False
    """It is outside the conversation (`conversation: "none"`)."""
    item_ids: tuple[str, ...] = ()
    """What it made, in order."""

    @property
    def is_active(self) -> bool:
        """Whether it is still being made."""
        return self.status == "in_progress"


class Responses:
    """Responses by id, in the order in which they began."""

    def __init__(self) -> None:
        self._by_id: dict[str, Response] = {}
        self._active_id: str | None = None

    @property
    def all(self) -> tuple[Response, ...]:
        """All that are remembered."""
        return tuple(self._by_id.values())

    @property
    def active(self) -> Response | None:
        """The one that is being made inside the conversation."""
        return self.get(self._active_id)

    def get(self, response_id: object) -> Response | None:
        """Return one by its id."""
        return self._by_id.get(response_id) if isinstance(response_id, str) else None

    def begin(self, wire: Mapping[str, Any]) -> Response | None:
        """Note `response.created`; None when it has no id."""
        response = self._known(wire)
        if response is None:
            return None
        is_outside = "conversation_id" in wire and wire["conversation_id"] is None
        if not is_outside:
            self._active_id = response.id
        status = text_of(wire, "status") or "in_progress"
        return self._keep(replace(response, status=status, is_out_of_band=is_outside))

    def end(self, wire: Mapping[str, Any]) -> Response | None:
        """Note `response.done`; None when it has no id."""
        response = self._known(wire)
        if response is None:
            return None
        if self._active_id == response.id:
            self._active_id = None
        # Compatible services send a bare string here.
        details = mapping_of(wire.get("status_details"))
        ended = replace(
            response,
            status=text_of(wire, "status") or "completed",
            reason=text_of(details, "reason") or None,
            error=dict(mapping_of(details.get("error"))) or None,
            usage=dict(mapping_of(wire.get("usage"))) or None,
        )
        return self._keep(ended)

    def add_item(self, response_id: object, item_id: str) -> Response | None:
        """Note that a response makes an item; None when nobody knows the response."""
        response = self.get(response_id)
        if response is None or item_id in response.item_ids:
            return response
        return self._keep(replace(response, item_ids=(*response.item_ids, item_id)))

    def _known(self, wire: Mapping[str, Any]) -> Response | None:
        response_id = wire.get("id")
        if not isinstance(response_id, str):
            return None
        return self._by_id.get(response_id) or Response(response_id)

    def _keep(self, response: Response) -> Response:
        self._by_id[response.id] = response
        if len(self._by_id) > MAX_RESPONSES:
            del self._by_id[next(iter(self._by_id))]
        return response
