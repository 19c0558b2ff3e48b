"""Responses: the ladders of text, audio, tools, cancel, limits and failure."""

import json
from itertools import pairwise
from typing import Any

import pytest

from rtclient.engine.actions import Speak, Speaking
from rtclient.engine.senses import Call, Remember, Replay, Say, Spoken, Stopped, Trouble, Used
from rtclient.protocol.audio import from_base64
from tests.support.engine_driver import Driver, shape

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def respond(driver: Driver, text: str = "hello", **response: Any) -> list[dict[str, Any]]:
    driver.say(text)
    begin = len(driver.events)
    driver.send("response.create", response=response)
    driver.settle()
    return driver.events[begin:]


def names(events: list[dict[str, Any]]) -> list[str]:
    return shape([event["type"] for event in events])


def test_a_text_response() -> None:
    driver = Driver(answers={"hello": [Say("Good morning."), Say("How are you?")]})
    events = respond(driver, output_modalities=["text"])
    assert names(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "rate_limits.updated",
    ]
    deltas = [e["delta"] for e in driver.of("response.output_text.delta")]
    assert "".join(deltas) == "Good morning. How are you?"
    assert len(deltas) > 2
    done = driver.last("response.done")["response"]
    assert done["output_modalities"] == ["text"]
    assert done["output"][0]["content"] == [
        {"type": "output_text", "text": "Good morning. How are you?"}
    ]
    assert driver.last("response.content_part.done")["part"] == {
        "type": "text",
        "text": "Good morning. How are you?",
    }


def test_response_created_echoes_the_request() -> None:
    driver = Driver()
    events = respond(driver, metadata={"client_event_id": "x1"}, instructions=None)
    created = events[0]["response"]
    assert created["metadata"] == {"client_event_id": "x1"}
    assert (created["status"], created["output"], created["usage"]) == ("in_progress", [], None)
    assert created["conversation_id"] == "conv_1"
    assert created["status_details"] is None


def test_the_audio_deltas_are_the_speech_and_the_transcript_its_words() -> None:
    driver = Driver(answers={"hello": [Say("Good morning. "), Say("How are you today, friend?")]})
    respond(driver)
    transcript = "".join(e["delta"] for e in driver.of("response.output_audio_transcript.delta"))
    assert transcript == "Good morning. How are you today, friend?"
    assert driver.last("response.output_audio_transcript.done")["transcript"] == transcript
    item_id = driver.last("response.output_item.done")["item"]["id"]
    item = driver.core._conversation.get(item_id)
    assert item is not None
    assert len(item.audio[0]) == 48 * 60 * len(transcript)


