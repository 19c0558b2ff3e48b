"""What goes wrong on purpose, and when: faults, as text and as JSON.

    close:1006@response.output_audio.delta#2,session=1
    ^what ^argument  ^event                ^which one ^conditions

As JSON: `{"fault": "close", "code": 1006, "event": "response.output_audio.delta", "number": 2,
"session": 1}`. Both say the same; `parse` takes either.

| text | what happens |
|---|---|
| `fail[:CODE[:SECONDS]]` | the response fails; `rate_limit_exceeded:1.5`: "try again in 1.5s" |
| `expire` | the session ends as at its time limit |
| `close:CODE[:REASON]` | the connection is closed; 1006: TCP is cut, without a close frame |
| `stall[:SECONDS]` | no more events, for this long or for good; pings are answered |
| `half_open` | nothing is read nor answered any more, pings included |
| `slow:MS` or `slow:MS-MS` | each event comes later, by so much; a range is drawn by the seed |
| `duplicate_transcript` | a transcription is told twice |
| `late_transcript[:MS]` | a transcription is told later, or after the next `response.done` |
| `unknown_events[:TYPE]` | after an event, one of a type that nobody knows yet |
| `unknown_fields` | events have fields that nobody knows yet |
| `refuse:STATUS[:SECONDS]` | the handshake is refused; with `Retry-After` |

A fault strikes after the event has gone out; `fail` after the last delta of a response is too
late. Without an event it strikes after the one that `_FIRST` names. Without `#N` it strikes every
time. Conditions: `session=N` (connections from 1, refused ones too), `turn=N` (user items),
`response=N`, both counted in the session; `p=0.2`, a chance drawn by the seed; `once`: never again
in the whole engine. `#N` counts what meets the other conditions.

Rules of the file: pure; a fault is a value; what is wrong with a text is said in full.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from rtclient.engine.shapes import Fault
from rtclient.protocol.events import SERVER_EVENTS

TRANSCRIPTION = "conversation.item.input_audio_transcription"
FUTURE_EVENT = "future.event"
"""The type of the events that `unknown_events` adds."""
FUTURE_FIELD = "future_field"
"""The name of the fields that `unknown_fields` adds."""
ANY = "*"
_FIRST = {
    "fail": "response.created",
    "expire": "session.created",
    "close": "session.created",
    "stall": "session.created",
    "half_open": "session.created",
    "slow": ANY,
    "duplicate_transcript": f"{TRANSCRIPTION}.completed",
    "late_transcript": f"{TRANSCRIPTION}.*",
    "unknown_events": ANY,
    "unknown_fields": ANY,
    "refuse": "",
}
"""Fault → the event after which it strikes when none is named."""
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "fail": ("code", "seconds"),
    "close": ("code", "reason"),
    "stall": ("seconds",),
    "slow": ("ms",),
    "late_transcript": ("ms",),
    "unknown_events": ("type",),
    "refuse": ("status", "seconds"),
}
_NEEDED = {"close": "code", "slow": "ms", "refuse": "status"}
_FIXED_EVENT = frozenset({"duplicate_transcript", "late_transcript", "refuse"})
_CONDITIONS = {"session": "session", "turn": "turn", "response": "response", "p": "probability"}
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1006, 1015), *range(3000, 5000)})
_LOST_CONDITION = re.compile(r",(session|turn|response|p)=|,once$|#\d+$")
_NAME = re.compile(r"[\w.-]+")
_MAX_REASON_BYTES = 123
_MAX_MS = 24 * 3600 * 1000


class FaultError(ValueError):
    """A fault that cannot be read; the text says why and what would be right."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault: what, and when. Made by `parse`, which has checked it."""

    fault: str
    code: str | int | None = None
    """`fail`: the error's code; `close`: 1000 to 4999."""
    reason: str = ""
    seconds: float | None = None
    """How long (`stall`), or after how long the client may try again; None: for good, not told."""
    ms: tuple[int, int] | None = None
    """From and to, the same for an exact time."""
    type: str = FUTURE_EVENT
    status: int | None = None
    event: str = ANY
    """The type of the event after which it strikes; may hold `*`."""
    number: int | None = None
    session: int | None = None
    turn: int | None = None
    response: int | None = None
    probability: float | None = None
    once: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without what is not set."""
        result: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "fault" or (value != one.default and value is not None):
                result[one.name] = value
        if self.ms is not None:
            result["ms"] = self.ms[0] if self.ms[0] == self.ms[1] else list(self.ms)
        if self.event in ("", _FIRST[self.fault]):
            result.pop("event", None)
        return result

    def is_after(self, event_type: str) -> bool:
        """Whether it may strike after an event of this type."""
        return self.event == event_type or (
            ANY in self.event and fnmatchcase(event_type, self.event)
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """How a handshake is refused."""

    status: int
    retry_after_s: float | None = None


def error_of(fault: PlannedFault) -> Fault:
    """Return the error of a response that fails by this fault, in the service's words."""
    code = str(fault.code or "server_error")
    if code == "rate_limit_exceeded":
        wait = fault.seconds if fault.seconds is not None else 1.0
        text = (
            "Rate limit reached on tokens per min (TPM): Limit 40000. "
            f"Please try again in {wait:g}s."
        )
        return Fault(code, text, type="tokens")
    if code == "server_error":
        text = (
            "The server had an error while processing your request. Sorry about that! "
            "Send response.create to try again."
        )
    else:
        text = f"The response failed: {code}."
    return Fault(code, text, type="server_error")


