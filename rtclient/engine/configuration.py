"""How a `session.update` changes the session, beyond the merge: what is fixed and what null means.

Rules of the file: pure; a fault means that nothing has changed.
"""

from dataclasses import dataclass
from typing import Any

from rtclient.engine.shapes import Fault
from rtclient.engine.strict import tool_choice_fault
from rtclient.protocol.session import default_turn_detection, merge

_NEVER_NULL: dict[tuple[str, ...], Any] = {
    ("instructions",): "",
    ("output_modalities",): ["audio"],
    ("tools",): [],
    ("tool_choice",): "auto",
    ("max_output_tokens",): "inf",
    ("truncation",): "auto",
    ("audio", "input", "format"): {"type": "audio/pcm", "rate": 24000},
    ("audio", "output", "format"): {"type": "audio/pcm", "rate": 24000},
    ("audio", "output", "voice"): "alloy",
    ("audio", "output", "speed"): 1.0,
}
"""What an explicit null puts back."""


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
    new["type"] = "realtime"
    for path, default in _NEVER_NULL.items():
        *branch, leaf = path
        holder = new
        for key in branch:
            holder = holder[key]
        if holder.get(leaf) is None:
            holder[leaf] = default
    for side in ("input", "output"):
        wire = new["audio"][side]["format"]
        if wire["type"] == "audio/pcm":
            wire["rate"] = 24000
    detection = new["audio"]["input"]["turn_detection"]
    if detection is not None:
        defaults = default_turn_detection(detection["type"])
        for key, value in defaults.items():
            if detection.get(key) is None:
                detection[key] = value
    transcription = new["audio"]["input"]["transcription"]
    if transcription is not None and transcription.get("model") is None:
        transcription["model"] = "whisper-1"
    new["model"] = new["model"] or session["model"]
    return _fault(session, new, fixed) or new


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
