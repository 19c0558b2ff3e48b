"""pcm16 arithmetic: little-endian signed 16-bit, mono, 24 000 Hz, no header."""

import sys
from array import array

SAMPLE_RATE_HZ = 24_000
BYTES_PER_SAMPLE = 2
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
BYTES_PER_MS = SAMPLES_PER_MS * BYTES_PER_SAMPLE


def samples_to_ms(samples: int) -> float:
    """Return the length of so many samples."""
    return samples / SAMPLES_PER_MS


def ms_to_samples(ms: float) -> int:
    """Return the whole samples in so many milliseconds."""
    return int(ms * SAMPLES_PER_MS)


def pcm_ms(pcm: bytes | bytearray) -> float:
    """Return the length of pcm16."""
    return len(pcm) / BYTES_PER_MS


def samples_of(pcm: bytes) -> "array[int]":
    """Return the samples of pcm16."""
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def pcm_of(samples: "array[int]") -> bytes:
    """Return samples as pcm16."""
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    return samples.tobytes()