# ---------------------------------------------------------------- reading


def parse(value: Any) -> PlannedFault:
    """Return the fault that a text or a JSON object says; raises `FaultError`."""
    if isinstance(value, str):
        return _checked(_from_text(value), repr(value))
    if isinstance(value, Mapping):
        return _checked(dict(value), repr(dict(value)))
    raise FaultError(f"A fault is a text such as 'close:1011' or an object, not {value!r}.")


def _from_text(text: str) -> dict[str, Any]:
    what, at, when = text.rpartition("@") if "@" in text else (text, "", "")
    if not at and _LOST_CONDITION.search(text):
        raise FaultError(f"'{text}': conditions stand after '@', as in 'fail@response=1'.")
    name, *given = what.split(":")
    result: dict[str, Any] = {"fault": name}
    names = _ARGUMENTS.get(name, ())
    if name in _FIRST and len(given) > len(names):
        if names and names[-1] == "reason":  # a reason may hold colons
            given = [*given[: len(names) - 1], ":".join(given[len(names) - 1 :])]
        else:
            takes = ":".join((name, *(n.upper() for n in names)))
            raise FaultError(f"'{text}': too many arguments; it is '{takes}'.")
    for key, argument in zip(names, given, strict=False):
        result[key] = _value(key, argument, text)
    if at and not when:
        raise FaultError(f"'{text}': after '@' stands an event, or conditions such as session=1.")
    for index, word in enumerate(when.split(",") if when else ()):
        key, equals, argument = word.partition("=")
        if word == "once":
            result["once"] = True
        elif equals:
            if key not in _CONDITIONS:
                known = ", ".join(f"{name}=" for name in _CONDITIONS)
                raise FaultError(f"'{text}': unknown condition '{key}='; known: {known} and once.")
            result[_CONDITIONS[key]] = _value(_CONDITIONS[key], argument, text)
        elif index:
            raise FaultError(f"'{text}': '{word}' is no condition; one event, and it comes first.")
        else:
            event, hash_, number = word.partition("#")
            if event:
                result["event"] = event
            if hash_:
                result["number"] = _value("number", number, text)
    return result


def _value(key: str, argument: str, text: str) -> Any:
    try:
        match key:
            case "status" | "number" | "session" | "turn" | "response":
                return int(argument)
            case "seconds" | "probability":
                return float(argument)
            case "ms":
                begin, dash, end = argument.partition("-")
                return [int(begin), int(end)] if dash else int(begin)
            case "code":
                return int(argument) if argument.isdigit() else argument
    except ValueError:
        raise FaultError(f"'{text}': '{argument}' is not a number; it is '{key}'.") from None
    return argument


