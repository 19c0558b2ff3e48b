"""Between the wire's audio and the engine's: pcm16 at 24 kHz inside, G.711 at 8 kHz outside.

One windowed-sinc low-pass at 3.4 kHz serves both ways (3 : 1), as polyphase sums in plain Python:
the core may not need numpy, and a telephone call costs a few hundredths of a core.

Rules of the file: both streams keep their state, so audio may come in pieces of any length.
"""

import math
from array import array
from operator import mul

from rtclient.engine.pcm import BYTES_PER_SAMPLE, pcm_of, samples_of
from rtclient.protocol.audio import PCM16, AudioFormat, decode_g711, encode_g711

_FACTOR = 3
_TAPS = 48
_CUTOFF = 3400 / 24000


def _low_pass() -> list[float]:
    middle = (_TAPS - 1) / 2
    taps = []
    for k in range(_TAPS):
        x = 2 * _CUTOFF * (k - middle)
        sinc = math.sin(math.pi * x) / (math.pi * x)  # x is never 0: the length is even
        window = 0.54 - 0.46 * math.cos(2 * math.pi * k / (_TAPS - 1))
        taps.append(sinc * window)
    total = sum(taps)
    return [tap / total for tap in taps]


_LOW_PASS = _low_pass()
_PHASES = [[_FACTOR * tap for tap in _LOW_PASS[p::_FACTOR]][::-1] for p in range(_FACTOR)]


def _clip(value: float) -> int:
    return max(-32768, min(32767, round(value)))


class FromWire:
    """Audio of a client, made pcm16 at 24 kHz."""

    def __init__(self, audio_format: AudioFormat) -> None:
        """Begin a stream."""
        self.format = audio_format
        self._odd = b""
        self._past = array("h", bytes(BYTES_PER_SAMPLE * (_TAPS // _FACTOR - 1)))

    def feed(self, data: bytes) -> bytes:
        """Return the pcm16 of the next bytes; half a sample waits for its other half."""
        if self.format is PCM16:
            data = self._odd + data if self._odd else data
            cut = len(data) - len(data) % BYTES_PER_SAMPLE
            self._odd = data[cut:]
            return data[:cut] if self._odd else data
        length = _TAPS // _FACTOR
        past = self._past + samples_of(decode_g711(data, self.format))
        out = array("h")
        for at in range(len(past) - length + 1):
            window = past[at : at + length]
            for phase in _PHASES:
                out.append(_clip(sum(map(mul, phase, window))))
        self._past = past[-(length - 1) :]
        return pcm_of(out)


class ToWire:
    """Speech of the engine, made what the client asked for."""

    def __init__(self, audio_format: AudioFormat) -> None:
        """Begin a stream."""
        self.format = audio_format
        self._past = array("h", bytes(BYTES_PER_SAMPLE * (_TAPS - 1)))

    def feed(self, pcm: bytes) -> bytes:
        """Return the next pcm16 in the wire's format."""
        if self.format is PCM16:
            return pcm
        past = self._past + samples_of(pcm)
        out = array("h")
        at = 0
        for at in range(0, len(past) - _TAPS + 1, _FACTOR):
            out.append(_clip(sum(map(mul, _LOW_PASS, past[at : at + _TAPS]))))
        self._past = past[at + _FACTOR :] if out else past
        return encode_g711(pcm_of(out), self.format)
