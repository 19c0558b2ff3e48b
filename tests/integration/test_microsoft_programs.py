"""Programs with the calls of Microsoft's samples, unchanged but for their text, on GA servers.

Each gets what such a program has (an address, a key and the name of a deployment) and runs against
the engine and against a strict peer that knows GA only.
"""

import asyncio
import base64
import json
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from rtclient import (
    FunctionCallOutputItem,
    InputAudioBufferAppendMessage,
    InputAudioTranscription,
    InputTextContentPart,
    NoTurnDetection,
    RealtimeException,
    RTClient,
    RTFunctionCallItem,
    RTInputAudioItem,
    RTLowLevelClient,
    RTMessageItem,
    RTResponse,
    ServerVAD,
    SessionUpdateMessage,
    SessionUpdateParams,
    UserMessageItem,
    endpoints,
)
from rtclient.engine_process import engine_process
from rtclient.models import ResponseCreateMessage
from tests.support.azure_peer import KEY, REPLY, AzurePeer

# The time limit is for the start of the engine on a busy machine.
pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]

FIXTURES = Path(__file__).parent.parent / "fixtures"
CLOCK = {
    "type": "function",
    "name": "get_time",
    "description": "Tells what time it is.",
    "parameters": {"type": "object", "properties": {}},
}


@dataclass
class Key:
    """A credential as `azure.core` has it: something with `.key`."""

    key: str


@dataclass
class Token:
    """An access token as `azure.identity` has it."""

    token: str


@dataclass
class TokenCredential:
    """A credential as `azure.identity.aio` has it."""

    token: str
    scopes: list[str] = field(default_factory=list)

    async def get_token(self, *scopes: str) -> Token:
        self.scopes += scopes
        return Token(self.token)


