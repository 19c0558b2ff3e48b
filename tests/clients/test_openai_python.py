"""The official `openai` Python client, unchanged, through our server and on the engine itself."""

import base64
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from tests.support.servers import ROOT, child, child_server
from tests.support.waiting import engine_ready, ready_line

SPEECH = ROOT / "tests" / "fixtures" / "what_time_is_it.wav"
"""A woman asks "What time is it?"; pcm16, 24 000 Hz, mono. Spoken by flite (voice slt)."""

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
}

pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(params=["engine", "server"], scope="module", loop_scope="module")
async def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[int, str]]:
    """Port and key of the engine itself, then of a server in front of its own engine."""
    if request.param == "engine":
        key = "official-client-key"
        environment = {"RTCLIENT_ENGINE_KEY": key}
        async with child("-m", "rtclient.engine", "--port", "0", environment=environment) as engine:
            yield (await ready_line(engine))["port"], key
    else:
        folder = tmp_path_factory.mktemp("server")
        async with child_server({"UPSTREAM": "engine"}, folder=folder) as (_, port):
            await engine_ready(port)
            yield port, "any key is accepted on loopback"


@pytest_asyncio.fixture(loop_scope="module")
async def connection(address: tuple[int, str]) -> AsyncIterator[AsyncRealtimeConnection]:
    """An open realtime connection of the official client."""
    async with connected(*address) as opened:
        yield opened


def connected(port: int, key: str) -> Any:
    """Dial `/v1/realtime` as a program of the official client does."""
    client = AsyncOpenAI(api_key=key, base_url=f"http://127.0.0.1:{port}/v1")
    return client.realtime.connect(model="gpt-realtime")


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[RealtimeServerEvent]:
    """All events up to the first of this type; an `error` event fails the test."""
    events: list[RealtimeServerEvent] = []
    while True:
        event = await connection.recv()
        assert event.type != "error", event
        events.append(event)
        if event.type == kind:
            return events


async def test_a_text_turn(connection: AsyncRealtimeConnection) -> None:
    await until(connection, "session.created")
    await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await until(connection, "session.updated")
    await ask(connection, "What is seven plus five?")
    events = await until(connection, "response.done")
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert "12" in text or "twelve" in text.lower()
    done = events[-1]
    assert done.type == "response.done"
    assert done.response.status == "completed"
    assert done.response.usage is not None
    assert (done.response.usage.total_tokens or 0) > 0


async def test_an_audio_turn(connection: AsyncRealtimeConnection) -> None:
    await until(connection, "session.created")
    detection = {"type": "server_vad", "silence_duration_ms": 300}
    audio = {"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}}
    await connection.session.update(session={"type": "realtime", "audio": audio})  # type: ignore[typeddict-item]
    await until(connection, "session.updated")
    with wave.open(str(SPEECH)) as sound:
        pcm = bytes(24_000) + sound.readframes(sound.getnframes()) + bytes(48_000)
    for at in range(0, len(pcm), 4800):
        await connection.input_audio_buffer.append(
            audio=base64.b64encode(pcm[at : at + 4800]).decode()
        )
    events: list[RealtimeServerEvent] = []
    wanted = {"response.done", "conversation.item.input_audio_transcription.completed"}
    while wanted - {event.type for event in events}:
        events.append(await connection.recv())
        assert events[-1].type != "error", events[-1]
    kinds = [event.type for event in events]
    heard = next(
        e for e in events if e.type == "conversation.item.input_audio_transcription.completed"
    )
    sound_out = [e.delta for e in events if e.type == "response.output_audio.delta"]
    said = "".join(e.delta for e in events if e.type == "response.output_audio_transcript.delta")
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index(
        "input_audio_buffer.speech_stopped"
    )
    assert "time" in heard.transcript.lower()
    assert said
    assert sum(len(base64.b64decode(delta)) for delta in sound_out) > 24_000  # half a second


async def test_a_tool_turn(connection: AsyncRealtimeConnection) -> None:
    await until(connection, "session.created")
    await connection.session.update(
        session={"type": "realtime", "output_modalities": ["text"], "tools": [WEATHER]}  # type: ignore[list-item]
    )
    await until(connection, "session.updated")
    await ask(connection, "What is the weather in Paris?")
    events = await until(connection, "response.done")
    (call,) = [e for e in events if e.type == "response.function_call_arguments.done"]
    assert json.loads(call.arguments) == {"city": "Paris"}
    output = json.dumps({"temperature": 21, "sky": "sunny"})
    await connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": output}
    )
    await connection.response.create()
    events = await until(connection, "response.done")
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert "21" in text or "sunny" in text.lower()


async def test_an_error_is_an_event_and_the_session_lives_on(
    connection: AsyncRealtimeConnection,
) -> None:
    await until(connection, "session.created")
    await connection.response.cancel()
    event = await connection.recv()
    assert event.type == "error"
    assert event.error.code == "response_cancel_not_active"
    await connection.input_audio_buffer.clear()
    await until(connection, "input_audio_buffer.cleared")


async def ask(connection: AsyncRealtimeConnection, text: str) -> None:
    """A typed question, and the wish for an answer."""
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    await connection.response.create()
