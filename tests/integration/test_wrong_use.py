"""A program that uses the client wrongly is told so, in a sentence that says what is meant."""

from collections.abc import Callable
from typing import Any

import pytest

from rtclient import RealtimeConfig, RealtimeWebSocketClient, RTClient
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
