"""The two dialects of the Realtime API as tables, and what they make of values. Pure.

GA is the inner language of this project; *preview* is what OpenAI's beta and Azure's preview spoke.
Both directions of each translation come from one row, and so does the table in docs/protocol.md.

Rules of the file:
- values in, values out; no argument is changed; a value of an unexpected shape is passed on as it
  is, so arbitrary JSON never raises;
- an explicit null is kept: it means "off";
- unknown fields and unknown values pass; what is known and has no place in the other dialect is
  left out and *named*, as `session.temperature`;
- where a sender mixes both spellings of one field, that of its own dialect wins.

Source: Realtime API reference (GA); the beta types of the `openai` package 1.66 to 1.99; Azure's
guide for the migration from preview to GA; the models of Microsoft's rtclient 0.5.4.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Dialect = Literal["ga", "preview"]
"""A variant of the wire format."""

DIALECTS: Final[Mapping[str, Dialect]] = {"ga": "ga", "preview": "preview"}
"""By the word for it in an address."""

Kind = Literal["same", "modalities", "format", "turn_detection"]
"""What happens to a field's value when it crosses."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field that has another place in the other dialect."""

    preview: str
    """Its key in the flat object."""
    ga: tuple[str, ...]
    """Its path in the nested object."""
    kind: Kind = "same"
    ga_only: tuple[str, ...] = ()
    """What GA has inside it and preview refuses."""


SESSION_FIELDS: Final = (
    Field("modalities", ("output_modalities",), "modalities"),
    Field("voice", ("audio", "output", "voice")),
    Field("speed", ("audio", "output", "speed")),
    Field("output_audio_format", ("audio", "output", "format"), "format"),
    Field("input_audio_format", ("audio", "input", "format"), "format"),
    Field(
        "input_audio_transcription",
        ("audio", "input", "transcription"),
        ga_only=("delay", "keywords", "languages"),
    ),
    Field(
        "input_audio_noise_reduction",
        ("audio", "input", "noise_reduction"),
        ga_only=("strength",),
    ),
    Field(
        "turn_detection",
        ("audio", "input", "turn_detection"),
        "turn_detection",
        ga_only=("idle_timeout_ms",),
    ),
    Field("max_response_output_tokens", ("max_output_tokens",)),
)
"""Of a session; each key that is not here has the same name in both dialects."""

RESPONSE_FIELDS: Final = (
    Field("modalities", ("output_modalities",), "modalities"),
    Field("voice", ("audio", "output", "voice")),
    Field("output_audio_format", ("audio", "output", "format"), "format"),
)
"""Of a response and of what `response.create` asks for; `max_output_tokens` has one name there."""

RESPONSE_ALIAS: Final = Field("max_response_output_tokens", ("max_output_tokens",))
"""What some preview clients write in `response.create`; others write the name that GA has."""

PREVIEW_ONLY: Final = ("temperature", "client_secret")
"""Of a session or response; GA refuses them as unknown."""

GA_ONLY: Final = ("truncation", "reasoning", "parallel_tool_calls")
"""Of a session or response; preview refuses them as unknown."""

AS_PREVIEW_DOES: Final[Mapping[str, Any]] = {"truncation": "auto", "parallel_tool_calls": True}
"""Values of `GA_ONLY` that say what preview does anyway: nothing is lost with them."""

EVENT_NAMES: Final = (
    ("response.text.delta", "response.output_text.delta"),
    ("response.text.done", "response.output_text.done"),
    ("response.audio.delta", "response.output_audio.delta"),
    ("response.audio.done", "response.output_audio.done"),
    ("response.audio_transcript.delta", "response.output_audio_transcript.delta"),
    ("response.audio_transcript.done", "response.output_audio_transcript.done"),
)
"""(preview, GA): server events of which only the name differs."""

