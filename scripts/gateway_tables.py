"""The tables of docs/gateway.md, made from the schema and the error codes that the server uses."""

import json
from collections.abc import Mapping
from typing import Any

from server.errors import FAULTS
from server.gateway.faults import MEANINGS, code_of
from server.gateway.schema import schema

_NESTED = {"Config": ("Vad", "InputTranscription", "Tool"), "ResponseDone": ("Usage",)}
"""Objects that are told with the message that has them."""
_PREFIXES = {
    "Vad": "vad.",
    "InputTranscription": "input_transcription.",
    "Tool": "tools[].",
    "Usage": "usage.",
}


def text() -> str:
    """Return the tables as Markdown."""
    lines: list[str] = []
    for title, side in (
        ("Messages of the client", "ClientMessage"),
        ("Messages of the server", "ServerMessage"),
    ):
        lines += [f"## {title}", ""]
        for each in schema()["$defs"][side]["oneOf"]:
            lines += _message(each["$ref"].rpartition("/")[2])
    return "\n".join([*lines, *_errors()]).rstrip()


def _message(name: str) -> list[str]:
    definition = schema()["$defs"][name]
    kind = definition["properties"]["type"]["const"]
    lines = [f"### `{kind}`", "", definition["description"], ""]
    rows = _rows(definition, "")
    for nested in _NESTED.get(name, ()):
        rows += _rows(schema()["$defs"][nested], _PREFIXES[nested])
    if not rows:
        return lines
    has_defaults = any(default for *_, default, _ in rows)
    head = ("Field", "Type", "Default", "Meaning") if has_defaults else ("Field", "Type", "Meaning")
    lines += [_row(head), "|---" * len(head) + "|"]
    lines += [_row(row if has_defaults else (row[0], row[1], row[3])) for row in rows]
    return [*lines, ""]


def _rows(definition: Mapping[str, Any], prefix: str) -> list[tuple[str, str, str, str]]:
    is_clients = "additionalProperties" in definition
    required = definition.get("required", ())
    rows = []
    for name, field in definition["properties"].items():
        if name == "type":
            continue
        default = "" if not is_clients else _default(field, is_required=name in required)
        rows.append((f"`{prefix}{name}`", _type(field), default, field["description"]))
    return rows


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each) for each in field["anyOf"]))
    if "$ref" in field:
        return "any JSON" if field["$ref"].endswith("JsonValue") else "object"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = {"integer": "whole number", "array": "list", "boolean": "bool"}.get(
        field["type"], field["type"]
    )
    low, high = field.get("minimum"), field.get("maximum")
    return kind if low is None or high is None else f"{kind} {low}–{high}"


def _default(field: Mapping[str, Any], *, is_required: bool) -> str:
    if is_required:
        return "needed"
    if field.get("default") is None:
        return "–"
    return f"`{json.dumps(field['default'])}`"


def _errors() -> list[str]:
    lines = ["## Errors", "", _row(("`code`", "What it means and what to do")), "|---|---|"]
    lines += [_row((f"`{code}`", meaning)) for code, meaning in MEANINGS.items()]
    lines += [
        "",
        "These reasons end a session; docs/troubleshooting.md says more about each.",
        "Other reasons come from the voice service or say what was wrong with a message.",
        "",
        _row(("`reason`", "`code`", "`retry_after_ms`")),
        "|---|---|---|",
    ]
    for fault in FAULTS.values():
        if fault.close_code is not None:
            code, retry_after_ms = code_of(fault)
            wait = "null" if retry_after_ms is None else str(retry_after_ms)
            lines.append(_row((f"`{fault.code}`", f"`{code}`", wait)))
    return lines


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(" ".join(cell.split()) for cell in cells) + " |"
