"""`interrupt` and `push_to_talk` against the engine."""

import asyncio
from typing import Any

import pytest

from rtclient import (
    SpeechEdge,
)
from rtclient.testing import silence, speech
from tests.support.talking import LONG, Sent, handled, talking


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


async def test_the_model_speaks_of_no_tool_while_a_key_is_held() -> None:
    async with talking() as client:
        may_end, called, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        client.on("tool_call", lambda _: called.set())

        @client.on("event")
        def see(event: dict[str, Any]) -> None:
            if event.get("item", {}).get("type") == "function_call_output":
                answered.set()

        @client.tool
        async def slow() -> str:
            await may_end.wait()
            return "late"

        asking = asyncio.create_task(client.ask("slow"))
        await called.wait()
        async with client.push_to_talk() as turn:
            sent = Sent(client)
            may_end.set()
            await answered.wait()
            await handled(client)
            assert not sent.of("response.create")
            await turn.send(speech(300))
        await asking
        assert turn.response is not None
        await turn.response
        await handled(client)
        assert len(sent.of("response.create")) == 1, "it has seen the output"
