"""What third-party clients send by themselves and what they wait for, one habit per test.

Observed with unmodified packages (LiveKit Agents, Pipecat, OpenAI Agents for Python and Node,
Semantic Kernel, LiteLLM). Several of them end their session at the first `error` event, so a habit
that causes none on the real service must cause none here.
"""

import json
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from rtclient.protocol.audio import from_base64
from tests.support.engine_driver import Driver

MODEL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PCM = {"type": "audio/pcm", "rate": 24000}
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
AGENTS_PYTHON = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [WEATHER],
    "tool_choice": "auto",
    "audio": {
        "input": {
            "format": PCM,
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
        },
        "output": {"format": PCM, "voice": "ash"},
    },
}
AGENTS_NODE = {
    "type": "realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [WEATHER],
    "tool_choice": "auto",
    "audio": {
        "input": {
            "format": PCM,
            "noise_reduction": None,
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad"},
        },
        "output": {"format": PCM, "voice": "ash", "speed": 1},
    },
}
LIVEKIT = {
    "type": "realtime",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "tool_choice": "auto",
    "tracing": None,
    "audio": {
        "input": {
            "format": PCM,
            "noise_reduction": None,
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {
                "type": "semantic_vad",
                "create_response": True,
                "eagerness": "medium",
                "interrupt_response": True,
            },
        },
        "output": {"format": PCM, "voice": "marin", "speed": 1.0},
    },
}
PIPECAT = {
    "type": "realtime",
    "instructions": "Be brief.",
    "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}, "output": {}},
}
SEMANTIC_KERNEL = {
    "type": "realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [{**WEATHER, "name": "plugin-weather"}],
    "tool_choice": "auto",
    "audio": {
        "input": {
            "format": PCM,
            "turn_detection": {
                "type": "server_vad",
                "create_response": True,
                "silence_duration_ms": 800,
                "threshold": 0.8,
            },
        },
        "output": {"voice": "shimmer"},
    },
}


def update(driver: Driver, session: dict[str, Any], **fields: Any) -> None:
    (answer,) = driver.send("session.update", session=session, **fields)
    assert answer["type"] == "session.updated", answer


def spoken_turn(driver: Driver) -> None:
    driver.speak(600)
    driver.quiet(1700)


def check(driver: Driver, *expected_errors: str) -> None:
    """Every event is typed by the official models; the errors are those that the habit causes."""
    for event in driver.events:
        MODEL.validate_python(event, strict=True)
    assert [e["error"]["code"] for e in driver.of("error")] == list(expected_errors)


@pytest.mark.parametrize("session", [AGENTS_PYTHON, AGENTS_NODE, LIVEKIT, SEMANTIC_KERNEL])
def test_the_first_update_of_each_client_is_taken_again_and_again(session: dict[str, Any]) -> None:
    driver = Driver("hello")
    for _ in range(2):
        update(driver, session, event_id="evt_1")
    spoken_turn(driver)
    driver.settle()
    update(driver, session)
    assert driver.last("response.done")["response"]["status"] == "completed"
    check(driver)


def test_tracing_is_switched_on_by_a_second_update() -> None:
    for first, second in ((AGENTS_PYTHON, "auto"), ({"type": "realtime"}, None)):
        driver = Driver()
        update(driver, first)
        update(driver, {"type": "realtime", "tracing": second})
        assert driver.last("session.updated")["session"]["tracing"] == second
        check(driver)


def test_agents_retrieve_each_turn_that_was_transcribed() -> None:
    driver = Driver("hello there")
    update(driver, AGENTS_PYTHON)
    spoken_turn(driver)
    driver.settle()
    item_id = driver.last("conversation.item.input_audio_transcription.completed")["item_id"]
    assert driver.last("input_audio_buffer.committed")["item_id"] == item_id
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    (part,) = event["item"]["content"]
    assert (part["type"], part["transcript"]) == ("input_audio", "hello there")
    assert from_base64(part["audio"])
    check(driver)


def test_agents_truncate_when_somebody_speaks_and_retrieve_what_is_left() -> None:
    driver = Driver("tell me something", "stop")
    update(driver, AGENTS_PYTHON)
    spoken_turn(driver)
    while len(driver.of("response.output_audio.delta")) < 3:
        assert driver.do_work() or driver.tick()
    item_id = driver.last("response.output_audio.delta")["item_id"]
    driver.speak(300)
    assert driver.last("response.done")["response"]["status_details"]["reason"] == "turn_detected"
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=200)
    assert driver.types[-1] == "conversation.item.truncated"
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert event["item"]["status"] == "incomplete"
    assert len(from_base64(event["item"]["content"][0]["audio"])) == 48 * 200
    check(driver)


