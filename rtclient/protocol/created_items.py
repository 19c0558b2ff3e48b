"""What programs created: where they put it, and the sound and images that come back empty. Pure.

The server shows an item without its sound, and it is not certain that it repeats an image. A mirror
from which a session is to be made again must keep them itself.
"""

from collections.abc import Mapping
from typing import Any, Final

from rtclient.protocol.items import part_type
from rtclient.protocol.reading import mapping_of

KEPT_CHARS: Final = 8 * 1024 * 1024
"""Text of sound and images (base64) that is kept; beyond it the oldest is forgotten."""


class CreatedItems:
    """The `conversation.item.create` events of a program, by item id."""

    def __init__(self) -> None:
        self._at_root: set[str] = set()
        self._parts: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._chars: dict[tuple[str, int], int] = {}

    def note(self, event: Mapping[str, Any]) -> None:
        """Note a `conversation.item.create`; without an id of its own it cannot be known again."""
        item = mapping_of(event.get("item"))
        item_id, content = item.get("id"), item.get("content")
        if not isinstance(item_id, str):
            return
        if event.get("previous_item_id") == "root":
            self._at_root.add(item_id)
        for index, part in enumerate(content if isinstance(content, list) else []):
            if part_type(part) != "text":
                self._parts[item_id, index] = dict(part)
                self._chars[item_id, index] = sum(
                    len(value) for value in part.values() if isinstance(value, str)
                )
        total = sum(self._chars.values())
        while total > KEPT_CHARS:
            oldest = next(iter(self._parts))
            del self._parts[oldest]
            total -= self._chars.pop(oldest)

    def is_at_root(self, item_id: str) -> bool:
        """Whether the program put the item before all others."""
        return item_id in self._at_root

    def part(self, item_id: str, index: int) -> Mapping[str, Any] | None:
        """Return a part of sound or an image as it was created; None when it is not kept."""
        return self._parts.get((item_id, index))

    def forget(self, item_id: str, parts: int) -> None:
        """The item is gone."""
        self._at_root.discard(item_id)
        for index in range(parts):
            self._parts.pop((item_id, index), None)
            self._chars.pop((item_id, index), None)
