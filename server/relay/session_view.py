"""What the sequencer knows of a session: how audio is coded and who ends a turn. Pure.

The upstream says it in `session.created` and `session.updated`. A client's `session.update` counts
from the moment it is sent, because the upstream reads what follows in its light; the answer to it
settles the matter.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtclient.protocol.session import merge

TICKS_PER_MS = 48
"""Audio is counted in ticks: one byte of pcm16 (24 000 Hz), a sixth of a byte of G.711."""
_TICKS_PER_BYTE = {"audio/pcm": 1, "audio/pcmu": 6, "audio/pcma": 6}
_MAX_PATCHES = 32
_ANSWER_S = 10.0
"""A `session.update` that has no answer for so long was refused."""
_KEPT = ("type", "output_modalities")
_KEPT_OF_AUDIO = {"format": ("type",), "turn_detection": ("type", "create_response")}
_MAX_ID_CHARS = 512
_MAX_WORD_CHARS = 64
_MAX_WORDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Update:
    patch: dict[str, Any]
    event_id: str | None
    sent_at: float


class SessionView:
    """The session as the upstream will see the next client event."""

    def __init__(self) -> None:
        self._confirmed: dict[str, Any] = {}
        self._session: dict[str, Any] = {}
        self._updates: deque[_Update] = deque(maxlen=_MAX_PATCHES)

    def on_update(self, event: Mapping[str, Any], now: float) -> None:
        """The client sent a `session.update`."""
        patch = _kept(_mapping(event.get("session")))
        event_id = event.get("event_id")
        is_short = isinstance(event_id, str) and len(event_id) <= _MAX_ID_CHARS
        self._updates.append(_Update(patch, event_id if is_short else None, now))
        self._predict()

    def on_session(self, event: Mapping[str, Any], now: float) -> None:
        """The upstream told the session: `session.created` or `session.updated`."""
        while self._updates and now >= self._updates[0].sent_at + _ANSWER_S:
            self._updates.popleft()
        if event.get("type") == "session.updated" and self._updates:
            self._updates.popleft()
        self._confirmed = _kept(_mapping(event.get("session")))
        self._predict()

    def on_error(self, error: Mapping[str, Any]) -> None:
        """The upstream refused something; perhaps a `session.update`."""
        event_id = error.get("event_id")
        is_about_session = str(error.get("param")).startswith("session")
        for update in self._updates:
            if update.event_id == event_id if event_id is not None else is_about_session:
                self._updates.remove(update)
                self._predict()
                return

    def _predict(self) -> None:
        self._session = self._confirmed
        for update in self._updates:
            self._session = merge(self._session, update.patch)

    @property
    def detects_turns(self) -> bool:
        """Whether the upstream ends turns by itself."""
        return self._detection is not None

    @property
    def answers_turns(self) -> bool:
        """Whether the upstream answers the turns that it ended."""
        detection = self._detection
        if detection is None or self._session.get("type") == "transcription":
            return False
        return detection.get("create_response") is not False

    @property
    def _detection(self) -> Mapping[str, Any] | None:
        detection = self._side("input").get("turn_detection")
        return detection if isinstance(detection, Mapping) else None

    @property
    def input_ticks(self) -> int:
        """Ticks in a byte of the client's audio."""
        return ticks_per_byte(self._side("input").get("format"))

    @property
    def output_ticks(self) -> int:
        """Ticks in a byte of the upstream's audio."""
        return ticks_per_byte(self._side("output").get("format"))

    def says_already(self, key: str, value: object) -> bool:
        """Whether a field of a response's options is what the session has anyway."""
        return key in _KEPT and self._session.get(key) == value

    def _side(self, side: str) -> Mapping[str, Any]:
        return _mapping(_mapping(self._session.get("audio")).get(side))


def ticks_per_byte(audio_format: object) -> int:
    """Return the ticks in a byte of `{"type": …}`; pcm16 where nothing else is known."""
    return _TICKS_PER_BYTE.get(str(_mapping(audio_format).get("type")), 1)


def _kept(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is of use here: all of it is small, whatever a peer wrote."""
    kept = {key: _small(session[key]) for key in _KEPT if key in session}
    sides = _mapping(session.get("audio"))
    kept["audio"] = {
        side: {
            key: _inner(fields[key], names)
            for key, names in _KEPT_OF_AUDIO.items()
            if key in fields
        }
        for side in ("input", "output")
        if (fields := _mapping(sides.get(side)))
    }
    return kept


def _inner(value: object, names: tuple[str, ...]) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    return {name: _small(value[name]) for name in names if name in value}


def _small(value: object) -> object:
    """Return a word, some words or a switch as it is; None in place of anything larger."""
    if isinstance(value, list):
        is_small = len(value) <= _MAX_WORDS and all(isinstance(_small(one), str) for one in value)
        return value if is_small else None
    is_word = isinstance(value, str) and len(value) <= _MAX_WORD_CHARS
    return value if is_word or isinstance(value, bool) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
