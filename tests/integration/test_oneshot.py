"""One-shot calls over real sockets: what is sent, what comes back, and what goes wrong."""

import asyncio
import logging
from typing import Any

import pytest

from rtclient.errors import AuthError, ConnectionLost, ResponseFailed, ServerError
from rtclient.oneshot.client import RealtimeWebSocketClient
from rtclient.oneshot.config import RealtimeConfig
from rtclient.protocol.audio import from_base64
from rtclient.testing import PeerSession, ScriptedPeer, greet
from tests.support.azure_peer import KEY, REPLY, TONE, AzurePeer

SECOND = bytes(48_000)


def client_of(peer: AzurePeer, **fields: Any) -> RealtimeWebSocketClient:
    return RealtimeWebSocketClient(RealtimeConfig(peer.endpoint, KEY, "gpt-realtime", **fields))


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


async def test_text_in_speech_out() -> None:
    async with AzurePeer() as peer:
        answer = await client_of(peer).send_message(
            user_text="Tell me a joke.", instructions="You are a comedian.", voice="shimmer"
        )
        session = await peer.session()
    assert answer == (REPLY, TONE)
    (update,) = of_type(session.received, "session.update")
    assert update["session"]["audio"]["input"]["turn_detection"] is None
    (item,) = of_type(session.received, "conversation.item.create")
    assert item["item"]["content"] == [{"type": "input_text", "text": "Tell me a joke."}]
    (create,) = of_type(session.received, "response.create")
    assert create["response"] == {
        "instructions": "You are a comedian.",
        "output_modalities": ["audio"],
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "shimmer"}},
    }


@pytest.mark.parametrize("modalities", [["text"], ("text",), "text"])
async def test_text_alone_brings_no_sound(modalities: Any) -> None:
    async with AzurePeer() as peer:
        answer = await client_of(peer).send_message("Count.", output_modalities=modalities)
        session = await peer.session()
    assert answer == (REPLY, b"")
    assert of_type(session.received, "response.create")[0]["response"] == {
        "instructions": "You are a helpful assistant.",
        "output_modalities": ["text"],
    }


async def test_text_and_audio_together_mean_audio() -> None:
    async with AzurePeer() as peer:
        client = client_of(peer)
        assert await client.send_message("Hi.", output_modalities=["text", "audio"]) == (
            REPLY,
            TONE,
        )


async def test_sound_follows_the_text_in_pieces() -> None:
    chunks = [b"\x01", b"\x02" * 100_001]
    async with AzurePeer() as peer:
        await client_of(peer).send_message(user_text="Listen:", input_audio_chunks=chunks)
        session = await peer.session()
    kinds = [event["type"] for event in session.received]
    assert kinds == [
        "session.update",
        "conversation.item.create",
        "input_audio_buffer.append",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "response.create",
    ]
    appends = of_type(session.received, "input_audio_buffer.append")
    assert b"".join(from_base64(event["audio"]) for event in appends) == b"".join(chunks)


async def test_another_rate_is_resampled_at_both_ends() -> None:
    async with AzurePeer() as peer:
        client = client_of(peer, sample_rate_hz=16_000)
        _, audio = await client.send_message(input_audio_chunks=[bytes(32_000)])
        session = await peer.session()
    assert len(audio) == pytest.approx(len(TONE) * 2 / 3, abs=4)
    appends = of_type(session.received, "input_audio_buffer.append")
    sent = sum(len(from_base64(event["audio"])) for event in appends)
    assert sent == pytest.approx(48_000, abs=4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Give user_text or input_audio_chunks"),
        ({"user_text": "", "input_audio_chunks": [b""]}, "Give user_text or input_audio_chunks"),
        ({"input_audio_chunks": [b"abc"]}, "the number of bytes is odd"),
        ({"user_text": "x", "output_modalities": ["video"]}, "output_modalities must be"),
        ({"user_text": "x", "output_modalities": []}, "output_modalities must be"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_dialled(
    arguments: dict[str, Any], words: str
) -> None:
    client = RealtimeWebSocketClient(RealtimeConfig("http://localhost:9", KEY, "gpt-realtime"))
    with pytest.raises(ValueError, match=words):
        await client.send_message(**arguments)
    with pytest.raises(ValueError, match=words):
        client.stream_message(**arguments)


def test_a_configuration_that_leads_nowhere_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="AZURE_OPENAI_DEPLOYMENT is missing"):
        RealtimeWebSocketClient(RealtimeConfig("https://mine.openai.azure.com", "k", ""))


def test_an_old_api_version_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    config = RealtimeConfig("https://mine.openai.azure.com", "k", "d", api_version="2025-08-28")
    with caplog.at_level(logging.WARNING, "rtclient"):
        RealtimeWebSocketClient(config)
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "api_version has no effect"
    ]


async def test_a_conversation_has_one_connection() -> None:
    async with AzurePeer() as peer:
        async with client_of(peer) as client:
            await client.send_message("one")
            await asyncio.gather(client.send_message("two"), client.send_message("three"))
        assert len(peer.sessions) == 1
        await client.send_message("alone")
        assert len(peer.sessions) == 2
    kinds = [event["type"] for event in peer.sessions[0].received]
    assert kinds == ["session.update", *["conversation.item.create", "response.create"] * 3]


