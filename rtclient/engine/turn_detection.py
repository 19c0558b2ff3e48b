"""From speech probabilities to "speech started" and "speech stopped", on the audio clock.

Rules of the file:
- speech is noticed after `ONSET_MS` of speech frames within `ONSET_WINDOW_MS`;
- its start is the begin of the first of these frames;
- a frame counts as speech at `threshold`, and once somebody speaks at `threshold − HYSTERESIS`;
- it stops when the last speech frame lies the silence window back; with `semantic_vad` that is the
  longest wait, and `microphone.py` stops it earlier by what the words say.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from rtclient.engine.semantics import Verdict

ONSET_MS = 100
ONSET_WINDOW_MS = 160
HYSTERESIS = 0.15


@dataclass(frozen=True, slots=True)
class Waits:
    """How much silence ends a turn of `semantic_vad`, by what its words say; milliseconds."""

    finished_ms: int
    """The words are a finished utterance."""
    unsure_ms: int
    """Nobody can tell: too few words, none understood, none yet, or the ears do not work."""
    most_ms: int
    """More must come; the service's own longest waits."""

    def after(self, verdict: Verdict) -> int:
        """Return the wait for what the words say."""
        return {
            Verdict.FINISHED: self.finished_ms,
            Verdict.UNSURE: self.unsure_ms,
            Verdict.UNFINISHED: self.most_ms,
        }[verdict]


_MEDIUM = Waits(500, 1500, 4000)
WAITS = {
    "low": Waits(800, 3000, 8000),
    "medium": _MEDIUM,
    "auto": _MEDIUM,
    "high": Waits(300, 800, 2000),
}
"""Eagerness → waits."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How turns are found."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 200
    creates_response: bool = True
    interrupts: bool = True
    waits: Waits | None = None
    """Words decide as well, within `silence_ms`; None: silence alone."""


def rules_of(turn_detection: dict[str, Any] | None) -> Rules | None:
    """Read the session's `turn_detection`; None: turns are the client's business."""
    if turn_detection is None:
        return None
    is_semantic = turn_detection["type"] == "semantic_vad"
    switches: dict[str, Any] = {
        "creates_response": turn_detection.get("create_response") is not False,
        "interrupts": turn_detection.get("interrupt_response") is not False,
    }
    if is_semantic:
        waits = WAITS[turn_detection.get("eagerness") or "auto"]
        return Rules(silence_ms=waits.most_ms, waits=waits, **switches)
    numbers = {
        "threshold": turn_detection.get("threshold"),
        "prefix_padding_ms": turn_detection.get("prefix_padding_ms"),
        "silence_ms": turn_detection.get("silence_duration_ms"),
    }
    return Rules(**{name: n for name, n in numbers.items() if n is not None}, **switches)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks since `at_ms` (first speech frame, no padding)."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The silence window is over at `at_ms`."""

    at_ms: float


class TurnDetector:
    """Watches one microphone. Takes one probability per frame of `frame_ms`."""

    def __init__(self, rules: Rules, frame_ms: float, start_ms: float = 0.0) -> None:
        """Begin in silence; the next frame begins at `start_ms`."""
        self.rules = rules
        self.is_speaking = False
        self._frame_ms = frame_ms
        self._at_ms = start_ms
        self._recent: deque[tuple[float, bool]] = deque()
        self._last_speech_ms = start_ms

    @property
    def quiet_ms(self) -> float:
        """How long the last speech frame lies back."""
        return self._at_ms - self._last_speech_ms

    def feed(self, probability: float) -> SpeechStarted | SpeechStopped | None:
        """Take the next frame; return what it made clear."""
        begin, self._at_ms = self._at_ms, self._at_ms + self._frame_ms
        limit = self.rules.threshold - (HYSTERESIS if self.is_speaking else 0.0)
        is_speech = probability >= limit
        if is_speech:
            self._last_speech_ms = self._at_ms
        if self.is_speaking:
            if self.quiet_ms < self.rules.silence_ms:
                return None
            if is_speech:  # a window of 0 ms stops at the first quiet frame, not while speaking
                return None
            self.reset()
            return SpeechStopped(self._at_ms)
        self._recent.append((begin, is_speech))
        while self._recent[0][0] < self._at_ms - max(ONSET_WINDOW_MS, self._frame_ms):
            self._recent.popleft()
        spoken = [at for at, was_speech in self._recent if was_speech]
        if not is_speech or len(spoken) * self._frame_ms < ONSET_MS:
            return None
        self.is_speaking = True
        self._recent.clear()
        return SpeechStarted(spoken[0])

    def reset(self) -> None:
        """Go back to silence (after a stop, a commit or a clear by the client)."""
        self.is_speaking = False
        self._recent.clear()
