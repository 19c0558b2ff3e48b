"""The voice: text to pcm16 with the time of every word.

`EspeakVoice` speaks through the worker of espeak.py. What speaks without that library is in
other_voices.py: the engine is never silent without a word.

Rules of the file:
- a voice yields sound as soon as there is some and stops as soon as its iterator is closed;
- long texts are spoken sentence by sentence, each only when the one before has been taken;
- `Word.start_ms` counts from the start of the whole text's sound.
"""

import json
import re
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Final

from rtclient.engine.senses import Spoken, Word
from rtclient.engine.workers import END, WorkerPool

VOICES: Final = (
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
"""Every voice name of the API. An unknown name speaks as `alloy`."""

BYTES_PER_MS: Final = 48
_CHUNK_CHARACTERS: Final = 240
_PATIENCE_S: Final = 20.0
_SENTENCE = re.compile(r".+?(?:[.!?…:;]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”’）]*|\n+|$)", re.DOTALL)
_WORD = re.compile(r"\S+")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, stretch) of whole sentences, joined up to about 240 characters.

    The first stretch is a single sentence, so that sound comes soon. A sentence without an end is
    cut at a space. The stretches joined are `text`, but for blank ones.
    """
    start, end, limit = 0, 0, 0
    for match in _SENTENCE.finditer(text):
        for cut in _cuts(text, match.start(), match.end()):
            if end > start and cut - start > limit:
                if text[start:end].strip():
                    yield start, text[start:end]
                start, limit = end, _CHUNK_CHARACTERS
            end = cut
    if text[start:end].strip():
        yield start, text[start:end]


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Yield the ends of pieces of at most twice the wished length, cut at spaces."""
    longest = 2 * _CHUNK_CHARACTERS
    while end - start > longest:
        space = text.rfind(" ", start + 1, start + longest)
        start = space if space > start else start + longest
        yield start
    yield end


def word_end(text: str, start: int) -> int:
    """Return where the word that begins at `start` ends, its punctuation included."""
    match = _WORD.match(text, start)
    return match.end() if match else min(len(text), start + 1)


def pack(marks: list[tuple[int, int]], pcm: bytes) -> bytes:
    """Make the payload of a worker's PIECE: word starts as (ms, character) and pcm16."""
    head = json.dumps(marks).encode()
    return struct.pack(">I", len(head)) + head + pcm


def unpack(payload: bytes) -> tuple[list[tuple[int, int]], bytes]:
    """Return what `pack` was given."""
    (length,) = struct.unpack_from(">I", payload)
    marks = [(int(ms), int(at)) for ms, at in json.loads(payload[4 : 4 + length])]
    return marks, payload[4 + length :]


class EspeakVoice:
    """Speaks with espeak-ng in a process of its own."""

    def __init__(self, pool: WorkerPool | None = None) -> None:
        self._pool = pool or WorkerPool("rtclient.engine.espeak:Speaker", 1, name="voice")

    @property
    def pool(self) -> WorkerPool:
        """The worker behind it."""
        return self._pool

    async def start(self) -> None:
        """Start the worker. Raises `SenseError` when it cannot."""
        await self._pool.start()

    async def close(self) -> None:
        """Stop the worker."""
        await self._pool.close()

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the speech of `text`. Raises `SenseError` when the worker dies meanwhile.

        `speed`: 0.25 to 1.5; `volume`: 0.25 to 2.0, 1.0 is -20 dBFS.
        """
        sent_bytes = 0
        parts = list(sentences(text))
        for number, (offset, part) in enumerate(parts):
            start_ms = sent_bytes // BYTES_PER_MS
            lease = self._pool.lease(
                {
                    "text": part,
                    "voice": voice,
                    "speed": min(1.5, max(0.25, speed)),
                    "volume": min(2.0, max(0.25, volume)),
                    "is_last": number == len(parts) - 1,
                }
            )
            try:
                kind = 0
                while kind != END:
                    kind, payload = await lease.receive(patience_s=_PATIENCE_S)
                    marks, pcm = unpack(payload)
                    words = tuple(
                        Word(start_ms + ms, offset + at, word_end(text, offset + at))
                        for ms, at in marks
                    )
                    sent_bytes += len(pcm)
                    if pcm or words:
                        yield Spoken(pcm, words)
            finally:
                lease.close()
