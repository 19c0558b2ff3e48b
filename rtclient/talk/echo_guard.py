"""`EchoGuard`: keeps the model from hearing itself through the loudspeaker. Pure.

A terminal has no echo canceller. So while the loudspeaker sounds, the microphone sends silence,
unless somebody is clearly louder than the echo can be: that is a barge-in, and it passes with its
first 300 ms. How loud the echo can be is learned from the loudspeaker's own sound. Where it comes
back too weak to be heard (headphones), the guard lets everything pass.

The stream keeps its length: nothing is cut out or put in. While the guard is closed the stream runs
`HOLD_MS` late, to have the beginning of a barge-in still in hand.

Rules of the file: sound comes in blocks of `BLOCK_MS`; time is counted in blocks.
"""

from collections import deque
from typing import Final

from rtclient.talk.levels import SILENCE_DB, level_db

BLOCK_MS: Final = 20
HOLD_MS: Final = 300
"""How much of the microphone is held back while the guard is closed."""

_TAIL_MS: Final = 250
"""Sound cards and rooms bring the loudspeaker's sound back up to this late at full strength."""
_DECAY_DB_PER_MS: Final = 0.1
"""What is left in the room after that gets weaker by this."""
_MEMORY_MS: Final = 800

_LEARN_MS: Final = 400
"""Sound of the loudspeaker that has to be heard before a barge-in can be told from it."""
_MARGIN_DB: Final = 4.0
"""By how much a voice must be louder than the echo."""
_AUDIBLE_DB: Final = -50.0
"""Weaker sound than this starts no turn."""
_CREEP_DB: Final = 0.06
"""Per block of a supposed voice, should the loudspeaker have been turned up (3 dB a second)."""
_FADE_DB: Final = 0.01
"""Per block in which the echo is weaker than it can be (0.5 dB a second)."""

_VOICED, _OF_BLOCKS = 4, 8
"""A barge-in is this many loud blocks among the last 160 ms."""
_OPEN_MS: Final = 800
"""How long it stays open after the last loud block, for the pauses between words."""


class EchoGuard:
    """A gate for the microphone; feed it what the loudspeaker plays and what the microphone hears.

    guard = EchoGuard()
    guard.played(block)           # 20 ms that go to the loudspeaker
    send(guard.heard(block))      # 20 ms of the microphone; may return b"" or more than a block
    """

    def __init__(self, is_on: bool = True) -> None:
        """Begin open. One that is not on lets everything pass at once."""
        self.is_on = is_on
        self._played: deque[float] = deque(maxlen=_MEMORY_MS // BLOCK_MS)
        # Blocks held back, and whether each was louder than the echo.
        self._held: deque[tuple[bytes, bool]] = deque()
        self._loud: deque[bool] = deque(maxlen=_OF_BLOCKS)
        self._coupling_db = SILENCE_DB
        self._learned_ms = 0
        self._open_ms = 0

    @property
    def is_closed(self) -> bool:
        """Whether the microphone sends silence at the moment."""
        return bool(self._held)

    @property
    def coupling_db(self) -> float | None:
        """How much weaker (< 0) the loudspeaker's sound comes back; None before it is known."""
        return self._coupling_db if self._is_learned else None

    def played(self, block: bytes) -> None:
        """Note a block that goes to the loudspeaker."""
        if self.is_on:
            self._played.append(level_db(block))

    def heard(self, block: bytes) -> bytes:
        """Take a block of the microphone; return what may be sent of the stream by now."""
        if not self.is_on:
            return block
        source_db = self._source_db()
        is_playing = source_db > _AUDIBLE_DB
        is_loud = is_playing and self._is_louder_than_echo(level_db(block), source_db)
        if is_playing and self._is_voice(is_loud):
            return self._release() + block
        if not is_playing or (self._is_learned and source_db + self._coupling_db < _AUDIBLE_DB):
            # What is held may be the last of the echo: only a voice in it passes.
            self._forget_until_loud()
            return self._release() + block
        self._held.append((block, is_loud))
        if len(self._held) * BLOCK_MS <= HOLD_MS:
            return b""
        return bytes(len(self._held.popleft()[0]))

    @property
    def _is_learned(self) -> bool:
        return self._learned_ms >= _LEARN_MS

    def _release(self) -> bytes:
        released = b"".join(block for block, _ in self._held)
        self._held.clear()
        return released

    def _forget_until_loud(self) -> None:
        for index, (block, is_loud) in enumerate(self._held):
            if is_loud:
                return
            self._held[index] = bytes(len(block)), False

    def _source_db(self) -> float:
        """Return how loud the loudspeaker's sound can be in the room now, at its own level."""
        best = SILENCE_DB
        for age, level in enumerate(reversed(self._played)):
            late_ms = max(0, age * BLOCK_MS - _TAIL_MS)
            best = max(best, level - late_ms * _DECAY_DB_PER_MS)
        return best

    def _is_louder_than_echo(self, heard_db: float, source_db: float) -> bool:
        """Return whether the block has more than the loudspeaker can bring; learn from it."""
        coupling_db = heard_db - source_db
        if not self._is_learned:
            # The first sound of the loudspeaker counts as echo, whatever is heard.
            self._coupling_db = max(self._coupling_db, coupling_db)
            self._learned_ms += BLOCK_MS
            return False
        is_loud = coupling_db > self._coupling_db + _MARGIN_DB and heard_db > _AUDIBLE_DB
        if is_loud:
            self._coupling_db += _CREEP_DB
        else:
            self._coupling_db = max(self._coupling_db - _FADE_DB, coupling_db)
        return is_loud

    def _is_voice(self, is_loud: bool) -> bool:
        self._loud.append(is_loud)
        if sum(self._loud) >= _VOICED:
            self._open_ms = _OPEN_MS
        else:
            self._open_ms = max(0, self._open_ms - BLOCK_MS)
        return self._open_ms > 0
