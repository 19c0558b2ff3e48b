"""Layers for the dialects: what is found out, what crosses, what people are told."""

import json
from typing import Any

import pytest

from server.relay.actions import Action, Count, Fail, Note, Notice, Plan, ToClient, ToUpstream
from server.relay.bridging import ClientDialect, UpstreamDialect
from server.relay.core import RelayCore
from server.relay.layers import Stack

GA = {"id": "sess_1", "type": "realtime", "audio": {"output": {"voice": "alloy"}}}
PREVIEW = {"id": "sess_1", "modalities": ["audio", "text"], "voice": "alloy"}


def session(kind: str, body: dict[str, Any]) -> str:
    return json.dumps({"type": f"session.{kind}", "event_id": "event_1", "session": body})


FLAT_UPDATE = json.dumps({"type": "session.update", "session": {"voice": "ash"}})
GA_UPDATE = json.dumps({"type": "session.update", "session": {"type": "realtime"}})


def up(layer: ClientDialect, text: str) -> list[str]:
    return [action.text for action in layer.on_client(text, 0) if isinstance(action, ToUpstream)]


def down(layer: ClientDialect | UpstreamDialect, text: str) -> dict[str, Any]:
    (data,) = [a.data for a in layer.on_upstream(text, 0) if isinstance(a, ToClient)]
    event: dict[str, Any] = json.loads(data)
    return event


# The client ---------------------------------------------------------------------------------------


def test_a_guess_holds_until_the_first_update() -> None:
    layer = ClientDialect("preview")
    assert "voice" in down(layer, session("created", GA))["session"]
    assert up(layer, GA_UPDATE) == [GA_UPDATE]
    assert layer.on_upstream(session("updated", GA), 0) == [ToClient(session("updated", GA))]


def test_from_the_first_flat_update_on_the_session_is_preview() -> None:
    layer = ClientDialect("ga")
    assert down(layer, session("created", GA))["session"] == GA
    (text,) = up(layer, FLAT_UPDATE)
    sent = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
    assert json.loads(text)["session"] == sent
    assert down(layer, session("updated", GA))["session"]["modalities"] == ["audio", "text"]


def test_only_the_first_update_decides() -> None:
    layer = ClientDialect("ga")
    up(layer, GA_UPDATE)
    assert up(layer, FLAT_UPDATE) == [FLAT_UPDATE]
    assert layer.dialect == "ga"
    layer = ClientDialect("ga")
    up(layer, FLAT_UPDATE)
    up(layer, GA_UPDATE)
    assert layer.dialect == "preview"


@pytest.mark.parametrize(("said", "update"), [("ga", FLAT_UPDATE), ("preview", GA_UPDATE)])
def test_what_was_said_is_not_found_out(said: Any, update: str) -> None:
    layer = ClientDialect(said, is_certain=True)
    up(layer, update)
    assert layer.dialect == said


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"session.update","session":{},"session":{"voice":"ash"}}',
        '{"type":"session.update","session":5}',
        '{"type":"input_audio_buffer.commit"}',
        "no JSON",
    ],
)
def test_what_shows_nothing_decides_nothing(text: str) -> None:
    layer = ClientDialect("ga")
    assert up(layer, text) == [text]
    assert layer.dialect == "ga"
    up(layer, FLAT_UPDATE)
    assert layer.dialect == "preview"


def test_bytes_go_on_to_the_core_that_refuses_them() -> None:
    assert ClientDialect("preview").on_client(b"\0", 0) == [ToUpstream(b"\0")]  # type: ignore[arg-type]


def test_what_was_asked_for_in_vain_is_counted_and_told() -> None:
    update = json.dumps({"type": "session.update", "session": {"temperature": 0.7}})
    told = ClientDialect("preview").on_client(update, 0)[1:]
    assert [type(action) for action in told] == [Count, Notice]
    assert told[0] == Count("fields_lost")
    assert isinstance(told[1], Notice)
    assert "`session.temperature`" in told[1].message
    kept = ClientDialect("preview", upstream="preview").on_client(update, 0)
    assert [type(action) for action in kept] == [ToUpstream]


