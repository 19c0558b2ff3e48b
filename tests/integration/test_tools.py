"""`@client.tool` against the engine and a scripted peer."""

import asyncio
import threading
from typing import Any

import pytest

from rtclient import (
    ErrorReport,
    RTClient,
    ToolCall,
    ToolError,
)
from rtclient.errors import ConnectionLost
from rtclient.low_level_client import ClientState
from rtclient.models import FunctionCallOutputItem
from rtclient.protocol.conversation import Conversation
from rtclient.testing import PeerSession, ScriptedPeer, engine, session_created
from rtclient.tools.runner import Tools
from tests.support.talking import Sent, talking


async def test_a_plain_function_is_called_in_a_thread_and_the_model_goes_on() -> None:
    async with talking() as client:
        ran_in: list[str] = []

        @client.tool
        def weather(city: str) -> str:
            """Tell the weather."""
            ran_in.append(threading.current_thread().name)
            return f"sun over {city}"

        sent = Sent(client)
        answer = await client.ask("weather Oslo")
        assert answer.transcript == "The tool says: sun over weather Oslo"
        assert ran_in != [threading.current_thread().name]
        assert len(sent.of("response.create")) == 2


async def test_a_coroutine_function_runs_beside_the_stream() -> None:
    async with talking() as client:
        may_end = asyncio.Event()
        calls: asyncio.Queue[ToolCall] = asyncio.Queue()
        client.on("tool_call", calls.put_nowait)

        @client.tool
        async def slow() -> dict[str, int]:
            await may_end.wait()
            return {"degrees": 7}

        asking = asyncio.create_task(client.ask("slow"))
        assert (await calls.get()).name == "slow"
        await client.configure(instructions="The conversation goes on meanwhile.")
        may_end.set()
        assert (await asking).transcript == 'The tool says: {"degrees": 7}'


async def test_the_model_is_told_in_words_and_the_program_by_error() -> None:
    async with talking() as client:
        reports: list[ErrorReport] = []
        client.on("error", reports.append)

        @client.tool
        def broken() -> None:
            raise ValueError("password")

        @client.tool
        def unknown() -> None:
            raise ToolError("There is no such city.")

        @client.tool(timeout_s=0.01)
        async def endless() -> None:
            await asyncio.Event().wait()

        @client.tool
        def number(count: int) -> None:
            raise AssertionError("not reached")

        await client.configure(output_modalities=["text"])
        says = "The tool says: Error: "
        assert (await client.ask("broken")).transcript == says + "The tool failed."
        assert (await client.ask("unknown")).transcript == says + "There is no such city."
        late = "The tool did not answer within 0.01 seconds."
        assert (await client.ask("endless")).transcript == says + late
        assert (await client.ask("number")).transcript.startswith(says + "The argument count")
        assert [type(report.exception) for report in reports] == [ValueError, TimeoutError]
        assert {report.code for report in reports} == {"tool_failed"}
        assert not any("password" in report.message for report in reports)


async def test_the_session_has_our_tools_and_those_of_the_program() -> None:
    theirs = {"type": "function", "name": "theirs", "parameters": {"type": "object"}}
    async with engine() as endpoint:
        client = RTClient.to(endpoint)

        @client.tool
        def early() -> None:
            """Registered before the connection."""

        async with client:
            names: asyncio.Queue[set[str]] = asyncio.Queue()

            @client.on("event")
            def see(event: dict[str, Any]) -> None:
                if event["type"] == "session.updated":
                    names.put_nowait({tool["name"] for tool in event["session"]["tools"]})

            assert await names.get() == {"early"}
            await client.configure(tools=[theirs])
            assert await names.get() == {"theirs"}
            assert await names.get() == {"theirs", "early"}

            @client.tool(name="late")
            def named_otherwise() -> None:
                """Registered during the session."""

            assert await names.get() == {"theirs", "early", "late"}
            await client.configure(voice="alloy")
            assert await names.get() == {"theirs", "early", "late"}


