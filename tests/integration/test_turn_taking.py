"""Callbacks, tools and turns of `RTClient` against the engine and a scripted peer."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rtclient import (
    AudioChunk,
    ErrorReport,
    RealtimeException,
    RTClient,
    SpeechEdge,
    ToolCall,
    ToolError,
    Transcript,
)
from rtclient.errors import ConnectionLost, ResponseFailed
from rtclient.low_level_client import ClientState
from rtclient.models import FunctionCallOutputItem
from rtclient.protocol.responses import Response
from rtclient.protocol.usage import Usage
from rtclient.testing import PeerSession, ScriptedPeer, engine, session_created, silence, speech

LONG = "one two three four five six seven eight nine ten"


class Sent:
    """What a client sends."""

    def __init__(self, client: RTClient) -> None:
        self.events: list[dict[str, Any]] = []
        client.attach(self)

    def on_server_event(self, event: dict[str, Any]) -> None:
        pass

    def on_client_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@contextlib.asynccontextmanager
async def talking(scenario: dict[str, Any] | None = None) -> AsyncIterator[RTClient]:
    """A client that is connected to an engine."""
    async with engine(scenario) as endpoint, RTClient.to(endpoint) as client:
        yield client


async def handled(client: RTClient) -> None:
    """Wait until the server has handled what was sent before."""
    await client.configure(voice="alloy")


# Asking -----------------------------------------------------------------------------------------


async def test_a_question_in_writing_is_answered_in_words_and_sound() -> None:
    async with talking({"turns": [{"answer": "It is ten."}]}) as client:
        answer = await client.ask("What time is it?")
    assert answer.transcript == "It is ten."
    assert len(answer.audio) == client.conversation.items[-1].audio_ms * 48 > 0
    assert not answer.is_interrupted


async def test_a_question_in_sound_is_one_turn_whatever_the_turn_detection() -> None:
    async with talking({"turns": [{"hear": "hello", "answer": "Hi."}]}) as client:
        answer = await client.ask(speech(600) + silence(1000))
        assert answer.transcript == "Hi."
        assert [item.role for item in client.conversation.items] == ["user", "assistant"]


async def test_an_answer_may_be_wanted_in_writing() -> None:
    async with talking({"turns": [{"answer": "In writing."}]}) as client:
        answer = await client.ask("Write.", output_modalities=["text"])
    assert (answer.transcript, answer.audio) == ("In writing.", b"")


async def test_questions_of_two_tasks_wait_for_each_other() -> None:
    turns = [{"answer": "First."}, {"answer": "Second."}]
    async with talking({"turns": turns}) as client:
        answers = await asyncio.gather(client.ask("one"), client.ask("two"))
    assert [answer.transcript for answer in answers] == ["First.", "Second."]


async def test_a_question_waits_for_the_end_of_another_answer() -> None:
    turns = [{"answer": LONG}, {"answer": "Second."}]
    async with talking({"turns": turns}) as client:
        first = await client.generate_response()
        assert (await client.ask("two")).transcript
        assert first.status == "completed"


@pytest.mark.parametrize("question", ["", b"", b"\0" * (10 * 1024 * 1024 + 2)])
async def test_a_question_that_cannot_be_asked_is_refused(question: str | bytes) -> None:
    async with ScriptedPeer() as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(ValueError, match=r"nothing to ask|longer than"):
            await client.ask(question)
        with pytest.raises(ValueError, match="nothing to say"):
            await client.say(" ")


async def test_what_the_server_refuses_is_raised() -> None:
    async with talking() as client:
        with pytest.raises(RealtimeException):
            await client.ask("x", no_such_field=1)


async def test_say_lets_the_model_say_the_words() -> None:
    async with talking({"turns": [{"answer": "x"}], "greeting": "Good morning."}) as client:
        sent = Sent(client)
        answer = await client.say("Good morning.")
        assert answer.transcript == "Good morning."
        (event,) = sent.of("response.create")
        assert event["response"]["instructions"].endswith("nothing else: Good morning.")
        assert event["response"]["tool_choice"] == "none"


async def answer_with(session: PeerSession, response: dict[str, Any]) -> None:
    """Begin a response and end it like this."""
    await session.expect("response.create")
    begun = {"id": "resp_1", "status": "in_progress", "conversation_id": "conv_1", "output": []}
    await session.send({"type": "response.created", "event_id": "event_1", "response": begun})
    ended = {**begun, **response}
    await session.send({"type": "response.done", "event_id": "event_2", "response": ended})


async def test_an_answer_that_fails_is_raised_with_its_code() -> None:
    async def script(session: PeerSession) -> None:
        await session.send(session_created())
        details = {"type": "failed", "error": {"code": "rate_limit_exceeded"}}
        await answer_with(session, {"status": "failed", "status_details": details})

    async with ScriptedPeer(script) as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(ResponseFailed) as failure:
            await client.say("hello")
    assert failure.value.code == "rate_limit_exceeded"


async def test_a_question_ends_with_its_client() -> None:
    async with ScriptedPeer() as peer:
        client = RTClient.to(peer.endpoint)
        await client.connect()
        session = await peer.session()
        asking = asyncio.create_task(client.say("hello"))
        await session.expect("response.create")
        await client.close()
        with pytest.raises(ConnectionLost):
            await asking


# Tools ------------------------------------------------------------------------------------------


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


# Callbacks --------------------------------------------------------------------------------------


async def test_callbacks_are_told_what_is_said_by_both_sides() -> None:
    scenario = {"turns": [{"hear": "what time is it", "answer": "It is ten."}]}
    async with talking(scenario) as client:
        words: list[Transcript] = []
        chunks: list[AudioChunk] = []
        edges: list[SpeechEdge] = []
        responses: list[Response] = []
        over = asyncio.Event()
        client.on("transcript", words.append)
        client.on("audio", chunks.append)
        client.on("speech_started", edges.append)
        client.on("speech_stopped", edges.append)
        client.on("response_started", responses.append)
        client.on("response_done", responses.append)
        client.on("response_done", lambda _: over.set())
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        await client.send_audio(speech(600) + silence(1000))
        await over.wait()

        final = {one.role: one.text for one in words if one.is_final}
        assert final == {"user": "what time is it", "assistant": "It is ten."}
        partial = [one for one in words if one.role == "assistant" and not one.is_final]
        assert "".join(one.delta for one in partial) == partial[-1].text == "It is ten."
        item = client.conversation.items[-1]
        assert sum(len(chunk.audio) for chunk in chunks) == item.audio_ms * 48
        assert {chunk.item_id for chunk in chunks} == {item.id}
        assert edges[0].audio_ms < edges[1].audio_ms
        assert [response.status for response in responses] == ["in_progress", "completed"]


async def test_a_coroutine_gets_one_event_after_the_other_and_to_the_end() -> None:
    got: list[str] = []
    async with talking({"turns": [{"answer": LONG}]}) as client:

        @client.on("transcript")
        async def slowly(transcript: Transcript) -> None:
            await asyncio.sleep(0)
            got.append(transcript.text)

        answer = await client.ask("x")
    assert got == sorted(got, key=len)
    assert got[-1] == answer.transcript


async def test_a_callback_that_fails_stops_nothing_and_is_reported() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with talking({"turns": [{"answer": "Still here."}]}) as client:

        @client.on("usage")
        def plain(_: Usage) -> None:
            raise KeyError("plain")

        @client.on("usage")
        async def slow(_: Usage) -> None:
            raise KeyError("slow")

        assert (await client.ask("x")).transcript == "Still here."
    assert [str(context["exception"]) for context in reported] == ["'plain'", "'slow'"]
    assert "plain failed" in reported[0]["message"]


async def test_callbacks_are_told_states_usage_errors_and_events() -> None:
    async with engine() as endpoint:
        client = RTClient.to(endpoint)
        states: list[ClientState] = []
        uses: list[Usage] = []
        errors: list[ErrorReport] = []
        kinds: list[str] = []
        client.on("state", states.append)
        client.on("usage", uses.append)
        client.on("error", errors.append)
        client.on("event", lambda event: kinds.append(event["type"]))
        async with client:
            await client.say("x")
            with pytest.raises(RealtimeException):
                await client.commit_audio()
            with pytest.raises(RealtimeException):
                await client.generate_response(tool_choice="wrong")
        assert states[0] == "connecting"
        assert states[-1] == "closed"
        assert uses[-1] == client.usage
        assert errors[0].code == "input_audio_buffer_commit_empty"
        assert [error.is_benign for error in errors] == [True, False]
        assert errors[0].event_id
        assert kinds[0] == "session.created"


async def test_an_unknown_event_is_refused_with_the_names() -> None:
    async with engine() as endpoint:
        client = RTClient.to(endpoint)
        with pytest.raises(ValueError, match=r"no event 'transcrpt'. There are: transcript, audio"):
            client.on("transcrpt")(print)  # type: ignore[call-overload]


# Interrupting -----------------------------------------------------------------------------------


async def test_an_interruption_stops_the_model_and_cuts_what_was_not_heard() -> None:
    async with talking({"turns": [{"answer": LONG}]}) as client:
        heard = asyncio.Event()
        client.on("audio", lambda _: heard.set())
        asking = asyncio.create_task(client.ask("x"))
        await heard.wait()
        await client.interrupt(played_ms=60)
        answer = await asking
        assert answer.is_interrupted
        await handled(client)
        item = client.conversation.items[-1]
        assert item.heard_ms == 60
        assert LONG.startswith(item.heard)


async def test_what_was_said_to_its_end_can_be_cut_later() -> None:
    async with talking({"turns": [{"answer": LONG}]}) as client:
        sent = Sent(client)
        await client.ask("x")
        await client.interrupt(played_ms=500)
        (event,) = sent.of("conversation.item.truncate")
        assert event["audio_end_ms"] == 500
        assert not sent.of("response.cancel")
        await client.interrupt(played_ms=10_000_000)  # all of it was heard
        assert len(sent.of("conversation.item.truncate")) == 1


async def test_a_message_of_which_nothing_was_heard_is_deleted() -> None:
    async with talking({"turns": [{"answer": LONG}]}) as client:
        sent = Sent(client)
        await client.ask("x")
        await client.interrupt(played_ms=0, item_id=client.conversation.items[-1].id)
        assert len(sent.of("conversation.item.delete")) == 1


async def test_an_interruption_of_nothing_sends_nothing() -> None:
    async with talking() as client:
        sent = Sent(client)
        await client.interrupt(played_ms=100)
        await client.interrupt(played_ms=100, item_id="item_of_nobody")
        assert not sent.events


async def test_after_an_interruption_a_tool_does_not_make_the_model_speak() -> None:
    async with talking() as client:
        may_end, called, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        client.on("tool_call", lambda _: called.set())

        @client.on("event")
        def see(event: dict[str, Any]) -> None:
            if event.get("item", {}).get("type") == "function_call_output":
                answered.set()

        @client.tool
        async def slow() -> None:
            await may_end.wait()

        asking = asyncio.create_task(client.ask("slow"))
        await called.wait()
        sent = Sent(client)
        await client.interrupt()
        may_end.set()
        await asking
        await answered.wait()
        await handled(client)
        assert not sent.of("response.create")


# Push-to-talk -----------------------------------------------------------------------------------


async def test_a_held_key_is_one_turn_without_turn_detection() -> None:
    scenario = {"turns": [{"hear": "hello", "answer": "Hi."}]}
    async with talking(scenario) as client:
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        before = client.conversation.session["audio"]["input"]["turn_detection"]
        edges: list[SpeechEdge] = []
        client.on("speech_started", edges.append)
        async with client.push_to_talk() as turn:
            await turn.send(speech(300) + silence(1500) + speech(300))
        assert turn.item is not None
        assert turn.response is not None
        await turn.response
        assert (await turn.item).transcript == "hello"
        assert client.conversation.items[-1].transcript == "Hi."
        assert turn.sent_ms == 2100
        assert not edges
        await handled(client)
        assert client.conversation.session["audio"]["input"]["turn_detection"] == before


async def test_a_session_without_turn_detection_is_left_as_it_is() -> None:
    async with talking() as client:
        await client.configure(audio={"input": {"turn_detection": None}})
        sent = Sent(client)
        async with client.push_to_talk() as turn:
            await turn.send(speech(300))
        assert not sent.of("session.update")
        kinds = [event["type"] for event in sent.events]
        assert kinds[-2:] == ["input_audio_buffer.commit", "response.create"]


async def test_a_key_that_was_only_touched_is_no_turn() -> None:
    async with talking() as client:
        sent = Sent(client)
        async with client.push_to_talk() as turn:
            await turn.send(speech(99))
        assert (turn.item, turn.response) == (None, None)
        assert not sent.of("input_audio_buffer.commit")
        assert len(sent.of("input_audio_buffer.clear")) == 2


async def test_a_turn_that_fails_is_thrown_away() -> None:
    async with talking() as client:
        sent = Sent(client)

        async def hold() -> None:
            async with client.push_to_talk() as turn:
                await turn.send(speech(300))
                raise OSError("microphone")

        with pytest.raises(OSError, match="microphone"):
            await hold()
        assert not sent.of("response.create")
        assert len(sent.of("session.update")) == 2


async def test_a_pressed_key_interrupts_the_model() -> None:
    turns = [{"answer": LONG}, {"hear": "stop", "answer": "Yes?"}]
    async with talking({"turns": turns}) as client:
        heard = asyncio.Event()
        client.on("audio", lambda _: heard.set())
        asking = asyncio.create_task(client.ask("x"))
        await heard.wait()
        async with client.push_to_talk(played_ms=50) as turn:
            await turn.send(speech(300))
        assert (await asking).is_interrupted
        assert turn.response is not None
        await turn.response
        assert client.conversation.items[-1].transcript == "Yes?"


# Cost -------------------------------------------------------------------------------------------


async def test_a_session_knows_its_cost() -> None:
    usage = {
        "total_tokens": 300,
        "input_tokens": 200,
        "output_tokens": 100,
        "input_token_details": {"text_tokens": 100, "audio_tokens": 100},
        "output_token_details": {"text_tokens": 50, "audio_tokens": 50},
    }

    async def script(session: PeerSession) -> None:
        await session.send(session_created(model="gpt-realtime-2.1"))
        await answer_with(session, {"status": "completed", "usage": usage})

    async with ScriptedPeer(script) as peer, RTClient.to(peer.endpoint) as client:
        assert client.cost is not None
        assert client.cost.usd == 0
        await client.say("x")
        expected = (100 * 4 + 100 * 32 + 50 * 24 + 50 * 64) / 1e6
        assert client.cost.usd == pytest.approx(expected)
        assert client.cost.is_complete


async def test_a_model_without_a_price_has_no_cost() -> None:
    async with talking() as client:
        await client.say("x")
        assert client.usage.total_tokens > 0
        assert client.cost is None
