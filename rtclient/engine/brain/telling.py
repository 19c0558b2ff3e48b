"""A tool's output as a sentence to speak.

Rules of the file: pure; any text in, a short speakable text out; nothing is invented.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rtclient.engine.brain.numbers import written

_MOST = 5
_LONGEST = 600
_WHOLE_KEYS = frozenset({"result", "output", "value", "answer", "message", "text", "content"})
_STATUS_KEYS = frozenset({"ok", "success", "succeeded", "done", "status"})
_GOOD = frozenset({"true", "ok", "okay", "success", "succeeded", "done", "completed"})


def told(output: str) -> str:
    """Return what a tool's output says.

    >>> told('{"temperature": 21, "sky": "clear"}')
    'The temperature is 21, and the sky is clear.'
    """
    try:
        value = json.loads(output)
    except ValueError:
        value = output
    except RecursionError:
        value = "The tool returned something very deeply nested."
    text = _told(value).strip()
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit(" ", 1)[0] + " … and so on."
    return _ended(text[:1].upper() + text[1:]) if text else "Done."


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value) if value else "there is nothing"
    if value is None or value is True:
        return "done"
    if value is False:
        return "that did not work"
    return _scalar(value)


def _object(value: Mapping[str, Any]) -> str:
    if error := value.get("error"):
        return f"that did not work: {_phrase(error)}"
    states = [str(v).lower() for k, v in value.items() if k in _STATUS_KEYS]
    is_state = {k for k, v in value.items() if k in _STATUS_KEYS and _is_plain_state(v)}
    facts = {k: v for k, v in value.items() if k not in is_state and v is not None}
    if not facts:
        if states and not all(state in _GOOD for state in states):
            return "that did not work"
        return "done"
    if len(facts) == 1:
        key, only = next(iter(facts.items()))
        if key in _WHOLE_KEYS:
            return _told(only)
    parts = [f"the {_words(k)} {_verb(k)} {_phrase(v)}" for k, v in list(facts.items())[:_MOST]]
    if len(facts) > _MOST:
        parts.append(f"there are {len(facts) - _MOST} more details")
    told_parts = _joined(parts)
    return f"done: {told_parts}" if states and all(s in _GOOD for s in states) else told_parts


def _is_plain_state(value: Any) -> bool:
    return isinstance(value, bool) or str(value).lower() in _GOOD


def _list(value: Sequence[Any]) -> str:
    parts = [_phrase(v) for v in value[:_MOST]]
    if len(value) > _MOST:
        parts.append(f"{len(value) - _MOST} more")
    return _joined(parts)


def _phrase(value: Any) -> str:
    """Return a value inside a sentence; what is nested deeper is told in brief."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(k)} {_scalar(v)}" for k, v in list(value.items())[:_MOST])
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(v, Mapping) for v in value):
            return "; ".join(_phrase(v) for v in value[:_MOST])
        return _list([_scalar(v) for v in value]) if value else "empty"
    return _scalar(value).rstrip(".")


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return written(value) if abs(value) < 1e15 else str(value)
    if value is None:
        return "unknown"
    if isinstance(value, Mapping):
        return f"{len(value)} details"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"{len(value)} entries"
    return (
        str(value).replace("_", " ")
        if re.fullmatch(r"[a-z]+(_[a-z]+)+", str(value))
        else str(value)
    )


def _words(key: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(key))
    return re.sub(r"[_\-.]+", " ", spaced).strip().lower()


def _verb(key: str) -> str:
    last = _words(key).split()[-1:] or [""]
    return "are" if last[0].endswith("s") and not last[0].endswith(("ss", "us", "is")) else "is"


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    comma = "," if len(parts) > 2 or any(" " in part for part in parts) else ""
    return f"{', '.join(parts[:-1])}{comma} and {parts[-1]}"


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
