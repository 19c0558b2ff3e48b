"""`OpenEnds`: what the program was told the beginning of, and not yet the end. Pure.

When a session is left, the server will not tell the rest: the keeper does, from here.
"""

from collections.abc import Mapping
from typing import Any, Final

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.reading import value_at

Event = dict[str, Any]

_TRANSCRIPT_FAILED: Final = "conversation.item.input_audio_transcription.failed"
_NO_TRANSCRIPT_DUE: Final = frozenset(
    {
        "conversation.item.input_audio_transcription.completed",
        _TRANSCRIPT_FAILED,
        "conversation.item.deleted",
    }
)


class OpenEnds:
    """Feed it every event that is delivered to the program."""

    def __init__(self) -> None:
        """Begin with none."""
        self._items: dict[str, Mapping[str, Any]] = {}
        """Items that were added and are not done, as they were shown."""
        self._untranscribed: set[str] = set()
        """Turns whose transcript is due."""

    @property
    def has_transcripts(self) -> bool:
        """Whether a transcript is due."""
        return bool(self._untranscribed)

    def note(self, event: Mapping[str, Any], *, transcribes: bool) -> None:
        """Note an event. `transcribes`: whether the session writes down what is said."""
        item = event.get("item")
        if event["type"] == "conversation.item.added" and isinstance(item, Mapping):
            self._items[str(item.get("id"))] = item
        elif event["type"] in ("conversation.item.done", "conversation.item.deleted"):
            self._items.pop(str(event.get("item_id") or value_at(item, "id")), None)
        elif event["type"] == "input_audio_buffer.committed" and transcribes:
            self._untranscribed.add(str(event.get("item_id")))
        if event["type"] in _NO_TRANSCRIPT_DUE:
            self._untranscribed.discard(str(event.get("item_id")))

    def items_done(self, conversation: Conversation) -> list[Event]:
        """Return `conversation.item.done` for each; what the model was making is incomplete."""
        return [
            {"type": "conversation.item.done", "item": _done(shown, conversation, item_id)}
            for item_id, shown in self._items.items()
        ]

    def transcripts_failed(self, reason: str) -> list[Event]:
        """Return an `input_audio_transcription.failed` with the code `reason` for each turn."""
        error = {"type": "server_error", "code": reason, "message": "The session is gone."}
        return [
            {"type": _TRANSCRIPT_FAILED, "item_id": item_id, "content_index": 0, "error": error}
            for item_id in sorted(self._untranscribed)
        ]


def response_cancelled(response_id: str, reason: str) -> Event:
    """Return the `response.done` of an answer whose rest never comes."""
    return {
        "type": "response.done",
        "response": {
            "object": "realtime.response",
            "id": response_id,
            "status": "cancelled",
            "status_details": {"type": "cancelled", "reason": reason},
            "output": [],
            "usage": None,
        },
    }


def _done(shown: Mapping[str, Any], conversation: Conversation, item_id: str) -> Event:
    made = conversation.item(item_id)
    is_whole = made is None or made.response_id is None or made.status == "completed"
    arguments = {"arguments": made.arguments} if made and made.arguments else {}
    return {**shown, **arguments, "status": "completed" if is_whole else "incomplete"}
