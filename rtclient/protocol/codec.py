"""Text or bytes to event and back.

Rules of the file:
- `decode` is the only strict parser of wire text; any bytes in → a dict or `RemoteProtocolError`,
  nothing else;
- the limits are checked before the parser runs, so that a small text cannot make it build millions
  of objects or recurse;
- an error never repeats what was in the text.

What it refuses and why: two parsers must not read one text differently (duplicate keys, numbers
beyond 64 bits, NaN, lone surrogates), and nothing may be costlier to read than it was to send.
"""

import json
import math
import re
from typing import Any, Final

from rtclient.errors import LocalProtocolError, RemoteProtocolError

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of a client's event."""
MAX_SERVER_BYTES: Final = 4 * MAX_BYTES
"""Of a server's event."""
MAX_DEPTH: Final = 32
MAX_NODES: Final = 10_000
"""Values in one event: objects, arrays and scalars together."""
MAX_TYPE_CHARS: Final = 128
MAX_NUMBER_CHARS: Final = 64

_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1

# Possessive, and the closing quote is optional: linear also on a string that never ends.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_TYPE_NEAR_START = re.compile(
    r"[ \t\r\n]*\{[ \t\r\n]*"
    r'(?:"event_id"[ \t\r\n]*:[ \t\r\n]*"[^"\\]{0,512}"[ \t\r\n]*,[ \t\r\n]*)?'
    r'"type"[ \t\r\n]*:[ \t\r\n]*"([^"\\\x00-\x1f]{1,128})"'
)

find_type: Final = _TYPE_NEAR_START.match
"""Text → a match whose group 1 is the event's type, or None when it is not near the start.

What was found has no escape in it, so it can be replaced in place. The rest of the text is not
looked at.
"""


def _bad(message: str, code: str = "invalid_json") -> RemoteProtocolError:
    return RemoteProtocolError(message, code=code)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _bad("The event has the same key twice in one object.")
    return result


def _int(text: str) -> int:
    # The length first: int() of a very long text raises a bare ValueError (and costs time).
    if len(text) <= 20 and _INT_MIN <= (value := int(text)) <= _INT_MAX:
        return value
    raise _bad("The event has an integer beyond 64 bits.")


def _float(text: str) -> float:
    if len(text) <= MAX_NUMBER_CHARS and math.isfinite(value := float(text)):
        return value
    raise _bad("The event has a number that is too large or too long.")


def _constant(_name: str) -> Any:
    raise _bad("The event has NaN or Infinity, which are not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_constant
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode_object(data: str | bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the object in `data`, UTF-8 JSON text, as strictly as `decode` but of any kind.

    Raises:
        RemoteProtocolError: as `decode` does.
    """
    text = _text(data, max_bytes)
    _check_shape(text)
    try:
        event = _DECODER.decode(text)
    except RecursionError:
        raise _bad("The event is nested too deeply.", "invalid_event") from None
    except json.JSONDecodeError as exc:
        # `from None`: the foreign exception carries the whole text in an attribute.
        raise _bad(f"The event is not valid JSON: {exc.msg} at character {exc.pos}.") from None
    if _SURROGATE_ESCAPE.search(text):
        try:
            _ENCODER.encode(event).encode()
        except UnicodeEncodeError:
            raise _bad("The event has half of a surrogate pair in a string.") from None
    if not isinstance(event, dict):
        raise _bad("The event is not a JSON object.", "invalid_event")
    return event


def decode(data: str | bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the event in `data`: UTF-8 JSON text of one object with a `type`.

    Raises:
        RemoteProtocolError: `code` is `event_too_large`, `invalid_json` (not strict JSON) or
            `invalid_event` (JSON, but no event; too deep or too many values).
    """
    event = decode_object(data, max_bytes=max_bytes)
    event_type = event.get("type")
    if not isinstance(event_type, str) or not 1 <= len(event_type) <= MAX_TYPE_CHARS:
        raise RemoteProtocolError(
            "The 'type' field is missing."
            if event_type is None
            else f"The 'type' field is not a string of 1 to {MAX_TYPE_CHARS} characters.",
            code="invalid_event",
            param="type",
        )
    return event


def encode(event: Any) -> str:
    """Return the compact JSON text of `event`.

    Raises:
        LocalProtocolError: the event cannot be written as strict JSON.
    """
    try:
        text = _ENCODER.encode(event)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        reason = type(exc).__name__
        raise LocalProtocolError(f"The event cannot be written as JSON ({reason}).") from None
    return text


def peek_type(text: str) -> str | None:
    """Return the event's type, from its first characters when possible. Never raises.

    For text of a peer whose events are passed on untouched: only where the type stands is looked
    at, the rest may be anything. None when no type can be found.
    """
    if found := find_type(text):
        return found[1]
    try:
        event_type = decode(text, max_bytes=MAX_SERVER_BYTES)["type"]
    except RemoteProtocolError:
        return None
    return str(event_type)


def _text(data: str | bytes, max_bytes: int) -> str:
    too_large = len(data) > max_bytes
    if isinstance(data, str):
        if too_large or data.isascii():
            text = data
        else:
            try:
                too_large = len(data.encode()) > max_bytes
            except UnicodeEncodeError:
                raise _bad("The event has half of a surrogate pair in a string.") from None
            text = data
    else:
        try:
            text = "" if too_large else data.decode()
        except UnicodeDecodeError:
            raise _bad("The event is not valid UTF-8.") from None
    if too_large:
        raise _bad(f"The event is larger than {max_bytes} bytes.", "event_too_large")
    return text


def _check_shape(text: str) -> None:
    """Refuse text with too many values or too much nesting, before anything is built.

    Counting characters gives upper bounds at the speed of memchr; only text beyond them is looked
    at more closely, with its strings taken out.
    """
    opens = text.count("{") + text.count("[")
    if opens <= MAX_DEPTH and opens + text.count(",") < MAX_NODES:
        return
    outside = _STRING.sub("", text)
    opens = outside.count("{") + outside.count("[")
    # Each value but the outermost is the first of its container or follows a comma; what an empty
    # container or a key adds to this bound does not matter at these sizes.
    if opens + outside.count(",") >= MAX_NODES:
        raise _bad(f"The event has more than {MAX_NODES} values.", "invalid_event")
    depth = 0
    for bracket in _BRACKETS.finditer(outside):
        if bracket[0] in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise _bad(f"The event is nested deeper than {MAX_DEPTH}.", "invalid_event")
        elif (depth := depth - 1) < 0:
            return  # not JSON: the parser says so
