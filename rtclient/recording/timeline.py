"""Where the sound of both sides lies on one timeline, as somebody in the room would hear it. Pure.

Rules of the file:
- positions are samples of 24 000 Hz since the beginning; sound is pcm16; times are seconds and
  passed in;
- the user's sound lies where it was said: it ends when it is sent. Small jitter leaves no gap;
- the model's sound comes faster than it is heard: it lies where it is played, piece after piece,
  and begins after what the user has said so far;
- what was cut off was not heard: it becomes silence.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Literal

from rtclient.protocol.audio import PCM16

Track = Literal["user", "model"]

RATE_HZ: Final = PCM16.rate_hz
_JITTER: Final = RATE_HZ // 4
"""A shorter gap is no silence, but the doing of the network or the program."""
_KEPT_PARTS: Final = 32
"""Parts that may still be cut: the last ones."""
_KEPT_BREAKS: Final = 1024


@dataclass(frozen=True, slots=True)
class Placement:
    """Samples that replace what a track has at a place."""

    track: Track
    at: int
    """The first sample, ≥ 0."""
    pcm: bytes


@dataclass(slots=True)
class _Piece:
    at: int
    samples: int


@dataclass(slots=True)
class _Part:
    """The sound of one content part of an answer; in pieces, where it came too slowly."""

    pieces: list[_Piece] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.pieces[-1].at + self.pieces[-1].samples


class Timeline:
    """One conversation."""

    def __init__(self) -> None:
        self._user_end = 0
        self._model_end = 0
        self._streamed = 0
        self._breaks: list[tuple[int, int]] = [(0, 0)]
        """Where the user's stream goes on after a silence: sample of the stream → position."""
        self._parts: OrderedDict[tuple[str, int], _Part] = OrderedDict()

    @property
    def user_end_s(self) -> float:
        """Where the user's sound ends so far."""
        return self._user_end / RATE_HZ

    @property
    def end(self) -> int:
        """Behind the last sample of all sound so far."""
        return max(self._user_end, self._model_end)

    def user_said(self, pcm: bytes, now_s: float) -> Placement:
        """Place what the user said and the program sends at `now_s`."""
        samples = len(pcm) // 2
        at = max(self._user_end, round(now_s * RATE_HZ) - samples)
        if at - self._user_end < _JITTER and self._user_end:
            at = self._user_end
        elif at != self._user_end:
            self._breaks.append((self._streamed, at))
            del self._breaks[:-_KEPT_BREAKS]
        self._user_end = at + samples
        self._streamed += samples
        return Placement("user", at, pcm)

    def user_at_s(self, stream_ms: float) -> float:
        """Return when a place of the user's stream was said; `stream_ms` as the API counts it."""
        sample = min(round(stream_ms * RATE_HZ / 1000), self._streamed)
        start, at = next(
            (one for one in reversed(self._breaks) if one[0] <= sample), self._breaks[0]
        )
        return max(0, at + sample - start) / RATE_HZ

    def count_stream_from(self, stream_ms: float) -> None:
        """Say that the user's stream is at `stream_ms` now: a new session counts anew."""
        self._streamed = round(stream_ms * RATE_HZ / 1000)
        self._breaks = [(self._streamed, self._user_end)]

    def model_said(self, item_id: str, index: int, pcm: bytes, now_s: float) -> Placement:
        """Place the next sound of a part, which arrives at `now_s`."""
        now = round(now_s * RATE_HZ)
        part = self._parts.setdefault((item_id, index), _Part())
        if not part.pieces:
            at = max(self._model_end, self._user_end, now)
        elif now - self._model_end < _JITTER:
            at = self._model_end
        else:
            at = now
        samples = len(pcm) // 2
        if part.pieces and part.end == at:
            part.pieces[-1].samples += samples
        else:
            part.pieces.append(_Piece(at, samples))
        while len(self._parts) > _KEPT_PARTS:
            self._parts.popitem(last=False)
        self._model_end = at + samples
        return Placement("model", at, pcm)

    def model_cut(self, item_id: str, index: int, heard_ms: int) -> list[Placement]:
        """Silence what lies behind `heard_ms` of a part; nothing for a part that nobody knows."""
        part = self._parts.get((item_id, index))
        if part is None:
            return []
        is_last = part.end == self._model_end
        left = heard_ms * RATE_HZ // 1000
        silenced = []
        for piece in part.pieces:
            kept = min(left, piece.samples)
            left -= kept
            if kept < piece.samples:
                silence = bytes(2 * (piece.samples - kept))
                silenced.append(Placement("model", piece.at + kept, silence))
                piece.samples = kept
        part.pieces = [piece for piece in part.pieces if piece.samples] or part.pieces[:1]
        if is_last:
            # Of all parts: another may have begun between two pieces of this one.
            self._model_end = max(one.end for one in self._parts.values())
        return silenced

    def model_span_s(self, item_id: str, index: int) -> tuple[float, float] | None:
        """Return from when to when a part is heard; None when nobody knows it any more."""
        part = self._parts.get((item_id, index))
        return None if part is None else (part.pieces[0].at / RATE_HZ, part.end / RATE_HZ)
