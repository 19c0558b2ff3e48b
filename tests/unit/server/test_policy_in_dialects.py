"""What the server owns stays its own in a row of layers, whatever either side speaks."""

import itertools
import json
from typing import Any

import pytest

from rtclient.protocol.dialects import Dialect
from rtclient.protocol.session import VOICES
from server.policy import Policy
from server.relay.actions import Plan, ToClient, ToUpstream
from server.relay.bridging import ClientDialect, UpstreamDialect
from server.relay.core import RelayCore
from server.relay.layers import Stack
from server.relay.sequencer import Sequencer
from server.relay.voices import Voices

DIALECTS: tuple[Dialect, ...] = ("ga", "preview")
PAIRS = [*itertools.product(DIALECTS, DIALECTS)]
"""Client and upstream."""
CREATED = {
    "ga": {"type": "realtime", "id": "sess_1"},
    "preview": {"id": "sess_1", "voice": "alloy"},
}
MCP = [{"type": "mcp", "server_label": "x", "server_url": "https://evil.test"}]
OWNED: dict[str, Any] = {
    "model": "gpt-dear",
    "prompt": {"id": "pmpt_1"},
    "tracing": "auto",
    "tools": MCP,
    "tool_choice": {"type": "mcp", "server_label": "x"},
    " Tools ": MCP,
    "MODEL": "gpt-dear",
}
CARRIERS = {
    "session.update": "session",
    "transcription_session.update": "session",
    "response.create": "response",
    " Session.Update": "Session",
}
HARMLESS: tuple[dict[str, Any], ...] = (
    {},
    {"type": "realtime"},
    {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm"}}}},
    {"modalities": ["text"], "voice": "nova", "audio": {"output": {"voice": "nova"}}},
)


def row(client: Dialect, upstream: Dialect, *, is_certain: bool) -> Stack:
    """Return an open session of `/ws`."""
    stack = Stack(
        RelayCore(
            Plan(policy=Policy("open", model="gpt-realtime")),
            now=0.0,
            unix_now=0.0,
            new_id=lambda prefix: f"{prefix}_1",
        ),
        above=[
            ClientDialect(client, is_certain=is_certain, upstream=upstream),
            Voices(frozenset(VOICES), "alloy"),
        ],
        below=[Sequencer(), *([UpstreamDialect()] if upstream == "preview" else [])],
    )
    stack.on_open(0.0)
    stack.on_dialled(0.0)
    stack.on_upstream(json.dumps({"type": "session.created", "session": CREATED[upstream]}), 0.0)
    return stack


@pytest.mark.parametrize("is_certain", [True, False])
@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("event_type", CARRIERS)
def test_nothing_that_the_server_owns_passes(
    event_type: str, client: Dialect, upstream: Dialect, is_certain: bool
) -> None:
    for (name, value), fields in itertools.product(OWNED.items(), HARMLESS):
        stack = row(client, upstream, is_certain=is_certain)
        event = {"type": event_type, CARRIERS[event_type]: {**fields, name: value}}
        actions = stack.on_client(json.dumps(event), 0.0)
        actions += stack.on_time(100.0)  # the sequencer may hold it for a while
        assert [action for action in actions if isinstance(action, ToUpstream)] == []
        told = [action.data for action in actions if isinstance(action, ToClient)]
        assert any("not_allowed" in text for text in told if isinstance(text, str))


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_items_of_mcp_servers_are_refused_in_both_places(
    client: Dialect, upstream: Dialect
) -> None:
    item = {"type": "mcp_approval_response", "role": "assistant", "content": [], "approve": True}
    for event in (
        {"type": "conversation.item.create", "item": item},
        {"type": "response.create", "response": {"input": [item]}},
    ):
        actions = row(client, upstream, is_certain=True).on_client(json.dumps(event), 0.0)
        assert [action for action in actions if isinstance(action, ToUpstream)] == []


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_without_these_the_same_events_pass(client: Dialect, upstream: Dialect) -> None:
    for event_type in ("session.update", "response.create"):
        event = {"type": event_type, CARRIERS[event_type]: {"instructions": "Be brief."}}
        actions = row(client, upstream, is_certain=True).on_client(json.dumps(event), 0.0)
        assert [type(action) for action in actions].count(ToUpstream) == 1
