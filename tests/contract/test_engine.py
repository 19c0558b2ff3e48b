"""The engine over real sockets, judged by the models of the official client.

Every event that arrives must validate as one of `openai.types.realtime.RealtimeServerEvent`, whose
required fields are those that typed clients rely on, and every turn must have the ladder of the
real service.
"""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from rtclient.engine import scripted
from rtclient.engine.door import DoorRules
from rtclient.engine.scripted import tone
from rtclient.engine.senses import Call, Heard, Say, Senses, Thought
from rtclient.engine.serve import serve
from rtclient.protocol.audio import to_base64
from tests.support.engine_driver import shape
from tests.support.talker import Talker

MODEL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
TRANSCRIBED = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
    "include": ["item.input_audio_transcription.logprobs"],
}
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"city": {"type": "string"}},
    },
}


class Client(Talker):
    """A talker that validates every event and reads spoken turns aloud."""

    async def next(self) -> dict[str, Any]:
        """The next event, judged."""
        event = await super().next()
        judged = MODEL.validate_python(event, strict=True)
        assert judged.type == event["type"]
        assert isinstance(event["event_id"], str)
        return event

    async def speak(self, length_ms: int = 500, quiet_ms: int = 300) -> None:
        """Append a spoken turn, faster than anybody speaks."""
        pcm = tone(300, length_ms) + bytes(48 * quiet_ms)
        for at in range(0, len(pcm), 48 * 100):
            await self.send("input_audio_buffer.append", audio=to_base64(pcm[at : at + 48 * 100]))

    async def say(self, text: str) -> None:
        """Create a user's text item."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)

    @property
    def types(self) -> list[str]:
        """The types of all events so far."""
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type."""
        return [event for event in self.events if event["type"] == kind]