def test_what_a_client_cannot_be_shown_is_for_the_log_only() -> None:
    text = '{"type":"input_audio_buffer.timeout_triggered","event_id":"e","item_id":"private"}'
    actions = ClientDialect("preview").on_upstream(text, 0)
    assert [type(action) for action in actions] == [Count, Note]
    assert "private" not in str(actions)


def test_a_ga_client_of_a_preview_upstream_sees_ga_only() -> None:
    layer = ClientDialect("ga", upstream="preview")
    shown = down(layer, session("created", GA | {"temperature": 0.8}))
    assert shown["session"] == GA


# The upstream -------------------------------------------------------------------------------------


def test_a_preview_upstream_is_ga_inside() -> None:
    layer = UpstreamDialect()
    created = down(layer, session("created", PREVIEW))
    assert created["session"]["output_modalities"] == ["audio"]
    (action,) = layer.on_client(GA_UPDATE, 0)
    assert isinstance(action, ToUpstream)
    assert json.loads(action.text) == {"type": "session.update", "session": {}}


def stack(below: list[UpstreamDialect]) -> Stack:
    core = RelayCore(Plan(), now=0, unix_now=0, new_id=lambda prefix: f"{prefix}_1")
    made = Stack(core, below=below)
    made.on_open(0)
    made.on_dialled(0)
    return made


def codes(actions: list[Action]) -> list[str]:
    events = [json.loads(action.data) for action in actions if isinstance(action, ToClient)]
    return [event["error"]["code"] for event in events if event["type"] == "error"]


@pytest.mark.parametrize(("is_preview", "wrong"), [(True, GA), (False, PREVIEW)])
def test_an_upstream_of_the_other_dialect_ends_the_session(
    is_preview: bool, wrong: dict[str, Any]
) -> None:
    made = stack([UpstreamDialect()] if is_preview else [])
    assert codes(made.on_upstream(session("created", wrong), 0)) == ["upstream_dialect_mismatch"]
    assert made.is_over


@pytest.mark.parametrize("is_preview", [True, False])
def test_a_session_that_shows_no_dialect_is_taken_as_the_setting_says(is_preview: bool) -> None:
    made = stack([UpstreamDialect()] if is_preview else [])
    made.on_upstream(session("created", {"id": "sess_1"}), 0)
    assert not made.is_over


def test_only_the_first_session_is_checked() -> None:
    layer = UpstreamDialect()
    layer.on_upstream(session("created", PREVIEW), 0)
    actions = layer.on_upstream(session("created", GA), 0)
    assert not [action for action in actions if isinstance(action, Fail)]


def test_a_fault_of_the_text_is_left_to_the_core() -> None:
    text = '{"type":"session.created","session":{"type":1,"type":2}}'
    assert UpstreamDialect().on_upstream(text, 0) == [ToClient(text)]


def test_all_four_pairs_of_dialects_give_a_client_its_own() -> None:
    """The bridges meet in the middle: what a preview client sets reaches a preview upstream."""
    core = RelayCore(Plan(), now=0, unix_now=0, new_id=lambda prefix: f"{prefix}_1")
    client = ClientDialect("preview", upstream="preview")
    made = Stack(core, above=[client], below=[UpstreamDialect()])
    made.on_open(0)
    made.on_dialled(0)
    (created,) = [
        json.loads(action.data)
        for action in made.on_upstream(session("created", PREVIEW), 0)
        if isinstance(action, ToClient)
    ]
    assert created["session"].items() >= PREVIEW.items()
    update = {"type": "session.update", "session": {"temperature": 0.7, "turn_detection": None}}
    (sent,) = [a.text for a in made.on_client(json.dumps(update), 0) if isinstance(a, ToUpstream)]
    assert json.loads(sent) == update


def test_a_ga_client_of_a_preview_upstream_sees_nothing_of_preview() -> None:
    layer = ClientDialect("ga", upstream="preview")
    inner = json.dumps({"type": "session.created", "session": {"id": "x", "temperature": 0.8}})
    assert down(layer, inner)["session"] == {"id": "x"}
    assert down(ClientDialect("ga"), inner)["session"] == {"id": "x", "temperature": 0.8}
