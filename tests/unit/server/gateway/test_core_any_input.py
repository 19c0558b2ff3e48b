"""Whatever a client sends, and whenever: the session lives on, and silence means silence."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.errors import FAULTS
from server.gateway.core import Gateway
from server.gateway.messages import CLIENT_MESSAGES, Config
from server.relay.actions import Close, Dial
from tests.support.gateway_play import GatewayPlay

WORDS = (
    *CLIENT_MESSAGES,
    *Config.model_fields,
    *("text", "call_id", "result", "mode", "server_vad", "function", "enabled", "threshold"),
    *("transcribe_input", "update_session", "turnDetection", "item", "response", "session"),
    *("audio", "usage", "output", "status_details", "transcript", "name", "arguments"),
)
EVENTS = sorted(Gateway.EVENTS)


def json_of(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any JSON of these scalars, with keys that mean something here or nothing."""
    return st.recursive(
        scalars | st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(WORDS),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=5)
        ),
        max_leaves=12,
    )


ANY_JSON = json_of(st.integers() | st.floats())
STRICT_JSON = json_of(
    st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
MESSAGES = st.builds(
    lambda kind, fields: json.dumps({**fields, "type": kind}),
    st.sampled_from(WORDS),
    st.dictionaries(st.sampled_from(WORDS), ANY_JSON, max_size=6),
)
CLIENT = st.one_of(st.binary(max_size=64), st.text(max_size=40), MESSAGES)
SOUND = st.builds(
    lambda kind, response_id: {
        "type": kind,
        "response_id": response_id,
        "response": {"id": response_id, "status": "cancelled"},
        "delta": "AAAA" * 8,
        "item_id": f"item_{response_id}",
    },
    st.sampled_from(
        (
            "response.created",
            "response.output_audio.delta",
            "response.done",
            "input_audio_buffer.speech_started",
        )
    ),
    st.sampled_from(("resp_1", "resp_2")),
)
NONSENSE = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(EVENTS),
    st.dictionaries(st.sampled_from((*WORDS, "error")), STRICT_JSON, max_size=5),
)
CANCEL = st.just('{"type":"cancel_response"}')


@given(st.lists(CLIENT | NONSENSE, max_size=20))
def test_nothing_raises_and_nothing_ends_the_session(inputs: list[Any]) -> None:
    play = GatewayPlay()
    play.open()
    for given_ in inputs:
        if isinstance(given_, dict):
            error = given_.get("error")
            if isinstance(error, dict) and error.get("code") in FAULTS:
                continue  # only the core says these, and it ends the session itself
            play.happens(play.stack.on_upstream(json.dumps(given_), play.now))
        else:
            play.happens(play.stack.on_client(given_, play.now))
        assert not any(isinstance(said, Close) for _, said in play.said)
        play.said.clear()
    assert not play.stack.is_over
    play.client("text", text="Hello.")
    play.upstream_gets("conversation.item.create")
    play.upstream_gets("response.create")


@given(st.lists(CLIENT, max_size=8))
def test_whatever_comes_first_is_answered_and_one_dial_is_enough(inputs: list[Any]) -> None:
    play = GatewayPlay()
    play.client_gets("ready")
    dials = 0
    for given_ in inputs:
        play.happens(play.stack.on_client(given_, play.now))
        assert not any(isinstance(said, Close) for _, said in play.said)
        dials += sum(isinstance(said, Dial) for _, said in play.said)
        play.said.clear()
    assert dials <= 1
    assert not play.stack.is_over


@given(st.lists(SOUND | CANCEL, max_size=30))
def test_no_sound_follows_an_interruption(inputs: list[Any]) -> None:
    play = GatewayPlay()
    play.open()
    silenced: set[str] = set()
    for given_ in inputs:
        if isinstance(given_, str):
            play.happens(play.stack.on_client(given_, play.now))
        else:
            play.happens(play.stack.on_upstream(json.dumps(given_), play.now))
        for _, said in play.said:
            if isinstance(said, bytes):
                assert given_["response_id"] not in silenced
            elif isinstance(said, dict) and said["type"] == "interrupted":
                silenced.add(said["response_id"])
            elif isinstance(said, dict) and said["type"] == "response_started":
                silenced.discard(said["response_id"])
        play.said.clear()
