"""When a session has to end, and when the page is told. Pure; `now` is monotonic, in seconds.

Idle means that nobody does anything: no client event but audio (a silent microphone sends audio
too), no speech found in it, no response begun or running. A response that the upstream starts by
itself after a silence (`input_audio_buffer.timeout_triggered`) is no sign of a person.
"""

from dataclasses import dataclass, field

WARNINGS_S = (120, 30)
"""How long before the end the page is told, in seconds, longest first."""

_USER_SPOKE = frozenset({"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"})


@dataclass(frozen=True, slots=True)
class Expiring:
    """The session ends soon."""

    expires_at: int
    """Unix time in seconds."""
    seconds_left: int


@dataclass(slots=True)
class Deadlines:
    """The clocks of one session."""

    started: float
    unix_offset: float
    """Unix time minus `now`, both in seconds."""
    session_limit_s: float | None
    idle_limit_s: float | None
    _ends_at: float | None = None
    _last_activity: float = 0.0
    _responses: int = 0
    _is_prompting: bool = False
    _warnings: list[int] = field(default_factory=lambda: list(WARNINGS_S))

    def __post_init__(self) -> None:
        self._last_activity = self.started
        if self.session_limit_s is not None:
            self._ends_at = self.started + self.session_limit_s

    def on_expires_at(self, expires_at: object, now: float) -> None:
        """Take the upstream's own end (unix seconds) when it is earlier than ours."""
        if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
            return
        ends_at = expires_at - self.unix_offset
        if ends_at > now and (self._ends_at is None or ends_at < self._ends_at):
            self._ends_at = ends_at

    def on_client_event(self, event_type: str, now: float) -> None:
        """Note what the client did."""
        if event_type != "input_audio_buffer.append":
            self._is_prompting = False
            self._last_activity = now

    def on_upstream_event(self, event_type: str, now: float) -> None:
        """Note what the upstream reported."""
        if event_type in _USER_SPOKE:
            self._is_prompting = False
            self._last_activity = now
        elif event_type == "input_audio_buffer.timeout_triggered":
            self._is_prompting = True
        elif event_type in ("response.created", "response.done"):
            begun = event_type == "response.created"
            self._responses = max(0, self._responses + (1 if begun else -1))
            if not self._is_prompting:
                self._last_activity = now

    def fault(self, now: float) -> str | None:
        """Return the code of the limit that is reached, or None."""
        if self.session_limit_s is not None and now >= self.started + self.session_limit_s:
            return "session_limit_reached"
        idle_at = self._idle_at()
        if idle_at is not None and now >= idle_at:
            return "session_idle"
        return None

    def expiring(self, now: float) -> Expiring | None:
        """Return the warning that is due, each once; the shortest when several are."""
        if self._ends_at is None:
            return None
        left = self._ends_at - now
        due = [seconds for seconds in self._warnings if left <= seconds]
        self._warnings = [seconds for seconds in self._warnings if seconds not in due]
        if not due or left <= 0:
            return None  # too late after a pause of the whole machine: what is due is let go
        return Expiring(round(self._ends_at + self.unix_offset), max(1, round(left)))

    def next_at(self, now: float) -> float | None:
        """Return when to look again; never later than the next moment that matters."""
        moments = []
        if self.session_limit_s is not None:
            moments.append(self.started + self.session_limit_s)
        if self._ends_at is not None and self._warnings:
            moments.append(self._ends_at - self._warnings[0])
        if self.idle_limit_s is not None:
            moments.append(self._idle_at() or now + self.idle_limit_s)
        return min(moments, default=None)

    def _idle_at(self) -> float | None:
        if self.idle_limit_s is None or (self._responses and not self._is_prompting):
            return None
        return self._last_activity + self.idle_limit_s