TRANSCRIPTION_EVENT_NAMES: Final = (
    ("transcription_session.update", "session.update"),
    ("transcription_session.created", "session.created"),
    ("transcription_session.updated", "session.updated"),
)
"""(preview, GA): in GA it is the session's `type` that says what kind of session it is."""

GA_ONLY_EVENTS: Final = (
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.dtmf_event_received",
)
"""Server events without a word for them in preview (`conversation.item.done` is told by others)."""

CONTENT_TYPES: Final = (("text", "output_text"), ("audio", "output_audio"))
"""(preview, GA): content parts of the assistant's items. The `part` of `response.content_part.*`
has the short names in both dialects."""

FORMATS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("pcm16", {"type": "audio/pcm", "rate": 24_000}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
)
"""(preview, GA)."""

PREVIEW_VOICES: Final = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"}
)
"""All that a preview session can have; old clients refuse a session with another one."""

_GA_SIGNS = frozenset({"type", "audio", "output_modalities"})
_PREVIEW_SIGNS = frozenset(field.preview for field in SESSION_FIELDS)
# With a hyphen as rtclient 0.5.4 writes them.
_GA_FORMATS = dict(FORMATS) | {name.replace("_", "-"): ga for name, ga in FORMATS}
_PREVIEW_FORMATS = {ga["type"]: name for name, ga in FORMATS}
_TO_GA_CONTENT = dict(CONTENT_TYPES)
_TO_PREVIEW_CONTENT = {ga: preview for preview, ga in CONTENT_TYPES}
_QUOTED_PATH = re.compile(r"(?<=')(?:session|response)\.[\w.\[\]]+(?=')")

Lost = list[str]
"""Dotted names of what could not cross, added to by the functions below."""


def check_dialect(dialect: str) -> None:
    """Raise `ValueError` for what is no dialect."""
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be {' or '.join(DIALECTS)}")


def dialect_of(event: Mapping[str, Any]) -> Dialect | None:
    """Return what a client's first update shows about it; None when the event shows nothing."""
    if event.get("type") == "transcription_session.update":
        return "preview"
    session = event.get("session")
    if event.get("type") != "session.update" or not isinstance(session, Mapping):
        return None
    return "preview" if session.keys().isdisjoint(_GA_SIGNS) else "ga"


def session_dialect(session: object) -> Dialect | None:
    """Return in which dialect a server describes its session; None when that cannot be told."""
    if not isinstance(session, Mapping):
        return None
    if not session.keys().isdisjoint(_GA_SIGNS):
        return "ga"
    return None if session.keys().isdisjoint(_PREVIEW_SIGNS) else "preview"


# Sessions -------------------------------------------------------------------------------------


def session_to_ga(
    session: Any, lost: Lost, *, kind: str = "realtime", keeps_preview_only: bool = False
) -> Any:
    """Return a flat session as GA has it.

    Args:
        session: Of an update or of the server.
        lost: Gets the names of what was left out.
        kind: `realtime` or `transcription`; GA has it in the session.
        keeps_preview_only: Whether fields such as `temperature` stay, for one who knows them.
    """
    if not isinstance(session, Mapping):
        return session
    flat = dict(session)
    if not keeps_preview_only:
        _leave_out(flat, PREVIEW_ONLY, "session", lost)
    if kind == "transcription":
        _leave_out(flat, ("modalities",), "session", lost)
    return {"type": kind} | _nested(flat, SESSION_FIELDS, "session", lost)


def session_to_preview(session: Any, lost: Lost) -> Any:
    """Return a GA session as preview has it: flat, and without its `type`."""
    if not isinstance(session, Mapping):
        return session
    nested = {key: value for key, value in session.items() if key != "type"}
    _leave_out(nested, GA_ONLY, "session", lost)
    return _flat(nested, SESSION_FIELDS, "session", lost)


# Responses ------------------------------------------------------------------------------------


