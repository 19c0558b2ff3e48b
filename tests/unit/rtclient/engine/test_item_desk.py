"""Items of the conversation: create, order, retrieve, delete, truncate."""

import base64
import json
from typing import Any

import pytest

from rtclient.engine.actions import Continued, Hear, Received, SenseFailed, TurnHeard
from rtclient.engine.scripted import tone
from rtclient.engine.senses import Heard, Say
from rtclient.protocol.audio import from_base64, to_base64
from tests.support.engine_driver import Driver


def text_item(text: str, **fields: Any) -> dict[str, Any]:
    part = {"type": "input_text", "text": text}
    return {"type": "message", "role": "user", "content": [part], **fields}


def create(driver: Driver, item: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return driver.send("conversation.item.create", item=item, **fields)


def spoken(driver: Driver, text: str = "one two three four") -> str:
    """Let the engine say a text; return the item's id."""
    driver.brain._table["go"] = [Say(text)]
    driver.say("go")
    driver.send("response.create")
    driver.settle()
    item_id: str = driver.last("response.output_item.done")["item"]["id"]
    return item_id


def test_an_item_keeps_the_client_s_id() -> None:
    driver = Driver()
    added, done = create(driver, text_item("hi", id="mine"))
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"]["id"] == done["item"]["id"] == "mine"
    assert added["previous_item_id"] is None
    assert added["item"]["status"] == "completed"


def test_items_are_ordered_by_previous_item_id() -> None:
    driver = Driver()
    for name, after in (("a", None), ("b", None), ("c", "a"), ("d", "root")):
        added, _ = create(driver, text_item("x", id=name), previous_item_id=after)
    assert added["previous_item_id"] is None
    assert [item.id for item in driver.core._conversation] == ["d", "a", "c", "b"]


def test_an_unknown_previous_item_is_an_error() -> None:
    driver = Driver()
    (error,) = create(driver, text_item("x"), previous_item_id="nobody")
    assert error["error"]["param"] == "previous_item_id"
    assert "nobody" in error["error"]["message"]


def test_an_id_is_used_once() -> None:
    driver = Driver()
    create(driver, text_item("x", id="a"))
    (error,) = create(driver, text_item("x", id="a"))
    assert error["error"]["code"] == "item_create_duplicate_item_id"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}],
        },
    ],
)
def test_every_kind_of_item_can_be_created(item: dict[str, Any]) -> None:
    driver = Driver()
    added, _ = create(driver, item)
    assert added["item"] == {"id": "item_1", "status": "completed", **item}


