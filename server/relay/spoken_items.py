"""The assistant's spoken items: what a truncation of one may ask for. Pure.

Rules of the file:
- what was sent is the most that can have been heard: a truncation beyond it is clamped;
- at 0 ms nothing was heard, and the API refuses such a cut: the item is deleted, once nothing more
  is added to it;
- a cut that shortens nothing any more is left out, and so is one of an item that has no audio or is
  not in the conversation.

The audio deltas are never parsed: the id and the length of the base64 text are all that counts.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.relay.input_audio import base64_bytes
from server.relay.session_view import TICKS_PER_MS, SessionView

MAX_ITEMS = 512
"""Items that are remembered; older ones count as unknown."""

_DELTA = re.compile(r'"delta"\s*:\s*"')
_ITEM_ID = re.compile(r'"item_id"\s*:\s*"([^"\\]{1,512})"')

Cut = int | Literal["delete", "nothing", "pass"]
"""What to ask of the upstream: cut at so many ms, delete, nothing, or what the client wrote."""


@dataclass(slots=True)
class _Spoken:
    ticks_per_byte: int
    ticks: int = 0
    is_open: bool = True
    """More may be added."""
    is_gone: bool = False
    """Not in the conversation, or deleted."""
    is_ours: bool = False
    """Deleted because a client cut it at 0 ms."""
    is_doomed: bool = False
    """To be deleted once it is whole."""
    cut_ms: int | None = None

    @property
    def length_ms(self) -> int:
        sent_ms = self.ticks // TICKS_PER_MS
        return sent_ms if self.cut_ms is None else min(sent_ms, self.cut_ms)


class SpokenItems:
    """The newest items of the assistant, by id."""

    def __init__(self, view: SessionView) -> None:
        self._view = view
        self._items: OrderedDict[str, _Spoken] = OrderedDict()

    def on_added(self, item_id: str, ticks_per_byte: int, *, is_in_conversation: bool) -> None:
        """A response began an item."""
        spoken = _Spoken(ticks_per_byte, is_gone=not is_in_conversation)
        self._items[item_id] = spoken
        if len(self._items) > MAX_ITEMS:
            self._items.popitem(last=False)

    def on_delta(self, text: str) -> None:
        """A `response.output_audio.delta` passed."""
        found = _ITEM_ID.search(text)
        if found is None:
            return
        if (spoken := self._items.get(found[1])) is None:
            self.on_added(found[1], self._view.output_ticks, is_in_conversation=True)
            spoken = self._items[found[1]]
        spoken.ticks += base64_bytes(text, _DELTA) * spoken.ticks_per_byte

    def on_done(self, item_id: str) -> bool:
        """Nothing more is added to an item; return whether it is to be deleted now."""
        spoken = self._items.get(item_id)
        if spoken is None:
            return False
        spoken.is_open = False
        is_due = spoken.is_doomed and not spoken.is_gone
        if is_due:
            spoken.is_gone = spoken.is_ours = True
        return is_due

    def on_gone(self, item_id: object) -> None:
        """The item was deleted, or will be: by the client or by the upstream."""
        if isinstance(item_id, str) and (spoken := self._items.get(item_id)) is not None:
            spoken.is_gone = True

    def on_created(self, item_id: object) -> None:
        """The client creates an item, perhaps under an id that was used before."""
        if isinstance(item_id, str) and (spoken := self._items.get(item_id)) and spoken.is_gone:
            del self._items[item_id]

    def was_deleted_here(self, item_id: object) -> bool:
        """Whether the item is gone because of a cut at 0 ms."""
        spoken = self._items.get(item_id) if isinstance(item_id, str) else None
        return spoken is not None and (spoken.is_ours or spoken.is_doomed)

    def cut(self, event: Mapping[str, Any]) -> Cut:
        """Return what a `conversation.item.truncate` comes to."""
        item_id, end_ms = event.get("item_id"), event.get("audio_end_ms")
        is_well_formed = isinstance(item_id, str) and type(end_ms) is int
        if not is_well_formed or event.get("content_index") != 0:
            return "pass"  # the upstream says what is wrong with it
        spoken = self._items.get(str(item_id))
        if spoken is None or spoken.is_gone or spoken.is_doomed or spoken.length_ms == 0:
            return "nothing"
        assert isinstance(end_ms, int)
        if end_ms <= 0:
            spoken.is_doomed = True
            return "delete" if not spoken.is_open and self.on_done(str(item_id)) else "nothing"
        if spoken.cut_ms is not None and end_ms >= spoken.cut_ms:
            return "nothing"
        spoken.cut_ms = min(end_ms, spoken.length_ms)
        return spoken.cut_ms if spoken.cut_ms != end_ms else "pass"
