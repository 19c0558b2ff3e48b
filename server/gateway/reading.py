"""What a client wrote → one message of the protocol, or why it is none. Pure.

Rules of the file:
- the spellings of the gateway that this protocol comes from, where its program takes more than its
  page says, are put into ours first, each with a hint;
- `null` is the same as leaving a field out;
- fields that nobody knows are taken out and named;
- a message with one wrong field is refused whole, with the field's name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel, ValidationError

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode
from rtclient.protocol.events import CLIENT_EVENTS
from server.gateway.messages import (
    CLIENT_MESSAGES,
    MAX_TEXT_BYTES,
    ClientMessage,
    ErrorCode,
    Tool,
)

MAX_NAMED = 8
"""How many unknown fields are named in one notice."""

_SPELLINGS: Final = {
    "turnDetection": "turn_detection",
    "inputTranscription": "input_transcription",
    "maxResponseTokens": "max_response_tokens",
    "toolChoice": "tool_choice",
    "silenceDurationMs": "silence_duration_ms",
    "prefixPaddingMs": "prefix_padding_ms",
    "callId": "call_id",
}
_TURN_DETECTIONS: Final = {
    "server_vad": "server_vad",
    "semantic_vad": "semantic_vad",
    "semantic": "semantic_vad",
    "manual": "none",
    "none": "none",
}
_WITHOUT_EFFECT: Final = (
    "modalities",
    "input_audio_format",
    "output_audio_format",
    "providerOptions",
    "provider_options",
    "reconnection",
)

RENAMED: Final = "Fields are written with underscores here, such as `turn_detection`."
UPDATE_SESSION: Final = "`update_session` is called `config` here; it did the same."
TAGGED: Final = (
    "`turn_detection` is a word here: `server_vad`, `semantic_vad` or `none`; its numbers go into"
    " `vad`."
)
TRANSCRIBE: Final = (
    "`transcribe_input` and `transcription_model` are called `input_transcription.enabled` and"
    " `input_transcription.model` here."
)
MINUS_ONE: Final = '`max_response_tokens: -1` is written "inf" here.'
NESTED_TOOL: Final = "A tool's name, description and parameters stand beside its `type` here."
NO_EFFECT: Final = (
    "`modalities`, audio formats and options of a provider have no effect here: answers are spoken,"
    " and sound is always PCM16 at 24 000 Hz."
)


class BadMessage(ValueError):
    """What a client wrote is no message. The text is safe to show to it."""

    def __init__(
        self, code: ErrorCode, reason: str, message: str, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.reason = reason
        self.message = message
        self.param = param


@dataclass(frozen=True, slots=True)
class Reading:
    """A message and what is to be said about how it was written."""

    message: ClientMessage
    hints: tuple[str, ...] = ()
    """Sentences about other spellings; they hold nothing that the client wrote."""
    unknown: tuple[str, ...] = ()
    """Fields that nobody knows, as the client wrote them."""


def read(text: str) -> Reading:
    """Return the message in a client's text.

    Raises:
        BadMessage: it is none.
    """
    try:
        raw = decode(text, max_bytes=MAX_TEXT_BYTES)
    except RemoteProtocolError as exc:
        text = f"{exc.message} Send one JSON object with a `type`; sound goes as binary frames."
        raise BadMessage("InvalidMessage", exc.code, text, exc.param) from None
    hints: dict[str, None] = {}
    raw = _in_our_words(raw, hints)
    kind = CLIENT_MESSAGES.get(raw["type"])
    if kind is None:
        raise BadMessage("InvalidMessage", "unknown_type", _unknown_type(raw["type"]), "type")
    try:
        found = kind.model_validate(raw)
    except ValidationError as exc:
        raise _wrong_field(exc, raw) from None
    unknown: list[str] = []
    message = cast(ClientMessage, _without_extras(found, "", unknown))
    return Reading(message, tuple(hints), tuple(unknown[:MAX_NAMED]))


def _unknown_type(name: str) -> str:
    known = ", ".join(f"`{kind}`" for kind in CLIENT_MESSAGES)
    if name in CLIENT_EVENTS:
        return (
            f"This is an event of the Realtime API. Here there are only {known}; for the API itself"
            " connect to /v1/realtime."
        )
    return f"There is no message of this `type`. Send one of {known}."


def _wrong_field(exc: ValidationError, raw: Mapping[str, Any]) -> BadMessage:
    errors = exc.errors(include_input=False, include_url=False, include_context=False)
    param = _param(errors[0]["loc"], raw)
    same = [error for error in errors if _param(error["loc"], raw) == param]
    demands = dict.fromkeys(_demand(error["type"], error["msg"]) for error in same)
    code: ErrorCode = "InvalidConfiguration" if raw["type"] == "config" else "InvalidMessage"
    message = f"`{param}` {' or '.join(demands)}. Nothing of the message was taken."
    return BadMessage(code, "invalid_value", message, param)


def _param(loc: tuple[int | str, ...], raw: Any) -> str:
    """Return where a fault is, without the names that pydantic gives to the kinds of a field."""
    path = ""
    for part in loc:
        if isinstance(raw, list) and isinstance(part, int):
            path, raw = f"{path}[{part}]", raw[part]
        elif isinstance(raw, dict):
            path, raw = f"{path}.{part}".lstrip("."), raw.get(str(part))
        else:
            break
    return path


def _demand(error_type: str, message: str) -> str:
    if error_type == "missing":
        return "is missing"
    if error_type == "model_type":
        return "must be an object"
    demand = re.sub(r"^\w+ should", "must", message).replace("a valid integer", "a whole number")
    return demand.replace("valid ", "")


def _without_extras(message: BaseModel, path: str, unknown: list[str]) -> BaseModel:
    """Return the message without fields that are not known, which are added to `unknown`."""
    unknown += [f"{path}{name[:64]}" for name in message.__pydantic_extra__ or {}]
    kept: dict[str, Any] = {}
    for name in type(message).model_fields:
        if name not in message.model_fields_set:
            continue
        value = getattr(message, name)
        if isinstance(value, BaseModel):
            value = _without_extras(value, f"{path}{name}.", unknown)
        elif name == "tools":
            value = [_without_extras(tool, f"{path}tools.", unknown) for tool in value]
        kept[name] = value
    return type(message).model_construct(_fields_set=set(kept), **kept)


# Other spellings.


def _in_our_words(raw: Mapping[str, Any], hints: dict[str, None]) -> dict[str, Any]:
    message = _renamed(raw, hints)
    if message["type"] == "update_session":
        message["type"] = "config"
        hints[UPDATE_SESSION] = None
    if message["type"] != "config":
        return message
    for name in ("vad", "input_transcription"):
        if isinstance(message.get(name), dict):
            message[name] = _renamed(message[name], hints)
    _untag(message, hints)
    _retell_transcription(message, hints)
    if message.get("max_response_tokens") == -1:
        message["max_response_tokens"] = "inf"
        hints[MINUS_ONE] = None
    if isinstance(message.get("tools"), list):
        message["tools"] = [_flat(tool, hints) for tool in message["tools"]]
    for name in _WITHOUT_EFFECT:
        if name in message:
            del message[name]
            hints[NO_EFFECT] = None
    return message


def _renamed(raw: Mapping[str, Any], hints: dict[str, None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in raw.items():
        ours = _SPELLINGS.get(name, name)
        if ours != name:
            hints[RENAMED] = None
            if raw.get(ours) is not None:
                continue  # our own spelling wins
        # A function may well return null.
        if value is not None or ours == "result":
            found[ours] = value
    return found


def _untag(message: dict[str, Any], hints: dict[str, None]) -> None:
    """Turn `{"mode": "server_vad", "threshold": …}` into the word and `vad`."""
    tagged = message.get("turn_detection")
    if not isinstance(tagged, dict):
        return
    hints[TAGGED] = None
    fields = _renamed(tagged, hints)
    mode, kind = fields.pop("mode", None), fields.pop("type", None)
    word = _TURN_DETECTIONS.get(str(mode or kind))
    if word is None:
        del message["turn_detection"]
        raise BadMessage(
            "InvalidConfiguration",
            "invalid_value",
            "`turn_detection` must be `server_vad`, `semantic_vad` or `none`.",
            "turn_detection",
        )
    message["turn_detection"] = word
    vad = message.get("vad", {})
    if isinstance(vad, dict):
        message["vad"] = {**fields, **vad}


def _retell_transcription(message: dict[str, Any], hints: dict[str, None]) -> None:
    told = {
        ours: message.pop(theirs)
        for theirs, ours in (("transcribe_input", "enabled"), ("transcription_model", "model"))
        if theirs in message
    }
    given = message.get("input_transcription", {})
    if told:
        hints[TRANSCRIBE] = None
        if isinstance(given, dict):
            message["input_transcription"] = {**told, **given}


def _flat(tool: Any, hints: dict[str, None]) -> Any:
    if not isinstance(tool, dict):
        return tool
    inner = tool.get("function")
    if isinstance(inner, dict) and "name" not in tool:
        hints[NESTED_TOOL] = None
        tool = {**{name: value for name, value in tool.items() if name != "function"}, **inner}
    return {
        name: value
        for name, value in tool.items()
        if value is not None or name not in Tool.model_fields
    }
