"""The input audio buffer as seen from here: how much waits in it, who speaks. Pure.

The upstream works off client events in order, so what was sent tells how long the buffer is; where
the upstream cuts it by itself, it says so (`audio_end_ms`).
"""

import re
from collections.abc import Mapping
from typing import Any

from server.relay.session_view import TICKS_PER_MS, SessionView

PAUSE_S = 0.3
"""A microphone that sends nothing for so long has stopped; pages send every 20 to 200 ms."""

_AUDIO = re.compile(r'"audio"\s*:\s*"')


def base64_bytes(text: str, key: re.Pattern[str]) -> int:
    """Return how many bytes the base64 string after `key` stands for, without parsing the event."""
    found = key.search(text)
    if found is None:
        return 0
    start = found.end()
    end = text.find('"', start)
    if end <= start:
        return 0
    padding = 0
    if text[end - 1] == "=":
        padding = 2 if text[end - 2] == "=" else 1
    # Some programs write `/` as `\/`. Looking for one is far quicker than counting none.
    escapes = text.count("\\", start, end) if text.find("\\", start, end) >= 0 else 0
    return (end - start - escapes) * 3 // 4 - padding


class InputAudio:
    """Audio since the last commit or clear."""

    def __init__(self, view: SessionView) -> None:
        self._view = view
        self._end = self._base = 0
        self._appended_at = float("-inf")
        self.is_speaking = False
        """The upstream hears somebody."""
        self.has_turn_ended = False
        """The last that was heard is a turn that the upstream ended by itself."""

    @property
    def length_ms(self) -> float:
        """Milliseconds that a commit would take."""
        return max(0, self._end - self._base) / TICKS_PER_MS

    @property
    def pauses_at(self) -> float:
        """When the microphone will have stopped, unless it sends more; seconds."""
        return self._appended_at + PAUSE_S

    def on_append(self, text: str, now: float) -> None:
        """The client sent audio."""
        self._end += base64_bytes(text, _AUDIO) * self._view.input_ticks
        self._appended_at = now

    def on_cut(self) -> None:
        """The client's commit or clear was sent."""
        self._base = self._end
        self.is_speaking = self.has_turn_ended = False

    def on_speech_started(self) -> None:
        """Somebody began to speak."""
        self.is_speaking, self.has_turn_ended = True, False

    def on_turn_ended(self, event: Mapping[str, Any]) -> None:
        """The upstream ended a turn and commits it: `speech_stopped`, `timeout_triggered`."""
        self.is_speaking, self.has_turn_ended = False, True
        end_ms = event.get("audio_end_ms")
        if isinstance(end_ms, int):
            self._base = max(self._base, min(self._end, end_ms * TICKS_PER_MS))

    def on_session(self) -> None:
        """The session may have changed: without turn detection nobody is heard speaking."""
        if not self._view.detects_turns:
            self.is_speaking = self.has_turn_ended = False
