"""Which event of the server answers which event of the client. Pure; GA names.

The API names the client's event only in an error. Any other answer is known by its type, by the id
of the item where there is one, and otherwise by the order: the server works in order.

Source: Realtime API reference, client events and server events.
"""

from collections.abc import Mapping
from typing import Any, Final

from rtclient.protocol.reading import mapping_of, value_at

ANSWERS: Final[Mapping[str, str]] = {
    "session.update": "session.updated",
    "input_audio_buffer.commit": "input_audio_buffer.committed",
    "input_audio_buffer.clear": "input_audio_buffer.cleared",
    "conversation.item.create": "conversation.item.added",
    "conversation.item.delete": "conversation.item.deleted",
    "conversation.item.truncate": "conversation.item.truncated",
    "conversation.item.retrieve": "conversation.item.retrieved",
    "response.create": "response.created",
}
"""Type of the client's event → type of the event that says it was done."""


def item_id_of(event: Mapping[str, Any]) -> Any:
    """Return the id of the item that an event of either side is about; None when it names none."""
    return event.get("item_id", value_at(event, "item", "id"))


def begins(create: Mapping[str, Any], response: object) -> bool:
    """Tell whether a response may be the one that this `response.create` asked for.

    The server begins responses by itself, too.

    Args:
        create: The event as it was sent.
        response: The `response` of a `response.created`.
    """
    asked, shown = mapping_of(create.get("response")), mapping_of(response)
    # Servers that know no metadata show none.
    wanted, has = asked.get("metadata"), shown.get("metadata")
    if wanted and has and has != wanted:
        return False
    # A response beside the conversation says so by a null; not every server has the field.
    asked_beside = asked.get("conversation") == "none"
    is_beside = shown.get("conversation_id") is None
    return "conversation_id" not in shown or is_beside == asked_beside


def is_refused(event: Mapping[str, Any], error: object, *, is_oldest: bool) -> bool:
    """Tell whether an error is about an event of the client, which has an `event_id`.

    Args:
        event: As it was sent.
        error: The `error` of the server's event.
        is_oldest: Whether no event before it waits for its answer.
    """
    body = mapping_of(error)
    if (event_id := body.get("event_id")) is not None:
        return bool(event_id == event.get("event_id"))
    # Ours all have ids, so this one is not about them, unless the server names no ids: then it is
    # about the oldest. A failure of the server itself comes without one, too.
    return is_oldest and body.get("type") == "invalid_request_error"
