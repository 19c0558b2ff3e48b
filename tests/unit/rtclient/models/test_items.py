"""Items as programs send them and as servers show them."""

from typing import Any

import pytest

from rtclient.models import (
    AssistantMessageItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioContentPart,
    InputImageContentPart,
    InputTextContentPart,
    OutputTextContentPart,
    ResponseFunctionCallItem,
    ResponseFunctionCallOutputItem,
    ResponseItemInputAudioContentPart,
    ResponseItemInputTextContentPart,
    ResponseMessageItem,
    SystemMessageItem,
    UserMessageItem,
)
from rtclient.models.base import Model
from rtclient.models.items import read_item

TEXT = InputTextContentPart(text="Hi")
SENT: list[tuple[Model, dict[str, Any]]] = [
    (
        SystemMessageItem(content=[TEXT]),
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Hi"}]},
    ),
    (
        UserMessageItem(
            id="item_1",
            content=[
                InputAudioContentPart(audio="AAAA"),
                InputImageContentPart(image_url="data:image/png;base64,AAAA"),
            ],
        ),
        {
            "type": "message",
            "role": "user",
            "id": "item_1",
            "content": [
                {"type": "input_audio", "audio": "AAAA"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
    ),
    (
        AssistantMessageItem(content=[OutputTextContentPart(text="Hi")], status="completed"),
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Hi"}],
            "status": "completed",
        },
    ),
    (
        FunctionCallItem(name="clock", call_id="call_1", arguments="{}"),
        {"type": "function_call", "name": "clock", "call_id": "call_1", "arguments": "{}"},
    ),
    (
        FunctionCallOutputItem(call_id="call_1", output="noon"),
        {"type": "function_call_output", "call_id": "call_1", "output": "noon"},
    ),
]


@pytest.mark.parametrize(("item", "wire"), SENT, ids=[type(item).__name__ for item, _ in SENT])
def test_an_item_stands_on_the_wire_as_the_api_has_it(item: Model, wire: dict[str, Any]) -> None:
    assert item.to_dict() == wire


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("message", ResponseMessageItem),
        ("function_call", ResponseFunctionCallItem),
        ("function_call_output", ResponseFunctionCallOutputItem),
    ],
)
def test_an_item_has_the_class_of_its_type(kind: str, model: type) -> None:
    item = read_item({"type": kind, "id": "item_1"})
    assert type(item) is model
    assert item.id == "item_1"


def test_an_item_of_another_type_can_be_read() -> None:
    item = read_item({"type": "mcp_call", "id": "item_1", "server_label": "desk"})
    assert (item.id, item.type, item.server_label) == ("item_1", "mcp_call", "desk")


def test_parts_of_the_person_have_classes_of_their_own() -> None:
    content = [{"type": "input_text", "text": "Hi"}, {"type": "input_audio", "transcript": None}]
    written, spoken = read_item({"type": "message", "content": content}).content
    assert isinstance(written, ResponseItemInputTextContentPart)
    assert isinstance(spoken, ResponseItemInputAudioContentPart)
    assert spoken.transcript is None
