"""`client.on` against the engine."""

import asyncio
from typing import Any

import pytest

from rtclient import (
    AudioChunk,
    ErrorReport,
    RealtimeException,
    RTClient,
    SpeechEdge,
    Transcript,
)
from rtclient.low_level_client import ClientState
from rtclient.protocol.responses import Response
from rtclient.protocol.usage import SessionUsage
from rtclient.testing import engine, silence, speech
from tests.support.talking import LONG, talking


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
    may_go_on = asyncio.Event()
    async with talking({"turns": [{"answer": LONG}]}) as client:

        @client.on("transcript")
        async def slowly(transcript: Transcript) -> None:
            await may_go_on.wait()
            got.append(transcript.text)

        answer = await client.ask("x")
        assert not got
        may_go_on.set()
    assert got == sorted(got, key=len)
    assert got[-1] == answer.transcript


async def test_a_callback_that_fails_stops_nothing_and_is_reported() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with talking({"turns": [{"answer": "Still here."}]}) as client:

        @client.on("usage")
        def plain(_: SessionUsage) -> None:
            raise KeyError("plain")

        @client.on("usage")
        async def slow(_: SessionUsage) -> None:
            raise KeyError("slow")

        assert (await client.ask("x")).transcript == "Still here."
    assert [str(context["exception"]) for context in reported] == ["'plain'", "'slow'"]
    assert "plain failed" in reported[0]["message"]


async def test_a_callback_in_which_something_is_cancelled_gets_the_next_event() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with talking() as client:

        @client.on("response_done")
        async def slow(_: Response) -> None:
            inner = asyncio.ensure_future(asyncio.Event().wait())
            inner.cancel()
            await inner

        await client.ask("one")
        await client.ask("two")
    assert [type(one["exception"]) for one in reported] == [asyncio.CancelledError] * 2


async def test_callbacks_are_told_states_usage_errors_and_events() -> None:
    async with engine() as endpoint:
        client = RTClient.to(endpoint)
        states: list[ClientState] = []
        uses: list[SessionUsage] = []
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
