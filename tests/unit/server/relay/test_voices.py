"""Names that the upstream lacks."""

import json
from typing import Any

import pytest

from server.relay.actions import Notice, ToClient, ToUpstream
from server.relay.voices import Voices

LAYER = Voices({"alloy", "marin"}, "marin")


def update(**session: Any) -> str:
    return json.dumps({"type": "session.update", "session": {"type": "realtime", **session}})


def spoken(voice: Any) -> dict[str, Any]:
    return {"audio": {"output": {"voice": voice, "speed": 1.5}, "input": {"format": None}}}


@pytest.mark.parametrize("voice", ["nova", "onyx", "fable", ""])
def test_a_voice_that_is_lacked_becomes_the_configured_one(voice: str) -> None:
    notice, sent = LAYER.on_client(update(**spoken(voice), tools=[]), 0)
    assert isinstance(sent, ToUpstream)
    assert json.loads(sent.text)["session"] == {"type": "realtime", "tools": []} | spoken("marin")
    assert isinstance(notice, Notice)
    assert (notice.level, notice.code) == ("warning", "voice_replaced")
    assert "marin" in notice.message


def test_the_upstream_chooses_where_it_lacks_the_configured_voice_too() -> None:
    notice, sent = Voices({"alloy"}, "marin").on_client(update(**spoken("cedar")), 0)
    assert isinstance(sent, ToUpstream)
    session = json.loads(sent.text)["session"]
    assert session["audio"] == {"output": {"speed": 1.5}, "input": {"format": None}}
    assert isinstance(notice, Notice)
    assert "marin" not in notice.message


def test_a_response_may_name_a_voice_too() -> None:
    text = json.dumps({"type": "response.create", "event_id": "e", "response": spoken("nova")})
    _, sent = LAYER.on_client(text, 0)
    assert isinstance(sent, ToUpstream)
    assert json.loads(sent.text) == json.loads(text) | {"response": spoken("marin")}


@pytest.mark.parametrize(
    "text",
    [
        update(**spoken("alloy")),
        update(**spoken({"id": "voice_of_ours"})),
        update(**spoken(None)),
        update(audio=None),
        update(audio={"output": []}),
        update(model="any"),
        '{"type":"session.update"}',
        '{"type": "session.update", "session": [1]}',
        '{"type": "response.create"}',
        '{"type":"session.update","session":{"audio":{"output":{"voice":"nova"}}},"session":1}',
        '{"type": "conversation.item.create", "item": {"audio": {"output": {"voice": "nova"}}}}',
        "{",
        "",
    ],
)
def test_everything_else_is_the_same_text(text: str) -> None:
    assert LAYER.on_client(text, 0) == [ToUpstream(text)]


def test_bytes_and_what_comes_down_pass() -> None:
    assert LAYER.on_client(b"\x00", 0) == [ToUpstream(b"\x00")]  # type: ignore[arg-type]
    text = update(**spoken("nova"))
    assert LAYER.on_upstream(text, 0) == [ToClient(text)]
    assert LAYER.on_open(0) == LAYER.on_time(0) == []


def test_where_nobody_knows_the_voices_all_pass() -> None:
    text = update(**spoken("af_heart"))
    assert Voices(None, "marin").on_client(text, 0) == [ToUpstream(text)]


def test_a_session_s_model_becomes_the_one_that_is_served() -> None:
    layer = Voices(None, "marin", model="served")
    (sent,) = layer.on_client(update(model="gpt-realtime", tools=[]), 0)
    assert isinstance(sent, ToUpstream)
    assert json.loads(sent.text) == json.loads(update(model="served", tools=[]))
    for text in (update(model="served"), update(model=None), update(), update(model=7)):
        assert layer.on_client(text, 0) == [ToUpstream(text)]
