"""The mirror of a session, on the fixtures of the page and on cases that only it has."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.bridge import PreviewUpstream
from rtclient.protocol.conversation import Conversation, confidence, is_benign
from rtclient.protocol.created_items import KEPT_CHARS
from rtclient.protocol.events import SERVER_EVENTS
from rtclient.protocol.items import Item

FIXTURES = Path(__file__).parents[3] / "fixtures"
SCRIPTS = sorted(path.stem for path in FIXTURES.glob("conversation_*.jsonl"))


def script(name: str) -> list[dict[str, Any]]:
    lines = (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def ga(event: dict[str, Any], bridge: PreviewUpstream | None) -> list[dict[str, Any]]:
    if bridge is None:
        return [event]
    return [json.loads(text) for text in bridge.to_inner(json.dumps(event)).texts]


def snapshot(conversation: Conversation) -> dict[str, Any]:
    """What the page's snapshots say, in the mirror's words; errors and playback are the page's."""
    active = conversation.active_response
    return {
        "session": conversation.session,
        "expires_at": conversation.session.get("expires_at"),
        "listening": conversation.is_user_speaking,
        "awaiting": conversation.is_awaiting,
        "active_response_id": active.id if active else None,
        "usage": conversation.usage,
        "responses": {
            response.id: {"status": response.status, "reason": response.reason}
            for response in conversation.responses
        },
        "items": [item_snapshot(item) for item in conversation.items],
    }


def item_snapshot(item: Item) -> dict[str, Any]:
    spoken = item.transcription
    guess = spoken and spoken.confidence is not None and spoken.confidence < 0.6
    certainty = "guess" if guess else "certain"
    return {
        "id": item.id,
        "role": item.role,
        "type": item.type,
        "status": item.status,
        "text": item.text,
        "transcript": item.transcript,
        "has_audio": item.has_audio,
        "audio_ms": item.audio_ms,
        "interrupted": item.is_interrupted,
        "response_id": item.response_id,
        "heard": {"ms": item.heard_ms, "text_chars": len(item.heard)},
        "call": {
            "name": item.name,
            "call_id": item.call_id,
            "arguments": item.arguments,
            "output": item.output,
        },
        "transcription": spoken
        and {
            "state": spoken.state,
            "confidence": spoken.confidence,
            "certainty": "unknown" if spoken.confidence is None else certainty,
            "error": spoken.error,
        },
    }


PAGE_ONLY = {"error", "notices", "expiring", "speaking", "playing_item_id", "rate_limits"}
"""What the page's snapshots say of itself."""


def mirrored(state: dict[str, Any], *, is_cut_on_its_way: bool) -> dict[str, Any]:
    """Return the part of a snapshot that the mirror can know: it hears no loudspeaker."""
    kept = {key: value for key, value in state.items() if key not in PAGE_ONLY}
    if is_cut_on_its_way:
        kept.pop("items", None)
    for item in kept.get("items", []):
        if not item.get("interrupted"):
            item.pop("heard", None)
    return kept


