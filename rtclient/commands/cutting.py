"""A long recording in pieces that can be transcribed one by one, cut where nobody speaks. Pure.

The service's own turn detection would do, but it tells nobody which sound it has heard already:
with pieces of our own every second of a file is accounted for, also over a new connection.
"""

import sys
from array import array
from dataclasses import dataclass, field
from typing import Final

from rtclient.protocol.audio import bytes_to_ms, ms_to_bytes

FRAME_MS: Final = 20
_FRAME_BYTES: Final = ms_to_bytes(FRAME_MS)

PAUSE_MS: Final = 600
"""A pause as between sentences: a piece ends in the middle of it."""
SHORT_PAUSE_MS: Final = 200
"""A pause as between phrases: enough when a piece is long already."""
LONG_MS: Final = 15_000
MOST_MS: Final = 30_000
"""The longest piece; it ends where it is quietest in its second half."""
LEAST_MS: Final = 1_000

_QUIET: Final = 300
"""The peak below which a frame is always quiet: -41 dB of full scale."""
_SILENT: Final = 100
"""The peak below which a piece holds nothing to transcribe: -50 dB of full scale."""
_OVER_NOISE: Final = 3
_NOISE_RISE: Final = 1.002
"""How the noise floor rises per frame: tenfold in 23 seconds."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the recording."""

    start_ms: int
    end_ms: int
    pcm: bytes = field(repr=False)
    """pcm16, 24 kHz, mono."""


class Cutter:
    """Takes sound as it comes and gives it back in pieces; what is silent is left out."""

    def __init__(self) -> None:
        self._start_ms = 0
        self._sound = bytearray()
        self._peaks: list[int] = []
        self._quiet_frames = 0
        self._noise = float(_QUIET)

    def feed(self, pcm: bytes) -> list[Piece]:
        """Take pcm16 of 24 kHz; return the pieces that are complete."""
        self._sound += pcm
        found = []
        while len(self._sound) >= (len(self._peaks) + 1) * _FRAME_BYTES:
            begin = len(self._peaks) * _FRAME_BYTES
            self._note(_peak(self._sound[begin : begin + _FRAME_BYTES]))
            if (frames := self._cut_at()) is not None:
                found += self._cut(frames * _FRAME_BYTES)
        return found

    def end(self) -> list[Piece]:
        """Return what is left at the end of the recording."""
        return self._cut(len(self._sound))

    def _note(self, peak: int) -> None:
        self._noise = min(max(float(peak), 1.0), self._noise * _NOISE_RISE)
        self._peaks.append(peak)
        is_quiet = peak < max(_QUIET, _OVER_NOISE * self._noise)
        self._quiet_frames = self._quiet_frames + 1 if is_quiet else 0

    def _cut_at(self) -> int | None:
        """Return after how many frames the piece ends, if it does."""
        count = len(self._peaks)
        length_ms, quiet_ms = count * FRAME_MS, self._quiet_frames * FRAME_MS
        pause_ms = PAUSE_MS if length_ms < LONG_MS else SHORT_PAUSE_MS
        if length_ms >= LEAST_MS + pause_ms and quiet_ms >= pause_ms:
            return count - self._quiet_frames // 2
        if length_ms < MOST_MS:
            return None
        window = SHORT_PAUSE_MS // FRAME_MS
        return window // 2 + min(
            range(count // 2, count - window),
            key=lambda begin: sum(self._peaks[begin : begin + window]),
        )

    def _cut(self, size: int) -> list[Piece]:
        pcm, frames = bytes(self._sound[:size]), size // _FRAME_BYTES
        is_silent = max(self._peaks[:frames], default=0) < _SILENT and _peak(pcm) < _SILENT
        end_ms = self._start_ms + bytes_to_ms(size)
        piece = Piece(self._start_ms, end_ms, pcm)
        del self._sound[:size], self._peaks[:frames]
        self._start_ms = end_ms
        self._quiet_frames = min(self._quiet_frames, len(self._peaks))
        return [] if is_silent or not pcm else [piece]


def _peak(pcm: bytes | bytearray) -> int:
    samples = array("h", bytes(pcm[: len(pcm) - len(pcm) % 2]))
    if sys.byteorder == "big":
        samples.byteswap()
    return max(max(samples), -min(samples)) if samples else 0
