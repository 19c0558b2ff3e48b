"""When the queue of the ears begins to matter, and when it is over. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

BEGINS_MS: Final = 1000
ENDS_MS: Final = 250
"""Lower than where it begins, so that it is not told again and again."""


@dataclass(slots=True)
class QueueWatch:
    """Whether turns wait so long that people should be told."""

    is_busy: bool = False

    def look(
        self, load: Mapping[str, Mapping[str, int]], sessions: int
    ) -> Mapping[str, Any] | None:
        """Return the line to print when it begins or ends to matter, else None.

        Args:
            load: how busy the workers of each sense are (`Senses.load`).
            sessions: how many are open.
        """
        ears = load.get("ears", {})
        waiting_ms = ears.get("queue_ms", 0)
        is_busy = waiting_ms >= (ENDS_MS if self.is_busy else BEGINS_MS)
        if is_busy == self.is_busy:
            return None
        self.is_busy = is_busy
        return {
            "event": "load",
            "sessions": sessions,
            "waiting": ears.get("waiting", 0),
            "queue_ms": waiting_ms if is_busy else 0,
        }