def includes(actual: Any, expected: Any, where: str) -> None:
    """Claim that everything in `expected` is in `actual`; lists agree in length and order."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            found = actual[key] if isinstance(actual, Mapping) else getattr(actual, key)
            includes(found, value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            includes(one, other, f"{where}[{index}]")
    else:
        assert actual == expected, where


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_mirror_agrees_with_the_page(name: str) -> None:
    conversation = Conversation()
    bridge = PreviewUpstream() if "beta" in name else None
    checked = 0
    is_cut_on_its_way = False
    for number, line in enumerate(script(name), 1):
        if "server" in line:
            for event in ga(line["server"], bridge):
                conversation.apply(event)
                is_cut_on_its_way &= event["type"] != "conversation.item.truncated"
        if "client" in line:
            conversation.sent(line["client"])
            is_cut_on_its_way |= line["client"]["type"] == "conversation.item.truncate"
        if "state" in line:
            expected = mirrored(line["state"], is_cut_on_its_way=is_cut_on_its_way)
            includes(snapshot(conversation), expected, f"{name}:{number}")
            checked += len(expected)
    assert checked > 0


# What only the mirror knows -------------------------------------------------------------------


def told(*events: dict[str, Any]) -> Conversation:
    conversation = Conversation()
    for event in events:
        conversation.apply(event)
    return conversation


def user_text(item_id: str, text: str, previous: str | None = None) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
    return {
        "type": "conversation.item.added",
        "previous_item_id": previous,
        "item": {**item, "content": content},
    }


def ids(conversation: Conversation) -> list[str]:
    return [item.id for item in conversation.items]


def test_items_stand_where_the_server_puts_them() -> None:
    conversation = told(user_text("a", "1"), user_text("c", "3", "a"), user_text("b", "2", "a"))
    assert ids(conversation) == ["a", "b", "c"]


def test_an_item_that_the_program_put_first_is_first() -> None:
    conversation = told(user_text("b", "2"))
    conversation.sent(
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": {"id": "a", "type": "message", "role": "user", "content": []},
        }
    )
    conversation.apply(user_text("a", "1"))
    assert ids(conversation) == ["a", "b"]


def test_an_echo_of_an_item_doubles_nothing() -> None:
    conversation = told(user_text("a", "1"), user_text("b", "2", "a"))
    before = conversation.items
    conversation.apply(user_text("b", "2", "a"))
    conversation.apply(user_text("a", "1"))
    assert conversation.items == before


def test_the_end_of_an_item_moves_nothing() -> None:
    conversation = told(user_text("a", "1"), user_text("b", "2", "a"), user_text("c", "3", "a"))
    conversation.apply({**user_text("b", "2", "a"), "type": "conversation.item.done"})
    assert ids(conversation) == ["a", "c", "b"]


def test_an_item_that_is_only_shown_at_its_end_has_its_place() -> None:
    conversation = told(user_text("a", "1"), user_text("c", "3", "a"))
    conversation.apply({**user_text("b", "2", "a"), "type": "conversation.item.done"})
    assert ids(conversation) == ["a", "b", "c"]


def test_what_was_sent_is_no_item_before_the_server_says_so() -> None:
    conversation = Conversation()
    conversation.sent({"type": "conversation.item.create", "item": {"id": "a"}})
    assert conversation.items == ()


def test_a_picture_is_kept_as_the_program_sent_it() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    item = {"id": "a", "type": "message", "role": "user", "content": [picture]}
    conversation = Conversation()
    conversation.sent({"type": "conversation.item.create", "item": item})
    echo = {**item, "status": "completed", "content": [{"type": "input_image"}]}
    conversation.apply({"type": "conversation.item.added", "item": echo})
    (part,) = conversation.items[0].parts
    assert part.type == "image"
    assert conversation.source("a", 0) == picture


def test_sound_of_created_items_is_forgotten_when_it_becomes_too_much() -> None:
    conversation = Conversation()
    sound = "A" * (KEPT_CHARS // 2 - 100)
    for item_id in ("a", "b", "c"):
        part = {"type": "input_audio", "audio": sound}
        item = {"id": item_id, "type": "message", "role": "user", "content": [part]}
        conversation.sent({"type": "conversation.item.create", "item": item})
        echo = {**item, "content": [{"type": "input_audio", "transcript": None}]}
        conversation.apply({"type": "conversation.item.added", "item": echo})
    assert [conversation.source(item_id, 0) is not None for item_id in "abc"] == [False, True, True]
    assert {item.audio_ms for item in conversation.items} == {len(sound) // 4 * 3 // 48}


def test_the_length_of_speech_is_known_from_its_ends() -> None:
    conversation = told(
        {"type": "input_audio_buffer.speech_started", "item_id": "a", "audio_start_ms": 300},
        {"type": "input_audio_buffer.speech_stopped", "item_id": "a", "audio_end_ms": 1500},
        {"type": "input_audio_buffer.committed", "item_id": "a", "previous_item_id": None},
    )
    assert conversation.items[0].audio_ms == 1200


def test_the_length_of_a_commit_is_what_was_appended() -> None:
    conversation = Conversation()
    second = base64.b64encode(bytes(48_000)).decode()
    conversation.sent({"type": "input_audio_buffer.append", "audio": second})
    conversation.sent({"type": "input_audio_buffer.clear"})
    for count in (1, 2):
        for _ in range(count):
            conversation.sent({"type": "input_audio_buffer.append", "audio": second})
        conversation.sent({"type": "input_audio_buffer.commit"})
    conversation.apply({"type": "input_audio_buffer.committed", "item_id": "a"})
    conversation.apply({"type": "input_audio_buffer.committed", "item_id": "b"})
    assert [item.audio_ms for item in conversation.items] == [1000, 2000]


def test_a_refused_commit_lends_its_length_to_no_other() -> None:
    conversation = Conversation()
    conversation.sent({"type": "input_audio_buffer.commit"})
    error = {"code": "input_audio_buffer_commit_empty", "message": "empty"}
    conversation.apply({"type": "error", "error": error})
    second = base64.b64encode(bytes(48_000)).decode()
    conversation.sent({"type": "input_audio_buffer.append", "audio": second})
    conversation.sent({"type": "input_audio_buffer.commit"})
    conversation.apply({"type": "input_audio_buffer.committed", "item_id": "a"})
    assert conversation.items[0].audio_ms == 1000


def test_cleared_sound_leaves_no_item() -> None:
    conversation = told(
        user_text("a", "1"),
        {"type": "input_audio_buffer.speech_started", "item_id": "b", "audio_start_ms": 0},
        {"type": "input_audio_buffer.cleared"},
    )
    assert ids(conversation) == ["a"]
    assert not conversation.is_user_speaking


def test_what_is_made_outside_the_conversation_is_no_item_of_it() -> None:
    conversation = told(
        {"type": "response.created", "response": {"id": "r", "conversation_id": None}},
        {
            "type": "response.output_item.added",
            "response_id": "r",
            "item": {"id": "o", "type": "message", "role": "assistant", "content": []},
        },
    )
    change = conversation.apply(
        {"type": "response.output_text.delta", "response_id": "r", "item_id": "o", "delta": "Hm"}
    )
    assert conversation.items == ()
    assert conversation.active_response is None
    assert change.item == conversation.item("o")
    assert change.item is not None
    assert change.item.text == "Hm"
    assert change.response == conversation.response("r")


def test_a_change_has_what_the_event_was_about() -> None:
    conversation = told(user_text("a", "1"))
    deleted = conversation.apply({"type": "conversation.item.deleted", "item_id": "a"})
    assert deleted.item is not None
    assert deleted.item.text == "1"
    assert conversation.items == ()
    assert conversation.apply({"type": "rate_limits.updated", "rate_limits": []}).item is None


def test_settings_are_those_the_server_confirmed() -> None:
    conversation = told({"type": "session.created", "session": {"id": "s", "tools": [], "x": 1}})
    conversation.sent({"type": "session.update", "session": {"instructions": "Be kind."}})
    assert "instructions" not in conversation.session
    conversation.apply({"type": "session.updated", "session": {"instructions": "Be kind."}})
    assert conversation.session == {"id": "s", "tools": [], "x": 1, "instructions": "Be kind."}
    conversation.apply({"type": "session.created", "session": {"id": "s2"}})
    assert conversation.session == {"id": "s2"}


def test_a_response_is_awaited_until_it_begins_or_is_refused() -> None:
    conversation = Conversation()
    conversation.sent({"type": "response.create"})
    assert conversation.is_awaiting
    conversation.apply({"type": "response.created", "response": {"id": "r"}})
    assert not conversation.is_awaiting
    conversation.sent({"type": "response.create"})
    code = "conversation_already_has_active_response"
    conversation.apply({"type": "error", "error": {"code": code, "message": ""}})
    assert not conversation.is_awaiting


def test_a_harmless_error_ends_no_waiting() -> None:
    conversation = Conversation()
    conversation.sent({"type": "response.create"})
    error = {"code": "response_cancel_not_active", "message": "no active response"}
    conversation.apply({"type": "error", "error": error})
    assert conversation.is_awaiting


@pytest.mark.parametrize(
    "session",
    [
        {"type": "transcription"},
        {"audio": {"input": {"turn_detection": {"create_response": False}}}},
    ],
)
def test_no_answer_is_awaited_where_none_comes_by_itself(session: dict[str, Any]) -> None:
    conversation = told(
        {"type": "session.created", "session": session},
        {"type": "input_audio_buffer.speech_started", "item_id": "a", "audio_start_ms": 0},
        {"type": "input_audio_buffer.speech_stopped", "item_id": "a", "audio_end_ms": 500},
    )
    assert not conversation.is_awaiting


def test_telephone_sound_is_measured_in_its_own_format() -> None:
    audio = {"output": {"format": {"type": "audio/pcmu"}}}
    sound = base64.b64encode(bytes(800)).decode()
    conversation = told(
        {"type": "session.created", "session": {"audio": audio}},
        {"type": "response.output_audio.delta", "item_id": "a", "delta": sound},
        {"type": "response.output_audio.delta", "item_id": "a", "delta": sound},
    )
    assert conversation.items[0].audio_ms == 200


@pytest.mark.parametrize(
    ("logprobs", "mean"),
    [(None, None), ([], None), ([{"logprob": 0}], 1.0), ([{"logprob": float("-inf")}, {}], None)],
)
def test_confidence_is_a_probability(logprobs: object, mean: float | None) -> None:
    found = confidence(logprobs)
    assert found == mean or (found is not None and 0 < found < 0.001)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "r", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "content", "role"]), inner, max_size=4)
    ),
    max_leaves=6,
)
FIELDS = [
    "item_id",
    "item",
    "response",
    "response_id",
    "previous_item_id",
    "content_index",
    "part",
    "delta",
    "transcript",
    "audio_end_ms",
    "audio_start_ms",
    "error",
    "usage",
    "session",
    "logprobs",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(SERVER_EVENTS)),
            st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=6),
        ),
        max_size=12,
    )
)
def test_whatever_a_server_sends_never_raises(events: list[tuple[str, dict[str, Any]]]) -> None:
    conversation = Conversation()
    for kind, fields in events:
        conversation.apply({**fields, "type": kind})
    assert len(ids(conversation)) == len(set(ids(conversation)))


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from([None, *"abcde"])), max_size=20)
)
def test_no_item_is_there_twice_however_it_is_moved(moves: list[tuple[str, str | None]]) -> None:
    conversation = told(*(user_text(item_id, item_id, previous) for item_id, previous in moves))
    assert sorted(ids(conversation)) == sorted({item_id for item_id, _ in moves})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "response_cancel_not_active"}, True),
        ({"message": "Audio content of 1ms is already shorter than 5ms", "code": None}, True),
        ({"code": "invalid_value", "message": "No."}, False),
        ("bare words", False),
        (None, False),
    ],
)
def test_a_lost_race_is_no_error(error: object, expected: bool) -> None:
    assert is_benign(error) is expected
