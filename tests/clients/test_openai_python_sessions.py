"""The official `openai` Python client, unchanged: how sessions begin and end, and the sync client.

On an engine with scripted senses in this process, set up as each test needs it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from websockets.exceptions import ConnectionClosed

from rtclient.engine import scripted
from rtclient.engine.clock import ManualClock
from rtclient.engine.door import DoorRules
from rtclient.engine.faults import FUTURE_EVENT, parse
from rtclient.engine.senses import Call, Say
from rtclient.engine.serve import serve
from rtclient.engine.stage import Stage
from tests.support.official import WEATHER, Program, connected, kinds_of

pytestmark = pytest.mark.timeout(60)

KEY = "sessions-key"
BOTH = [
    Say("I look both up."),
    Call("get_weather", '{"city": "Paris"}'),
    Call("get_weather", '{"city": "Rome"}'),
]


@asynccontextmanager
async def engine(**options: Any) -> AsyncIterator[int]:
    """An engine; gives its port."""
    senses = scripted.senses(answers={"paris and rome": BOTH})
    async with serve(senses, rules=DoorRules(key=KEY), **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[Program]:
    """A session of the official client."""
    async with connected(port, KEY) as connection:
        program = Program(connection)
        await program.until("session.created")
        yield program


async def test_several_tool_calls_have_one_second_response() -> None:
    async with engine() as port, opened(port) as program:
        await program.update(output_modalities=["text"], tools=[WEATHER])
        await program.ask("Paris and Rome")
        done = (await program.until("response.done")).response
        calls = [item for item in done.output if item.type == "function_call"]
        assert [item.type for item in done.output] == ["message", "function_call", "function_call"]
        for call in calls:
            output = f"fine, asked with {call.arguments}"
            await program.connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call.call_id, "output": output}
            )
        await program.connection.response.create()
        done = (await program.until("response.done")).response
        assert [item.type for item in done.output] == ["message"]
        assert done.status == "completed"


async def test_who_stays_quiet_is_spoken_to() -> None:
    stage = Stage(clock=ManualClock())
    detection = {"type": "server_vad", "idle_timeout_ms": 6000}
    async with engine(stage=stage) as port, opened(port) as program:
        await program.update(audio={"input": {"turn_detection": detection}})
        await program.ask("Hello", output_modalities=["text"])
        await program.until("response.done")
        await stage.advance(6)
        triggered = await program.until("input_audio_buffer.timeout_triggered")
        committed = await program.until("input_audio_buffer.committed")
        assert committed.item_id == triggered.item_id
        await stage.advance(2)
        assert (await program.until("response.done")).response.status == "completed"


async def test_a_session_expires() -> None:
    stage = Stage(clock=ManualClock())
    async with engine(stage=stage) as port, opened(port) as program:
        await stage.advance(3600)
        assert (await program.error()).code == "session_expired"
        assert await close_code(program) == 1001


async def close_code(program: Program) -> int | None:
    """Read to the end; return the code of the server's close frame, None without one."""
    try:
        while True:
            await program.next()
    except ConnectionClosed as closed:
        return closed.rcvd and closed.rcvd.code


async def test_a_failed_response_and_a_cut_connection() -> None:
    faults = (
        "fail:rate_limit_exceeded:2@response.created#1",
        "close:1006@response.output_audio.delta#1",
    )
    async with engine(stage=Stage(faults=map(parse, faults))) as port, opened(port) as program:
        await program.ask("Hello")
        failed = (await program.until("response.done")).response
        assert failed.status == "failed"
        assert failed.status_details.error.code == "rate_limit_exceeded"
        await program.connection.response.create()
        await program.until("response.output_audio.delta")
        assert await close_code(program) is None


async def test_events_of_the_future_are_passed_over() -> None:
    faults = ("unknown_events", "unknown_fields")
    async with engine(stage=Stage(faults=map(parse, faults))) as port, opened(port) as program:
        await program.ask("Hello", output_modalities=["text"])
        assert (await program.until("response.done")).response.status == "completed"
        assert program.text == "You said: Hello"
        assert FUTURE_EVENT in kinds_of(program.events)


async def test_the_path_of_azure() -> None:
    async with engine() as port:
        azure = AsyncOpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{port}/openai/v1")
        async with azure.realtime.connect(model="my-deployment") as connection:
            session = (await Program(connection).until("session.created")).session
            assert session.model == "my-deployment"


async def test_a_wrong_key_is_refused() -> None:
    async with engine() as port:
        with pytest.raises(Exception, match="401"):
            async with connected(port, "wrong"):
                pass


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context:DeprecationWarning")
async def test_the_sync_client() -> None:
    def talk(port: int) -> str:
        text = ""
        client = OpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1")
        with client, client.realtime.connect(model="gpt-realtime") as connection:
            connection.response.create(response={"output_modalities": ["text"]})
            for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type == "response.done":
                    break
        return text

    async with engine() as port:
        assert await asyncio.to_thread(talk, port) == scripted.GREETING
