"""What programs of agent frameworks say to our server: the same words, whatever the framework."""

import sys
import wave
from collections.abc import Iterator

RATE_HZ = 24_000
PIECE_MS = 100

MODEL = "gpt-realtime"
VOICE = "ash"
INSTRUCTIONS = "You are a helpful assistant. Be brief."
REQUEST = "Repeat after me: banana"
LONG_REQUEST = "Count to thirty"
TOOL_REQUEST = "Please use get_weather for Paris."
WEATHER = "21 degrees and sunny"
"""What the tool `get_weather` returns."""


def speech() -> Iterator[bytes]:
    """The question "What time is it?" after half a second of silence, pcm16 in pieces."""
    with wave.open(sys.argv[1]) as sound:
        return _pieces(bytes(RATE_HZ) + sound.readframes(sound.getnframes()))


def silence() -> Iterator[bytes]:
    """A second of silence, which ends the turn; pcm16 in pieces."""
    return _pieces(bytes(2 * RATE_HZ))


def _pieces(pcm: bytes) -> Iterator[bytes]:
    size = 2 * RATE_HZ * PIECE_MS // 1000
    return (pcm[at : at + size] for at in range(0, len(pcm), size))
