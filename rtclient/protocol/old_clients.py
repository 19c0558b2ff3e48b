"""What the models of old clients require of a server's objects, beyond what GA says. Pure.

Preview clients of 2024 and 2025 read events into strict models: a key that is missing or a voice
that they do not know makes the whole event fail, and with `session.created` the session. The
functions add what is missing, and change nothing that is there.

Source: the models of Microsoft's rtclient 0.5.4; the beta types of the `openai` package 1.66.
"""

from collections.abc import Mapping
from typing import Any, Final

from rtclient.protocol.dialects import FORMATS, PREVIEW_VOICES

DEFAULT_TEMPERATURE: Final = 0.8
DEFAULT_VOICE: Final = "alloy"

_SESSION: Final[Mapping[str, Any]] = {
    "object": "realtime.session",
    "modalities": ["audio", "text"],
    "instructions": "",
    "voice": DEFAULT_VOICE,
    "input_audio_format": FORMATS[0][0],
    "output_audio_format": FORMATS[0][0],
    "input_audio_transcription": None,
    "turn_detection": None,
    "tools": [],
    "tool_choice": "auto",
    "max_response_output_tokens": "inf",
}
_TRANSCRIPTION_SESSION: Final[Mapping[str, Any]] = {
    "object": "realtime.transcription_session",
    "input_audio_format": FORMATS[0][0],
    "input_audio_transcription": None,
    "turn_detection": None,
    "client_secret": None,
}
_RESPONSE: Final[Mapping[str, Any]] = {
    "object": "realtime.response",
    "status_details": None,
    "output": [],
    "usage": None,
}
_USAGE: Final[Mapping[str, Any]] = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
_USAGE_DETAILS: Final[Mapping[str, Mapping[str, Any]]] = {
    "input_token_details": {"cached_tokens": 0, "text_tokens": 0, "audio_tokens": 0},
    "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
}
_PART: Final[Mapping[str, Mapping[str, Any]]] = {
    "audio": {"transcript": None},
    "input_audio": {"transcript": None},
    "text": {"text": ""},
    "input_text": {"text": ""},
}
_WITH_STATUS: Final = ("message", "function_call", "function_call_output")


class Wishes:
    """What a client asked for, to show it its own words again."""

    def __init__(self) -> None:
        self._temperature: float = DEFAULT_TEMPERATURE
        self._voice = DEFAULT_VOICE
        self._hyphen = "_"

    def note(self, asked: object) -> None:
        """Remember what a session or a response asks for."""
        if not isinstance(asked, Mapping):
            return
        temperature, voice = asked.get("temperature"), asked.get("voice")
        if isinstance(temperature, float | int) and not isinstance(temperature, bool):
            self._temperature = temperature
        if isinstance(voice, str):
            self._voice = voice
        for name in ("input_audio_format", "output_audio_format"):
            if isinstance(word := asked.get(name), str) and word.startswith("g711"):
                self._hyphen = word[4:5]

    def show(self, flat: dict[str, Any]) -> bool:
        """Fit a session or response to the client, in place; return whether its voice is another.

        Voices beyond the eight of preview are shown as the default one, unless the client has asked
        for this very one.
        """
        flat.setdefault("temperature", self._temperature)
        for name in ("input_audio_format", "output_audio_format"):
            if isinstance(word := flat.get(name), str):
                flat[name] = word.replace("_", self._hyphen)
        voice = flat.get("voice")
        if not isinstance(voice, str) or voice in PREVIEW_VOICES or voice == self._voice:
            return False
        flat["voice"] = DEFAULT_VOICE
        return True


def with_session_keys(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat session of a conversation with all keys."""
    return {**_SESSION, **session}


def with_transcription_keys(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat session of a transcription with all keys."""
    return {**_TRANSCRIPTION_SESSION, **session}


def with_response_keys(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat response with all keys, those of its items and its usage included."""
    result = {**_RESPONSE, **response}
    if isinstance(output := result["output"], list):
        result["output"] = [with_item_keys(item) for item in output]
    if isinstance(usage := result["usage"], Mapping):
        result["usage"] = {**_USAGE, **usage}
        for name, counts in _USAGE_DETAILS.items():
            if isinstance(told := usage.get(name, {}), Mapping):
                result["usage"][name] = {**counts, **told}
    return result


def with_item_keys(item: Any) -> Any:
    """Return a preview item with all keys, those of its content included."""
    if not isinstance(item, Mapping):
        return item
    result = {"object": "realtime.item", **item}
    if item.get("type") in _WITH_STATUS:
        result.setdefault("status", "completed")
    if item.get("type") == "message" and isinstance(content := item.get("content", []), list):
        result["content"] = [with_part_keys(part) for part in content]
    return result


def with_part_keys(part: Any) -> Any:
    """Return a content part with all keys."""
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        return part
    return {**_PART.get(part["type"], {}), **part}
