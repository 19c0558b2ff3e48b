"""The sentences for what goes wrong."""

import pytest

from rtclient.engine.remote import trouble
from rtclient.engine.remote.settings import ModelServer

SERVER = ModelServer("LOCAL_TTS", "http://secret-host:1/v1", "secret-model", "secret-key")


@pytest.mark.parametrize(
    ("status", "variable"),
    [
        (302, "LOCAL_TTS_URL"),
        (400, "LOCAL_TTS_MODEL"),
        (401, "LOCAL_TTS_KEY"),
        (403, "LOCAL_TTS_KEY"),
        (404, "LOCAL_TTS_MODEL"),
        (429, "LOCAL_TTS_URL"),
        (503, "LOCAL_TTS_MODEL"),
    ],
)
def test_a_refusal_names_the_variable_to_check(status: int, variable: str) -> None:
    told = trouble.refused(SERVER, status)
    assert variable in told
    assert f"HTTP {status}" in told


def test_every_sentence_names_a_variable_and_nothing_secret() -> None:
    told = [
        trouble.unreachable(SERVER),
        trouble.silent(SERVER, 30.0),
        trouble.stalled(SERVER, 10.0),
        trouble.broken_off(SERVER),
        trouble.endless(SERVER),
        trouble.nonsense(SERVER, "sound as pcm"),
        trouble.wrong_functions(SERVER),
        trouble.no_such_proxy(SERVER),
        trouble.untrusted(SERVER),
        *(trouble.refused(SERVER, status) for status in range(300, 600)),
    ]
    assert all("LOCAL_TTS_" in text and text.endswith(".") for text in told)
    assert not any("secret" in text for text in told)


def test_a_voice_may_be_what_a_speech_server_does_not_know() -> None:
    assert "LOCAL_TTS_VOICE" in trouble.refused(SERVER, 400)
    chat = ModelServer("LOCAL_CHAT", "http://host:1/v1", "model")
    assert "VOICE" not in trouble.refused(chat, 400)