def test_an_output_needs_the_call_that_asked_for_it() -> None:
    driver = Driver()
    output = {"type": "function_call_output", "call_id": "c", "output": ""}
    (error,) = create(driver, output)
    assert error["error"]["code"] == "invalid_tool_call_id"
    assert error["error"]["message"] == "Tool call ID 'c' not found in conversation."
    create(driver, {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"})
    added, _ = create(driver, output)
    assert added["item"] == {"id": "item_3", "status": "completed", **output}


def test_a_call_without_id_gets_one() -> None:
    driver = Driver()
    added, _ = create(driver, {"type": "function_call", "name": "f", "arguments": "{}"})
    assert added["item"]["call_id"] == "call_1"


def test_created_audio_is_heard_by_the_brain_and_not_echoed() -> None:
    driver = Driver("hello")
    part = {"type": "input_audio", "audio": to_base64(tone(300, 500))}
    added, _ = create(driver, {"type": "message", "role": "user", "content": [part]})
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    driver.send("response.create")
    driver.settle()
    assert driver.brain.prompts[0].items[0]["content"][0]["transcript"] == "hello"
    assert not [t for t in driver.types if "transcription" in t]


def test_created_audio_must_be_base64() -> None:
    driver = Driver()
    part = {"type": "input_audio", "audio": "?"}
    (error,) = create(driver, {"type": "message", "role": "user", "content": [part]})
    assert error["error"]["param"] == "item.content[0].audio"


def test_retrieve_returns_the_audio_of_both_sides() -> None:
    driver = Driver("hello")
    driver.speak(400)
    driver.quiet(200)
    driver.settle()
    user_id = driver.last("input_audio_buffer.committed")["item_id"]
    reply_id = driver.last("response.output_item.done")["item"]["id"]
    (event,) = driver.send("conversation.item.retrieve", item_id=user_id)
    assert event["type"] == "conversation.item.retrieved"
    assert len(base64.b64decode(event["item"]["content"][0]["audio"])) == 48 * 600
    (event,) = driver.send("conversation.item.retrieve", item_id=reply_id)
    sent = b"".join(base64.b64decode(e["delta"]) for e in driver.of("response.output_audio.delta"))
    assert base64.b64decode(event["item"]["content"][0]["audio"]) == sent
    assert event["item"]["content"][0]["transcript"] == "You said: hello"


def test_delete() -> None:
    driver = Driver()
    create(driver, text_item("x", id="a"))
    (event,) = driver.send("conversation.item.delete", item_id="a")
    assert (event["type"], event["item_id"]) == ("conversation.item.deleted", "a")
    (error,) = driver.send("conversation.item.delete", item_id="a")
    assert error["error"]["code"] == "item_delete_invalid_item_id"


def test_deleting_a_turn_that_is_being_heard_lets_the_answer_begin() -> None:
    driver = Driver("hello")
    driver.speak(400)
    driver.quiet(200)
    item_id = driver.last("input_audio_buffer.committed")["item_id"]
    driver.send("conversation.item.delete", item_id=item_id)
    assert driver.stopped == ["hearing_1"]
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"


def user_audio(item_id: str) -> dict[str, Any]:
    part = {"type": "input_audio", "audio": to_base64(tone(300, 200))}
    return {"id": item_id, "type": "message", "role": "user", "content": [part]}


def test_telephone_audio_of_a_created_item_has_an_end() -> None:
    driver = Driver("hello")
    wire = {"input": {"format": {"type": "audio/pcmu"}}}
    driver.send("session.update", session={"type": "realtime", "audio": wire})
    item = user_audio("a")
    item["content"][0]["audio"] = to_base64(bytes(8 * 60_001))
    create(driver, item)
    assert driver.error()["param"] == "item.content[0].audio"
    item["content"][0]["audio"] = to_base64(bytes(8 * 1000))
    create(driver, item)
    assert driver.types[-1] == "conversation.item.done"


def test_an_id_used_again_does_not_get_the_words_of_the_one_before() -> None:
    driver = Driver("the words")
    driver.send("conversation.item.create", item=user_audio("a"))
    (stale, _) = driver.work[0]
    driver.send("conversation.item.delete", item_id="a")
    driver.send("conversation.item.create", item=user_audio("a"))
    driver.feed(TurnHeard(stale, Heard("stale", 0.95, is_certain=True)))
    driver.send("response.create")
    driver.settle()
    (prompt,) = driver.brain.prompts
    assert prompt.items[0]["content"][0]["transcript"] == "the words"


def test_an_item_named_like_a_response_does_not_get_its_failures() -> None:
    driver = Driver(answers={"hello": [RuntimeError("broken")]})
    driver.say("hello")
    driver.send("response.create")
    response_id = driver.last("response.created")["response"]["id"]
    driver.send("conversation.item.create", item=user_audio(response_id))
    driver.feed(SenseFailed(response_id))
    assert driver.last("response.done")["response"]["status"] == "failed"


def test_deleting_the_item_that_is_being_spoken_leaves_the_ladder_whole() -> None:
    driver = Driver("hello")
    driver.speak(400)
    driver.quiet(200)
    while not driver.of("response.output_audio.delta"):
        assert driver.do_work() or driver.tick()
    item_id = driver.of("response.output_item.added")[0]["item"]["id"]
    driver.send("conversation.item.delete", item_id=item_id)
    driver.settle()
    assert driver.last("response.done")["response"]["output"][0]["status"] == "completed"
    assert [e["item"]["id"] for e in driver.of("conversation.item.done")].count(item_id) == 0


def test_truncate_cuts_audio_and_transcript_at_the_heard_word() -> None:
    driver = Driver()
    item_id = spoken(driver, "one two three four")
    # 60 ms a letter: "one " ends at 240, "two " at 480, "three " at 840 ms
    (event,) = driver.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=500
    )
    assert {k: event[k] for k in ("type", "item_id", "content_index", "audio_end_ms")} == {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 500,
    }
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    part = event["item"]["content"][0]
    assert part["transcript"] == "one two three"
    assert len(base64.b64decode(part["audio"])) == 48 * 500
    driver.say("what did you say?")
    driver.send("response.create")
    driver.settle()
    assert driver.brain.prompts[-1].items[1]["content"][0]["transcript"] == "one two three"


def test_truncate_while_it_is_spoken_holds() -> None:
    driver = Driver(answers={"go": [Say("one two three four five six seven eight nine ten")]})
    driver.say("go")
    driver.send("response.create")
    while len(driver.of("response.output_audio.delta")) < 3:
        assert driver.do_work() or driver.tick()
    item_id = driver.of("response.output_item.added")[0]["item"]["id"]
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=300)
    assert driver.types[-1] == "conversation.item.truncated"
    driver.settle()
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert event["item"]["content"][0]["transcript"] == "one two"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"item_id": "nobody"}, "item_truncate_invalid_item_id", "item_id"),
        ({"item_id": "text"}, "unsupported_content_type", "item_id"),
        ({"audio_end_ms": 0}, "unsupported_content_type", "audio_end_ms"),
        ({"audio_end_ms": 99_999}, "invalid_value", "audio_end_ms"),
        ({"content_index": 1}, "invalid_value", "content_index"),
        ({"audio_end_ms": -1}, "invalid_value", "audio_end_ms"),
        ({"audio_end_ms": 1.5}, "invalid_type", "audio_end_ms"),
    ],
)
def test_what_cannot_be_truncated(fields: dict[str, Any], code: str, param: str) -> None:
    driver = Driver()
    create(driver, text_item("x", id="text"))
    item_id = spoken(driver)
    given = {"item_id": item_id, "content_index": 0, "audio_end_ms": 100, **fields}
    (error,) = driver.send("conversation.item.truncate", **given)
    assert (error["error"]["code"], error["error"]["param"]) == (code, param)
    if fields.get("audio_end_ms") == 99_999:
        assert "is already shorter than 99999ms" in error["error"]["message"]


