"""The sound of one turn as the recogniser wants it: 16 kHz, trimmed, measured.

Rules of the file: pure but for its own state; levels are of frames of 10 ms, in dB of 16-bit units.
"""

import math
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

_INPUT_HZ, _HZ = 24_000, 16_000
_FRAME = 160  # 10 ms, the frame of the decoders
_PAUSE_S = 0.12
_LEAD_S = 0.3
"""How much of the quiet before the first loud sound is kept; more would spoil the mean."""
_DITHER = 32768 * 10 ** (-60 / 20)
_LEAST_LOUD_DB = 20 * math.log10(32768) - 50  # -50 dBFS


class TurnSound:
    """The sound of a turn at 16 kHz, with a trace of noise against digital silence.

    Of the quiet before the first loud sound only the last `_LEAD_S` is kept.
    """

    def __init__(self) -> None:
        self._resampler = soxr.ResampleStream(_INPUT_HZ, _HZ, 1, "float32", "LQ")
        self._noise = np.random.default_rng(0)  # the same each time: results repeat
        self._odd = b""
        self._sound = np.zeros(4 * _HZ, np.int16)
        self._has_begun = False
        self._floor_db: float | None = None
        self.samples = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Add pcm16 at 24 kHz, also an odd number of bytes."""
        data = self._odd + data
        self._odd = data[len(data) & ~1 :]
        sound = self._resampler.resample_chunk(
            np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.float32), last=is_last
        )
        sound = sound + self._noise.standard_normal(len(sound)) * _DITHER
        end = self.samples + len(sound)
        while end > len(self._sound):
            self._sound = np.concatenate([self._sound, np.zeros_like(self._sound)])
        self._sound[self.samples : end] = np.clip(sound, -32768, 32767)
        self.samples = end
        if not self._has_begun:
            self._drop_lead()

    def _drop_lead(self) -> None:
        """Look for the first loud sound; forget the quiet that lies more than a lead before it."""
        levels = self._levels()
        quiet = float(np.percentile(levels, 10))
        self._floor_db = quiet if self._floor_db is None else min(self._floor_db, quiet)
        loud = np.flatnonzero(levels > max(self._floor_db + 9.0, _LEAST_LOUD_DB))
        self._has_begun = len(loud) > 0
        onset = loud[0] * _FRAME if self._has_begun else self.samples
        drop = int(onset - _LEAD_S * _HZ) // _FRAME * _FRAME
        if drop > 0:
            kept = self.samples - drop
            self._sound[:kept] = self._sound[drop : self.samples].copy()
            self.samples = kept

    def pauses(self) -> bool:
        """Whether speech has begun and it is quiet now."""
        if not self._has_begun:
            return False
        levels = self._levels()
        tail = levels[-int(_PAUSE_S * 100) :]
        loudest = float(np.percentile(levels, 95))
        return len(levels) > 2 * len(tail) and float(tail.max()) < loudest - 15

    def sound(self, start: int, length: int | None = None) -> NDArray[np.int16]:
        """Return samples from `start` on, at most `length`."""
        end = self.samples if length is None else min(self.samples, start + length)
        return self._sound[start:end]

    def snr_db(self) -> float:
        """Return the level of the loud parts over that of the quiet ones."""
        quiet, loud = np.percentile(self._levels(), (10, 85))
        return round(float(loud - quiet), 1)

    def coverage(self, spans: Sequence[tuple[int, int]]) -> float:
        """Return which share of the loud frames lies in `spans`: (first, last) frame, 10 ms each.

        A grammar calls silence what does not fit its phrase; the sound itself says otherwise.
        """
        levels = self._levels()
        quiet, loud = np.percentile(levels, (10, 85))
        is_loud = levels > max(quiet + 6, loud - 15)
        if not is_loud.any():
            return 0.0
        inside = np.zeros(len(levels), bool)
        for first, last in spans:
            inside[first : last + 1] = True
        return round(float((is_loud & inside).sum() / is_loud.sum()), 3)

    def _levels(self) -> NDArray[np.float64]:
        """Return the level of each frame of 10 ms in dB, smoothed over 30 ms."""
        whole = self.samples // _FRAME * _FRAME
        if not whole:
            return np.zeros(1)
        frames = self.sound(0)[:whole].reshape(-1, _FRAME).astype(np.float64)
        power = np.convolve(np.mean(frames**2, axis=1), np.ones(3) / 3, "same")
        return np.asarray(10 * np.log10(power + 1e-9))
