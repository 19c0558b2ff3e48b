"""From speech probabilities to "speech started" and "speech stopped", on the audio clock.

Rules of the file:
- speech is noticed after `ONSET_MS` of speech frames within `ONSET_WINDOW_MS`;
- its start is the begin of the first of these frames;
- a frame counts as speech at `threshold`, and once somebody speaks at `threshold − HYSTERESIS`;
- it stops when the last speech frame lies the silence window back.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

ONSET_MS = 100
ONSET_WINDOW_MS = 160
HYSTERESIS = 0.15
SEMANTIC_SILENCE_MS = {"low": 1200, "medium": 700, "auto": 700, "high": 400}
"""What `semantic_vad` waits; until it judges words, eagerness is a silence window."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How turns are found."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 200
    creates_response: bool = True
    interrupts: bool = True


def rules_of(turn_detection: dict[str, Any] | None) -> Rules | None:
    """Read the session's `turn_detection`; None: turns are the client's business."""
    if turn_detection is None:
        return None
    is_semantic = turn_detection["type"] == "semantic_vad"
    switches = {
        "creates_response": turn_detection.get("create_response") is not False,
        "interrupts": turn_detection.get("interrupt_response") is not False,
    }
    if is_semantic:
        silence = SEMANTIC_SILENCE_MS[turn_detection.get("eagerness") or "auto"]
        return Rules(silence_ms=silence, **switches)
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
