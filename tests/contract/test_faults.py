"""What a client sees of each fault, over real sockets, and how a scripted talk goes.

All events but those of unknown types and fields are judged by the models of the official client.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import InvalidStatus

from rtclient.engine import scripted
from rtclient.engine.clock import ManualClock
from rtclient.engine.door import DoorRules
from rtclient.engine.faults import FUTURE_EVENT, FUTURE_FIELD, parse
from rtclient.engine.scenario import read_scenario
from rtclient.engine.scripted import tone
from rtclient.engine.serve import EngineServer, serve
from rtclient.engine.stage import Stage
from rtclient.protocol.audio import to_base64
from tests.support.engine_driver import shape
from tests.support.talker import Talker, talking

MODEL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PATH = "/v1/realtime"
HEARD = "conversation.item.input_audio_transcription.completed"


def tool(name: str) -> dict[str, Any]:
    """A function of this name."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "name": name, "description": name, "parameters": parameters}


class Client(Talker):
    """A talker that judges every event of a known type, and has its turns."""

    async def next(self) -> dict[str, Any]:
        """The next event."""
        event = await super().next()
        if event["type"] != FUTURE_EVENT:
            assert MODEL.validate_python(event, strict=True).type == event["type"]
        return event

    async def ask(self, text: str) -> None:
        """Have a typed turn."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def speak(self) -> None:
        """Have a spoken turn, faster than anybody speaks."""
        pcm = tone(300, 500) + bytes(48 * 600)
        for at in range(0, len(pcm), 4800):
            await self.send("input_audio_buffer.append", audio=to_base64(pcm[at : at + 4800]))

    async def listen(self) -> None:
        """Have the input transcribed."""
        audio = {"input": {"transcription": {"model": "whisper-1"}}}
        await self.send("session.update", session={"type": "realtime", "audio": audio})

    @property
    def types(self) -> list[str]:
        """The types of all events so far."""
        return [event["type"] for event in self.events]


def stage_with(*faults: str, **options: Any) -> Stage:
    return Stage(faults=[parse(text) for text in faults], **options)


@asynccontextmanager
async def engine(stage: Stage, **options: Any) -> AsyncIterator[EngineServer]:
    async with serve(scripted.senses(), stage=stage, **options) as server:
        yield server


@asynccontextmanager
async def dialled(server: EngineServer) -> AsyncIterator[Client]:
    async with talking(server.address[1], PATH, close_timeout=0.2) as talker:
        yield Client(talker.connection)


@asynccontextmanager
async def talk(*faults: str, **options: Any) -> AsyncIterator[Client]:
    async with engine(stage_with(*faults, **options)) as server, dialled(server) as client:
        yield client


async def fenced(client: Client) -> None:
    """Wait until the engine has read all that was sent."""
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")


# ---------------------------------------------------------------- responses that fail


@pytest.mark.parametrize(
    ("fault", "has_audio"),
    [("fail", False), ("fail:server_error@response.output_audio.delta#2", True)],
)
async def test_a_response_fails_before_or_after_audio(fault: str, has_audio: bool) -> None:
    async with talk(fault) as client:
        await client.ask("how are you today")
        done = await client.until("response.done")
        assert done["response"]["status"] == "failed"
        assert done["response"]["status_details"]["error"]["code"] == "server_error"
        assert client.types.count("response.output_audio.delta") == (2 if has_audio else 0)
        assert client.types.count("response.output_audio.done") == int(has_audio)
        await client.until("rate_limits.updated")


async def test_a_rate_limit_ends_one_response_and_the_next_works() -> None:
    async with talk("fail:rate_limit_exceeded:1.5@response=1") as client:
        await client.ask("first")
        error = (await client.until("response.done"))["response"]["status_details"]["error"]
        assert error["code"] == "rate_limit_exceeded"
        await client.ask("second")
        assert (await client.until("response.done"))["response"]["status"] == "completed"


# ---------------------------------------------------------------- the end of the connection


async def test_a_session_expires_on_demand() -> None:
    async with talk("expire@response.created") as client:
        await client.ask("hello")
        assert (await client.closed())[0] == 1001
        assert client.errors()[-1]["code"] == "session_expired"


@pytest.mark.parametrize("code", [1001, 1009, 1011, 4000])
async def test_the_engine_closes_with_a_code(code: int) -> None:
    async with talk(f"close:{code}:on purpose@response.output_audio.delta#2") as client:
        await client.ask("hello")
        assert await client.closed() == (code, "on purpose")
        assert client.types[-1] == "response.output_audio.delta"
        assert client.types.count("response.output_audio.delta") == 2


async def test_1006_cuts_tcp_without_a_close_frame() -> None:
    async with talk("close:1006@response.created") as client:
        await client.ask("hello")
        assert (await client.closed())[0] == 1006
        assert client.connection.protocol.close_rcvd is None
        assert client.types[-1] == "response.created"


# ---------------------------------------------------------------- connections that go quiet


async def test_a_stall_sends_nothing_and_answers_pings_until_it_is_over() -> None:
    clock = ManualClock()
    stage = stage_with("stall:30@response.created", clock=clock)
    async with engine(stage) as server, dialled(server) as client:
        await client.ask("hello")
        await client.until("response.created")
        await stage.advance(20)
        await (await client.connection.ping())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.05)
        await stage.advance(20)
        assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_a_half_open_connection_answers_nothing_not_even_pings() -> None:
    async with talk("half_open@response.created") as client:
        await client.ask("hello")
        await client.until("response.created")
        pong = await client.connection.ping()
        await client.ask("anybody there")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.1)
        assert client.connection.close_code is None, "the connection is still there"
        client.connection.transport.abort()


async def test_slow_events_come_late_and_in_order() -> None:
    clock = ManualClock()
    stage = stage_with("slow:400@response.*", clock=clock)
    async with engine(stage) as server, dialled(server) as client:
        await client.ask("hello")
        await client.until("conversation.item.done")
        await stage.advance(0.39)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.05)
        await stage.advance(60)
        await client.until("response.done")
        folded = shape(client.types[client.types.index("response.created") :])
        assert folded[:2] == ["response.created", "response.output_item.added"]


# ---------------------------------------------------------------- transcripts, the future


async def test_a_transcript_comes_twice() -> None:
    async with talk("duplicate_transcript") as client:
        await client.listen()
        await client.speak()
        first, second = [await client.until(HEARD) for _ in range(2)]
        assert first["transcript"] == second["transcript"] == "turn 1"
        assert first["event_id"] != second["event_id"]


async def test_a_transcript_comes_after_the_response() -> None:
    async with talk("late_transcript") as client:
        await client.listen()
        await client.speak()
        await client.until(HEARD)
        assert client.types.index("response.done") < client.types.index(HEARD)


async def test_a_client_meets_the_future() -> None:
    faults = ("unknown_events@response.created", "unknown_fields@response.done")
    async with talk(*faults) as client:
        await client.ask("hello")
        done = await client.until("response.done")
        assert client.types[client.types.index("response.created") + 1] == FUTURE_EVENT
        assert FUTURE_FIELD in done
        assert FUTURE_FIELD in done["response"]


# ---------------------------------------------------------------- the handshake


async def test_a_handshake_is_refused_and_the_next_one_works() -> None:
    async with engine(stage_with("refuse:503:2@session=1")) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(server):
                pass
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
        async with dialled(server) as client:
            await client.until("session.created")


# ---------------------------------------------------------------- scenarios


async def test_a_scenario_says_what_is_heard_and_answered() -> None:
    scenario = read_scenario(
        json.dumps(
            {
                "turns": [
                    {"hear": {"text": "what is that", "certain": False}, "answer": "A test."},
                    {"hear": {"error": "The ears of this test are off."}},
                    {"answer": [{"call": "look", "arguments": {"at": "sea"}}], "after_call": "W."},
                    {"answer": [], "faults": ["close:4000@response.done"]},
                ]
            }
        ),
        "talk.json",
    )
    stage = Stage(scenario=scenario, clock=ManualClock())
    async with engine(stage) as server, dialled(server) as client:

        async def said() -> str:
            """Let the turn end; return what was said in it."""
            await fenced(client)
            await stage.advance(30)
            done = await client.until("response.output_audio_transcript.done")
            await client.until("rate_limits.updated")
            return str(done["transcript"])

        await client.listen()
        await client.send("session.update", session={"type": "realtime", "tools": [tool("look")]})
        await client.speak()
        assert (await client.until(HEARD))["transcript"] == "what is that"
        assert await said() == "A test."

        await client.speak()
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["message"] == "The ears of this test are off."
        assert "could not hear" in await said()

        await client.ask("look")
        call = await client.until("response.function_call_arguments.done")
        assert (call["name"], json.loads(call["arguments"])) == ("look", {"at": "sea"})
        await client.until("rate_limits.updated")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "water"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        assert await said() == "W."

        await client.ask("silence please")
        done = await client.until("response.done")
        assert done["response"]["output"] == []
        assert (await client.closed())[0] == 4000


# ---------------------------------------------------------------- the control endpoint


@asynccontextmanager
async def controlled(stage: Stage, **options: Any) -> AsyncIterator[tuple[Any, EngineServer]]:
    async with engine(stage, **options) as server:
        base = f"http://127.0.0.1:{server.address[1]}/_control"
        async with httpx2.AsyncClient(base_url=base, trust_env=False) as http:
            yield http, server


async def test_faults_strike_an_open_session_and_its_events_are_told() -> None:
    async with controlled(Stage(is_controlled=True)) as (http, server), dialled(server) as client:
        await client.until("session.created")
        added = await http.post("/faults", json=["close:1011@response.created,once"])
        assert added.status_code == 200, added.text
        await client.ask("hello")
        assert (await client.closed())[0] == 1011
        assert (await http.get("/faults")).json() == {"faults": []}
        session = (await http.get("/log")).json()["sessions"][0]
        types = [event["type"] for event in session["events"]]
        assert types == ["conversation.item.create", "response.create"]
        assert session["id"] == client.events[0]["session"]["id"]


async def test_the_clock_is_moved_from_outside() -> None:
    stage = Stage(clock=ManualClock(), is_controlled=True)
    async with controlled(stage) as (http, server), dialled(server) as client:
        await client.ask("tell me a long story")
        await client.until("response.created")
        moved = await http.post("/clock/advance", json={"ms": 30_000})
        assert moved.json() == {"now_ms": 30_000}
        await client.until("response.done")
        assert (await http.post("/clock/advance", json={"ms": 3_600_000})).status_code == 200
        assert (await client.closed())[0] == 1001


async def test_without_the_flag_or_the_key_there_is_no_control() -> None:
    async with controlled(Stage()) as (http, _):
        assert (await http.get("/sessions")).status_code == 404
    options = {"rules": DoorRules(key="secret")}
    async with controlled(Stage(is_controlled=True), **options) as (http, _):
        assert (await http.get("/sessions")).status_code == 401
        key = {"Authorization": "Bearer secret"}
        assert (await http.get("/sessions", headers=key)).status_code == 200


# ---------------------------------------------------------------- the same in every run


async def one_turn(client: Client, stage: Stage, number: int) -> None:
    """Have a typed, spoken, interrupted, cancelled or called turn; then let it end."""
    match number % 5:
        case 0:
            await client.ask(f"how are you, for the {number}th time")
        case 1:
            await client.speak()
        case 2:
            await client.ask("tell me a long story about the sea")
            await fenced(client)
            await stage.advance(0.3)
            await client.speak()
        case 3:
            await client.ask("tell me a long story about the land")
            await fenced(client)
            await stage.advance(0.2)
            await client.send("response.cancel")
        case 4:
            await client.ask("weather in Oslo")
            await fenced(client)
            await stage.advance(5)
            output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
            await client.send("conversation.item.create", item=output)
            await client.send("response.create")
    await fenced(client)
    await stage.advance(30)
    await fenced(client)


async def one_run(seed: int, turns: int) -> list[str | bytes]:
    """Return every message of a talk, as it came over a real socket."""
    faults = (
        "late_transcript:20-400@p=0.7",
        "fail@response.output_audio.delta,p=0.05",
        "duplicate_transcript@p=0.5",
        "unknown_events@response.done,p=0.5",
    )
    stage = stage_with(*faults, clock=ManualClock(), seed=seed)
    async with engine(stage) as server, dialled(server) as client:
        await client.listen()
        await client.send(
            "session.update", session={"type": "realtime", "tools": [tool("weather")]}
        )
        for number in range(turns):
            await one_turn(client, stage, number)
        assert client.types.count("response.done") >= turns
        return client.texts


async def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = await one_run(7, 25), await one_run(7, 25), await one_run(8, 5)
    assert first == second
    assert other[: len(first)] != first[: len(other)]
