"""The client's microphone: audio in, turns and work for the ears out.

Rules of the file:
- positions run on the audio clock (samples received), never on wall time;
- the ears get the audio live, with `PRE_ROLL_MS` before the first speech frame; the item gets it
  from `prefix_padding_ms` before that frame;
- without turn detection the ears follow from the first sample, so that a commit finds them ready;
- large appends are worked off in slices (`SLICE_MS`), so that one client cannot hold the others.
"""

import math
from dataclasses import dataclass

from rtclient.engine.actions import Outbox
from rtclient.engine.buffer import InputBuffer
from rtclient.engine.listener import EACH_PAUSE, ONCE, Guide, Listener, early_after_ms
from rtclient.engine.pcm import ms_to_samples, samples_to_ms
from rtclient.engine.semantics import Verdict, judge
from rtclient.engine.senses import Heard, Vad
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
MAX_TURN_MS = 5 * 60_000
"""Speech without a pause that is longer (a radio in the room) ends its turn and begins another."""
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

    listener: Listener
    audio_end_ms: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Quiet:
    """A stretch in which nobody spoke."""

    audio_start_ms: int
    audio_end_ms: int
    pcm: bytes


class Microphone:
    """Input audio of one session."""

    def __init__(self, outbox: Outbox, vad: Vad, rules: Rules | None, form: AudioFormat) -> None:
        """Begin at sample 0."""
        self.buffer = InputBuffer()
        self.rules = rules
        self.has_broken_vad = False
        self.guide = Guide()
        """What the ears are told at the beginning of a turn."""
        self._out = outbox
        self._vad = vad
        self._from_wire = FromWire(form)
        self._detector: TurnDetector | None = None
        self._frames_ms = 0.0
        self._backlog = bytearray()
        self._listener: Listener | None = None
        self._start = 0
        self._heard_to = 0
        """The end of the last turn's speech: pre-roll does not reach behind it."""
        self.set_rules(rules)

    @property
    def item_id(self) -> str | None:
        """The item that the open turn will be, once it is committed."""
        return self._listener.item_id if self._listener is not None else None

    @property
    def has_backlog(self) -> bool:
        """Whether `work` has something left to do."""
        return bool(self._backlog)

    def set_rules(self, rules: Rules | None) -> None:
        """Change how turns are found; an open turn goes on (without detection, until a commit)."""
        self.rules = rules
        if rules is None:
            self._detector = None
            if self._listener is not None:
                self._listener.go_on()  # nothing says any more that the turn is over
        elif self._detector is not None:
            self._detector.rules = rules
        else:
            self._forget_turn()
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
                    case None if self._frames_ms >= self._longest_to_ms:
                        detector.reset()
                        turns.append(self._end_turn(self._frames_ms))
                    case None:
                        self._watch_pause(detector)
                        if self._is_said(detector):
                            detector.reset()
                            turns.append(self._end_turn(self._frames_ms))
        self._follow()
        return turns

    @property
    def _longest_to_ms(self) -> float:
        """Where the open turn must end."""
        is_open = self._detector is not None and self._detector.is_speaking
        return samples_to_ms(self._start) + MAX_TURN_MS if is_open else math.inf

    def on_result(self, work_id: str, heard: Heard) -> bool:
        """Keep what the ears found in the open turn; False: not its work."""
        if self._listener is None or self._listener.work_id != work_id:
            return False
        self._listener.result = heard
        return True

    def on_failure(self, work_id: str, message: str) -> bool:
        """Note that the ears broke over the open turn; False: not its work."""
        if self._listener is None or self._listener.work_id != work_id:
            return False
        self._listener.failure = message
        return True

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
        self._start = max(ms_to_samples(at_ms - rules.prefix_padding_ms), self.buffer.base, 0)
        if self._listener is None:
            pre_roll_ms = max(PRE_ROLL_MS, rules.prefix_padding_ms)
            start = max(ms_to_samples(at_ms - pre_roll_ms), self._heard_to, 0)
            self._listener = self._new_listener(start)
        return TurnStarted(self._listener.item_id, round(samples_to_ms(self._start)))

    def _new_listener(self, start: int) -> Listener:
        return Listener(self._out, self._out.new_id("item"), start, self.guide)

    def _watch_pause(self, detector: TurnDetector) -> None:
        """Let the ears finish in a pause that may be the end of the turn."""
        listener = self._listener
        if listener is None or not detector.is_speaking:
            return
        waits = detector.rules.waits
        shortest_ms = waits.finished_ms if waits else detector.rules.silence_ms
        if detector.quiet_ms == 0:
            listener.go_on()
        elif detector.quiet_ms >= early_after_ms(shortest_ms):
            limit = EACH_PAUSE if waits else ONCE
            listener.finish_early(self.buffer, self._position(self._frames_ms), limit)

    def _is_said(self, detector: TurnDetector) -> bool:
        """Whether the words say that the turn is over after this much silence."""
        waits, listener = detector.rules.waits, self._listener
        if waits is None or listener is None or not detector.is_speaking:
            return False
        if detector.quiet_ms < waits.finished_ms:
            return False
        verdict = Verdict.UNSURE if listener.result is None else judge(listener.result)
        return detector.quiet_ms >= waits.after(verdict)

    def _position(self, at_ms: float) -> int:
        # The last frame may reach beyond what was received when the client sent odd pieces.
        return min(ms_to_samples(at_ms), self.buffer.end)

    def _end_turn(self, at_ms: float) -> TurnEnded:
        position = self._position(at_ms)
        pcm = self.buffer.cut(self._start, position)
        return TurnEnded(self._close_turn(position), round(at_ms), pcm)

    def _close_turn(self, position: int) -> Listener:
        listener, self._listener = self._listener, None
        if listener is None:
            listener = self._new_listener(self.buffer.base)
        listener.finish(self.buffer, position)
        quiet_ms = self._detector.quiet_ms if self._detector is not None else 0
        self._heard_to = position - ms_to_samples(quiet_ms)
        self.buffer.commit(position, keep_samples=ms_to_samples(PRE_ROLL_MS))
        return listener

    def _follow(self) -> None:
        """Give the ears what is new, and forget what nobody will ask for."""
        end = self.buffer.end
        if self._detector is None and self._listener is None and end > self.buffer.base:
            self._listener = self._new_listener(self.buffer.base)
        if self._listener is not None:
            self._listener.follow(self.buffer, end)
        if not self._keeps_all:
            self.buffer.drop_before(end - ms_to_samples(KEPT_QUIET_MS))

    def commit(self) -> tuple[Listener, bytes]:
        """Close the turn by hand; return its listener and audio."""
        end = self.buffer.end
        if self._listener is not None and self._detector is not None:
            self._listener.go_on()  # the client says that the turn goes up to here
        pcm = self.buffer.cut(self.buffer.base, end)
        listener = self._close_turn(end)
        self._begin_anew()
        return listener, pcm

    def take_quiet(self, longest_ms: int) -> Quiet:
        """Take what was heard last, up to `longest_ms`, while nobody speaks; it is committed."""
        end = self.buffer.end
        start = max(end - ms_to_samples(longest_ms), self.buffer.base)
        pcm = self.buffer.cut(start, end)
        self.buffer.commit(end, keep_samples=ms_to_samples(PRE_ROLL_MS))
        return Quiet(round(samples_to_ms(start)), round(samples_to_ms(end)), pcm)

    def clear(self) -> None:
        """Forget what has not been committed."""
        self._forget_turn()
        self._backlog.clear()
        self.buffer.clear()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Begin with silence and with a whole sample: half of one may have been left behind."""
        self._from_wire = FromWire(self._from_wire.format)
        if self._detector is not None:
            self._detector.reset()

    def _forget_turn(self) -> None:
        if self._listener is not None:
            self._listener.drop()
            self._listener = None