@asynccontextmanager
async def engine(senses: Senses | None = None, **options: Any) -> AsyncIterator[str]:
    async with serve(senses or scripted.senses(), **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"


@asynccontextmanager
async def client(
    *turns: str | Heard | Exception,
    answers: dict[str, Sequence[Thought | Exception]] | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    async with (
        engine(scripted.senses(*turns, answers=answers), **options) as url,
        connect(url, compression=None, max_size=None) as connection,
    ):
        talker = Client(connection)
        await talker.until("session.created")
        yield talker


REPLY = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.audio+transcript.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
    "rate_limits.updated",
]


async def test_a_spoken_turn_with_transcription() -> None:
    async with client("hello there") as talker:
        await talker.send("session.update", session=TRANSCRIBED)
        await talker.speak()
        await talker.until("rate_limits.updated")
        kind = "conversation.item.input_audio_transcription"
        assert talker.of(f"{kind}.completed")[0]["transcript"] == "hello there"
        assert talker.of(f"{kind}.completed")[0]["logprobs"][0]["token"] == "hello"
        ladder = [t for t in talker.types if not t.startswith(kind)]
        assert shape(ladder) == [
            "session.created",
            "session.updated",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            *REPLY,
        ]


async def test_a_typed_turn_answered_in_text() -> None:
    async with client() as talker:
        await talker.say("good morning")
        await talker.send("response.create", response={"output_modalities": ["text"]})
        done = await talker.until("response.done")
        part = done["response"]["output"][0]["content"][0]
        assert part == {"type": "output_text", "text": "You said: good morning"}


async def test_a_tool_turn() -> None:
    async with client() as talker:
        await talker.send("session.update", session={"type": "realtime", "tools": [TOOL]})
        await talker.say("weather in Paris")
        await talker.send("response.create")
        call = (await talker.until("response.done"))["response"]["output"][0]
        assert call["type"] == "function_call"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        await talker.send("conversation.item.create", item=output)
        await talker.send("response.create")
        await talker.until("response.done")
        (transcript,) = talker.of("response.output_audio_transcript.done")
        assert transcript["transcript"] == "The tool says: sunny"


async def test_a_message_before_a_call() -> None:
    answers: dict[str, Sequence[Thought | Exception]] = {
        "hello": [Say("One moment."), Call("weather", "{}")]
    }
    async with client(answers=answers) as talker:
        await talker.say("hello")
        await talker.send("response.create", response={"tools": [TOOL]})
        done = await talker.until("response.done")
        kinds = [item["type"] for item in done["response"]["output"]]
        assert kinds == ["message", "function_call"]


async def test_barge_in_then_truncate_then_the_next_turn() -> None:
    story = "once upon a time there was a very long story that nobody wanted to hear " * 4
    async with client("tell a story", "stop", answers={"tell a story": [Say(story)]}) as talker:
        await talker.speak()
        delta = await talker.until("response.output_audio.delta")
        await talker.speak(quiet_ms=0)
        done = await talker.until("response.done")
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        assert talker.types.index("response.done") > talker.types.index("response.output_item.done")
        await talker.send(
            "conversation.item.truncate",
            item_id=delta["item_id"],
            content_index=0,
            audio_end_ms=90,
        )
        await talker.until("conversation.item.truncated")
        await talker.send("conversation.item.retrieve", item_id=delta["item_id"])
        item = (await talker.until("conversation.item.retrieved"))["item"]
        assert item["content"][0]["transcript"] == "once"
        await talker.speak()
        done = await talker.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_push_to_talk_and_cancel() -> None:
    async with client("hello", answers={"hello": [Say("a long answer " * 20)]}) as talker:
        off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await talker.send("session.update", session=off)
        await talker.speak()
        await talker.send("input_audio_buffer.commit")
        await talker.send("response.create")
        await talker.until("response.output_audio.delta")
        await talker.send("response.cancel")
        done = await talker.until("response.done")
        assert done["response"]["status_details"]["reason"] == "client_cancelled"
        await talker.send("response.cancel")
        assert (await talker.until("error"))["error"]["code"] == "response_cancel_not_active"
        await talker.send("input_audio_buffer.clear")
        await talker.until("input_audio_buffer.cleared")


async def test_broken_senses_end_as_data() -> None:
    answers: dict[str, Sequence[Thought | Exception]] = {"boom": [RuntimeError("boom")]}
    async with client(RuntimeError("ears"), "boom", "hello", answers=answers) as talker:
        await talker.send("session.update", session=TRANSCRIBED)
        statuses = []
        for _ in range(3):
            await talker.speak()
            statuses.append((await talker.until("response.done"))["response"]["status"])
        assert statuses == ["failed", "failed", "completed"]
        assert talker.of("conversation.item.input_audio_transcription.failed")


async def test_items_are_deleted_and_errors_are_events() -> None:
    async with client() as talker:
        await talker.say("x")
        item_id = (await talker.until("conversation.item.done"))["item"]["id"]
        await talker.send("conversation.item.delete", item_id=item_id)
        await talker.until("conversation.item.deleted")
        for raw in ("{", "[]", '{"type":"nonsense"}', b"\xff"):
            await talker.send_raw(raw)
            assert (await talker.until("error"))["error"]["type"] == "invalid_request_error"


async def test_an_out_of_band_response_runs_beside_another() -> None:
    async with client(answers={"hello": [Say("word " * 8)]}) as talker:
        await talker.say("hello")
        await talker.send("response.create")
        await talker.send(
            "response.create",
            response={"conversation": "none", "output_modalities": ["text"], "input": []},
        )
        first = await talker.until("response.done")
        assert first["response"]["conversation_id"] is None
        second = await talker.until("response.done")
        assert second["response"]["conversation_id"] is not None


async def test_a_15_mb_append_is_taken_while_others_are_served() -> None:
    async with engine() as url, connect(url, compression=None) as big:
        talker = Client(big)
        off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await talker.send("session.update", session=off)
        await talker.send("input_audio_buffer.append", audio=to_base64(bytes(11_000_000)))
        await talker.send("input_audio_buffer.commit")
        async with connect(url, compression=None) as connection:
            other = Client(connection)
            await other.until("session.created")
        await talker.until("input_audio_buffer.committed")


# ---------------------------------------------------------------- the door


async def opens(url: str, **options: Any) -> ClientConnection:
    connection = await connect(url, compression=None, **options)
    await connection.close()
    return connection


@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime", "/v1/realtime?model=x"])
async def test_both_paths_are_served(path: str) -> None:
    async with engine() as url:
        async with connect(url.replace("/v1/realtime", path)) as connection:
            session = json.loads(await connection.recv())["session"]
        assert session["model"] == ("x" if "model" in path else "parley-engine")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/openai/realtime?api-version=1&deployment=d", {}, 404),
        ("/", {}, 404),
        ("/v1/realtime?intent=translation", {}, 400),
        ("/v1/realtime?call_id=rtc_1", {}, 400),
        ("/v1/realtime", {"Origin": "https://evil.example"}, 403),
    ],
)
async def test_what_is_refused_before_the_upgrade(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with engine() as url:
        with pytest.raises(InvalidStatus) as refused:
            await opens(url.replace("/v1/realtime", path), additional_headers=headers)
        assert refused.value.response.status_code == status
        assert refused.value.response.body is not None
        assert "error" in json.loads(refused.value.response.body)


async def test_an_allowed_origin_may_come_in() -> None:
    async with engine(rules=DoorRules(allowed_origins=("https://good.example",))) as url:
        await opens(url, additional_headers={"Origin": "https://good.example"})
        await opens(url)


async def test_the_key_is_asked_for() -> None:
    async with engine(rules=DoorRules(key="secret-1")) as url:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"api-key": "wrong"}):
            with pytest.raises(InvalidStatus) as refused:
                await opens(url, additional_headers=headers)
            assert refused.value.response.status_code == 401
        await opens(url, additional_headers={"Authorization": "Bearer secret-1"})
        await opens(url, additional_headers={"api-key": "secret-1"})
        protocols = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.secret-1")]
        connection = await opens(url, subprotocols=protocols)
        assert connection.subprotocol == "realtime"


