"""Client events that are on their way to the upstream, so that an error can be told to one. Pure.

An error event names the client event that it answers by `event_id`. Whoever wants to recognise its
errors gives the event to `Ledger.tag`, which adds an `event_id` where the client gave none, and
asks `Ledger.take` when an error comes.

Rule of the file: text of a client is changed by nothing but this id.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rtclient.protocol.codec import decode, encode
from server.relay.responses import Waiting

Kind = Literal["commit", "create", "cancel", "item"]

MAX_SENT = 128
MAX_CHARS = 1024 * 1024
"""How much text of events on their way is remembered, their ids included; the oldest goes first."""
MAX_ID_CHARS = 512

_PREFIX = "parley_seq_"
_BENIGN: Mapping[Kind, frozenset[str]] = {
    "commit": frozenset({"input_audio_buffer_commit_empty"}),
    "create": frozenset({"conversation_already_has_active_response"}),
    "cancel": frozenset({"response_cancel_not_active"}),
    "item": frozenset(
        {
            "item_truncate_invalid_item_id",
            "item_delete_invalid_item_id",
            "unsupported_content_type",
        }
    ),
}
_WITHOUT_ID: Mapping[str, Kind] = {
    "input_audio_buffer_commit_empty": "commit",
    "conversation_already_has_active_response": "create",
    "response_cancel_not_active": "cancel",
    "item_truncate_invalid_item_id": "item",
}
"""What only events that are tagged can cause, whether or not the upstream says which."""
# The real service gives this one no code of its own.
_SHORTER = re.compile(r"Audio content of \d+ ?ms is already shorter than")


@dataclass(frozen=True, slots=True)
class Sent:
    """An event on its way."""

    kind: Kind
    client_id: str | None
    """What the client calls it; None: nothing."""
    is_renamed: bool
    """Whether the upstream knows it by an id of ours."""
    text: str = ""
    """Kept only of a `response.create`."""
    waiting: Waiting | None = None
    """The `response.create`, for another try."""


def is_benign(kind: Kind, error: Mapping[str, Any]) -> bool:
    """Whether an error of an event of this kind is one that needs nobody's attention."""
    if error.get("code") in _BENIGN[kind]:
        return True
    message = error.get("message")
    return kind == "item" and isinstance(message, str) and _SHORTER.match(message) is not None


def benign_kind(error: Mapping[str, Any]) -> Kind | None:
    """Return the kind of event that an error without an `event_id` must be about."""
    return _WITHOUT_ID.get(str(error.get("code"))) if error.get("event_id") is None else None


class Ledger:
    """The last events that were sent, by the id under which the upstream knows them."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, Sent] = OrderedDict()
        self._chars = 0
        self._count = 0

    def tag(self, kind: Kind, text: str, waiting: Waiting | None = None) -> str:
        """Return the text to send, with an `event_id` by which its error will be recognised.

        Args:
            kind: what sort of event it is.
            text: a valid client event.
            waiting: the `response.create`, when it is one.
        """
        event = decode(text)
        given = event.get("event_id")
        if not isinstance(given, str | None) or len(given or "") > MAX_ID_CHARS:
            return text  # the upstream will say what is wrong with it
        if given and given not in self._sent:
            self._remember(given, Sent(kind, given, False, text if waiting else "", waiting))
            return text
        self._count += 1
        event_id = f"{_PREFIX}{self._count}"
        self._remember(event_id, Sent(kind, given, True, text if waiting else "", waiting))
        if "event_id" in event:
            return encode({**event, "event_id": event_id})
        # What the client wrote stays as it is, numbers and white space included.
        head, _, rest = text.partition("{")
        return f'{head}{{"event_id":"{event_id}",{rest}'

    def _remember(self, event_id: str, sent: Sent) -> None:
        self._sent[event_id] = sent
        self._chars += len(sent.text)
        while len(self._sent) > MAX_SENT or (self._chars > MAX_CHARS and len(self._sent) > 1):
            _, oldest = self._sent.popitem(last=False)
            self._chars -= len(oldest.text)

    def take(self, event_id: object) -> Sent | None:
        """Return the event that an error names, and forget it; None: not one of these."""
        if not isinstance(event_id, str):
            return None
        sent = self._sent.pop(event_id, None)
        if sent is not None:
            self._chars -= len(sent.text)
        return sent
