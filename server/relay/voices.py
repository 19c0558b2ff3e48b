"""A layer for names that the upstream lacks: a voice, or a model, becomes the configured one. Pure.

Clients name voices of other services and of other years (`nova`, `onyx`). An upstream rejects the
whole `session.update` for one such name, tools and instructions included. What is not replaced goes
on as the same text.
"""

from collections.abc import Collection
from typing import Any

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import MAX_BYTES, decode, encode, peek_type
from server.relay.actions import Action, Notice, ToClient, ToUpstream

_FIELD_OF = {"session.update": "session", "response.create": "response"}
"""Which events name a voice, and where."""


class Voices:
    """The layer. Knows nothing of the session but what passes."""

    def __init__(
        self, voices: Collection[str] | None, default: str, *, model: str | None = None
    ) -> None:
        """Prepare.

        Args:
            voices: Those that the upstream has; None when nobody can say: then all pass.
            default: Stands in for another one; the upstream chooses where it lacks this one too.
            model: What a session's model is called upstream, to stand in for every other name;
                None: models pass.
        """
        self._voices = voices
        self._default = default
        self._model = model

    def on_open(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """Replace what the upstream lacks in an event that may name it."""
        passed: list[Action] = [ToUpstream(data)]  # type: ignore[arg-type]  # bytes: the core's
        if not isinstance(data, str) or peek_type(data) not in _FIELD_OF:
            return passed
        try:
            event = decode(data, max_bytes=MAX_BYTES)
        except RemoteProtocolError:
            return passed  # the core says why
        config = event.get(_FIELD_OF[event["type"]])
        if not isinstance(config, dict):
            return passed
        notices = self.replace(config)
        is_renamed = event["type"] == "session.update" and self._rename(config)
        return [*notices, ToUpstream(encode(event))] if notices or is_renamed else passed

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """Pass it on."""
        return [ToClient(data)]

    def on_time(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    def replace(self, config: dict[str, Any]) -> list[Notice]:
        """Replace the voice in a session or response, in place; return what people are told."""
        output = _dict(_dict(config.get("audio")).get("output"))
        voice = output.get("voice")
        if self._voices is None or not isinstance(voice, str) or voice in self._voices:
            return []
        if self._default in self._voices:
            output["voice"] = instead = self._default
        else:
            del output["voice"]
            instead = "one of its own"
        message = f"The voice service has no such voice; it speaks with {instead} instead."
        return [Notice("warning", "voice_replaced", message)]

    def _rename(self, session: dict[str, Any]) -> bool:
        named = session.get("model")
        if self._model is None or not isinstance(named, str) or named == self._model:
            return False
        session["model"] = self._model
        return True


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
