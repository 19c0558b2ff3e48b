"""How a `session.update` changes the session, beyond the merge: what is fixed and what null means.

Rules of the file: pure; a fault means that nothing has changed.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from rtclient.engine.shapes import Fault
from rtclient.engine.strict import tool_choice_fault
from rtclient.protocol.session import RESPONSE_SWITCHES, default_turn_detection, merge

LIVE_WHISPER = "gpt-realtime-whisper"
"""The transcription model that takes no prompt, and no turn detection in its own sessions."""
_PCM = {"type": "audio/pcm", "rate": 24000}
_REALTIME: Mapping[tuple[str, ...], Any] = {
    ("instructions",): "",
    ("output_modalities",): ["audio"],
    ("tools",): [],
    ("tool_choice",): "auto",
    ("max_output_tokens",): "inf",
    ("truncation",): "auto",
    ("audio", "input", "format"): _PCM,
    ("audio", "output", "format"): _PCM,
    ("audio", "output", "voice"): "alloy",
    ("audio", "output", "speed"): 1.0,
}
_NEVER_NULL: Mapping[str, Mapping[tuple[str, ...], Any]] = {
    "realtime": _REALTIME,
    "transcription": {("audio", "input", "format"): _PCM},
}
"""Kind of session → what an explicit null puts back."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What of a session cannot change any more."""

    has_spoken: bool = False
    """Assistant audio is present: the voice stays."""
    is_model_fixed: bool = False
    """The connection named a model."""


def updated(session: dict[str, Any], patch: dict[str, Any], fixed: Fixed) -> dict[str, Any] | Fault:
    """Return the session after a valid `patch`, or why it cannot be."""
    new = merge(session, _without_null_branches(patch))
    new["type"] = session["type"]
    _fill(new)
    if new["type"] == "transcription":
        return _without_responses(new) or _transcription_fault(new) or new
    new["model"] = new["model"] or session["model"]
    return _transcription_fault(new) or _fault(session, new, fixed) or new


def _fill(new: dict[str, Any]) -> None:
    """Put defaults where the merge left null or nothing."""
    for path, default in _NEVER_NULL[new["type"]].items():
        *branch, leaf = path
        holder = new
        for key in branch:
            holder = holder[key]
        if holder.get(leaf) is None:
            holder[leaf] = deepcopy(default)
    for side in new["audio"].values():
        if side["format"]["type"] == "audio/pcm":
            side["format"]["rate"] = 24000
    detection = new["audio"]["input"]["turn_detection"]
    if detection is not None:
        for key, value in default_turn_detection(detection["type"]).items():
            if detection.get(key) is None:
                detection[key] = value
    transcription = new["audio"]["input"]["transcription"]
    if transcription is not None and transcription.get("model") is None:
        transcription["model"] = "whisper-1"


def _without_responses(new: dict[str, Any]) -> Fault | None:
    """Take out of a turn detection what is about responses."""
    detection = new["audio"]["input"]["turn_detection"] or {}
    if detection.get("idle_timeout_ms") is not None:
        return _NO_IDLE
    for key in RESPONSE_SWITCHES & detection.keys():
        del detection[key]
    return None


_NO_IDLE = Fault(
    "invalid_value",
    "Invalid 'session.audio.input.turn_detection.idle_timeout_ms': a transcription session has no "
    "responses that a timeout could trigger.",
    "session.audio.input.turn_detection.idle_timeout_ms",
)


def _transcription_fault(new: dict[str, Any]) -> Fault | None:
    given = new["audio"]["input"]
    transcription = given["transcription"]
    if transcription is None or transcription["model"] != LIVE_WHISPER:
        return None
    if transcription.get("prompt"):
        return Fault(
            "invalid_value",
            "Prompt is not supported for this transcription model.",
            "session.audio.input.transcription.prompt",
        )
    if new["type"] == "transcription" and given["turn_detection"] is not None:
        return Fault(
            "invalid_value",
            "Turn detection is not supported for this transcription model.",
            "session.audio.input.turn_detection",
        )
    return None


def _without_null_branches(patch: dict[str, Any]) -> dict[str, Any]:
    """Drop `audio: null` and the like: there is nothing to put in the place of a branch."""
    patch = dict(patch)
    if patch.get("audio", ...) is None:
        del patch["audio"]
    elif "audio" in patch:
        patch["audio"] = {side: value for side, value in patch["audio"].items() if value}
    return patch


def _fault(old: dict[str, Any], new: dict[str, Any], fixed: Fixed) -> Fault | None:
    if fixed.is_model_fixed and new["model"] != old["model"]:
        return Fault(
            "invalid_value",
            f"Invalid value: '{new['model'][:64]}'. A session's model cannot be changed; "
            f"it is '{old['model']}'.",
            "session.model",
        )
    if fixed.has_spoken and new["audio"]["output"]["voice"] != old["audio"]["output"]["voice"]:
        return Fault(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
        )
    if old.get("tracing") is not None and new.get("tracing") != old["tracing"]:
        return Fault(
            "invalid_value",
            "Invalid 'session.tracing': tracing cannot be changed once it is enabled.",
            "session.tracing",
        )
    return tool_choice_fault(new["tool_choice"], new["tools"], "session.tool_choice")