async def test_the_subprotocol_is_echoed_only_when_offered() -> None:
    async with engine() as url:
        assert (await opens(url)).subprotocol is None
        offered = [Subprotocol("other")]
        assert (await opens(url, subprotocols=offered)).subprotocol is None


async def test_a_plain_get_is_told_to_upgrade() -> None:
    async with engine() as url:
        host, port = url.removeprefix("ws://").split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert b"upgrade: websocket" in answer.lower()


async def test_the_beta_header_ends_as_at_openai() -> None:
    async with (
        engine() as url,
        connect(url, additional_headers={"OpenAI-Beta": "realtime=v1"}) as connection,
    ):
        talker = Client(connection)
        assert await talker.closed() == (4000, "invalid_request_error.beta_api_shape_disabled")
        assert talker.events[0]["error"]["code"] == "beta_api_shape_disabled"


@pytest.mark.parametrize(
    ("query", "answer"),
    [("", "session.updated"), ("?model=mine", "session.updated"), ("?model=other", "error")],
)
async def test_a_model_that_the_client_did_not_choose_may_be_named_later(
    query: str, answer: str
) -> None:
    # A relay dials with the engine's own name for whatever client it serves.
    async with engine(rules=DoorRules(model="mine")) as url, connect(url + query) as connection:
        talker = Client(connection)
        await talker.until("session.created")
        session = {"type": "realtime", "model": "gpt-realtime"}
        await talker.send("session.update", session=session)
        assert (await talker.next())["type"] == answer


async def test_a_session_expires_with_1001() -> None:
    async with engine(session_s=0.05) as url, connect(url) as connection:
        talker = Client(connection)
        code, reason = await talker.closed()
        assert code == 1001
        assert reason is not None
        assert "maximum duration" in reason
        assert talker.events[-1]["error"]["code"] == "session_expired"


async def test_leaving_the_server_closes_with_1001() -> None:
    async with engine() as url:
        connection = await connect(url)
        talker = Client(connection)
        await talker.until("session.created")
    assert (await talker.closed())[0] == 1001


async def test_a_client_may_vanish_after_any_event() -> None:
    senses = scripted.senses("hello there", answers={"hello there": [Say("One."), Say("Two.")]})
    before = asyncio.all_tasks()
    async with engine(senses) as url:
        count = 1
        is_over = False
        while not is_over:
            connection = await connect(url)
            talker = Client(connection)
            await talker.send("session.update", session=TRANSCRIBED)
            await talker.speak()
            for _ in range(count):
                is_over = (await talker.next())["type"] == "rate_limits.updated"
            connection.transport.abort()
            count += 3
    assert asyncio.all_tasks() == before
    ears = senses.ears
    assert isinstance(ears, scripted.TableEars)
    assert not ears._count, "every session was forgotten"


async def test_a_client_that_vanishes_frees_the_senses() -> None:
    senses = scripted.senses("hello")
    async with engine(senses) as url:
        connection = await connect(url)
        talker = Client(connection)
        await talker.until("session.created")
        await talker.speak(quiet_ms=0)
        await talker.until("input_audio_buffer.speech_started")
        connection.transport.abort()
        ears = senses.ears
        assert isinstance(ears, scripted.TableEars)
        (listening,) = ears.listenings
        async with asyncio.timeout(5):
            await listening.cancelled.wait()


async def test_a_session_is_freed_with_its_connection() -> None:
    # The model of the voice activity takes megabytes that the garbage collector does not see.
    made: list[weakref.ref[scripted.LoudnessVad]] = []

    def vad() -> scripted.LoudnessVad:
        one = scripted.LoudnessVad()
        made.append(weakref.ref(one))
        return one

    senses = scripted.senses("hello there")
    senses.vad = vad
    gc.disable()
    try:
        for is_polite in (True, False):
            async with engine(senses) as url:
                connection = await connect(url)
                talker = Client(connection)
                await talker.send("session.update", session=TRANSCRIBED)
                await talker.speak()
                await talker.until("response.output_audio.delta")
                if is_polite:
                    await connection.close()
                else:
                    connection.transport.abort()
        assert [one() for one in made] == [None, None]
    finally:
        gc.enable()
