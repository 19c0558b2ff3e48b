"""What becomes of a client's `input_audio_buffer.commit`. Pure.

Without turn detection a commit goes, unless it is too short. With it the upstream commits by itself
when it hears silence, and a commit of the client is in a race with that. So it is held: while the
microphone goes on, the upstream ends the turn; when the microphone stops, nobody but the client can
know that the turn is over, and its commit goes.
"""

from dataclasses import dataclass

from server.relay.actions import Notice
from server.relay.input_audio import PAUSE_S, InputAudio
from server.relay.session_view import SessionView

MIN_COMMIT_MS = 100
"""The service refuses to commit less."""
TAIL_MS = 500
"""So much audio after a turn that the upstream ended is what was on its way meanwhile."""
HOLD_S = 1.0
"""How long a commit is held while the microphone goes on."""

TOO_SHORT = Notice(
    "info",
    "commit_too_short",
    "A commit of less than 100 ms of audio was left out: the service refuses it. "
    "Append more audio before input_audio_buffer.commit.",
)
NOT_NEEDED = Notice(
    "info",
    "commit_not_needed",
    "A commit was left out: turns are detected, so the service commits by itself. "
    "Set turn_detection to null to end turns with input_audio_buffer.commit.",
)

Fate = str | Notice | None
"""Send this text, leave the commit out and say why, or nothing yet."""


@dataclass(frozen=True, slots=True)
class _Held:
    text: str
    since: float


class Commits:
    """The commit that is held, if there is one."""

    def __init__(self, view: SessionView, audio: InputAudio) -> None:
        self._view = view
        self._audio = audio
        self._held: _Held | None = None
        self.are_left_to_upstream = False
        """The client's last word, appends and creates aside, was a commit that has not gone."""

    @property
    def is_held(self) -> bool:
        """Whether it is still to be decided about one."""
        return self._held is not None

    def on_commit(self, text: str, now: float) -> Fate:
        """The client commits."""
        detects = self._view.detects_turns
        if self._audio.length_ms < MIN_COMMIT_MS:
            self.are_left_to_upstream = detects and self._audio.has_turn_ended
            return TOO_SHORT
        self.are_left_to_upstream = detects
        if not detects:
            return text
        if self._held is not None:  # one every few chunks: the first says since when
            self._held = _Held(text, self._held.since)
            return NOT_NEEDED
        if self._audio.has_turn_ended and self._audio.length_ms < TAIL_MS:
            return NOT_NEEDED
        self._held = _Held(text, now)
        return None

    def on_other(self) -> Fate:
        """Decide now, because something comes that must not overtake the commit."""
        fate = None if self._held is None else self._fate(self._held)[1]
        self._held = None
        self.are_left_to_upstream = False
        return fate

    def on_turn_ended(self) -> Fate:
        """The upstream ended the turn by itself."""
        fate = None if self._held is None else NOT_NEEDED
        self._held = None
        return fate

    def on_time(self, now: float) -> Fate:
        """Decide if it is time to."""
        if self._held is None:
            return None
        due, fate = self._fate(self._held)
        if now < due:
            return None
        self._held = None
        self.are_left_to_upstream = fate is NOT_NEEDED
        return fate

    def due(self) -> float | None:
        """Return when it is decided about the one that is held."""
        return None if self._held is None else self._fate(self._held)[0]

    def _fate(self, held: _Held) -> tuple[float, str | Notice]:
        """Return when it is decided, and how unless something happens until then."""
        ends_at = held.since + HOLD_S
        if not self._view.detects_turns:
            return held.since, held.text
        if self._audio.has_turn_ended:
            return ends_at, NOT_NEEDED
        stops_at = max(held.since + PAUSE_S, self._audio.pauses_at)
        return (stops_at, held.text) if stops_at <= ends_at else (ends_at, NOT_NEEDED)
