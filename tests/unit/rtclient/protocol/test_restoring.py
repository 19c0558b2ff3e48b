"""What becomes of each thing in a new session."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.restoring import plan, settings, steps

AUDIO_100_MS = "A" * 6400


def conversation(*events: dict[str, Any]) -> Conversation:
    made = Conversation()
    for event in events:
        made.apply(event)
    return made


def added(item_id: str, **item: Any) -> dict[str, Any]:
    shown = {"id": item_id, "status": "completed", "type": "message", **item}
    return {"type": "conversation.item.added", "item": shown}


def user(item_id: str, **part: Any) -> dict[str, Any]:
    return added(item_id, role="user", content=[part])


def spoken(item_id: str, words: str, heard_ms: int | None = None) -> list[dict[str, Any]]:
    content = [{"type": "output_audio", "transcript": words}]
    place = {"item_id": item_id, "content_index": 0}
    events = [
        added(item_id, role="assistant", content=content),
        {"type": "response.output_audio.delta", "delta": AUDIO_100_MS, **place},
    ]
    if heard_ms is not None:
        cut = {"type": "conversation.item.truncated", "audio_end_ms": heard_ms, **place}
        events.append(cut)
    return events


def contents(made: Conversation, sounds: dict[str, str] | None = None) -> list[Any]:
    return [item["content"] for item in plan(made, sounds or {}).items]


def test_written_words_go_back_as_they_are() -> None:
    made = conversation(
        added("s", role="system", content=[{"type": "input_text", "text": "Be kind."}]),
        user("u", type="input_text", text="Hello"),
    )
    assert plan(made, {}).items == (
        {
            "id": "s",
            "type": "message",
            "role": "system",
            "content": [{"type": "input_text", "text": "Be kind."}],
        },
        {
            "id": "u",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello"}],
        },
    )
    assert plan(made, {}).lost == ()


def test_what_was_said_goes_back_as_its_transcript() -> None:
    made = conversation(user("u", type="input_audio", transcript="good morning"))
    assert contents(made, {"u": "AAAA"}) == [[{"type": "input_text", "text": "good morning"}]]


def test_without_a_transcript_it_goes_back_as_sound() -> None:
    made = conversation(user("u", type="input_audio", transcript=None))
    assert contents(made, {"u": "AAAA"}) == [[{"type": "input_audio", "audio": "AAAA"}]]


def test_without_both_a_sentence_says_what_is_missing() -> None:
    made = conversation(user("u", type="input_audio", transcript=None))
    made_plan = plan(made, {})
    assert made_plan.items[0]["content"][0]["type"] == "input_text"
    assert made_plan.lost == ("u: some seconds of sound without a transcript",)


def test_an_answer_goes_back_as_far_as_it_was_heard() -> None:
    made = conversation(*spoken("a", "one two three four", heard_ms=50))
    assert contents(made) == [[{"type": "output_text", "text": "one two"}]]


def test_an_answer_of_which_nothing_was_heard_does_not_go_back() -> None:
    made = conversation(*spoken("a", "one two three four", heard_ms=0))
    assert contents(made) == []


def test_a_call_goes_back_with_its_output() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "noon"}
    made = conversation(added("f", **call), added("o", **output))
    assert plan(made, {}).items == ({"id": "f", **call}, {"id": "o", **output})


def test_a_call_that_waits_for_its_output_goes_back() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"}
    assert len(plan(conversation(added("f", **call)), {}).items) == 1


def test_a_call_that_was_cut_off_does_not_go_back_nor_its_output() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "clock", "arguments": '{"a'}
    output = {"type": "function_call_output", "call_id": "c", "output": "noon"}
    made = conversation(added("f", **call, status="incomplete"), added("o", **output))
    made_plan = plan(made, {})
    assert made_plan.items == ()
    assert made_plan.lost == (
        "f: a function call that was not complete",
        "o: the output of a call that is not there",
    )


def test_an_image_goes_back_as_it_was_created() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    item = {"id": "i", "type": "message", "role": "user", "content": [image]}
    made = Conversation()
    made.sent({"type": "conversation.item.create", "item": item})
    made.apply(added("i", role="user", content=[{"type": "input_image"}]))
    assert contents(made) == [[image]]


def test_an_image_that_is_not_kept_is_told() -> None:
    made = conversation(user("i", type="input_image"))
    assert plan(made, {}).lost == ("i: an image that is not kept",)


def test_items_of_other_kinds_are_told() -> None:
    made = conversation(added("m", type="mcp_call"))
    assert plan(made, {}).lost == ("m: items of the type mcp_call cannot be created again",)


def test_speech_that_is_no_turn_yet_is_no_item() -> None:
    started = {"type": "input_audio_buffer.speech_started", "item_id": "u", "audio_start_ms": 0}
    assert plan(conversation(started), {}).items == ()


def test_a_turn_that_was_committed_and_not_shown_is_one() -> None:
    committed = {"type": "input_audio_buffer.committed", "item_id": "u"}
    assert contents(conversation(committed), {"u": "AAAA"}) == [
        [{"type": "input_audio", "audio": "AAAA"}]
    ]


def test_only_settings_that_differ_are_asked_for() -> None:
    wanted = {
        "type": "realtime",
        "id": "sess_1",
        "model": "m",
        "expires_at": 1,
        "instructions": "Be kind.",
        "tools": [],
        "audio": {"input": {"turn_detection": None, "format": {}}, "output": {"voice": "ash"}},
    }
    found = {
        **wanted,
        "id": "sess_2",
        "expires_at": 2,
        "instructions": "",
        "audio": {"input": {"turn_detection": {}, "format": {}}, "output": {"voice": "ash"}},
    }
    assert settings(wanted, found) == {
        "type": "realtime",
        "instructions": "Be kind.",
        "audio": {"input": {"turn_detection": None}},
    }
    assert settings(wanted, {**wanted, "id": "sess_2"}) is None


def test_nulls_inside_a_setting_are_left_out_but_off_is_off() -> None:
    shown = {"model": "whisper-1", "language": None}
    wanted = {"audio": {"input": {"transcription": shown, "turn_detection": None}}}
    found = {"audio": {"input": {"transcription": None, "turn_detection": {}}}}
    update = settings(wanted, found)
    assert update is not None
    assert update["audio"]["input"] == {
        "transcription": {"model": "whisper-1"},
        "turn_detection": None,
    }


IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(there=IDS, goal=IDS, changed=st.sets(st.sampled_from("abcdefgh")))
def test_the_steps_lead_to_the_goal(there: list[str], goal: list[str], changed: set[str]) -> None:
    """Order is kept by who stays, as in a conversation, where nothing moves."""
    stays = [item_id for item_id in there if item_id in goal and item_id not in changed]
    goal = sorted(goal, key=lambda one: stays.index(one) if one in stays else goal.index(one))
    order = [item_id for item_id in goal if item_id in stays]
    if order != stays:
        goal = [item_id for item_id in goal if item_id not in stays] + stays
    have = {item_id: {"id": item_id, "content": []} for item_id in there}
    want = [{"id": one, "content": ["new"] if one in changed else []} for one in goal]
    session = list(have.values())
    for event in steps(have, want):
        ids = [item["id"] for item in session]
        if event["type"] == "conversation.item.delete":
            del session[ids.index(event["item_id"])]
            continue
        assert event["item"]["id"] not in ids, "an id is never created twice"
        previous = event.get("previous_item_id")
        place = {None: len(session), "root": 0}.get(previous)
        session.insert(ids.index(previous) + 1 if place is None else place, event["item"])
    assert session == want