async def test_a_tool_is_there_for_the_next_response() -> None:
    async with talking() as client:
        sent = Sent(client)

        @client.tool
        def late() -> None:
            """Registered just before."""

        await (await client.generate_response())
        assert [event["type"] for event in sent.events] == ["session.update", "response.create"]


async def test_a_server_that_takes_no_tools_is_not_asked_for_ever() -> None:
    async with ScriptedPeer() as peer:
        client = RTClient.to(peer.endpoint)

        @client.tool
        def unwanted() -> None:
            """Nobody wants it."""

        async with client:
            session = await peer.session()
            await session.expect("session.update")
            confirmed = {"type": "session.updated", "session": session_created()["session"]}
            await session.send({**confirmed, "event_id": "event_1"})
            await session.send({**confirmed, "event_id": "event_2"})
            await client.send_event({"type": "input_audio_buffer.clear"})
            assert (await session.receive())["type"] == "input_audio_buffer.clear"


async def test_calls_of_one_response_are_answered_together() -> None:
    done = {"type": "function_call", "status": "completed", "name": "tool", "arguments": "{}"}

    async def script(session: PeerSession) -> None:
        await session.send(session_created())
        await session.expect("session.update")
        begun = {"id": "resp_1", "status": "in_progress"}
        await session.send({"type": "response.created", "event_id": "e", "response": begun})
        for number in "12":
            item = {**done, "id": f"item_{number}", "call_id": f"call_{number}"}
            event = {"type": "response.output_item.done", "event_id": "e", "item": item}
            await session.send({**event, "response_id": "resp_1", "output_index": 0})
        ended = {"id": "resp_1", "status": "completed"}
        await session.send({"type": "response.done", "event_id": "e", "response": ended})

    async with ScriptedPeer(script) as peer:
        client = RTClient.to(peer.endpoint)

        @client.tool
        def tool() -> str:
            return "words"

        async with client:
            session = await peer.session()
            outputs = [await session.receive() for _ in "12"]
            assert {event["item"]["call_id"] for event in outputs} == {"call_1", "call_2"}
            assert (await session.receive())["type"] == "response.create"


async def test_a_program_may_answer_calls_by_hand() -> None:
    async with talking() as client:
        by_hand = {"type": "function", "name": "by_hand", "parameters": {"type": "object"}}
        await client.configure(tools=[by_hand])
        assert (await client.ask("by_hand")).transcript == ""
        call = client.conversation.items[-1]
        assert call.call_id is not None
        await client.send_item(FunctionCallOutputItem(call_id=call.call_id, output="mine"))
        sent = Sent(client)
        answer = await client.generate_response()
        await answer
        assert client.conversation.items[-1].transcript == "The tool says: mine"
        assert len(sent.of("response.create")) == 1


async def test_two_tools_of_one_name_are_refused() -> None:
    async with engine() as endpoint:
        client = RTClient.to(endpoint)
        client.tool(name="one")(lambda: None)
        with pytest.raises(ValueError, match="There is a tool 'one' already"):
            client.tool(name="one")(lambda: None)


async def test_a_tool_may_hang_up() -> None:
    async with talking() as client:

        @client.tool
        async def bye() -> None:
            await client.close()

        with pytest.raises(ConnectionLost):
            await client.ask("bye")
        assert client.state is ClientState.CLOSED


async def test_a_client_that_closes_waits_for_no_tool() -> None:
    never = threading.Event()
    async with talking() as client:
        called: asyncio.Queue[ToolCall] = asyncio.Queue()
        client.on("tool_call", called.put_nowait)

        @client.tool
        def hanging() -> None:
            never.wait()

        asking = asyncio.create_task(client.ask("hanging"))
        await called.get()
    with pytest.raises(ConnectionLost):
        await asking
    never.set()


async def test_a_tool_in_which_something_is_cancelled_has_failed() -> None:
    async with talking() as client:
        reports: list[ErrorReport] = []
        client.on("error", reports.append)

        @client.tool
        async def weather() -> None:
            inner = asyncio.ensure_future(asyncio.Event().wait())
            inner.cancel()
            await inner

        answer = await client.ask("weather")
        assert answer.transcript == "The tool says: Error: The tool failed."
        assert [report.code for report in reports] == ["tool_failed"]