def response_to_ga(response: Any, lost: Lost, *, keeps_preview_only: bool = False) -> Any:
    """Return a preview response, or what `response.create` asks for, as GA has it."""
    if not isinstance(response, Mapping):
        return response
    flat = dict(response)
    if not keeps_preview_only:
        _leave_out(flat, PREVIEW_ONLY, "response", lost)
    fields = (*RESPONSE_FIELDS, RESPONSE_ALIAS)
    return _with_items(_nested(flat, fields, "response", lost), item_to_ga)


def response_to_preview(response: Any, lost: Lost) -> Any:
    """Return a GA response, or what `response.create` asks for, as preview has it."""
    if not isinstance(response, Mapping):
        return response
    nested = dict(response)
    _leave_out(nested, GA_ONLY, "response", lost)
    return _with_items(_flat(nested, RESPONSE_FIELDS, "response", lost), item_to_preview)


def without_preview_only(value: Any) -> Any:
    """Return a session or response without what GA lacks, for one who only knows GA."""
    if not isinstance(value, Mapping):
        return value
    return {key: inner for key, inner in value.items() if key not in PREVIEW_ONLY}


# Items ----------------------------------------------------------------------------------------


def item_to_ga(item: Any) -> Any:
    """Return a preview item as GA has it."""
    return _with_content(item, _TO_GA_CONTENT)


def item_to_preview(item: Any) -> Any:
    """Return a GA item as preview has it."""
    return _with_content(item, _TO_PREVIEW_CONTENT)


def part_to_short(part: Any) -> Any:
    """Return the `part` of `response.content_part.*` with the short name that both dialects use."""
    return _with_type(part, _TO_PREVIEW_CONTENT)


# Errors ---------------------------------------------------------------------------------------


def path_to_preview(path: str) -> str:
    """Return the path of a field, such as `session.audio.output.voice`, as preview has it."""
    for name, field in _path_rows():
        ga = f"{name}.{'.'.join(field.ga)}"
        if path == ga or path.startswith((f"{ga}.", f"{ga}[")):
            # A format is one word in preview: nothing can be inside it.
            rest = "" if field.kind == "format" else path[len(ga) :]
            return f"{name}.{field.preview}{rest}"
    return path


def path_to_ga(path: str) -> str:
    """Return the path of a field, such as `session.voice`, as GA has it."""
    for name, field in _path_rows():
        preview = f"{name}.{field.preview}"
        if path == preview or path.startswith((f"{preview}.", f"{preview}[")):
            return f"{name}.{'.'.join(field.ga)}{path[len(preview) :]}"
    return path


def error_with_paths(error: Any, translate: Callable[[str], str]) -> Any:
    """Return an error body with `param` and the quoted paths of its message translated."""
    if not isinstance(error, Mapping):
        return error
    result = dict(error)
    if isinstance(param := result.get("param"), str):
        result["param"] = translate(param)
    if isinstance(message := result.get("message"), str):
        result["message"] = _QUOTED_PATH.sub(lambda found: translate(found[0]), message)
    return result


# Moving fields --------------------------------------------------------------------------------


def _nested(
    flat: Mapping[str, Any], fields: tuple[Field, ...], name: str, lost: Lost
) -> dict[str, Any]:
    moved = {field.preview: field for field in fields}
    result: dict[str, Any] = {}
    for key, value in flat.items():
        if (field := moved.get(key)) is not None:
            node = result
            for step in field.ga[:-1]:
                node = node.setdefault(step, {})
            node[field.ga[-1]] = _TO_GA_VALUE[field.kind](value)
    containers = {field.ga[:depth] for field in fields for depth in range(1, len(field.ga))}
    for key, value in flat.items():
        if key not in moved:
            _add(result, (key,), value, containers, name, lost)
    return result