def test_the_first_delta_is_at_once_and_all_at_four_to_five_times_real_time() -> None:
    driver = Driver(answers={"hello": [Say("one two three four five six seven eight " * 5)]})
    driver.say("hello")
    begin = driver.now
    driver.send("response.create")
    driver.settle()
    pairs = zip(driver.events, driver.times, strict=True)
    deltas = [
        (len(e["delta"]) * 3 // 4 / 48000, t - begin)
        for e, t in pairs
        if e["type"] == "response.output_audio.delta"
    ]
    assert deltas[0] == (0.1, 0.0)
    assert [round(d[0], 2) for d in deltas[:4]] == [0.1, 0.15, 0.25, 0.25]
    assert all(later[1] > sooner[1] for sooner, later in pairwise(deltas[:-1]))
    length_s = sum(d[0] for d in deltas)
    assert 4.0 <= length_s / deltas[-1][1] <= 5.0


def test_a_tool_call() -> None:
    driver = Driver()
    events = respond(driver, "weather in Paris", tools=[TOOL])
    assert names(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = driver.last("response.function_call_arguments.done")
    assert (done["name"], done["arguments"]) == ("weather", '{"city": "weather in Paris"}')
    assert (
        "".join(e["delta"] for e in driver.of("response.function_call_arguments.delta"))
        == (done["arguments"])
    )
    item = driver.last("response.output_item.done")["item"]
    assert (item["type"], item["status"], item["call_id"]) == (
        "function_call",
        "completed",
        done["call_id"],
    )
    driver.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": done["call_id"], "output": "sunny"},
    )
    assert driver.types[-2:] == ["conversation.item.added", "conversation.item.done"]
    driver.send("response.create")
    driver.settle()
    transcript = driver.last("response.output_audio_transcript.done")["transcript"]
    assert transcript == "The tool says: sunny"


def test_a_message_may_come_before_a_call() -> None:
    driver = Driver(answers={"hello": [Say("One moment."), Call("weather", "{}")]})
    respond(driver, tools=[TOOL])
    done = driver.last("response.done")["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call"]
    assert [e["output_index"] for e in driver.of("response.output_item.done")] == [0, 1]
    first_done = driver.types.index("response.output_item.done")
    assert first_done < driver.types.index("response.function_call_arguments.delta")


def test_the_brain_knows_how_long_and_for_whom_it_answers() -> None:
    driver = Driver()
    respond(driver, output_modalities=["text"], max_output_tokens=50, parallel_tool_calls=False)
    respond(driver)
    first, second = driver.brain.prompts
    assert (first.is_spoken, first.max_output_tokens, first.parallel_tool_calls) == (
        False,
        50,
        False,
    )
    assert (second.is_spoken, second.max_output_tokens) == (True, None)


def test_tool_choice_none_hides_the_tools_from_the_brain() -> None:
    driver = Driver()
    respond(driver, "weather", tools=[TOOL], tool_choice="none")
    assert driver.brain.prompts[0].tools == ()


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        ("none", ["message"]),
        ("auto", ["function_call", "function_call", "message"]),
        ("required", ["function_call", "function_call", "message"]),
        ({"type": "function", "name": "other"}, ["function_call", "message"]),
    ],
)
def test_a_brain_calls_only_what_the_client_lets_it_call(choice: Any, kinds: list[str]) -> None:
    thoughts = [Call("weather", "{}"), Call("other", "{}"), Call("unheard_of", "{}"), Say("Done.")]
    driver = Driver(answers={"hello": thoughts})
    tools = [TOOL, {**TOOL, "name": "other"}]
    respond(driver, tools=tools, tool_choice=choice)
    output = driver.last("response.done")["response"]["output"]
    assert [item["type"] for item in output] == kinds
    assert "unheard_of" not in [item.get("name") for item in output]


@pytest.mark.parametrize(("is_parallel", "count"), [(True, 3), (None, 3), (False, 1)])
def test_several_calls_in_one_response(is_parallel: bool | None, count: int) -> None:
    calls = [Call("weather", json.dumps({"city": city})) for city in ("Rome", "Oslo", "Lima")]
    driver = Driver(answers={"hello": calls})
    respond(driver, tools=[TOOL], parallel_tool_calls=is_parallel)
    output = driver.last("response.done")["response"]["output"]
    assert len(output) == count
    assert len({item["call_id"] for item in output}) == count
    places = [e["output_index"] for e in driver.of("response.function_call_arguments.done")]
    assert places == list(range(count))


def test_several_rounds_of_tools() -> None:
    driver = Driver()
    driver.send("session.update", session={"type": "realtime", "tools": [TOOL]})
    for _ in range(3):
        respond(driver, "weather in Paris")
        call = driver.last("response.done")["response"]["output"][0]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        driver.send("conversation.item.create", item=output)
        driver.send("response.create")
        driver.settle()
        last = driver.last("response.output_audio_transcript.done")
        assert last["transcript"] == "The tool says: sunny"


def test_max_output_tokens_cuts_a_call_too() -> None:
    arguments = json.dumps({"city": "x" * 100})
    driver = Driver(answers={"hello": [Call("weather", arguments), Say("Never said.")]})
    respond(driver, tools=[TOOL], max_output_tokens=10)
    response = driver.last("response.done")["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"]["reason"] == "max_output_tokens"
    (call,) = response["output"]
    assert call["status"] == "incomplete"
    assert call["arguments"] == arguments[: 10 * 4 - len("weather")]
    assert response["usage"]["output_tokens"] == 10


def test_a_forced_tool_must_exist() -> None:
    driver = Driver()
    respond(driver, tool_choice={"type": "function", "name": "nothing"})
    error = driver.error()
    assert (error["code"], error["param"]) == ("invalid_value", "response.tool_choice")
    assert "response.created" not in driver.types