def test_a_long_item_is_made_g711_in_slices_while_later_events_wait() -> None:
    driver = Driver()
    ulaw = {"type": "audio/pcmu"}
    driver.send(
        "session.update",
        session={
            "type": "realtime",
            "audio": {"input": {"turn_detection": None, "format": ulaw}},
        },
    )
    driver.send("input_audio_buffer.append", audio=to_base64(bytes([0xFF]) * 8000 * 3))
    driver.send("input_audio_buffer.commit")
    item_id = driver.last("conversation.item.done")["item"]["id"]
    before = len(driver.events)
    event = {"type": "conversation.item.retrieve", "item_id": item_id}
    driver.feed(Received(json.dumps(event)))
    driver.feed(Received(json.dumps({"type": "conversation.item.delete", "item_id": item_id})))
    assert driver.core.has_backlog
    steps = 0
    while driver.core.has_backlog:
        assert len(driver.events) == before
        driver.feed(Continued())
        steps += 1
    assert steps == 7, "3 s in slices of 400 ms, the first at once"
    retrieved, deleted = driver.events[before:]
    assert deleted["type"] == "conversation.item.deleted"
    assert len(from_base64(retrieved["item"]["content"][0]["audio"])) == 8000 * 3


def test_audio_in_the_input_of_a_response_is_heard_before_it_is_answered() -> None:
    driver = Driver("what time is it")
    part = {"type": "input_audio", "audio": to_base64(bytes(4800))}
    item = {"type": "message", "role": "user", "content": [part]}
    driver.send("response.create", response={"conversation": "none", "input": [item]})
    driver.settle()
    (prompt,) = driver.brain.prompts
    assert prompt.items[0]["content"][0]["transcript"] == "what time is it"
    assert prompt.heard is not None
    assert not driver.of("conversation.item.added")


def test_audio_of_a_response_that_may_not_begin_is_not_heard() -> None:
    driver = Driver()
    driver.say("hello")
    driver.send("response.create")
    part = {"type": "input_audio", "audio": to_base64(bytes(4800))}
    item = {"type": "message", "role": "user", "content": [part]}
    (error,) = driver.send("response.create", response={"input": [item]})
    assert error["error"]["code"] == "conversation_already_has_active_response"
    assert not driver.listenings


def test_long_g711_of_a_client_is_heard_slice_by_slice() -> None:
    driver = Driver("hello")
    ulaw = {"type": "audio/pcmu"}
    driver.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"format": ulaw}}}
    )
    part = {"type": "input_audio", "audio": to_base64(bytes([0xFF]) * 8000)}
    item = {"type": "message", "role": "user", "content": [part]}
    event = {"type": "conversation.item.create", "item": item}
    driver.feed(Received(json.dumps(event)))
    driver.feed(Received(json.dumps({"type": "response.create"})))
    assert driver.types[-1] == "conversation.item.done"
    assert driver.core.has_backlog
    while driver.core.has_backlog:
        driver.feed(Continued())
    (listening,) = driver.listenings.values()
    assert len(listening.pcm) == 48 * 1000
    driver.settle()
    assert driver.brain.prompts[-1].items[0]["content"][0]["transcript"] == "hello"


def test_the_ears_are_told_the_likely_words_and_the_language() -> None:
    driver = Driver()
    transcription = {"model": "m", "language": "de", "keywords": ["Parley"]}
    audio = {"input": {"transcription": transcription, "turn_detection": None}}
    driver.send("session.update", session={"type": "realtime", "audio": audio})
    part = {"type": "input_audio", "audio": to_base64(bytes(4800))}
    item = {"type": "message", "role": "user", "content": [part]}
    create = {"type": "conversation.item.create", "item": item}
    append = {"type": "input_audio_buffer.append", "audio": to_base64(bytes(9600))}
    for event in (create, append):
        actions = driver.feed(Received(json.dumps(event)))
        (hear,) = [action for action in actions if isinstance(action, Hear)]
        assert hear.language == "de"
        assert "Parley" in hear.hints
    (hear,) = [a for a in driver.feed(Received(json.dumps(append))) if isinstance(a, Hear)]
    assert hear.hints == (), "the first of a turn is enough"
