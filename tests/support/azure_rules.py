"""What the real service accepts in a `session.update`, as a table; values in, refusal out."""

from typing import Any

VOICES = frozenset(
    ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]
)

CLIENT_EVENTS = (
    "session.update",
    "transcription_session.update",
    "session.close",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.truncate",
    "conversation.item.delete",
    "conversation.item.retrieve",
    "response.create",
    "response.cancel",
)
"""The list inside the live `invalid_value` message; `output_audio_buffer.clear` is not in it."""

_VAD = {
    "type": None,
    "threshold": None,
    "prefix_padding_ms": None,
    "silence_duration_ms": None,
    "create_response": None,
    "interrupt_response": None,
    "idle_timeout_ms": None,
    "eagerness": None,
}
_FORMAT = {"type": None, "rate": None}
SESSION_FIELDS: dict[str, Any] = {
    "type": None,
    "model": None,
    "instructions": None,
    "output_modalities": None,
    "audio": {
        "input": {
            "format": _FORMAT,
            "noise_reduction": {"type": None, "strength": None},
            "transcription": {"model": None, "language": None, "prompt": None, "delay": None},
            "turn_detection": _VAD,
        },
        "output": {"format": _FORMAT, "voice": None, "speed": None},
    },
    "tools": None,
    "tool_choice": None,
    "max_output_tokens": None,
    "tracing": None,
    "truncation": None,
    "prompt": None,
    "include": None,
}
"""The accepted keys; None = a leaf whose inside is not checked by name."""

Refusal = tuple[str, str, str]
"""(code, message, param) of the `error` event."""


def refusal_of_update(session: Any) -> Refusal | None:
    """Why the service rejects this whole `session` object, or None.

    Order as observed: unknown names first, then the missing type, then values.
    """
    if not isinstance(session, dict):
        return ("invalid_type", "Invalid type for 'session': expected an object.", "session")
    unknown = _unknown(session, SESSION_FIELDS, "session")
    if unknown is not None:
        return ("unknown_parameter", f"Unknown parameter: '{unknown}'.", unknown)
    if "type" not in session:
        return (
            "missing_required_parameter",
            "Missing required parameter: 'session.type'.",
            "session.type",
        )
    audio = session.get("audio") or {}
    voice = (audio.get("output") or {}).get("voice", "alloy")
    if isinstance(voice, str) and voice not in VOICES:
        supported = ", ".join(f"'{name}'" for name in sorted(VOICES))
        return (
            "invalid_value",
            f"Invalid value: '{voice}'. Supported values are: {supported}.",
            "session.audio.output.voice",
        )
    threshold = ((audio.get("input") or {}).get("turn_detection") or {}).get("threshold", 0.5)
    if not 0 <= threshold <= 1:
        path = "session.audio.input.turn_detection.threshold"
        return ("invalid_value", f"Invalid '{path}': expected a value between 0 and 1.", path)
    return None


def merged(current: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Partial update: absent keys stay, null is kept, objects merge, lists are replaced."""
    out = dict(current)
    for key, value in patch.items():
        old = out.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            out[key] = merged(old, value)
        else:
            out[key] = value
    return out


def _unknown(value: dict[str, Any], allowed: dict[str, Any], path: str) -> str | None:
    for key, inner in value.items():
        here = f"{path}.{key}"
        if key not in allowed:
            return here
        rules = allowed[key]
        if isinstance(rules, dict) and isinstance(inner, dict):
            found = _unknown(inner, rules, here)
            if found is not None:
                return found
    return None
