"""Senses that cost next to nothing, and sounds for them: for talks of thousands of turns."""

from array import array
from collections.abc import AsyncIterator, Sequence
from functools import cache

from rtclient.engine.senses import Spoken, Word
from rtclient.engine.telephony import ToWire
from rtclient.protocol.audio import FORMATS, to_base64

LOUD = 6000
"""The level of a voice."""
MS_PER_CHAR = 5
BROKEN_WORD = "perhaps"
_TONE = b"".join(n.to_bytes(2, "little") for n in range(0, 24 * MS_PER_CHAR * 64, 64))


@cache
def sound(form: str, level: int, length_ms: int) -> str:
    """Return base64 audio of a level: a voice to `PeekVad`, silence when it is 0."""
    swing = [level if n % 50 < 25 else -level for n in range(length_ms * 24)]
    return to_base64(ToWire(FORMATS[form]).feed(array("h", swing).tobytes()))


class PeekVad:
    """Says 1.0 for each 20 ms with a loud sample among a few: fast enough for thousands of turns.

    For what `sound` makes; real microphones need more care.
    """

    frame_ms = 20

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16; return one probability for each whole frame."""
        data, size = self._rest + pcm, self.frame_ms * 48
        whole = len(data) // size * size
        self._rest = data[whole:]
        samples = memoryview(data[:whole]).cast("h")
        return [
            float(max(map(abs, samples[at : at + 480 : 48])) > LOUD // 4)
            for at in range(0, whole // 2, size // 2)
        ]


class QuickVoice:
    """Speaks 5 ms for each letter, word by word; the same bytes for the same text.

    It breaks at `BROKEN_WORD`.
    """

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the words of `text`."""
        at = 0
        for word in text.split(" "):
            if word == BROKEN_WORD:
                raise RuntimeError("the voice broke")
            end = at + len(word)
            yield Spoken(_TONE * (len(word) + 1), (Word(at * MS_PER_CHAR, at, end),))
            at = end + 1
