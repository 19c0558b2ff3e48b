"""The ears: one turn of speech to words, with a verdict on how sure they are.

`SphinxEars` hears through the workers of decoder.py. A turn is fed while the person speaks, so
little is left to do at its end. When all workers are busy the turn waits in its lease and is
caught up on later; the session that speaks notices nothing but a later answer.

Rules of the file:
- a certain text is a phrase of phrases.py; anything else is a guess and told as one;
- the mean of a session's sound is kept here and travels with each of its turns, so that any
  worker can hear any session and no session colours another.
"""

import json
from collections.abc import Sequence
from typing import Final

from rtclient.engine import phrases
from rtclient.engine.agreement import (
    Evidence,
    confidence_of,
    has_rival,
    is_certain,
    is_fitting,
    is_likely,
)
from rtclient.engine.grammar import Readable, sentence
from rtclient.engine.senses import Heard, Listening
from rtclient.engine.workers import DATA, END, FINISH, WorkerPool

_BYTES_PER_S: Final = 48_000
HEARD_LIMIT_S: Final = 60
"""A turn is heard up to this length: phrases are short, and one turn must not hold a worker."""
_PATIENCE_S: Final = 30.0


def heard(evidence: Evidence, readable: Readable, hints: Sequence[str] = ()) -> Heard:
    """Return what is told of a turn: a certain phrase, a likely phrase or dictation as a guess.

    `hints`: how the session writes its likely words.
    """
    confidence = confidence_of(evidence)
    if is_certain(evidence):
        return Heard(readable(evidence.phrase, hints), confidence=confidence, is_certain=True)
    if is_likely(evidence):
        is_close = is_fitting(evidence) and has_rival(evidence)
        rival = readable(evidence.rival, hints) if is_close else ""
        return Heard(readable(evidence.phrase, hints), confidence=confidence, rival=rival)
    return Heard(sentence(evidence.dictation), confidence=confidence)


class SphinxEars:
    """Recognises the persona's phrases, and other English as a guess."""

    def __init__(self, *, workers: int, most: int | None = None) -> None:
        """`workers`: how many it begins with; `most`: how many there may be when turns wait."""
        self._pool = WorkerPool(
            "rtclient.engine.decoder:Recogniser",
            workers,
            name="recognition",
            most=most,
            options={
                "phrases": [spoken for _, spoken in phrases.PATTERNS] + list(phrases.ALSO),
                "hinted": list(phrases.HINTED),
                "read_back": list(phrases.READ_BACK),
                "slots": {slot: list(words) for slot, words in phrases.SLOTS.items()},
            },
        )
        self._readable = Readable(phrases.PATTERNS, phrases.ALSO, phrases.SLOTS)
        self._means: dict[str, Sequence[float]] = {}

    @property
    def pool(self) -> WorkerPool:
        """The workers behind it."""
        return self._pool

    async def start(self) -> None:
        """Start the workers; the first one is ready in about a second."""
        await self._pool.start()

    async def close(self) -> None:
        """Stop the workers."""
        await self._pool.close()

    def listen(self, session_id: str, hints: Sequence[str] = (), language: str = "") -> Listening:
        """Begin to hear a turn of a session. Never blocks."""
        return _Turn(self, session_id, hints)

    def forget(self, session_id: str) -> None:
        """Drop the mean of a session's sound."""
        self._means.pop(session_id, None)


class _Turn:
    def __init__(self, ears: SphinxEars, session_id: str, hints: Sequence[str]) -> None:
        self._ears, self._session_id, self._hints = ears, session_id, hints
        begin = {
            "mean": ears._means.get(session_id),
            "hints": [hint.lower() for hint in hints],
        }
        self._lease = ears._pool.lease(begin, owner=session_id, is_live=True)
        self._room_bytes = HEARD_LIMIT_S * _BYTES_PER_S

    def feed(self, pcm: bytes) -> None:
        """Add pcm16; what is beyond the limit of a turn is not heard."""
        pcm = pcm[: self._room_bytes]
        self._room_bytes -= len(pcm)
        if pcm:
            self._lease.send(DATA, pcm)

    async def finish(self) -> Heard:
        """Return what was understood. Raises `SenseError` when the worker failed."""
        self._lease.send(FINISH)
        try:
            while True:
                kind, payload = await self._lease.receive(patience_s=_PATIENCE_S)
                if kind == END:
                    break
        finally:
            self._lease.close()
        found = json.loads(payload)
        # Learned from turns that were understood only: noise alone says nothing of the voice.
        evidence = Evidence(**found["evidence"])
        if evidence.phrase or evidence.dictation:
            self._ears._means[self._session_id] = found["mean"]
        return heard(evidence, self._ears._readable, self._hints)

    def cancel(self) -> None:
        """Forget the turn and give the worker back. Safe to call twice."""
        self._lease.close()


class DeafEars:
    """Ears of an engine without a recogniser: it takes turns and understands none."""

    def listen(self, session_id: str, hints: Sequence[str] = (), language: str = "") -> Listening:
        """Begin a turn that will have no words."""
        return _DeafTurn()

    def forget(self, session_id: str) -> None:
        """Nothing was learned."""


class _DeafTurn:
    def feed(self, pcm: bytes) -> None:
        """Take audio and keep none of it."""

    async def finish(self) -> Heard:
        """Return no words."""
        return Heard("")

    def cancel(self) -> None:
        """Nothing to give back."""
