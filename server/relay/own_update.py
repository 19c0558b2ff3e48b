"""The server's own `session.update`, and what is left of it after a rejection. Pure.

An upstream rejects a whole update for one faulty part. Two parts are optional and often at fault
because they name a deployment or a voice that the upstream lacks: transcription, then voice. Each
is dropped once, the one that the rejection names first.
"""

import copy
from collections.abc import Mapping
from typing import Any

_INCLUDE_TRANSCRIPTION = "item.input_audio_transcription."


class OwnUpdate:
    """Builds the update and shrinks it."""

    def __init__(self, session: Mapping[str, Any]) -> None:
        self._session: dict[str, Any] = copy.deepcopy(dict(session))
        self._event_id = ""

    def event(self, event_id: str) -> dict[str, Any]:
        """Return the `session.update` event under a new id."""
        self._event_id = event_id
        return {"type": "session.update", "event_id": event_id, "session": self._session}

    def is_rejected_by(self, error: Mapping[str, Any]) -> bool:
        """Whether this `error` body answers the update that was sent last.

        A peer that names no event id can only mean ours: nothing else was sent yet.
        """
        event_id = error.get("event_id")
        if event_id:
            return bool(event_id == self._event_id)
        return error.get("type") == "invalid_request_error"

    def shrink(self, error: Mapping[str, Any]) -> str | None:
        """Drop the optional part at fault; return its name, or None when none is left."""
        parts = [part for part in ("transcription", "voice") if self._has(part)]
        if not parts:
            return None
        named = str(error.get("param") or "")
        part = next((part for part in parts if part in named), parts[0])
        if part == "voice":
            self._audio("output").pop("voice")
        else:
            self._audio("input").pop("transcription")
            include = [
                name
                for name in self._session.get("include") or ()
                if not str(name).startswith(_INCLUDE_TRANSCRIPTION)
            ]
            self._session.pop("include", None)
            if include:
                self._session["include"] = include
        return part

    def _has(self, part: str) -> bool:
        side = "output" if part == "voice" else "input"
        return self._audio(side).get(part) is not None

    def _audio(self, side: str) -> dict[str, Any]:
        audio = self._session.get("audio")
        found = audio.get(side) if isinstance(audio, dict) else None
        return found if isinstance(found, dict) else {}
