"""A program that uses the client wrongly is told so, in a sentence that says what is meant."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtclient import (
    RealtimeConfig,
    RealtimeWebSocketClient,
    RTClient,
    RTLowLevelClient,
    endpoints,
)
from rtclient.testing import ScriptedPeer
from tests.support.talking import Sent, talking

CALLS: dict[str, tuple[Callable[[RTClient], Any], str]] = {
    "sound that is text": (lambda client: client.send_audio("abc"), "bytes-like"),  # type: ignore[arg-type]
    "a question that is a number": (lambda client: client.ask(5), "a text or sound, not int"),  # type: ignore[arg-type]
    "nothing to say": (lambda client: client.say(None), "a text, not NoneType"),  # type: ignore[arg-type]
    "one modality alone": (
        lambda client: client.configure(modalities="text"),  # type: ignore[arg-type]
        r'modalities is a list, such as \["text"\]',
    ),
    "an event that is text": (
        lambda client: client.send_event("x"),  # type: ignore[arg-type]
        "an event is a dict in the words of GA, not str",
    ),
    "an item that is text": (lambda client: client.send_item("hello"), "there is `ask`"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_wrong_type_is_told(name: str) -> None:
    call, text = CALLS[name]
    async with ScriptedPeer() as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(TypeError, match=text):
            await call(client)


async def test_a_callback_without_a_name_or_a_function_is_refused() -> None:
    async with ScriptedPeer() as peer:
        client = RTClient.to(peer.endpoint)
        with pytest.raises(TypeError, match=r'@client.on\("transcript"\)'):
            client.on(print)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="a callback is a function, not int"):
            client.on("audio", 5)  # type: ignore[call-overload]


UNCONNECTED: dict[str, Callable[[RTClient], Any]] = {
    "ask": lambda client: client.ask("Hello"),
    "send_audio": lambda client: client.send_audio(b"\0\0"),
    "events": lambda client: anext(client.events()),
    "push_to_talk": lambda client: client.push_to_talk().__aenter__(),
}


@pytest.mark.parametrize("name", UNCONNECTED)
async def test_a_client_that_is_not_connected_says_so(name: str) -> None:
    async with ScriptedPeer() as peer:
        with pytest.raises(RuntimeError, match="use `async with client`"):
            await UNCONNECTED[name](RTClient.to(peer.endpoint))


async def test_a_low_level_client_that_is_not_connected_says_so() -> None:
    async with ScriptedPeer() as peer:
        client = RTLowLevelClient.to(peer.endpoint)
        for call in (client.recv, client.recv_event, lambda: client.send({"type": "x"})):
            with pytest.raises(RuntimeError, match=r"call connect\(\) first"):
                await call()


async def test_an_event_of_the_low_level_client_is_a_message_or_a_dict() -> None:
    async with ScriptedPeer() as peer, RTLowLevelClient.to(peer.endpoint) as client:
        with pytest.raises(TypeError, match=r"a message of .* or a dict, not str"):
            await client.send("response.create")


async def test_a_client_stays_with_its_event_loop() -> None:
    async with ScriptedPeer() as peer, RTClient.to(peer.endpoint) as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.ask("Hello")))


async def test_a_closed_client_records_nothing(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        async with RTClient.to(peer.endpoint) as client:
            pass
        with pytest.raises(RuntimeError, match="this client is closed"):
            client.record(tmp_path)
    assert os.listdir(tmp_path) == []


ENDPOINT = endpoints.parley("http://localhost:1")
MAKING: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "an address that is text": (
        lambda: RTClient.to("http://localhost:1"),  # type: ignore[arg-type]
        TypeError,
        r"endpoints.parley\(url\)",
    ),
    "a dialect that is none": (
        lambda: RTClient(dialect="beta"),  # type: ignore[arg-type]
        ValueError,
        "dialect must be ga or preview",
    ),
    "an address of no dialect": (
        lambda: endpoints.azure("https://x.example", "d", dialect="beta"),  # type: ignore[arg-type]
        ValueError,
        "dialect must be ga or preview",
    ),
    "a key alone": (
        lambda: RTClient(key_credential="sk-canary"),
        TypeError,
        "key_credential must have the key in .key",
    ),
    "a token alone": (
        lambda: RTClient("https://x", "token-canary", azure_deployment="d"),
        TypeError,
        "must have get_token",
    ),
    "a policy that is a number": (
        lambda: RTClient.to(ENDPOINT, reconnect_policy=3),  # type: ignore[arg-type]
        TypeError,
        "a policy is a ReconnectPolicy, not int",
    ),
    "a time that is text": (
        lambda: RTClient.to(ENDPOINT, open_timeout_s="3"),  # type: ignore[arg-type]
        TypeError,
        "a number of seconds, not str",
    ),
}


@pytest.mark.parametrize("name", MAKING)
def test_a_client_that_cannot_work_is_not_made(name: str) -> None:
    make, kind, text = MAKING[name]
    with pytest.raises(kind, match=text) as caught:
        make()
    assert "canary" not in str(caught.value)


async def test_much_sound_at_once_is_sent_in_pieces() -> None:
    async with talking() as client:
        sent = Sent(client)
        await client.send_audio(bytes(20_000_000))
        await client.clear_audio()
        assert len(sent.of("input_audio_buffer.append")) == 209


async def test_a_question_takes_the_words_of_preview_too() -> None:
    async with talking({"turns": [{"answer": "In writing."}]}) as client:
        answer = await client.ask("Write.", modalities=["text"], temperature=0.8)
        assert (answer.transcript, answer.audio) == ("In writing.", b"")


def test_one_call_needs_a_config_and_text() -> None:
    with pytest.raises(TypeError, match=r"RealtimeConfig.from_env\(\)"):
        RealtimeWebSocketClient({"endpoint": "x"})  # type: ignore[arg-type]
    client = RealtimeWebSocketClient(RealtimeConfig("http://localhost:1/v1", "key", "model"))
    with pytest.raises(TypeError, match="input_audio_chunks"):
        client.stream_message(b"sound")  # type: ignore[arg-type]
