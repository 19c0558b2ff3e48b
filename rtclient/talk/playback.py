"""`Playback`: the answers' sound between the service and the loudspeaker. No clocks, no devices.

The service sends several times faster than sound sounds. So what was sent waits here, and what was
heard is counted where the loudspeaker takes it. On barge-in what waits is thrown away, and what was
heard of each part is told, for `rtclient.protocol.turns.truncation`.

pcm16: little-endian signed 16-bit, mono, 24 000 Hz; always whole samples.
"""

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from rtclient.protocol import turns

SAMPLE_BYTES: Final = 2
_REMEMBERED: Final = 100

Place = tuple[str, int]
"""A part of an answer: item_id and content_index."""


class _Part:
    """One part of an answer that has not sounded to its end."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sound: deque[memoryview] = deque()
        self.received = 0
        self.played = 0
        self.is_complete = False

    @property
    def is_over(self) -> bool:
        """Whether everything of it has sounded."""
        return self.is_complete and self.played >= self.received


class Playback:
    """A queue of sound that knows what was heard."""

    def __init__(self, lock: AbstractContextManager[Any] | None = None) -> None:
        """Begin empty; with a `threading.Lock` it is safe to use from an audio thread, too."""
        self._lock = lock or nullcontext()
        self._parts: deque[_Part] = deque()
        # Of the newest parts: samples played and received, for captions.
        self._counts: dict[Place, tuple[int, int]] = {}
        self._flushed: deque[str] = deque(maxlen=_REMEMBERED)

    # From the service -------------------------------------------------------------------------

    def feed(self, item_id: str, content_index: int, pcm: bytes) -> None:
        """Add sound of a part; that of an item that was flushed is ignored."""
        with self._lock:
            if item_id in self._flushed:
                return
            part = self._part((item_id, content_index))
            whole = len(pcm) - len(pcm) % SAMPLE_BYTES
            if whole:
                part.sound.append(memoryview(pcm)[:whole])
                part.received += whole // SAMPLE_BYTES
                self._count(part)

    def complete(self, item_id: str, content_index: int) -> None:
        """Say that a part's sound is all here."""
        with self._lock:
            for part in self._parts:
                if part.place == (item_id, content_index):
                    part.is_complete = True
            self._drop_what_is_over()

    def flush(
        self,
        latency_s: float = 0.0,
        is_known: Callable[[str], bool] = lambda _: True,
    ) -> list[turns.Playback]:
        """Throw away what waits; return what was heard of each part that did not sound to its end.

        Args:
            latency_s: Seconds from here to the ear.
            is_known: Whether the conversation has an item.
        """
        with self._lock:
            stopped = [
                turns.Playback(
                    item_id=part.place[0],
                    content_index=part.place[1],
                    played_samples=part.played,
                    received_samples=part.received,
                    output_latency_s=latency_s,
                    is_complete=part.is_complete,
                    is_known=is_known(part.place[0]),
                )
                for part in self._parts
            ]
            self._flushed.extend(part.place[0] for part in self._parts)
            self._parts.clear()
            return stopped

    # To the loudspeaker -----------------------------------------------------------------------

    def take(self, n_bytes: int) -> bytes:
        """Return the next `n_bytes` for the loudspeaker, with silence where there is nothing."""
        taken = bytearray()
        with self._lock:
            while len(taken) < n_bytes and (part := self._sounding()) is not None:
                piece = part.sound.popleft()
                rest = n_bytes - len(taken)
                if len(piece) > rest:
                    part.sound.appendleft(piece[rest:])
                    piece = piece[:rest]
                taken += piece
                part.played += len(piece) // SAMPLE_BYTES
                self._count(part)
            self._drop_what_is_over()
        return bytes(taken) + bytes(n_bytes - len(taken))

    @property
    def is_waiting(self) -> bool:
        """Whether there is sound that nobody took yet."""
        with self._lock:
            return any(part.sound for part in self._parts)

    @property
    def is_over(self) -> bool:
        """Whether everything has sounded and no more is announced."""
        with self._lock:
            return not self._parts

    def heard(self, item_id: str, content_index: int) -> tuple[int, int]:
        """Return the milliseconds that sounded of a part, and that came; (0, 0) if unknown."""
        played, received = self._counts.get((item_id, content_index), (0, 0))
        return played // turns.SAMPLES_PER_MS, received // turns.SAMPLES_PER_MS

    def is_flushed(self, item_id: str) -> bool:
        """Return whether the rest of an item was thrown away."""
        with self._lock:
            return item_id in self._flushed

    # Under the lock ---------------------------------------------------------------------------

    def _part(self, place: Place) -> _Part:
        for part in self._parts:
            if part.place == place:
                return part
        # The service sends one part after the other: what comes before is all here.
        for part in self._parts:
            part.is_complete = True
        self._parts.append(_Part(place))
        return self._parts[-1]

    def _sounding(self) -> _Part | None:
        return next((part for part in self._parts if part.sound), None)

    def _drop_what_is_over(self) -> None:
        while self._parts and self._parts[0].is_over:
            self._parts.popleft()

    def _count(self, part: _Part) -> None:
        self._counts[part.place] = part.played, part.received
        if len(self._counts) > _REMEMBERED:
            del self._counts[next(iter(self._counts))]
