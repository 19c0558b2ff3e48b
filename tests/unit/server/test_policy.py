"""What a client may set in open mode."""

from typing import Any

import pytest

from server.policy import Policy, check

OPEN = Policy("open", model="gpt-realtime-2.1")
MCP = {"type": "mcp", "server_url": "https://evil.test", "server_label": "x"}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def create(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


@pytest.mark.parametrize(
    ("event", "param"),
    [
        (update(model="gpt-4o"), "session.model"),
        (update(model=None), "session.model"),
        (update(prompt={"id": "pmpt_1"}), "session.prompt"),
        (update(tracing="auto"), "session.tracing"),
        (update(tracing={"workflow_name": "x"}), "session.tracing"),
        (update(tools=[MCP]), "session.tools[0]"),
        (update(tools=[{"type": "function", "name": "f"}, MCP]), "session.tools[1]"),
        (update(tools=[{"server_url": "https://evil.test"}]), "session.tools[0]"),
        (update(tools=["mcp"]), "session.tools[0]"),
        (update(tool_choice={"type": "mcp", "server_label": "x"}), "session.tool_choice"),
        ({"type": "transcription_session.update", "session": {"prompt": {}}}, "session.prompt"),
        (create(model="gpt-4o"), "response.model"),
        (create(prompt={"id": "pmpt_1"}), "response.prompt"),
        (create(tracing="auto"), "response.tracing"),
        (create(tools=[MCP]), "response.tools[0]"),
        (create(tool_choice={"type": "mcp"}), "response.tool_choice"),
        (create(input=[{"type": "mcp_call"}]), "response.input[0].type"),
        (item(type="mcp_approval_response", approve=True), "item.type"),
        (item(type="mcp_call"), "item.type"),
        (item(type="mcp_list_tools"), "item.type"),
        (item(type="mcp_of_the_future"), "item.type"),
        # However it is spelt, and whatever stands beside it.
        (update(model="gpt-realtime-2.1", Model="gpt-4o"), "session.Model"),
        (update(Model="gpt-realtime-2.1", model="gpt-4o"), "session.model"),
        ({"type": "session.update", "session": {}, "Session": {"prompt": {}}}, "session.prompt"),
        ({"type": " Session.Update", "session": {"prompt": {}}}, "session.prompt"),
        (create(TRACING="auto"), "response.TRACING"),
        (update(tools=[{"type": "function", "Type": "mcp"}]), "session.tools[0]"),
        (update(tools={"0": MCP}), "session.tools"),
        (create(input={"type": "mcp_call"}), "response.input"),
        (item(type="message", TYPE="MCP_call"), "item.type"),
    ],
)
def test_what_the_server_owns_may_not_be_changed(event: dict[str, Any], param: str) -> None:
    denied = check(event, OPEN)
    assert denied is not None
    assert denied.param == param
    assert param in denied.message
    assert check(event, Policy("passthrough")) is None


@pytest.mark.parametrize(
    "event",
    [
        update(),
        update(model="gpt-realtime-2.1"),
        update(prompt=None, tracing=None),
        update(instructions="Be brief.", output_modalities=["text"], include=[], speed=1.2),
        update(audio={"input": {"transcription": {"model": "whisper-1", "prompt": "words"}}}),
        update(tools=[{"type": "function", "name": "f"}], tool_choice="auto"),
        update(tool_choice={"type": "function", "name": "f"}),
        update(tools=None),
        {"type": "session.update"},
        {"type": "session.update", "session": "wrong"},
        create(),
        create(instructions="Sing.", conversation="none", metadata={"a": "b"}, input=[]),
        create(input=[{"type": "item_reference", "id": "item_1"}, "wrong"]),
        {"type": "response.create"},
        item(type="message", role="system", content=[]),
        item(type="function_call_output", call_id="call_1", output="{}"),
        item(),
        {"type": "conversation.item.create"},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "an.event.of.the.future", "session": {"prompt": {}}},
    ],
)
def test_everything_else_may_be_set(event: dict[str, Any]) -> None:
    assert check(event, OPEN) is None
