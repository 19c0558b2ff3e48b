"""The client's microphone: audio in, turns and work for the ears out.

Rules of the file:
- positions run on the audio clock (samples received), never on wall time;
- the ears get the audio live, with `PRE_ROLL_MS` before the first speech frame; the item gets it
  from `prefix_padding_ms` before that frame;
- without turn detection the ears follow from the first sample, so that a commit finds them ready;
- large appends are worked off in slices (`SLICE_MS`), so that one client cannot hold the others.
"""

from dataclasses import dataclass

from rtclient.engine.actions import Hear, Outbox, Stop
from rtclient.engine.buffer import InputBuffer
from rtclient.engine.pcm import ms_to_samples, samples_to_ms
from rtclient.engine.senses import Vad
from rtclient.engine.telephony import FromWire
from rtclient.engine.turn_detection import (
    Rules,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
)
from rtclient.protocol.audio import AudioFormat

PRE_ROLL_MS = 500
KEPT_QUIET_MS = 30_000
"""Quiet audio that is kept for a client that commits by itself although turns are detected."""
MAX_UNCOMMITTED_MS = 15 * 60_000
SLICE_MS = 400
MIN_COMMIT_MS = 100


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Somebody began to speak; the turn will be this item."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The silence window is over; `pcm` is the turn's audio."""

    item_id: str
    audio_end_ms: int
    pcm: bytes


class Microphone:
    """Input audio of one session."""

    def __init__(self, outbox: Outbox, vad: Vad, rules: Rules | None, form: AudioFormat) -> None:
        """Begin at sample 0."""
        self.buffer = InputBuffer()
        self.rules = rules
        self.has_broken_vad = False
        self._out = outbox
        self._vad = vad
        self._from_wire = FromWire(form)
        self._detector: TurnDetector | None = None
        self._frames_ms = 0.0
        self._backlog = bytearray()
        self.item_id: str | None = None
        """The item that the open turn will be, once it is committed."""
        self._start = 0
        self._fed = 0
        self.set_rules(rules)

    @property
    def is_speaking(self) -> bool:
        """Whether a turn is open."""
        return self._detector is not None and self._detector.is_speaking

    @property
    def has_backlog(self) -> bool:
        """Whether `work` has something left to do."""
        return bool(self._backlog)

    def set_rules(self, rules: Rules | None) -> None:
        """Change how turns are found; an open turn goes on (without detection, until a commit)."""
        self.rules = rules
        if rules is None:
            self._detector = None
        elif self._detector is not None:
            self._detector.rules = rules
        else:
            self._forget_item()
            self._frames_ms = samples_to_ms(self.buffer.end)
            self._detector = TurnDetector(rules, self._vad.frame_ms, self._frames_ms)

    def set_format(self, form: AudioFormat) -> None:
        """Change what the client sends."""
        if form is not self._from_wire.format:
            self._from_wire = FromWire(form)

    def has_room_for(self, n_bytes: int) -> bool:
        """Whether so many more bytes may wait for a commit."""
        kept_ms = self.buffer.length_ms if self._keeps_all else 0.0
        return kept_ms + n_bytes * 1000 / self._from_wire.format.bytes_per_s <= MAX_UNCOMMITTED_MS

    @property
    def _keeps_all(self) -> bool:
        return self._detector is None or self._detector.is_speaking

    def append(self, data: bytes) -> None:
        """Take audio in the client's format; `work` does the rest."""
        self._backlog += data

    def work(self) -> list[TurnStarted | TurnEnded]:
        """Work off a slice of what was appended."""
        length = self._from_wire.format.bytes_per_s * SLICE_MS // 1000
        pcm = self._from_wire.feed(bytes(self._backlog[:length]))
        del self._backlog[:length]
        self.buffer.append(pcm)
        turns: list[TurnStarted | TurnEnded] = []
        detector = self._detector
        if detector is not None:
            for probability in self._probabilities(pcm):
                self._frames_ms += self._vad.frame_ms
                match detector.feed(probability):
                    case SpeechStarted(at_ms):
                        turns.append(self._begin_turn(at_ms))
                    case SpeechStopped(at_ms):
                        turns.append(self._end_turn(at_ms))
        self._follow()
        return turns

    def _probabilities(self, pcm: bytes) -> list[float]:
        if self.has_broken_vad:
            return []
        try:
            return list(self._vad.feed(pcm))
        except Exception:
            self.has_broken_vad = True
            return []

    def _begin_turn(self, at_ms: float) -> TurnStarted:
        rules = self.rules or Rules()
        first = max(ms_to_samples(at_ms - rules.prefix_padding_ms), self.buffer.base, 0)
        self._start = first
        item_id = self.item_id or self._out.new_id("item")
        if self.item_id is None:
            self.item_id = item_id
            self._fed = max(ms_to_samples(at_ms - max(PRE_ROLL_MS, rules.prefix_padding_ms)), 0)
        return TurnStarted(item_id, round(samples_to_ms(first)))

    def _end_turn(self, at_ms: float) -> TurnEnded:
        # The last frame may reach beyond what was received when the client sent odd pieces.
        position = min(ms_to_samples(at_ms), self.buffer.end)
        item_id = self.item_id or self._out.new_id("item")
        pcm = self.buffer.cut(self._start, position)
        self._finish_hearing(item_id, position)
        return TurnEnded(item_id, round(at_ms), pcm)

    def _finish_hearing(self, item_id: str, position: int) -> None:
        self._out.do(Hear(item_id, self.buffer.cut(self._fed, position), is_last=True))
        self.item_id = None
        self._fed = position
        self.buffer.commit(position, keep_samples=ms_to_samples(PRE_ROLL_MS))

    def _follow(self) -> None:
        """Give the ears what is new, and forget what nobody will ask for."""
        end = self.buffer.end
        if self._detector is None and self.item_id is None and end > self.buffer.base:
            self.item_id = self._out.new_id("item")
            self._fed = self.buffer.base
        if self.item_id is not None:
            if end > self._fed:
                self._out.do(Hear(self.item_id, self.buffer.cut(self._fed, end)))
            self._fed = end
        if not self._keeps_all:
            self.buffer.drop_before(end - ms_to_samples(KEPT_QUIET_MS))

    def commit(self) -> tuple[str, bytes]:
        """Close the turn by hand; return the item's id and audio."""
        end = self.buffer.end
        item_id = self.item_id
        if item_id is None:
            item_id = self._out.new_id("item")
            self._fed = self.buffer.base
        pcm = self.buffer.cut(self.buffer.base, end)
        self._finish_hearing(item_id, end)
        if self._detector is not None:
            self._detector.reset()
        return item_id, pcm

    def clear(self) -> None:
        """Forget what has not been committed."""
        self._forget_item()
        self._backlog.clear()
        self.buffer.clear()
        if self._detector is not None:
            self._detector.reset()

    def _forget_item(self) -> None:
        if self.item_id is not None:
            self._out.do(Stop(self.item_id))
            self.item_id = None
