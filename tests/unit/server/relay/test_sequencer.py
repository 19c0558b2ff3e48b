"""The rules of the sequencer, each as a play."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtclient.protocol.audio import to_base64
from server.relay.commits import HOLD_S
from server.relay.sequencer import Sequencer
from tests.support.sequenced import USER, SequencerPlay, busy

KEYS = """response item item_id id call_id event_id response_id conversation_id type role status
    audio_end_ms content_index error code param message session audio output input format
    turn_detection conversation""".split()


def call(call_id: str, status: str = "completed") -> dict[str, Any]:
    return {"id": f"item_{call_id}", "type": "function_call", "call_id": call_id, "status": status}


# Passing on.


@pytest.mark.parametrize(
    "text",
    [
        '{ "type" : "session.update",\n "session": {"x": 1.0e2} }',
        '{"event_id":"e","type":"an.event.of.the.future","a":[{"b":null}]}',
        '{"event_id": "mine" ,"type":"response.create"}',
        '{"type":"response.create","response":{"conversation":"none"}}',
        '{"type":"conversation.item.create","item":{"type":"message"}}',
        '{"type":"conversation.item.delete","item_id":"item_7"}',
        '{"type":"input_audio_buffer.append"}',
        '{"type":1}',
        "no JSON",
    ],
)
def test_what_needs_no_help_reaches_the_upstream_as_the_same_text(text: str) -> None:
    play = SequencerPlay()
    play.client_text(text)
    assert play.to_upstream == [text]


@pytest.mark.parametrize(
    "text",
    ['{ "type" : "response.created", "response": 1}', '{"type":"error"}', "no JSON", '{"type":7}'],
)
def test_what_the_upstream_says_reaches_the_client_as_the_same_text(text: str) -> None:
    play = SequencerPlay()
    play._do(play.sequencer.on_upstream(text, play.now))
    assert play.to_client == [text]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=10,
)
EVENTS = st.tuples(
    st.booleans(),
    st.sampled_from(sorted(map(str, {*Sequencer._FROM_CLIENT, *Sequencer._FROM_UPSTREAM}))),
    st.dictionaries(st.sampled_from(KEYS), ODD, max_size=5),
)


@given(st.lists(EVENTS, max_size=12))
@settings(max_examples=settings.default.max_examples // 2)
def test_nothing_is_too_odd_for_it(events: list[tuple[bool, str, dict[str, Any]]]) -> None:
    play = SequencerPlay(detects=True)
    for is_client, event_type, fields in events:
        text = json.dumps({"type": event_type, **fields})
        if is_client:
            play.client_text(text)
        else:
            play._do(play.sequencer.on_upstream(text, play.now))
        play.passes(0.2)
    play.passes(1000)


def test_an_event_id_is_added_and_the_rest_stays_as_it_was_written() -> None:
    play = SequencerPlay()
    play.client_text(' {\n"type": "response.create", "n": 1.0e2 }')
    assert play.to_upstream == [
        ' {"event_id":"parley_seq_1",\n"type": "response.create", "n": 1.0e2 }'
    ]


# Creates.


def test_a_second_create_waits_for_the_end_of_the_first() -> None:
    play = busy()
    play.client("response.create", response={"instructions": "Sing."})
    play.nothing_more()
    play.ends("resp_1")
    play.upstream_gets("response.create", response={"instructions": "Sing."})
    play.nothing_more()


def test_bare_creates_that_wait_become_one() -> None:
    play = busy()
    for _ in range(3):
        play.client("response.create")
    play.ends("resp_1")
    play.upstream_gets("response.create")
    play.begins("resp_2")
    play.ends("resp_2")
    play.nothing_more()
    assert "response_joined" in play.notices


def test_options_that_repeat_the_session_are_none() -> None:
    play = busy()
    play.client("response.create", response={"output_modalities": ["audio"], "metadata": None})
    play.client("response.create", response={"conversation": "auto"})
    play.ends("resp_1")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_creates_with_options_wait_in_order() -> None:
    play = busy()
    play.client("response.create", response={"instructions": "One."})
    play.client("response.create", response={"instructions": "Two."})
    for number, words in ((1, "One."), (2, "Two.")):
        play.ends(f"resp_{number}")
        play.upstream_gets("response.create", response={"instructions": words})
        play.begins(f"resp_{number + 1}")
    play.nothing_more()


def test_too_many_creates_are_refused_with_the_id_that_the_client_gave() -> None:
    play = busy()
    for number in range(17):
        options = {"instructions": str(number)}
        play.client("response.create", event_id=f"e{number}", response=options)
    event = play.client_gets("error")
    assert (event["error"]["code"], event["error"]["event_id"]) == ("too_many_responses", "e16")
    play.nothing_more()


def test_a_create_out_of_band_waits_for_nothing_and_holds_nothing_up() -> None:
    play = busy()
    play.client("response.create", response={"conversation": "none"})
    play.upstream_gets("response.create")
    play.begins("resp_2", conversation_id=None)
    play.ends("resp_1")
    play.client("response.create")
    play.upstream_gets("response.create")


def test_a_refusal_that_nobody_could_prevent_is_not_shown_and_the_create_goes_again() -> None:
    play = SequencerPlay(detects=True)
    play.client("response.create", event_id="mine")
    play.upstream_gets("response.create", event_id="mine")
    play.begins("resp_1")  # of somebody else, as the error says
    play.error("conversation_already_has_active_response", "mine")
    play.nothing_more()
    play.ends("resp_1")
    play.upstream_gets("response.create", event_id="mine")


def test_another_error_is_shown_under_the_id_that_the_client_knows() -> None:
    play = SequencerPlay()
    play.client("response.create", response={"instructions": 1})
    sent = play.upstream_gets("response.create")
    play.error("invalid_type", sent["event_id"])
    assert play.client_gets("error")["error"]["event_id"] is None
    play.client("response.create")
    play.upstream_gets("response.create")


def test_an_upstream_that_always_refuses_is_believed_in_the_end() -> None:
    play = SequencerPlay()
    play.client("response.create", event_id="mine")
    for _ in range(21):
        play.upstream_gets("response.create")
        play.error("conversation_already_has_active_response", "mine")
        play.passes(0.6)
    play.client_gets("error")
    play.nothing_more()


def test_a_create_that_gets_no_answer_holds_nothing_up_for_ever() -> None:
    play = SequencerPlay()
    for _ in range(2):
        play.client("response.create", response={"metadata": {}})
    play.upstream_gets("response.create")
    play.nothing_more()
    play.passes(11)
    play.upstream_gets("response.create")


# Function calls.


def called(*call_ids: str) -> SequencerPlay:
    play = busy()
    for call_id in call_ids:
        fields = {"response_id": "resp_1", "item": call(call_id)}
        play.upstream("response.output_item.added", **fields)
        play.client_gets("response.output_item.added")
    return play


def answer(play: SequencerPlay, call_id: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": "1"}
    play.client("conversation.item.create", item=item)
    play.upstream_gets("conversation.item.create")


def test_outputs_of_several_calls_get_one_response() -> None:
    play = called("a", "b")
    play.ends("resp_1", call("a"), call("b"))
    answer(play, "a")
    play.client("response.create")
    play.nothing_more()
    answer(play, "b")
    play.upstream_gets("response.create")
    play.client("response.create")
    play.begins("resp_2")
    play.client("response.create")
    play.ends("resp_2")
    play.nothing_more()


def test_a_create_does_not_wait_for_an_output_for_ever() -> None:
    play = called("a", "b")
    play.ends("resp_1", call("a"), call("b"))
    answer(play, "a")
    play.client("response.create")
    play.passes(4)
    play.nothing_more()
    play.passes(2)
    play.upstream_gets("response.create")


def test_somebody_who_types_does_not_wait_for_function_calls() -> None:
    play = called("a")
    play.ends("resp_1", call("a"))
    play.client("conversation.item.create", item=USER)
    play.upstream_gets("conversation.item.create")
    play.client("response.create")
    play.upstream_gets("response.create")


def test_a_call_that_was_broken_off_is_not_waited_for() -> None:
    play = called("a")
    play.ends("resp_1", call("a", "incomplete"), status="cancelled")
    play.client("response.create")
    play.upstream_gets("response.create")


# Cancels.


def test_a_cancel_without_a_response_is_left_out() -> None:
    play = busy()
    play.ends("resp_1")
    play.client("response.cancel")
    play.client("response.cancel", response_id="resp_1")
    play.nothing_more()


def test_a_cancel_takes_back_what_waits() -> None:
    play = busy()
    play.client("response.create")
    play.client("response.cancel")
    play.upstream_gets("response.cancel")
    play.ends("resp_1", status="cancelled")
    play.nothing_more()
    assert "response_cancelled" in play.notices


def test_a_cancel_that_came_too_late_is_no_error() -> None:
    play = busy()
    play.client("response.cancel", response_id="resp_1")
    sent = play.upstream_gets("response.cancel", response_id="resp_1")
    play.ends("resp_1")
    play.error("response_cancel_not_active", sent["event_id"])
    play.nothing_more()


def test_a_create_that_was_cancelled_on_its_way_does_not_go_again() -> None:
    play = SequencerPlay(detects=True)
    play.client("response.create", event_id="mine")
    play.upstream_gets("response.create")
    play.client("response.cancel")
    play.upstream_gets("response.cancel")
    play.begins("resp_1")
    play.error("conversation_already_has_active_response", "mine")
    play.ends("resp_1")
    play.nothing_more()


# Truncations.


def spoken(length_ms: int, *, is_done: bool = True) -> SequencerPlay:
    play = busy()
    item = {"id": "item_a", "type": "message", "role": "assistant"}
    play.upstream("response.output_item.added", response_id="resp_1", item=item)
    if length_ms:
        audio = {"item_id": "item_a", "delta": to_base64(bytes(48 * length_ms))}
        play.upstream("response.output_audio.delta", response_id="resp_1", **audio)
    if is_done:
        play.upstream("response.output_item.done", response_id="resp_1", item=item)
        play.upstream("response.done", response={"id": "resp_1", "output": [item]})
    play.to_client.clear()
    return play


def truncate(play: SequencerPlay, end_ms: int, item_id: str = "item_a") -> None:
    cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
    play.client("conversation.item.truncate", **cut)


def test_a_truncation_is_clamped_to_what_was_sent() -> None:
    play = spoken(250)
    truncate(play, 9000)
    play.upstream_gets("conversation.item.truncate", item_id="item_a", audio_end_ms=250)
    truncate(play, 240)
    play.upstream_gets("conversation.item.truncate", audio_end_ms=240)
    truncate(play, 245)
    play.nothing_more()


@pytest.mark.parametrize(("length_ms", "item_id"), [(250, "item_b"), (0, "item_a")])
def test_a_truncation_of_what_never_sounded_is_left_out(length_ms: int, item_id: str) -> None:
    play = spoken(length_ms)
    truncate(play, 100, item_id)
    play.nothing_more()


def test_a_truncation_at_0_ms_deletes_once() -> None:
    play = spoken(250)
    for _ in range(2):
        truncate(play, 0)
    play.upstream_gets("conversation.item.delete", item_id="item_a")
    play.client("conversation.item.delete", item_id="item_a")
    play.client("conversation.item.retrieve", item_id="item_a")
    play.nothing_more()


def test_an_item_in_progress_is_deleted_when_it_is_whole() -> None:
    play = spoken(250, is_done=False)
    truncate(play, 0)
    play.client("conversation.item.create", item=USER)
    play.upstream_gets("conversation.item.create")
    play.client("response.create")
    play.nothing_more()
    item = {"id": "item_a", "type": "message"}
    play.ends("resp_1", item, status="cancelled")
    play.upstream_gets("conversation.item.delete", item_id="item_a")
    play.upstream_gets("response.create")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("item_truncate_invalid_item_id", "No."),
        ("unsupported_content_type", "Only model output audio messages can be truncated"),
        (None, "Audio content of 100ms is already shorter than 200ms"),
    ],
)
def test_a_truncation_that_came_too_late_is_no_error(code: str | None, message: str) -> None:
    play = spoken(250)
    truncate(play, 200)
    sent = play.upstream_gets("conversation.item.truncate")
    play.error(code, sent["event_id"], message)
    play.nothing_more()


def test_nothing_is_said_before_anything_happens() -> None:
    sequencer = Sequencer()
    assert sequencer.on_open(0) == []
    assert sequencer.on_time(HOLD_S) == []
