"""The worker that speaks with espeak-ng, and the only file that touches that library.

espeak-ng is GPL-3.0-or-later. It is loaded here by ctypes, in a process that does nothing else;
the rest of the engine only exchanges text and sound with it over a pipe. It comes with the extra
`voice-gpl`; without it voice.py speaks by other means.

Rules of the file:
- runs in the worker process only (the library is process-global and not thread-safe);
- sound leaves as pcm16 at 24 kHz, levelled to `TARGET_DBFS`, without clicks at its ends;
- times are milliseconds from the start of the job's own sound.

Source: speak_lib.h of espeak-ng 1.52.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import espeakng_loader
import numpy as np
import soxr
from numpy.typing import NDArray

from rtclient.engine.voice import pack
from rtclient.engine.workers import PIECE, Job

OUTPUT_HZ = 24_000
TARGET_DBFS = -20.0
"""Level of the voiced parts (RMS) at volume 1.0: comfortable, with room for peaks."""

_BUFFER_MS = 60
_BASE_WPM, _SLOWEST_WPM, _FASTEST_WPM = 165, 80, 450
_GAP_UNIT_MS = 33  # one unit of the word gap at the slowest rate, measured
_FADE_SAMPLES = 96  # 4 ms
_CALIBRATION = "The sun was warm, and we walked along the river all day."

# Constants of speak_lib.h
_SYNCHRONOUS = 2
_RATE, _PITCH, _RANGE, _WORDGAP = 1, 3, 4, 7
_CHARS_UTF8, _ENDPAUSE = 1, 0x1000
_POS_CHARACTER = 1
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1


@dataclass(frozen=True, slots=True)
class Timbre:
    """How espeak-ng makes one of the API's voices."""

    name: str
    pitch: int = 50
    """0 to 100."""
    liveliness: int = 50
    """Range of the pitch, 0 to 100."""


TIMBRES: dict[str, Timbre] = {
    "alloy": Timbre("en-us+f2", 48, 55),
    "ash": Timbre("en-us+m3", 42, 45),
    "ballad": Timbre("en-gb-x-rp+m7", 52, 65),
    "coral": Timbre("en-us+Annie", 52, 60),
    "echo": Timbre("en-us+Alex", 55, 50),
    "sage": Timbre("en-gb-x-rp+f4", 42, 45),
    "shimmer": Timbre("en-us+linda", 62, 65),
    "verse": Timbre("en-us-nyc+m2", 66, 70),
    "marin": Timbre("en-gb-scotland+f5", 50, 60),
    "cedar": Timbre("en-us+m7", 22, 40),
}
"""The ten voices of the API; each differs from the others in pitch, timbre or accent."""


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Levelling:
    """Streams 22 050 Hz espeak samples to levelled 24 kHz pcm16 with soft ends."""

    def __init__(self, rate_hz: int, gain: float) -> None:
        self._resampler = soxr.ResampleStream(rate_hz, OUTPUT_HZ, 1, "float32", "LQ")
        self._gain = gain / 32768.0
        self._held = np.zeros(0, np.float32)
        self._started = 0

    def feed(self, samples: NDArray[np.int16], *, is_last: bool = False) -> bytes:
        """Return the pcm16 that is ready; the last 4 ms are kept until `is_last`."""
        sound = self._resampler.resample_chunk(
            samples.astype(np.float32) * self._gain, last=is_last
        )
        # A soft knee above 0.7 bends peaks instead of clipping them.
        over = np.abs(sound) - 0.7
        sound = np.where(over > 0, np.sign(sound) * (0.7 + 0.29 * np.tanh(over / 0.29)), sound)
        if self._started < _FADE_SAMPLES:
            ramp = (self._started + np.arange(len(sound))) / _FADE_SAMPLES
            sound = sound * np.minimum(1.0, ramp)
            self._started += len(sound)
        self._held = np.concatenate([self._held, sound.astype(np.float32)])
        if is_last:
            n = min(_FADE_SAMPLES, len(self._held))
            if n:
                self._held[-n:] *= np.linspace(1.0, 0.0, n, dtype=np.float32)
            ready, self._held = self._held, self._held[:0]
        else:
            cut = max(0, len(self._held) - _FADE_SAMPLES)
            ready, self._held = self._held[:cut], self._held[cut:]
        return (ready * 32767.0).astype("<i2").tobytes()


