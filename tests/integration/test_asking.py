"""`say`, `ask`, and what a session costs."""

import asyncio

import pytest

from rtclient import (
    RealtimeException,
    RTClient,
)
from rtclient.engine.brain.orders import orders_in
from rtclient.errors import ConnectionLost, ResponseFailed
from rtclient.testing import PeerSession, ScriptedPeer, session_created, silence, speech
from tests.support.talking import LONG, Sent, answer_with, talking


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


async def test_a_question_that_is_refused_is_not_answered() -> None:
    async def script(session: PeerSession) -> None:
        await session.send(session_created())
        asked = await session.expect("conversation.item.create")
        error = {"type": "invalid_request_error", "message": "No.", "event_id": asked["event_id"]}
        await session.send({"type": "error", "event_id": "event_1", "error": error})
        await session.expect("response.create")
        response = {"id": "resp_1", "status": "in_progress"}
        await session.send({"type": "response.created", "event_id": "e", "response": response})
        cancel = await session.expect("response.cancel")
        assert cancel["response_id"] == "resp_1"
        response["status"] = "cancelled"
        await session.send({"type": "response.done", "event_id": "e", "response": response})

    async with ScriptedPeer(script) as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(RealtimeException, match=r"No\."):
            await client.ask("hello")


async def test_say_lets_the_model_say_the_words() -> None:
    async with talking({"turns": [{"answer": "x"}], "greeting": "Good morning."}) as client:
        sent = Sent(client)
        answer = await client.say("Good morning.")
        assert answer.transcript == "Good morning."
        (event,) = sent.of("response.create")
        assert orders_in(event["response"]["instructions"]).exactly == "Good morning."
        assert event["response"]["tool_choice"] == "none"


async def test_an_answer_that_fails_is_raised_with_its_code() -> None:
    async def script(session: PeerSession) -> None:
        await session.send(session_created())
        details = {"type": "failed", "error": {"code": "rate_limit_exceeded"}}
        await answer_with(session, {"status": "failed", "status_details": details})

    async with ScriptedPeer(script) as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(ResponseFailed) as failure:
            await client.say("hello")
    assert failure.value.code == "rate_limit_exceeded"


async def test_an_answer_that_breaks_off_with_its_connection_says_so() -> None:
    faults = ("close:1011@response.output_audio.delta#2,session=1",)
    async with talking({"turns": [{"answer": LONG}, {"answer": "Second."}]}, faults) as client:
        first = await client.ask("one")
        assert first.is_interrupted
        assert LONG.startswith(first.transcript)
        second = await client.ask("two")
        assert (second.transcript, second.is_interrupted) == ("Second.", False)


async def test_what_is_said_does_not_flood_a_log() -> None:
    async with talking() as client:
        assert len(repr(await client.say("hello"))) < 100


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


async def test_a_question_that_is_refused_is_not_taken_for_another_item() -> None:
    async def script(session: PeerSession) -> None:
        await session.send(session_created())
        question = await session.expect("conversation.item.create")
        item = {"id": "another", "type": "message", "role": "user", "content": []}
        await session.send({"type": "conversation.item.added", "event_id": "e1", "item": item})
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No."}
        about = {"event_id": question["event_id"]}
        await session.send({"type": "error", "event_id": "e2", "error": {**error, **about}})
        await answer_with(session, {"status": "completed", "output": []})

    async with ScriptedPeer(script) as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(RealtimeException, match="No"):
            await client.ask("Is it me?")
