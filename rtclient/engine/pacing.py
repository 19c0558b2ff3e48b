"""When a piece of speech may go out: deltas of growing size, a few times faster than real time.

The voice makes speech far faster than anybody hears it. The real service sends it at 4–5× real
time in deltas of 100, 150, then 250 ms (as observed), and so does this: the first one at once,
so that barge-in and truncation mean something. Words go out with the audio in which they begin.
"""

from dataclasses import dataclass

from rtclient.engine.pcm import BYTES_PER_MS

DELTA_SIZES_MS = (100, 150, 250)
RATE = 4.5
"""Seconds of speech per second."""
_LATE_S = 0.1
"""A wake this late is made good by the next deltas; a longer gap is not."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a word stands: `at_ms` in the part's audio, `text_end` in the part's text."""

    at_ms: float
    text_end: int


class Pacer:
    """The speech of one content part on its way out."""

    def __init__(self) -> None:
        """Begin empty."""
        self._queue = bytearray()
        self._is_complete = False
        self._due: float | None = None
        self._step = 0
        self.taken_bytes = 0
        self.added_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether all that was added has been taken."""
        return not self._queue

    @property
    def taken_ms(self) -> float:
        """How much went out."""
        return self.taken_bytes / BYTES_PER_MS

    @property
    def added_ms(self) -> float:
        """How much was made."""
        return self.added_bytes / BYTES_PER_MS

    def add(self, pcm: bytes) -> None:
        """Add speech; more follows until `complete`."""
        self._queue += pcm
        self.added_bytes += len(pcm)
        self._is_complete = False

    def complete(self) -> None:
        """Say that a stretch of speech is whole: its short rest may go out."""
        self._is_complete = True

    def drop(self) -> None:
        """Forget what has not gone out."""
        self._queue.clear()

    def next_due(self) -> float | None:
        """Return when `take` will give something; None: not before more is added. 0.0: at once."""
        return (self._due or 0.0) if self._size() else None

    def take(self, now: float) -> bytes | None:
        """Return the next delta's pcm16 if its time has come."""
        size = self._size()
        if not size or (self._due is not None and now < self._due):
            return None
        pcm = bytes(self._queue[:size])
        del self._queue[:size]
        self._step += 1
        self.taken_bytes += size
        begin = now if self._due is None or now - self._due > _LATE_S else self._due
        self._due = begin + size / BYTES_PER_MS / 1000 / RATE
        return pcm

    def _size(self) -> int:
        wanted = DELTA_SIZES_MS[min(self._step, len(DELTA_SIZES_MS) - 1)] * BYTES_PER_MS
        if len(self._queue) >= wanted:
            return wanted
        return len(self._queue) if self._is_complete else 0
