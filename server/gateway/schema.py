"""The JSON Schema of the gateway protocol, made from the types that the code uses. Pure."""

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from server.gateway.messages import (
    MAX_AUDIO_BYTES,
    MAX_TEXT_BYTES,
    VERSION,
    ClientMessage,
    ServerMessage,
)

ID: Final = f"urn:parley:realtime-gateway:{VERSION}"
_REF: Final = "#/$defs/{model}"


@cache
def schema() -> dict[str, Any]:
    """Return the schema; it is the same object each time."""
    definitions: dict[str, Any] = {}
    sides = {}
    # What a client may leave out it may leave out; what the server sends it always sends.
    for name, types, mode in (
        ("ClientMessage", ClientMessage, "validation"),
        ("ServerMessage", ServerMessage, "serialization"),
    ):
        made = TypeAdapter(types).json_schema(mode=mode, ref_template=_REF)  # type: ignore[arg-type]
        definitions |= made.pop("$defs")
        sides[name] = {"oneOf": made["anyOf"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Parley's gateway at /realtime",
        "version": VERSION,
        "description": "Text frames are JSON: a ClientMessage or a ServerMessage. Binary frames are"
        " sound both ways: PCM16, 24000 Hz, mono, little-endian, without a header. A text frame of"
        f" a client has at most {MAX_TEXT_BYTES} bytes, a binary one {MAX_AUDIO_BYTES}.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in sides],
        "$defs": {**sides, **dict(sorted(definitions.items()))},
    }
