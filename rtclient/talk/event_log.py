"""`EventLog`: every event of a conversation as a line, for debugging. Pure.

A line says when, which way, which type, which ids and how much. It never holds words, sound,
instructions or arguments: only the fields that are named here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from rtclient.protocol.audio import PCM16, bytes_to_ms

_SHOWN: Final = (
    "event_id",
    "item_id",
    "previous_item_id",
    "response_id",
    "content_index",
    "audio_start_ms",
    "audio_end_ms",
)
_SHOWN_OF: Final = {
    "response": ("id", "status"),
    "item": ("id", "type", "role", "status"),
    "error": ("type", "code", "param", "event_id"),
}
_SOUND: Final = {
    "input_audio_buffer.append": "audio",
    "response.output_audio.delta": "delta",
}
_WORD_CHARS: Final = 64


def log_line(event: Mapping[str, Any], way: Literal["sent", "received"], now_s: float) -> str:
    """Return an event's line: JSON, with `t` in seconds."""
    kind = event.get("type")
    line: dict[str, Any] = {"t": round(now_s, 3), "way": way, "type": _word(kind)}
    for name in _SHOWN:
        if name in event:
            line[name] = _word(event[name])
    for name, fields in _SHOWN_OF.items():
        body = event.get(name)
        if isinstance(body, Mapping):
            line[name] = {field: _word(body[field]) for field in fields if field in body}
    sound = event.get(_SOUND.get(str(kind), ""))
    if isinstance(sound, str):
        line["audio_ms"] = bytes_to_ms(len(sound) * 3 // 4 - sound[-2:].count("="), PCM16)
    elif isinstance(event.get("delta"), str):
        line["chars"] = len(event["delta"])
    return json.dumps(line, ensure_ascii=True)


def short_line(event: Mapping[str, Any], way: Literal["sent", "received"], now_s: float) -> str:
    """Return the same for people: time, arrow, type, and what belongs to it."""
    line = json.loads(log_line(event, way, now_s))
    arrow = "→" if way == "sent" else "←"
    rest = []
    for name, value in line.items():
        if isinstance(value, Mapping):
            rest += [f"{name}.{field}={word}" for field, word in value.items()]
        elif name not in ("t", "way", "type", "event_id"):
            rest.append(f"{name}={value}")
    return " ".join((f"{line['t']:8.3f}", arrow, str(line["type"]), *rest))


def _word(value: Any) -> Any:
    """Return a value that is an id, a code or a number; anything else in its type's name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_WORD_CHARS]
    return type(value).__name__
