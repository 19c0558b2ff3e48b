"""The official `openai` Python client, unchanged: every kind of turn.

On the engine itself with its real senses, and through our server.
"""

import base64
import json
from typing import Any

import pytest

from rtclient.engine.telephony import ToWire
from rtclient.protocol.audio import FORMATS
from tests.support.official import (
    TRANSCRIPTION,
    WEATHER,
    Program,
    client,
    connected,
    kinds_of,
    question,
)

pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="session")]

HEARD = f"{TRANSCRIPTION}.completed"
SPOKEN = {"transcription": {"model": "whisper-1"}}
SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 300}


async def test_a_text_turn(program: Program) -> None:
    await program.update(output_modalities=["text"])
    await program.ask("What is seven plus five?")
    done = (await program.until("response.done")).response
    assert "12" in program.text or "twelve" in program.text.lower()
    assert done.status == "completed"
    assert done.usage is not None
    assert (done.usage.total_tokens or 0) > 0
    assert not program.audio


async def test_a_typed_question_is_answered_aloud(program: Program) -> None:
    await program.ask("What is seven plus five?")
    done = (await program.until("response.done")).response
    assert "twelve" in program.text.lower() or "12" in program.text
    assert len(program.audio) > 24_000  # half a second
    assert done.output is not None
    assert done.output[0].content[0].transcript == program.text


@pytest.mark.parametrize(
    "detection",
    [SERVER_VAD, {"type": "semantic_vad", "eagerness": "high"}],
    ids=lambda d: d["type"],
)
async def test_a_spoken_turn(program: Program, detection: dict[str, object]) -> None:
    await program.update(audio={"input": {**SPOKEN, "turn_detection": detection}})
    await program.append(question() + bytes(48 * 4500))
    await program.until("response.done", HEARD)
    kinds = kinds_of(program.events)
    started, stopped, committed = (
        kinds.index(f"input_audio_buffer.{what}")
        for what in ("speech_started", "speech_stopped", "committed")
    )
    assert started < stopped < committed < kinds.index("response.created")
    assert "time" in program.of(HEARD)[0].transcript.lower()
    assert program.text
    assert len(program.audio) > 24_000


async def test_push_to_talk(program: Program) -> None:
    await program.update(audio={"input": {**SPOKEN, "turn_detection": None}})
    await program.append(question())
    await program.connection.input_audio_buffer.commit()
    await program.connection.response.create()
    await program.until("response.done", HEARD)
    assert "time" in program.of(HEARD)[0].transcript.lower()
    assert "input_audio_buffer.speech_started" not in kinds_of(program.events)
    assert program.text


async def test_a_telephone_call(program: Program) -> None:
    sides = {
        "input": {**SPOKEN, "format": {"type": "audio/pcmu"}, "turn_detection": SERVER_VAD},
        "output": {"format": {"type": "audio/pcma"}},
    }
    session = await program.update(audio=sides)
    assert session.audio.output.format.type == "audio/pcma"
    speech = ToWire(FORMATS["audio/pcmu"]).feed(question() + bytes(48 * 800))
    await program.append(speech, piece=800)
    await program.until("response.done", HEARD)
    seconds = len(program.audio) / 8000
    assert seconds > 0.5
    assert len(program.text) / 40 < seconds < len(program.text) / 4, "A-law at 8 kHz"


async def test_a_tool_turn(program: Program) -> None:
    await program.update(output_modalities=["text"], tools=[WEATHER])
    await program.ask("What is the weather in Paris?")
    await program.until("response.done")
    (call,) = program.of("response.function_call_arguments.done")
    assert json.loads(call.arguments) == {"city": "Paris"}
    output = json.dumps({"temperature": 21, "sky": "sunny"})
    await program.connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": output}
    )
    await program.connection.response.create()
    await program.until("response.done")
    assert "21" in program.text or "sunny" in program.text.lower()


async def test_a_forced_tool(program: Program) -> None:
    forced = {"type": "function", "name": "get_weather"}
    await program.update(output_modalities=["text"], tools=[WEATHER])
    await program.ask("I am in Rome", tool_choice=forced)
    done = (await program.until("response.done")).response
    assert [item.type for item in done.output] == ["function_call"]
    assert done.output[0].name == "get_weather"


async def test_barge_in_and_truncate(program: Program) -> None:
    await program.update(audio={"input": {**SPOKEN, "turn_detection": SERVER_VAD}})
    await program.ask("Count to thirty")
    delta = await program.until("response.output_audio.delta")
    await program.append(question())
    done = (await program.until("response.done")).response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    item = program.connection.conversation.item
    await item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=90)
    cut = await program.until("conversation.item.truncated")
    assert cut.audio_end_ms == 90
    await item.retrieve(item_id=delta.item_id)
    kept = (await program.until("conversation.item.retrieved")).item.content[0]
    assert len(base64.b64decode(kept.audio)) == 90 * 48
    assert program.text.startswith(kept.transcript)
    await program.append(bytes(48 * 800))
    done = (await program.until("response.done")).response
    assert done.status == "completed"


async def test_response_cancel(program: Program) -> None:
    await program.ask("Count to thirty")
    await program.until("response.output_audio.delta")
    await program.connection.response.cancel()
    done = (await program.until("response.done")).response
    assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")


async def test_an_error_is_an_event_and_the_session_lives_on(program: Program) -> None:
    await program.connection.response.cancel(event_id="mine")
    error = await program.error()
    assert (error.code, error.event_id) == ("response_cancel_not_active", "mine")
    await program.connection.input_audio_buffer.clear()
    await program.until("input_audio_buffer.cleared")


async def test_a_transcription_session(engine: tuple[int, str]) -> None:
    dial = client(*engine).realtime.connect(extra_query={"intent": "transcription"})
    async with dial as connection:
        program = Program(connection)
        session = (await program.until("session.created")).session
        assert session.type == "transcription"
        sides = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
        await program.update(type="transcription", audio=sides)
        await program.append(question() + bytes(48 * 800))
        heard = await program.until(HEARD)
        assert "time" in heard.transcript.lower()
        pieces = [event.delta for event in program.of(f"{TRANSCRIPTION}.delta")]
        assert heard.transcript == "".join(pieces)
        await connection.response.create(event_id="mine")
        assert (await program.error()).event_id == "mine"
        assert "response.created" not in kinds_of(program.events)


async def test_a_client_secret_opens_a_session_with_its_settings(engine: tuple[int, str]) -> None:
    port, key = engine
    words = "Say exactly: I come from the secret."
    session: Any = {"type": "realtime", "instructions": words, "output_modalities": ["text"]}
    secret = await client(port, key).realtime.client_secrets.create(
        session=session, expires_after={"anchor": "created_at", "seconds": 60}
    )
    assert secret.value.startswith("ek_")
    assert secret.session.type == "realtime"
    assert secret.session.instructions == words
    async with connected(port, secret.value) as connection:
        program = Program(connection)
        created = await program.until("session.created")
        assert created.session.instructions == words
        await connection.response.create()
        await program.until("response.done")
        assert program.text == "I come from the secret."