async def test_a_call_that_is_read_while_the_client_closes_is_not_run() -> None:
    async def nothing(_: Any) -> None:
        pytest.fail("nothing is sent any more")

    ran: list[str] = []
    conversation = Conversation()
    tools = Tools(conversation, nothing, lambda _: None)
    tools.add(lambda: ran.append("weather"), "weather", None, None)
    await tools.end()
    call = {"id": "i", "type": "function_call", "call_id": "c", "name": "weather"}
    tools.on_server_event(
        {"type": "response.output_item.done", "item": {**call, "arguments": "{}"}}
    )
    assert len(asyncio.all_tasks()) == 1
    assert not ran


async def test_a_tool_outlives_its_connection() -> None:
    async with talking(faults=("close:1011@response.done#1,session=1",)) as client:
        is_restored = asyncio.Event()
        client.on("restored", lambda _: is_restored.set())

        @client.tool
        async def slow() -> str:
            await is_restored.wait()
            return "late"

        sent = Sent(client)
        assert (await client.ask("slow")).transcript == "The tool says: late"
        assert len(sent.of("response.create")) == 2


@pytest.mark.parametrize(
    "event",
    [
        "response.created#1",
        "conversation.item.added#2",
        "response.output_item.done#1",
        "conversation.item.added#3",
        "response.created#2",
        "response.done#2",
    ],
)
async def test_a_loss_at_any_point_of_a_round_holds_up_nothing(event: str) -> None:
    async with talking(faults=(f"close:1011@{event},session=1",)) as client:

        @client.tool
        async def quick() -> str:
            return "words"

        first = await client.ask("quick", output_modalities=["text"])
        assert first.is_interrupted or first.transcript == "The tool says: words"
        second = await client.ask("quick", output_modalities=["text"])
        assert second.transcript == "The tool says: words"


BUSY = "conversation_already_has_active_response"


def response_of(response_id: str, status: str) -> dict[str, Any]:
    kind = "response.created" if status == "in_progress" else "response.done"
    return {"type": kind, "event_id": "e", "response": {"id": response_id, "status": status}}


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_response_of_the_turn_detection_counts_when_it_saw_the_output(
    is_first: bool,
) -> None:
    """The turn detection starts a response just before, or just after the output is there."""
    call = {"id": "item_1", "type": "function_call", "call_id": "call_1", "status": "completed"}
    call |= {"name": "tool", "arguments": "{}"}
    done = {"type": "response.output_item.done", "event_id": "e", "response_id": "resp_1"}
    output = {"id": "item_2", "type": "function_call_output", "call_id": "call_1", "output": "x"}
    added = {"type": "conversation.item.added", "event_id": "e", "item": output}
    begun = response_of("resp_vad", "in_progress")
    async with ScriptedPeer() as peer:
        client = RTClient.to(peer.endpoint)

        @client.tool
        def tool() -> str:
            return "x"

        async with client:
            session = await peer.session()
            for event in (response_of("resp_1", "in_progress"), {**done, "item": call}):
                await session.send(event)
            await session.send(response_of("resp_1", "completed"))
            asked = await session.expect("response.create")
            for event in (begun, added) if is_first else (added, begun):
                await session.send(event)
            error = {"type": "invalid_request_error", "code": BUSY, "message": "Busy."}
            error |= {"event_id": asked["event_id"]}
            await session.send({"type": "error", "event_id": "e", "error": error})
            await session.send(response_of("resp_vad", "completed"))
            if is_first:
                await session.expect("response.create")
            # Whatever was due is sent before the second of these.
            for _ in range(2):
                await client.send_event({"type": "input_audio_buffer.clear"})
                await session.expect("input_audio_buffer.clear")
            asks = [event for event in session.events if event["type"] == "response.create"]
            assert len(asks) == (2 if is_first else 1)
