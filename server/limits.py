"""How many sessions may be open at once. Pure: values in, values out.

The limits of one session (length, idleness) are the relay core's; see `server/relay/deadlines.py`.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class SessionLimits:
    """Count the open sessions of this process."""

    max_sessions: int | None
    """≥ 1, or None for no limit."""
    open_sessions: int = 0

    def admit(self) -> bool:
        """Take a place, or return False when all are taken.

        Whoever got one gives it back with `release`, whatever happens in between.
        """
        if self.max_sessions is not None and self.open_sessions >= self.max_sessions:
            return False
        self.open_sessions += 1
        return True

    def release(self) -> None:
        """Give back one place; call it once for each `admit` that returned True."""
        self.open_sessions -= 1
