"""What relay, page and engine take for granted about the service, asked of the service itself."""

import base64
import json
import wave
from pathlib import Path
from typing import Any

import pytest

from server.profiles import session_update
from tests.live.conversation import Conversation

SPEECH = Path(__file__).parents[1] / "fixtures" / "what_time_is_it.wav"
SHORT: dict[str, Any] = {"max_output_tokens": 60}
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

pytestmark = pytest.mark.timeout(60)


async def test_our_own_session_update_is_accepted(conversation: Conversation) -> None:
    settings = conversation.settings
    session = session_update(settings, settings.upstream)
    await conversation.send("session.update", event_id="parley_1", session=session)
    updated = await conversation.until("session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500


async def test_one_unknown_field_rejects_the_whole_update(conversation: Conversation) -> None:
    session = {"type": "realtime", "instructions": "x", "modalities": ["text"]}
    await conversation.send("session.update", event_id="mine", session=session)
    error = await conversation.error()
    assert (error["code"], error["param"]) == ("unknown_parameter", "session.modalities")
    assert error["event_id"] == "mine"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("response.cancel", "response_cancel_not_active"),
        ("input_audio_buffer.commit", "input_audio_buffer_commit_empty"),
        ("parley.nothing", "invalid_value"),
    ],
)
async def test_errors_have_their_codes(kind: str, code: str, conversation: Conversation) -> None:
    await conversation.send(kind)
    assert (await conversation.error())["code"] == code


async def test_a_text_turn_has_our_ladder(conversation: Conversation) -> None:
    await conversation.say("Say the word hello and nothing else.")
    await conversation.send("response.create", response={"output_modalities": ["text"], **SHORT})
    done = await conversation.until("response.done")
    kinds = [event["type"] for event in conversation.events]
    ladder = [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert done["response"]["status"] == "completed"
    assert sorted(ladder, key=kinds.index) == ladder


async def test_a_spoken_question_is_answered_with_sound(conversation: Conversation) -> None:
    detection = {"turn_detection": None}
    session = {"type": "realtime", "audio": {"input": detection}}
    await conversation.send("session.update", session=session)
    await conversation.until("session.updated")
    with wave.open(str(SPEECH)) as sound:
        audio = base64.b64encode(sound.readframes(sound.getnframes())).decode()
    await conversation.send("input_audio_buffer.append", audio=audio)
    await conversation.send("input_audio_buffer.commit")
    await conversation.until("input_audio_buffer.committed")
    await conversation.send("response.create", response=SHORT)
    await conversation.until("response.done")
    deltas = [e for e in conversation.events if e["type"] == "response.output_audio.delta"]
    assert deltas
    assert all(len(base64.b64decode(e["delta"])) % 2 == 0 for e in deltas)


async def test_a_tool_is_called_and_its_output_used(conversation: Conversation) -> None:
    session = {"type": "realtime", "tools": [TOOL], "output_modalities": ["text"]}
    await conversation.send("session.update", session=session)
    await conversation.until("session.updated")
    await conversation.say("What is the weather in Paris? Use the tool.")
    await conversation.send("response.create", response=SHORT)
    call = await conversation.until("response.function_call_arguments.done")
    await conversation.until("response.done")
    assert "Paris" in json.loads(call["arguments"])["city"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": '"21 degrees"'}
    await conversation.send("conversation.item.create", item=output)
    await conversation.send("response.create", response=SHORT)
    done = await conversation.until("response.done")
    assert "21" in json.dumps(done["response"]["output"])
