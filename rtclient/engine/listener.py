"""One spoken turn on its way to the ears.

Rules of the file:
- the ears get the audio live; when half of the silence window has passed in silence they are told
  to finish, so that the words are there when the turn ends;
- when the person goes on after all, what was understood is thrown away and the ears begin anew;
  that costs work, so it is bounded (`Early`).
"""

from dataclasses import dataclass

from rtclient.engine.actions import Hear, Outbox, Stop
from rtclient.engine.buffer import InputBuffer
from rtclient.engine.pcm import samples_to_ms
from rtclient.engine.senses import Heard

EARLY_LIMIT_MS = 8000
EARLY_LEAST_MS = 160
"""Less silence than this is a stop consonant, not an end."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What helps the ears: words that are likely, and the language; both may be empty."""

    hints: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Early:
    """How much work with the ears may be wasted in the pauses of one turn."""

    attempts: int = 1
    """How often they may finish although the turn may go on."""
    audio_ms: int = EARLY_LIMIT_MS
    """How much audio they may be given for that, all attempts together."""


ONCE = Early()
EACH_PAUSE = Early(attempts=12, audio_ms=40_000)
"""Where words decide whether a turn is over (semantic_vad)."""


def early_after_ms(silence_ms: int) -> int:
    """Return after how much silence the ears may finish, for a silence window."""
    return max(EARLY_LEAST_MS, silence_ms // 2)


class Listener:
    """Follows one turn; `work_id` names what the ears are doing for it now."""

    def __init__(
        self, outbox: Outbox, item_id: str, start: int, guide: Guide | None = None
    ) -> None:
        """`start`: the first sample that the ears should hear."""
        self.item_id = item_id
        self.work_id = outbox.new_id("hearing")
        self.result: Heard | None = None
        """What was understood before the turn was over."""
        self.failure: str | None = None
        """The ears broke before the turn was over: what to tell the client, may be empty."""
        self.is_finishing = False
        self._out = outbox
        self._start = start
        self._fed = start
        self._guide = guide or Guide()
        self._is_begun = False
        self._attempts = 0
        self._spent_ms = 0.0

    def follow(self, buffer: InputBuffer, end: int) -> None:
        """Give the ears what is new up to the sample `end`."""
        if not self.is_finishing and end > self._fed:
            self._hear(buffer.cut(self._fed, end))
            self._fed = end

    def _hear(self, pcm: bytes, *, is_last: bool = False) -> None:
        guide, self._is_begun = (Guide() if self._is_begun else self._guide), True
        self._out.do(Hear(self.work_id, pcm, is_last, guide.hints, guide.language))

    def finish_early(self, buffer: InputBuffer, end: int, limit: Early = ONCE) -> None:
        """Let the ears finish although the turn may go on, within `limit`."""
        spent_ms = self._spent_ms + samples_to_ms(end - self._start)
        is_allowed = self._attempts < limit.attempts and spent_ms <= limit.audio_ms
        if not self.is_finishing and is_allowed:
            self._attempts, self._spent_ms = self._attempts + 1, spent_ms
            self.finish(buffer, end)

    def go_on(self) -> None:
        """The person went on: forget what was understood and begin anew."""
        if not self.is_finishing:
            return
        self._out.do(Stop(self.work_id))
        self.work_id = self._out.new_id("hearing")
        self.result, self.failure, self.is_finishing = None, None, False
        self._fed = self._start
        self._is_begun = False

    def finish(self, buffer: InputBuffer, end: int) -> None:
        """Let the ears finish with the audio up to the sample `end`."""
        if not self.is_finishing:
            self._hear(buffer.cut(self._fed, end), is_last=True)
            self.is_finishing = True

    def drop(self) -> None:
        """Nobody wants the turn any more."""
        self._out.do(Stop(self.work_id))