def test_livekit_brings_its_history_in_its_own_order_and_under_its_own_ids() -> None:
    driver = Driver()
    update(driver, LIVEKIT)
    update(driver, {"type": "realtime", "instructions": "Be kind."}, event_id="instructions_1")
    update(driver, {"type": "realtime", "tools": [WEATHER]}, event_id="tools_1")
    roles = {"user": "input_text", "assistant": "output_text", "system": "input_text"}
    previous = "root"
    for role, kind in roles.items():
        part = {"type": kind, "text": role}
        item_id = f"item_{role}9"
        item = {"id": item_id, "type": "message", "role": role, "content": [part]}
        added, done = driver.send(
            "conversation.item.create", event_id="e", previous_item_id=previous, item=item
        )
        assert (added["type"], added["item"]["id"]) == ("conversation.item.added", item_id)
        assert added["previous_item_id"] == (None if previous == "root" else previous)
        assert done["type"] == "conversation.item.done"
        previous = item_id
    driver.send("conversation.item.delete", item_id="item_assistant9", event_id="chat_ctx_1")
    assert driver.types[-1] == "conversation.item.deleted"
    check(driver)


def test_livekit_finds_its_response_by_the_metadata() -> None:
    driver = Driver()
    driver.say("hello")
    metadata = {"client_event_id": "response_create_1"}
    response = {"instructions": None, "metadata": metadata}
    (created,) = driver.send("response.create", event_id="response_create_1", response=response)
    assert created["response"]["metadata"] == metadata
    assert created["response"]["output"] == []
    driver.settle()
    assert driver.last("response.done")["response"]["metadata"] == metadata
    check(driver)


def test_pipecat_adds_system_text_in_the_middle_under_a_bare_uuid() -> None:
    driver = Driver("hello")
    update(driver, PIPECAT)
    item = {
        "id": "0f8fad5bd9cb469fa16570867728950e",
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "The user is in a hurry."}],
    }
    driver.send("conversation.item.create", item=item)
    assert driver.types[-1] == "conversation.item.done"
    update(driver, {"type": "realtime", "tools": [WEATHER]})
    spoken_turn(driver)
    driver.settle()
    driver.send("response.cancel")
    check(driver, "response_cancel_not_active")


def test_pipecat_runs_a_tool_only_when_its_item_came_before_the_arguments() -> None:
    driver = Driver()
    update(driver, {"type": "realtime", "tools": [WEATHER]})
    driver.say("the weather please")
    driver.send("response.create")
    driver.settle()
    added = [
        event["item"]["call_id"]
        for event in driver.events[: driver.types.index("response.function_call_arguments.done")]
        if event["type"] == "conversation.item.added" and event["item"]["type"] == "function_call"
    ]
    done = driver.last("response.function_call_arguments.done")
    assert [done["call_id"]] == added
    assert done["name"] == "weather"
    assert driver.last("response.output_item.done")["item"]["status"] == "completed"
    check(driver)


def test_semantic_kernel_prints_its_json_over_many_lines() -> None:
    driver = Driver()
    event = {"type": "session.update", "session": SEMANTIC_KERNEL}
    (answer,) = driver.send_raw(json.dumps(event, indent=2))
    assert answer["type"] == "session.updated"
    driver.say("call plugin-weather")
    driver.send_raw(json.dumps({"type": "response.create"}, indent=2))
    driver.settle()
    assert driver.last("response.function_call_arguments.done")["name"] == "plugin-weather"
    check(driver)


def test_litellm_asks_for_a_second_answer_to_each_transcribed_turn() -> None:
    driver = Driver("hello")
    update(driver, AGENTS_PYTHON)
    spoken_turn(driver)
    while not driver.of("conversation.item.input_audio_transcription.completed"):
        assert driver.do_work()
    driver.send("response.create")
    driver.settle()
    assert len(driver.of("response.done")) == 1
    check(driver, "conversation_already_has_active_response")


def test_a_tool_result_answers_several_calls_with_one_response() -> None:
    driver = Driver()
    clock = {**WEATHER, "name": "clock"}
    update(driver, {"type": "realtime", "tools": [WEATHER, clock]})
    for name in ("weather", "clock"):
        driver.say(name)
        driver.send("response.create")
        driver.settle()
        call_id = driver.last("response.function_call_arguments.done")["call_id"]
        item = {"type": "function_call_output", "call_id": call_id, "output": f"{name}!"}
        driver.send("conversation.item.create", item=item)
    driver.send("response.create")
    driver.settle()
    assert driver.last("response.output_audio_transcript.done")["transcript"].endswith("clock!")
    check(driver)
