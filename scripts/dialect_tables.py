"""The tables of docs/protocol.md: what becomes of what between the two dialects.

They are made from the tables by which `rtclient.protocol.bridge` translates, so they cannot differ.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rtclient.protocol.dialects import (
    CONTENT_TYPES,
    EVENT_NAMES,
    FORMATS,
    GA_ONLY,
    GA_ONLY_EVENTS,
    PREVIEW_ONLY,
    RESPONSE_ALIAS,
    RESPONSE_FIELDS,
    SESSION_FIELDS,
    TRANSCRIPTION_EVENT_NAMES,
    Kind,
)

Row = tuple[str, str, str]
"""Preview, GA, remark."""

_NOTHING = "–"
_REMARKS: Final[Mapping[Kind, str]] = {
    "same": "",
    "modalities": '`["audio", "text"]` is `["audio"]`; `["text"]` is the same',
    "format": "a word in preview, an object in GA: see below",
    "turn_detection": '`{"type": "none"}` of some clients is null',
}


def text() -> str:
    """Return the tables as Markdown."""
    return "\n\n".join(
        "\n".join(
            [
                f"### {title}",
                "",
                "| preview | GA | |",
                "|---|---|---|",
                *(f"| {preview} | {ga} | {remark} |" for preview, ga, remark in rows),
            ]
        )
        for title, rows in (
            ("Events", list(_events())),
            ("Session", list(_session())),
            ("Response and `response.create`", list(_response())),
            ("Values", list(_values())),
        )
    )


def _events() -> Iterator[Row]:
    for preview, ga in EVENT_NAMES:
        yield _code(preview), _code(ga), "only the name differs"
    arrived = "`conversation.item.added`, then `conversation.item.done`"
    yield _code("conversation.item.created"), arrived, "see above"
    for preview, ga in TRANSCRIPTION_EVENT_NAMES:
        yield _code(preview), _code(ga), '`session.type` is `"transcription"` in GA'
    for ga in GA_ONLY_EVENTS:
        yield _NOTHING, _code(ga), "preview clients do not get it"


def _session() -> Iterator[Row]:
    yield _NOTHING, _code("type"), "taken away and put back"
    for field in SESSION_FIELDS:
        yield _code(field.preview), _code(".".join(field.ga)), _REMARKS[field.kind]
    for preview in PREVIEW_ONLY:
        yield _code(preview), _NOTHING, "does not cross"
    for ga in (
        *GA_ONLY,
        *(f"{'.'.join(field.ga)}.{name}" for field in SESSION_FIELDS for name in field.ga_only),
    ):
        yield _NOTHING, _code(ga), "does not cross"


def _response() -> Iterator[Row]:
    for field in RESPONSE_FIELDS:
        yield _code(field.preview), _code(".".join(field.ga)), _REMARKS[field.kind]
    alias = _code(RESPONSE_ALIAS.preview), _code(".".join(RESPONSE_ALIAS.ga))
    yield *alias, "of preview clients; preview upstreams get `max_output_tokens`"
    for preview in PREVIEW_ONLY:
        yield _code(preview), _NOTHING, "does not cross"
    for ga in GA_ONLY:
        yield _NOTHING, _code(ga), "does not cross"


def _values() -> Iterator[Row]:
    for preview, ga in CONTENT_TYPES:
        yield _code(preview), _code(ga), "content part of an item of the assistant"
    for preview, shape in FORMATS:
        rate = f", {shape['rate']} Hz" if "rate" in shape else ""
        yield _code(preview), f"`{shape['type']}`{rate}", "audio format"


def _code(name: str) -> str:
    return f"`{name}`"