def _checked(given: dict[str, Any], shown: str) -> PlannedFault:
    name = given.get("fault")
    if not isinstance(name, str) or name not in _FIRST:
        raise FaultError(f"{shown}: unknown fault '{name}'; known: {', '.join(_FIRST)}.")
    own = _ARGUMENTS.get(name, ())
    common = {"fault", "event", "number", "session", "turn", "response", "probability", "once"}
    for key in given:
        if key not in common and key not in own:
            known = ", ".join(sorted({*own, *common} - {"fault"}))
            raise FaultError(f"{shown}: '{name}' has no '{key}'; it has: {known}.")
    needed = _NEEDED.get(name)
    if needed and given.get(needed) is None:
        raise FaultError(f"{shown}: '{name}' needs '{needed}', such as {_EXAMPLES[name]}.")
    for key, value in given.items():
        if value is not None and (complaint := _complaint(name, key, value)):
            raise FaultError(f"{shown}: {complaint}")
    if "event" in given and name in _FIXED_EVENT:
        raise FaultError(f"{shown}: '{name}' strikes at its own event; leave '@EVENT' out.")
    if name == "refuse" and {"turn", "response"} & {k for k, v in given.items() if v is not None}:
        raise FaultError(f"{shown}: a handshake has no turns; use session=N or p=.")
    values = {"event": _FIRST[name], **{k: v for k, v in given.items() if v is not None}}
    if (ms := values.get("ms")) is not None:
        values["ms"] = (ms, ms) if isinstance(ms, int) else (ms[0], ms[1])
    return PlannedFault(**values)


_EXAMPLES = {"close": "close:1011", "slow": "slow:200", "refuse": "refuse:503:5"}


def _complaint(name: str, key: str, value: Any) -> str:
    """Return what is wrong with one value, "" when nothing is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_int = is_number and isinstance(value, int)
    match key:
        case "code" if name == "close":
            if not (is_int and value in _CLOSE_CODES):
                return f"no server can close with {value!r}; 1000-1003, 1006-1014, 3000-4999 can."
        case "code" | "type":
            if not (isinstance(value, str) and _NAME.fullmatch(value)):
                return f"'{key}' is a name such as server_error, not {value!r}."
            if key == "type" and value in SERVER_EVENTS:
                return f"clients know '{value}' already; name a type that does not exist."
        case "reason":
            if not (isinstance(value, str) and len(value.encode()) <= _MAX_REASON_BYTES):
                return f"a reason has at most {_MAX_REASON_BYTES} bytes."
        case "status":
            if not (is_int and 400 <= value <= 599):
                return f"a handshake is refused with 400 to 599, not {value!r}."
        case "seconds":
            if not (is_number and 0 <= value <= 1e6):
                return f"'seconds' is a number of seconds, not {value!r}."
        case "ms":
            ends: list[Any] = value if isinstance(value, list) else [value, value]
            is_time = len(ends) == 2 and all(isinstance(n, int) and 0 <= n <= _MAX_MS for n in ends)
            if not is_time or ends[0] > ends[1]:
                return f"'ms' is 0 to {_MAX_MS} milliseconds, or two of them in order."
        case "event":
            if not (isinstance(value, str) and any(fnmatchcase(e, value) for e in SERVER_EVENTS)):
                return f"no server event is called {value!r}."
        case "number" | "session" | "turn" | "response":
            if not (is_int and value >= 1):
                return f"'{key}' counts from 1, not {value!r}."
        case "probability":
            if not (is_number and 0 <= value <= 1):
                return f"a chance is 0.0 to 1.0, not {value!r}."
        case "once":
            if not isinstance(value, bool):
                return f"'once' is true or false, not {value!r}."
    return ""