def _add(
    target: dict[str, Any],
    path: tuple[str, ...],
    value: Any,
    containers: set[tuple[str, ...]],
    name: str,
    lost: Lost,
) -> None:
    """Add a field that has its GA name already; what the tables put there stays."""
    key = path[-1]
    if key not in target:
        target[key] = value
    elif path in containers and isinstance(value, Mapping):
        for inner, content in value.items():
            _add(target[key], (*path, inner), content, containers, name, lost)
    else:
        lost.append(".".join((name, *path)))


def _flat(
    nested: Mapping[str, Any], fields: tuple[Field, ...], name: str, lost: Lost
) -> dict[str, Any]:
    rest, found = dict(nested), dict[str, Any]()
    if isinstance(audio := rest.get("audio"), Mapping):
        sides = {
            key: dict(side) if isinstance(side, Mapping) else side for key, side in audio.items()
        }
        rest["audio"] = sides
    for field in fields:
        node: Any = rest
        for step in field.ga[:-1]:
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, dict) and field.ga[-1] in node:
            value = node.pop(field.ga[-1])
            found[field.preview] = _to_preview_value(field, value, name, lost)
    lost += [f"{name}.{key}" for key in found if key in rest]
    # What is left of `audio` stays, unless it says nothing: preview has no word for that.
    if isinstance(audio := rest.get("audio"), dict):
        rest["audio"] = {key: side for key, side in audio.items() if side not in ({}, None)}
    if rest.get("audio") in ({}, None):
        rest.pop("audio", None)
    return rest | found


def _leave_out(fields: dict[str, Any], names: tuple[str, ...], path: str, lost: Lost) -> None:
    for name in names:
        # A null asks for nothing, so nothing is lost with it.
        if name in fields and fields.pop(name) not in (None, AS_PREVIEW_DOES.get(name)):
            lost.append(f"{path}.{name}")


# Values ---------------------------------------------------------------------------------------


def _modalities_to_ga(value: Any) -> Any:
    if isinstance(value, list) and sorted(map(str, value)) in (["audio"], ["audio", "text"]):
        return ["audio"]
    return value


def _modalities_to_preview(value: Any) -> Any:
    return ["audio", "text"] if value == ["audio"] else value


def _format_to_ga(value: Any) -> Any:
    found = _GA_FORMATS.get(value) if isinstance(value, str) else None
    return value if found is None else dict(found)


def _format_to_preview(value: Any) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        return value
    name = _PREVIEW_FORMATS.get(value["type"])
    # Another rate or a further key has no word in preview: it crosses as it is and is refused.
    is_known = name is not None and _GA_FORMATS[name].items() >= value.items()
    return name if is_known else value


def _turn_detection_to_ga(value: Any) -> Any:
    return None if value == {"type": "none"} else value


_TO_GA_VALUE: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    "same": lambda value: value,
    "modalities": _modalities_to_ga,
    "format": _format_to_ga,
    "turn_detection": _turn_detection_to_ga,
}


def _to_preview_value(field: Field, value: Any, name: str, lost: Lost) -> Any:
    if field.kind == "modalities":
        return _modalities_to_preview(value)
    if field.kind == "format":
        return _format_to_preview(value)
    if not field.ga_only or not isinstance(value, Mapping):
        return value
    rest = dict(value)
    _leave_out(rest, field.ga_only, f"{name}.{'.'.join(field.ga)}", lost)
    return rest


def _with_items(response: dict[str, Any], translate: Callable[[Any], Any]) -> dict[str, Any]:
    for key in ("input", "output"):
        if isinstance(items := response.get(key), list):
            response[key] = [translate(item) for item in items]
    return response


def _with_content(item: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(item, Mapping) or item.get("role") != "assistant":
        return item
    if not isinstance(content := item.get("content"), list):
        return item
    return {**item, "content": [_with_type(part, names) for part in content]}


def _with_type(part: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        return part
    return {**part, "type": names.get(part["type"], part["type"])}


def _path_rows() -> Iterator[tuple[str, Field]]:
    for field in SESSION_FIELDS:
        yield "session", field
    for field in RESPONSE_FIELDS:
        yield "response", field
