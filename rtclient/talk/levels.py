"""How loud sound is. Pure.

pcm16: little-endian signed 16-bit, mono, 24 000 Hz. Levels are dB of full scale (RMS): 0 is the
loudest square wave, `SILENCE_DB` is what counts as digital zero.
"""

import math
import sys
from array import array
from operator import mul
from typing import Final

from rtclient.protocol.audio import PCM16, bytes_to_ms

SILENCE_DB: Final = -96.0
_FALL_DB_PER_S: Final = 24.0


def level_db(pcm: bytes) -> float:
    """Return the level of whole samples; `SILENCE_DB` for none or digital zero."""
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    power = sum(map(mul, samples, samples)) / len(samples) if samples else 0.0
    return max(SILENCE_DB, 10 * math.log10(power) - 20 * math.log10(32768)) if power else SILENCE_DB


class Meter:
    """A level as people read it: it jumps up at once and falls 24 dB a second."""

    def __init__(self) -> None:
        self.db = SILENCE_DB

    def feed(self, pcm: bytes) -> float:
        """Take in the next sound; return the level shown."""
        fall = _FALL_DB_PER_S * bytes_to_ms(len(pcm), PCM16) / 1000
        self.db = max(level_db(pcm), self.db - fall, SILENCE_DB)
        return self.db