Place = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Place]:
    async with engine_process("--seed", "1") as endpoint:
        key = endpoint.headers["Authorization"].removeprefix("Bearer ")
        url = f"http://{urlsplit(endpoint.url).netloc}"
        yield {"url": url, "key_credential": Key(key), "azure_deployment": "engine"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict_peer() -> AsyncIterator[Place]:
    async with AzurePeer() as peer:
        url, key = peer.endpoint, Key(KEY)
        yield {"url": url, "key_credential": key, "azure_deployment": "gpt-realtime"}


@pytest.fixture(params=["engine", "strict_peer"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both servers, one after the other."""
    found: Place = request.getfixturevalue(request.param)
    return found


def speech_chunks(chunk_ms: int = 100) -> list[bytes]:
    with wave.open(str(FIXTURES / "what_time_is_it.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
        pcm = sound.readframes(sound.getnframes())
    size = chunk_ms * 48
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


@dataclass
class Heard:
    """What a program collected."""

    audio: dict[str, bytes] = field(default_factory=dict)
    transcripts: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    turns: list[RTInputAudioItem] = field(default_factory=list)


async def hear_message(item: RTMessageItem, heard: Heard) -> None:
    async for part in item:
        if part.type == "audio":

            async def sound(content: Any) -> bytes:
                return b"".join([chunk async for chunk in content.audio_chunks()])

            async def words(content: Any) -> str:
                return "".join([chunk async for chunk in content.transcript_chunks()])

            heard.audio[item.id], heard.transcripts[item.id] = await asyncio.gather(
                asyncio.create_task(sound(part)), asyncio.create_task(words(part))
            )
            assert part.transcript == heard.transcripts[item.id]
        elif part.type == "text":
            heard.texts[item.id] = "".join([chunk async for chunk in part.text_chunks()])
            assert part.text == heard.texts[item.id]


async def hear_call(item: RTFunctionCallItem, heard: Heard) -> None:
    await item
    heard.calls[item.id] = item.arguments


async def hear_response(client: RTClient, response: RTResponse, heard: Heard) -> None:
    tasks = []
    async for item in response:
        if item.type == "message":
            tasks.append(asyncio.create_task(hear_message(item, heard)))
        elif item.type == "function_call":
            tasks.append(asyncio.create_task(hear_call(item, heard)))
    await asyncio.gather(*tasks)
    if response.status == "completed":
        await client.close()


async def hear_turn(item: RTInputAudioItem, heard: Heard) -> None:
    await item
    heard.turns.append(item)


async def test_a_conversation_where_the_server_finds_the_turns(engine: Place) -> None:
    heard = Heard()
    async with RTClient(**engine) as client:
        await client.configure(
            turn_detection=ServerVAD(threshold=0.5, prefix_padding_ms=300, silence_duration_ms=200),
            input_audio_transcription=InputAudioTranscription(model="whisper-1"),
        )

        async def send() -> None:
            for chunk in [*speech_chunks(), *[bytes(4800)] * 10]:
                await client.send_audio(chunk)

        async def receive() -> None:
            tasks = []
            async for event in client.events():
                if event.type == "input_audio":
                    tasks.append(asyncio.create_task(hear_turn(event, heard)))
                elif event.type == "response":
                    tasks.append(asyncio.create_task(hear_response(client, event, heard)))
            await asyncio.gather(*tasks)

        await asyncio.gather(send(), receive())
    (turn,) = heard.turns
    assert "time" in (turn.transcript or "").lower()
    assert turn.audio_start_ms is not None
    assert turn.audio_end_ms is not None
    assert 0 <= turn.audio_start_ms < turn.audio_end_ms
    assert heard.transcripts.keys() == heard.audio.keys()
    assert all(heard.transcripts.values())
    assert all(len(sound) > 4800 for sound in heard.audio.values())


async def test_a_turn_that_the_program_commits(place: Place) -> None:
    heard = Heard()
    async with RTClient(**place) as client:
        session = await client.configure(
            instructions="Answer in one sentence.",
            turn_detection=NoTurnDetection(),
            input_audio_transcription=InputAudioTranscription(model="whisper-1"),
        )
        assert session.turn_detection is None
        for chunk in speech_chunks():
            await client.send_audio(chunk)
        turn = await client.commit_audio()
        response = await client.generate_response()
        await asyncio.gather(hear_response(client, response, heard), hear_turn(turn, heard))
    assert response.status == "completed"
    assert heard.turns == [turn]
    assert turn.transcript
    assert turn.audio_start_ms is None
    assert len(next(iter(heard.audio.values()))) > 4800


async def test_a_typed_message_and_a_written_answer(place: Place) -> None:
    heard = Heard()
    async with RTClient(**place) as client:
        assert client.session is not None
        await client.configure(modalities={"text"}, turn_detection=NoTurnDetection())
        item = await client.send_item(
            UserMessageItem(content=[InputTextContentPart(text="Hello there!")])
        )
        assert item.type == "message"
        assert item.content[0].type == "input_text"
        response = await client.generate_response()
        answer = await anext(response)
        assert answer.type == "message"
        assert answer.response_id == response.id
        assert answer.previous_id == item.id
        await hear_message(answer, heard)
        with pytest.raises(StopAsyncIteration):
            await anext(response)
        assert response.status == "completed"
        assert response.usage is not None
        output = response.output[0]
        assert output.type == "message"
        assert output.content[0].type == "text"
        assert output.content[0].text == heard.texts[answer.id]
    if place["azure_deployment"] != "engine":
        assert list(heard.texts.values()) == [REPLY]


async def test_a_function_call_and_its_output(engine: Place) -> None:
    async with RTClient(**engine) as client:
        await client.configure(
            modalities={"text"}, tools=[CLOCK], tool_choice="auto", turn_detection=NoTurnDetection()
        )
        await client.send_item(
            UserMessageItem(content=[InputTextContentPart(text="What time is it?")])
        )
        call = await anext(await client.generate_response())
        assert call.type == "function_call"
        assert call.function_name == "get_time"
        pieces = "".join([piece async for piece in call])
        assert pieces == call.arguments
        assert json.loads(call.arguments) == {}
        await client.send_item(FunctionCallOutputItem(call_id=call.call_id, output="It is noon."))
        answer = await anext(await client.generate_response())
        assert answer.type == "message"
        heard = Heard()
        await hear_message(answer, heard)
        assert "noon" in heard.texts[answer.id]


async def test_sound_that_is_thrown_away_cannot_be_committed(engine: Place) -> None:
    async with RTClient(**engine) as client:
        await client.configure(turn_detection=NoTurnDetection())
        for chunk in speech_chunks():
            await client.send_audio(chunk)
        await client.clear_audio()
        with pytest.raises(RealtimeException) as caught:
            await client.commit_audio()
        assert "buffer" in caught.value.message
        assert caught.value.error.code == "input_audio_buffer_commit_empty"


async def test_an_item_that_was_removed_is_no_place_any_more(engine: Place) -> None:
    async with RTClient(**engine) as client:
        first = await client.send_item(
            UserMessageItem(content=[InputTextContentPart(text="My first message.")])
        )
        await client.remove_item(item_id=first.id)
        with pytest.raises(RealtimeException, match=first.id):
            await client.send_item(
                UserMessageItem(content=[InputTextContentPart(text="My second message.")]),
                previous_item_id=first.id,
            )


async def test_a_response_that_is_cancelled_has_no_more_items(engine: Place) -> None:
    async with RTClient(**engine) as client:
        await client.configure(modalities={"text"}, turn_detection=NoTurnDetection())
        await client.send_item(UserMessageItem(content=[InputTextContentPart(text="Tell a joke.")]))
        response = await client.generate_response()
        await response.cancel()
        with pytest.raises(StopAsyncIteration):
            await anext(response)
        assert response.status in ("cancelled", "completed")


async def test_the_low_level_client_speaks_in_messages(place: Place) -> None:
    async with RTLowLevelClient(**place) as client:
        await client.send(
            SessionUpdateMessage(
                session=SessionUpdateParams(
                    turn_detection=NoTurnDetection(type="none"), modalities={"text"}
                )
            )
        )
        for chunk in speech_chunks():
            audio = base64.b64encode(chunk).decode()
            await client.send(InputAudioBufferAppendMessage(audio=audio))
        await client.send(ResponseCreateMessage())
        seen: dict[str, Any] = {}
        text = ""
        while not client.closed:
            message = await client.recv()
            if message is None:
                continue
            seen.setdefault(message.type, message)
            match message.type:
                case "response.text.delta":
                    text += message.delta
                case "response.done":
                    break
    assert seen["session.created"].session.model
    assert seen["session.updated"].session.modalities == ["text"]
    assert seen["session.updated"].session.turn_detection is None
    created = seen["conversation.item.created"]
    assert (created.item.type, created.item.role) == ("message", "assistant")
    assert seen["response.output_item.added"].item.id == created.item.id
    assert seen["response.content_part.added"].part.type == "text"
    assert text == seen["response.text.done"].text == seen["response.content_part.done"].part.text
    assert seen["response.done"].response.status == "completed"
    assert seen["response.done"].response.status_details is None
    assert "error" not in seen


async def test_a_token_credential_is_asked_for_the_scope_of_the_service(strict_peer: Place) -> None:
    credential = TokenCredential(KEY)
    async with RTClient(
        url=strict_peer["url"], token_credential=credential, azure_deployment="gpt-realtime"
    ) as client:
        assert client.session is not None
        assert client.session.model == "gpt-realtime"
    assert len(credential.scopes) == 1


async def test_a_preview_service_keeps_what_only_preview_has(engine: Place) -> None:
    key = engine["key_credential"].key
    endpoint = endpoints.azure(engine["url"], "engine", key=key, dialect="preview")
    async with RTClient.to(endpoint) as client:
        session = await client.configure(modalities={"text"}, temperature=0.7)
        assert (session.temperature, session.modalities) == (0.7, ["text"])
        heard = Heard()
        response = await client.generate_response(instructions="Say exactly: well done")
        await hear_response(client, response, heard)
    assert "well done" in "".join(heard.texts.values()).lower()
