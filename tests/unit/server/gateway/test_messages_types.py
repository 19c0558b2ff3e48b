"""The types of the browser client name every message and field that the server knows."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from server.gateway.messages import Config, InputTranscription, ServerMessage, Tool, Vad

TYPES = (Path(__file__).resolve().parents[4] / "public/gateway-client.d.ts").read_text()


def fields_of(declaration: str) -> str:
    """Return what stands between the braces after `declaration`."""
    begin = TYPES.index(declaration) + len(declaration)
    depth = 0
    for at in range(TYPES.index("{", begin), len(TYPES)):
        depth += {"{": 1, "}": -1}.get(TYPES[at], 0)
        if depth == 0:
            return TYPES[begin:at]
    raise AssertionError(f"no end of {declaration}")


DECLARATIONS = {
    "interface RealtimeSessionConfig": Config,
    "  vad: ": Vad,
    "  input_transcription: ": InputTranscription,
    "interface RealtimeTool": Tool,
} | {f"  {message.model_fields['type'].default}: ": message for message in get_args(ServerMessage)}


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_every_field_is_declared(declaration: str) -> None:
    message: type[BaseModel] = DECLARATIONS[declaration]
    body = fields_of(declaration)
    missing = [
        name
        for name in message.model_fields
        if not re.search(rf"\b{name}\??:", body) and (name, message) != ("type", Config)
    ]
    assert not missing