class Speaker:
    """Speaks texts, one at a time: the craft of the voice worker."""

    def __init__(self, _options: Mapping[str, Any]) -> None:
        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate_hz = self._lib.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, espeakng_loader.get_data_path().encode(), 0
        )
        if self._rate_hz <= 0:
            raise RuntimeError("espeak-ng did not find its data")
        self._gains: dict[str, float] = {}
        # Kept alive with the object: the library calls it long after it was set.
        self._callback = _CALLBACK(self._on_sound)
        self._lib.espeak_SetSynthCallback(self._callback)
        self._job: Job | None = None
        self._levelling: Levelling | None = None
        self._collected: list[NDArray[np.int16]] = []
        self._lib.espeak_SetVoiceByName(TIMBRES["alloy"].name.encode())

    def facts(self) -> Mapping[str, Any]:
        """Return the names of the voices."""
        return {"voices": list(TIMBRES)}

    def run(self, job: Job) -> bytes:
        """Speak `begin`: text, voice, speed (0.25-1.5), volume (0.25-2.0), is_last."""
        timbre = TIMBRES.get(job.begin["voice"], TIMBRES["alloy"])
        gain = self._gain(timbre) * float(job.begin["volume"])
        self._set(timbre, float(job.begin["speed"]))
        self._job, self._levelling = job, Levelling(self._rate_hz, gain)
        self._synthesise(job.begin["text"], end_pause=not job.begin["is_last"])
        tail = self._levelling.feed(np.zeros(0, np.int16), is_last=True)
        self._job = None
        return pack([], tail)

    def _gain(self, timbre: Timbre) -> float:
        """Measure a voice once (about 2 ms) so that all are equally loud."""
        if timbre.name not in self._gains:
            self._set(timbre, 1.0)
            self._job, self._levelling, self._collected = None, None, []
            self._synthesise(_CALIBRATION, end_pause=False)
            sound = np.concatenate(self._collected or [np.zeros(1, np.int16)]) / 32768.0
            self._collected = []
            loud = sound[np.abs(sound) > 0.01]
            rms = float(np.sqrt(np.mean(loud**2))) if len(loud) else 0.1
            self._gains[timbre.name] = float(10 ** (TARGET_DBFS / 20)) / rms
        return self._gains[timbre.name]

    def _set(self, timbre: Timbre, speed: float) -> None:
        if self._lib.espeak_SetVoiceByName(timbre.name.encode()) != 0:
            self._lib.espeak_SetVoiceByName(b"en-us")
        wpm = _BASE_WPM * min(1.5, max(0.25, speed))
        # Below its slowest rate the library only leaves longer gaps between the words.
        gap_ms = max(0.0, 60_000 / wpm - 60_000 / _SLOWEST_WPM)
        self._lib.espeak_SetParameter(_RATE, int(min(_FASTEST_WPM, max(_SLOWEST_WPM, wpm))), 0)
        self._lib.espeak_SetParameter(_WORDGAP, int(gap_ms / _GAP_UNIT_MS), 0)
        self._lib.espeak_SetParameter(_PITCH, timbre.pitch, 0)
        self._lib.espeak_SetParameter(_RANGE, timbre.liveliness, 0)

    def _synthesise(self, text: str, *, end_pause: bool) -> None:
        data = text.replace("\0", " ").encode("utf-8", errors="replace") + b"\0"
        flags = _CHARS_UTF8 | (_ENDPAUSE if end_pause else 0)
        self._lib.espeak_Synth(data, len(data), 0, _POS_CHARACTER, 0, flags, None, None)

    def _on_sound(self, wave: Any, samples: int, events: Any) -> int:
        """Take 60 ms of sound; return 1 to stop. Called by the library in the middle of a run."""
        sound = (
            np.ctypeslib.as_array(wave, (samples,)).copy()
            if wave and samples > 0
            else np.zeros(0, np.int16)
        )
        if self._job is None or self._levelling is None:
            self._collected.append(sound)
            return 0
        if self._job.is_cancelled:
            return 1
        words: list[tuple[int, int]] = []
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_WORD and event.text_position > 0:
                words.append((max(0, event.audio_position), event.text_position - 1))
            index += 1
        pcm = self._levelling.feed(sound)
        if pcm or words:
            self._job.reply(PIECE, pack(words, pcm))
        return 0