async def test_a_client_cannot_be_entered_twice() -> None:
    async with AzurePeer() as peer, client_of(peer) as client:
        with pytest.raises(RuntimeError, match="connected already"):
            async with client:
                pass
        assert (await client.send_message("still here"))[0] == REPLY


async def test_the_answer_comes_in_pieces() -> None:
    async with AzurePeer() as peer:
        parts = [part async for part in client_of(peer).stream_message("Hi.")]
    assert len(parts) > 2
    assert "".join(part.text for part in parts) == REPLY
    assert b"".join(part.audio for part in parts) == TONE


async def test_a_program_without_asyncio_can_call() -> None:
    async with AzurePeer() as peer:
        client = client_of(peer)
        assert await asyncio.to_thread(client.send_message_sync, "Hi.") == (REPLY, TONE)
        assert await asyncio.to_thread(client.send_message_sync, user_text="Hi.") == (REPLY, TONE)
        with pytest.raises(RuntimeError, match=r"use `await client\.send_message"):
            client.send_message_sync("Hi.")


async def test_what_the_service_refuses_is_a_runtime_error_with_its_words() -> None:
    async with AzurePeer() as peer:
        async with client_of(peer) as client:
            with pytest.raises(ServerError, match="buffer too small") as caught:
                await client.send_message(input_audio_chunks=[bytes(960)])
            assert caught.value.code == "input_audio_buffer_commit_empty"
            # The answer to what was refused is not taken for the next one.
            assert await client.send_message("and now?") == (REPLY, TONE)
        session = await peer.session()
    assert len(of_type(session.received, "response.cancel")) == 1
    assert isinstance(caught.value, RuntimeError)


async def test_a_wrong_key_is_a_runtime_error() -> None:
    async with AzurePeer() as peer:
        client = RealtimeWebSocketClient(RealtimeConfig(peer.endpoint, "wrong", "gpt-realtime"))
        with pytest.raises(AuthError) as caught:
            await client.send_message("Hi.")
    assert caught.value.status == 401
    assert isinstance(caught.value, RuntimeError)


def of_script(peer: ScriptedPeer, **fields: Any) -> RealtimeWebSocketClient:
    return RealtimeWebSocketClient(RealtimeConfig(peer.url, "k", "m", upstream="openai", **fields))


async def begin_response(session: PeerSession, number: int = 1) -> dict[str, Any]:
    await session.expect("response.create")
    response = {"id": f"resp_{number}", "object": "realtime.response", "status": "in_progress"}
    await session.send(
        {"type": "response.created", "event_id": f"created_{number}", "response": response}
    )
    return response


async def test_a_service_that_says_nothing_is_not_waited_for_longer_than_asked() -> None:
    async with ScriptedPeer() as peer:
        with pytest.raises(TimeoutError, match=r"said nothing for 0\.05 s"):
            await of_script(peer, timeout_s=0.05).send_message("Hi.")


async def test_an_answer_that_failed_is_told() -> None:
    async def fail(session: PeerSession) -> None:
        await greet(session)
        response = await begin_response(session)
        details = {"type": "failed", "error": {"type": "x", "code": "rate_limit_exceeded"}}
        done = response | {"status": "failed", "status_details": details, "output": []}
        await session.send({"type": "response.done", "event_id": "e", "response": done})

    async with ScriptedPeer(fail) as peer:
        with pytest.raises(ResponseFailed, match="rate_limit_exceeded"):
            await of_script(peer).send_message("Hi.")


async def test_a_closed_connection_is_told() -> None:
    async def hang_up(session: PeerSession) -> None:
        await greet(session)
        await begin_response(session)
        await session.close(1000)

    async with ScriptedPeer(hang_up) as peer:
        with pytest.raises(ConnectionLost):
            await of_script(peer).send_message("Hi.")


async def test_an_answer_that_a_lost_connection_cut_off_is_not_taken_for_a_whole_one() -> None:
    async def vanish(session: PeerSession) -> None:
        await greet(session)
        await begin_response(session)
        session.abort()

    async with ScriptedPeer(vanish) as peer:
        with pytest.raises(ResponseFailed, match="connection_lost"):
            await of_script(peer).send_message("Hi.")


async def test_an_answer_left_early_is_cancelled_before_the_next_one() -> None:
    async def script(session: PeerSession) -> None:
        await greet(session)
        first = await begin_response(session)
        delta = {"type": "response.output_text.delta", "item_id": "i", "content_index": 0}
        await session.send(
            delta | {"event_id": "d1", "response_id": "resp_1", "output_index": 0, "delta": "one"}
        )
        await session.expect("response.cancel")
        done = first | {"status": "cancelled", "output": []}
        await session.send({"type": "response.done", "event_id": "e1", "response": done})
        second = await begin_response(session, 2)
        await session.send(
            delta | {"event_id": "d2", "response_id": "resp_2", "output_index": 0, "delta": "two"}
        )
        done = second | {"status": "completed", "output": []}
        await session.send({"type": "response.done", "event_id": "e2", "response": done})

    async with ScriptedPeer(script) as peer, of_script(peer) as client:
        answer = client.stream_message("a", output_modalities=["text"])
        assert (await anext(answer)).text == "one"
        await answer.aclose()
        assert await client.send_message("b", output_modalities=["text"]) == ("two", b"")