def test_cancel_by_the_client() -> None:
    driver = Driver(answers={"hello": [Say("a rather long answer that takes its time")]})
    driver.say("hello")
    driver.send("response.create")
    while not driver.of("response.output_audio.delta"):
        assert driver.do_work() or driver.tick()
    driver.send("response.cancel")
    done = driver.last("response.done")["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert driver.types[-2:] == ["response.done", "rate_limits.updated"]
    assert driver.settle() == []
    assert driver.send("response.cancel", response_id="resp_1")[0]["type"] == "error"


def test_a_second_response_is_refused_while_one_is_active() -> None:
    driver = Driver()
    driver.say("hello")
    driver.send("response.create")
    driver.send("response.create", event_id="second")
    error = driver.error()
    assert error["code"] == "conversation_already_has_active_response"
    assert "resp_1" in error["message"]
    assert error["event_id"] == "second"


def test_a_brain_that_fails_fails_the_response() -> None:
    driver = Driver(answers={"hello": [Say("I was"), RuntimeError("boom")]})
    events = respond(driver)
    assert events[-2]["type"] == "response.done"
    done = events[-2]["response"]
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["type"] == "server_error"
    assert "boom" not in str(done)
    assert driver.of("error") == []
    respond(driver, "again")
    assert driver.last("response.done")["response"]["status"] == "completed"


def test_a_voice_that_fails_fails_the_response_with_closers() -> None:
    driver = Driver(answers={"hello": [Say("all is well until BOOM happens")]}, breaks_on="BOOM")
    events = respond(driver)
    assert names(events)[-7:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert driver.last("response.done")["response"]["status"] == "failed"


def test_max_output_tokens_ends_incomplete() -> None:
    driver = Driver(answers={"hello": [Say("a rather long answer that takes its time " * 4)]})
    respond(driver, max_output_tokens=10)
    done = driver.last("response.done")["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["usage"]["output_tokens"] >= 10
    assert done["output"][0]["status"] == "incomplete"


def test_max_output_tokens_ends_a_written_answer_too() -> None:
    driver = Driver(answers={"hello": [Say("a rather long answer " * 40)]})
    respond(driver, max_output_tokens=10, output_modalities=["text"])
    done = driver.last("response.done")["response"]
    assert done["status"] == "incomplete"
    assert 10 <= done["usage"]["output_tokens"] <= 14
    text = driver.last("response.output_text.done")["text"]
    assert len(text) <= 4 * 14
    assert done["output"][0]["content"] == [{"type": "output_text", "text": text}]


@pytest.mark.parametrize(("modality", "times"), [("audio", 360), ("text", 1700)])
def test_an_endless_answer_ends_where_the_real_models_end(modality: str, times: int) -> None:
    driver = Driver(answers={"hello": [Say("on and on " * times)]})
    respond(driver, output_modalities=[modality])
    done = driver.last("response.done")["response"]
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert 4096 <= done["usage"]["output_tokens"] <= 4110
    sent = sum(len(from_base64(e["delta"])) for e in driver.of("response.output_audio.delta"))
    assert sent <= 48 * 1000 * 205


def test_a_voice_that_never_stops_is_stopped() -> None:
    driver = Driver()
    driver.say("hello")
    driver.send("response.create", response={"max_output_tokens": 100})
    driver.do_work()
    ((speech_id, _),) = driver.work
    for _ in range(6):
        driver.feed(Speaking(speech_id, Spoken(bytes(48 * 1000))))
    assert speech_id in driver.stopped
    driver.work.clear()
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "incomplete"


def test_one_session_has_a_bounded_number_of_responses_under_way() -> None:
    driver = Driver()
    for _ in range(16):
        driver.send("response.create", response={"conversation": "none", "input": []})
    driver.send("response.create", response={"conversation": "none"})
    assert driver.error()["code"] == "rate_limit_exceeded"
    driver.settle()
    assert len(driver.of("response.done")) == 16
    driver.send("response.create")
    assert driver.types[-1] == "response.created"


def test_nothing_said_is_a_completed_response_without_items() -> None:
    driver = Driver(answers={"hello": []})
    respond(driver)
    done = driver.last("response.done")["response"]
    assert (done["status"], done["output"]) == ("completed", [])


def test_an_out_of_band_response_leaves_no_trace_and_may_run_beside() -> None:
    driver = Driver()
    driver.say("hello")
    driver.send("response.create")
    part = {"type": "input_text", "text": "classify"}
    driver.send(
        "response.create",
        response={
            "conversation": "none",
            "metadata": {"topic": "x"},
            "output_modalities": ["text"],
            "input": [
                {"type": "item_reference", "id": "item_1"},
                {"type": "message", "role": "user", "content": [part]},
            ],
        },
    )
    assert driver.types.count("response.created") == 2
    driver.settle()
    out_of_band = [e["response"] for e in driver.of("response.done") if e["response"]["metadata"]]
    assert out_of_band[0]["conversation_id"] is None
    assert out_of_band[0]["output"][0]["content"][0]["text"] == "You said: classify"
    assert len(driver.core._conversation) == 2
    prompt = next(p for p in driver.brain.prompts if len(p.items) == 2)
    assert prompt.items[0]["content"][0]["text"] == "hello"


def test_an_unknown_reference_is_an_error() -> None:
    driver = Driver()
    driver.send("response.create", response={"input": [{"type": "item_reference", "id": "no"}]})
    assert driver.error()["param"] == "response.input[0].id"


def test_remembered_voice_and_speed_are_used_for_what_follows() -> None:
    facts = {"voice": "echo", "speed": 1.5, "volume": 0.5}
    driver = Driver(answers={"hello": [Remember(facts), Say("Like this.")]})
    driver.say("hello")
    driver.send("response.create")
    driver.do_work()
    ((_, action),) = driver.work
    assert (action.voice, action.speed, action.volume) == ("echo", 1.5, 0.5)  # type: ignore[union-attr]
    driver.settle()
    respond(driver, "again")
    assert driver.brain.prompts[-1].memory == facts


def test_a_replay_is_the_user_s_own_sound() -> None:
    driver = Driver("hello world")
    driver.speak(400)
    driver.quiet(200)
    driver.send("response.cancel")
    driver.settle()
    item_id = driver.last("input_audio_buffer.committed")["item_id"]
    driver.brain._table["replay"] = [Replay(item_id)]
    respond(driver, "replay")
    item = driver.core._conversation.get(driver.last("response.output_item.done")["item"]["id"])
    user = driver.core._conversation.get(item_id)
    assert item is not None
    assert user is not None
    assert item.audio[0] == user.audio[0]
    assert driver.last("response.output_audio_transcript.done")["transcript"] == "hello world"


def test_the_greeting_comes_from_an_empty_conversation() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.settle()
    assert "Hello" in driver.last("response.output_audio_transcript.done")["transcript"]


def test_the_voice_is_fixed_after_the_first_audio() -> None:
    driver = Driver()
    respond(driver)
    output = {"output": {"voice": "sage"}}
    driver.send("session.update", session={"type": "realtime", "audio": output})
    assert driver.error()["code"] == "cannot_update_voice"
    driver.send("response.create", response={"audio": output})
    assert driver.error()["code"] == "cannot_update_voice"
    same = {"output": {"voice": "alloy"}}
    driver.send("session.update", session={"type": "realtime", "audio": same})
    assert driver.types[-1] == "session.updated"


def test_usage_counts_the_conversation_again_and_says_what_was_cached() -> None:
    driver = Driver()
    respond(driver)
    respond(driver, "and now?")
    first, second = (e["response"]["usage"] for e in driver.of("response.done"))
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] > 0
    assert second["input_tokens"] > first["input_tokens"]
    for counted in (first, second):
        assert counted["total_tokens"] == counted["input_tokens"] + counted["output_tokens"]
        assert counted["output_tokens"] == sum(counted["output_token_details"].values())


def test_a_brain_that_had_to_stop_ends_the_response_incomplete_after_what_it_said() -> None:
    driver = Driver(answers={"hello": [Say("Once upon a"), Stopped("max_output_tokens")]})
    respond(driver)
    response = driver.last("response.done")["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    (item,) = response["output"]
    assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "Once upon a")


def test_usage_tells_what_the_language_model_counted() -> None:
    driver = Driver(answers={"hello": [Say("Hi."), Used(100, 30)]})
    respond(driver, output_modalities=["text"])
    counted = driver.last("response.done")["response"]["usage"]
    assert (counted["input_tokens"], counted["output_tokens"]) == (100, 30)


def test_the_same_trouble_is_told_once_in_a_response() -> None:
    trouble = Trouble("chat_server_failed", "It is down.")
    driver = Driver(answers={"hello": [trouble, Say("Sorry."), trouble]})
    for turns in (1, 2):
        respond(driver)
        assert len(driver.of("error")) == turns
        assert driver.last("response.done")["response"]["status"] == "completed"


def test_trouble_of_the_voice_is_an_error_event_and_the_speech_goes_on() -> None:
    driver = Driver(answers={"hello": [Say("Hi.")]})
    driver.say("hello")
    driver.send("response.create")
    driver.do_work()
    ((work_id, speak),) = driver.work
    assert isinstance(speak, Speak)
    driver.feed(Speaking(work_id, Spoken(b"", trouble=Trouble("voice_failed", "It is down."))))
    assert (driver.error()["code"], driver.error()["type"]) == ("voice_failed", "server_error")
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"
