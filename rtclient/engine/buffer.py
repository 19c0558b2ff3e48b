"""The input audio buffer: pcm16 on the audio clock.

Positions are sample numbers since the first sample ever appended in the session; the wire's
`audio_start_ms` and `audio_end_ms` are these positions in milliseconds.
"""

from rtclient.engine.pcm import BYTES_PER_SAMPLE, samples_to_ms


class InputBuffer:
    """Audio since the last commit or clear; the oldest may be dropped to stay small."""

    def __init__(self) -> None:
        """Begin at sample 0."""
        self._pcm = bytearray()
        self._first = 0
        self.base = 0
        """Where the buffer begins for the client: the last commit or clear."""

    @property
    def end(self) -> int:
        """Sample number after the newest sample = the audio clock."""
        return self._first + len(self._pcm) // BYTES_PER_SAMPLE

    @property
    def length_ms(self) -> float:
        """Milliseconds since the last commit or clear, dropped audio included."""
        return samples_to_ms(self.end - self.base)

    def append(self, pcm: bytes) -> None:
        """Add pcm16 of whole samples."""
        self._pcm += pcm

    def cut(self, start: int, stop: int) -> bytes:
        """Return the samples [start, stop), as far as they are kept."""
        first = max(start - self._first, 0) * BYTES_PER_SAMPLE
        last = max(stop - self._first, 0) * BYTES_PER_SAMPLE
        return bytes(self._pcm[first:last])

    def drop_before(self, position: int) -> None:
        """Forget samples before `position`; the client's buffer stays as long as it was."""
        count = min(max(position - self._first, 0), self.end - self._first)
        del self._pcm[: count * BYTES_PER_SAMPLE]
        self._first += count

    def commit(self, position: int, *, keep_samples: int = 0) -> None:
        """Begin anew at `position`; `keep_samples` before it stay as pre-roll for the ears."""
        self.base = position
        self.drop_before(position - keep_samples)

    def clear(self) -> None:
        """Forget everything; the clock goes on."""
        self.commit(self.end)
