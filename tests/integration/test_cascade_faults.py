"""Model servers that refuse, stall and break off, and settings that are wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rtclient.engine.pcm import pcm_ms
from rtclient.engine.remote.client import Client
from rtclient.engine.remote.plugging import Plugs
from rtclient.engine.remote.settings import LocalSettingsError, ModelServer, servers_of
from rtclient.engine.remote.trouble import endless
from rtclient.engine.remote.voice import LEAST_LIMIT_MS, RemoteVoice
from rtclient.engine.scripted import MS_PER_CHAR, LetterVoice, tone
from tests.support.canary import found
from tests.support.cascade import KEY, SHORT, TOOL, TRANSCRIBED, cascade, patience_with, words
from tests.support.certificates import Authority
from tests.support.model_servers import Fault, call, model_servers, spoken
from tests.support.model_servers import say as saying
from tests.support.servers import child
from tests.support.waiting import ready_line

# ---------------------------------------------------------------- it goes wrong

CHAT_FAULTS = {
    "401": (Fault(status=401), "LOCAL_CHAT_KEY"),
    "404": (Fault(status=404), "LOCAL_CHAT_MODEL"),
    "500": (Fault(status=500), "LOCAL_CHAT_MODEL"),
    "429": (Fault(status=429), "LOCAL_CHAT_URL"),
    "302": (Fault(status=302), "LOCAL_CHAT_URL"),
    "silence": (Fault(is_silent=True), "LOCAL_CHAT_URL"),
    "no json": (Fault(body=b"data: {oh\n\n", content_type="text/event-stream"), "LOCAL_CHAT_URL"),
    "an error in the stream": (
        Fault(body=b'data: {"error": {"message": "x"}}\n\n', content_type="text/event-stream"),
        "LOCAL_CHAT_URL",
    ),
    "no stream": (Fault(body=b'{"choices": []}'), "LOCAL_CHAT_URL"),
    "no end": (Fault(body=b"", content_type="text/event-stream"), "LOCAL_CHAT_URL"),
}


@pytest.mark.parametrize("kind", CHAT_FAULTS)
async def test_a_chat_server_that_fails_is_told_and_spoken_and_asked_again(kind: str) -> None:
    fault, variable = CHAT_FAULTS[kind]
    async with (
        model_servers() as models,
        cascade(models, "CHAT", patience=patience_with(fault), LOCAL_CHAT_KEY=KEY) as client,
    ):
        models.plan("chat", fault)
        await client.say("hello", output_modalities=["text"])
        response = await client.done()
        assert response["status"] == "completed"
        assert words(response)[0].startswith("Sorry, the language model")
        (error,) = client.errors()
        assert (error["code"], error["type"]) == ("chat_server_failed", "server_error")
        assert variable in error["message"]
        assert not found(json.dumps(client.events).encode())
        await client.say("again", output_modalities=["text"])
        assert words(await client.done()) == ["You said: again."]


async def test_a_chat_server_that_fails_is_told_aloud() -> None:
    async with model_servers() as models, cascade(models, "STT", "CHAT", "TTS") as client:
        models.plan("chat", Fault(status=500))
        await client.speak()
        await client.until("response.output_audio.delta")
        assert models.of("tts")[0].body["input"].startswith("Sorry")


@pytest.mark.parametrize("fault", [Fault(stall_after=5), Fault(close_after=5)])
async def test_what_was_said_stays_when_the_chat_server_stops_in_the_middle(fault: Fault) -> None:
    async with (
        model_servers() as models,
        cascade(models, "CHAT", patience=patience_with(fault)) as client,
    ):
        models.replies = [saying("It is noon. Time for lunch.")]
        models.plan("chat", fault)
        await client.say("hello", output_modalities=["text"])
        (text,) = words(await client.done())
        assert text.startswith("It is noon. Sorry, the language model")
        assert "LOCAL_CHAT_URL" in client.errors()[0]["message"]


async def test_a_server_that_is_not_there_is_told_and_used_when_it_comes() -> None:
    async with model_servers() as models:
        gone = models.url
    async with (
        model_servers() as models,
        cascade(models, "CHAT", LOCAL_TTS_URL=gone) as client,
    ):
        await client.say("hello")
        assert words(await client.done()) == ["You said: hello."]
        (error,) = client.errors()
        assert error["code"] == "speech_server_failed"
        assert "cannot be reached" in error["message"]
        assert "LOCAL_TTS_URL" in error["message"]
        assert client.sound()


async def test_a_certificate_that_nobody_trusts_is_told() -> None:
    context = Authority().server_context()
    async with model_servers(tls=context) as models:
        plugs = Plugs(servers_of({"LOCAL_CHAT_URL": models.url}))
        (note,) = await plugs.notes()
        await plugs.close()
        assert "does not trust" in note


async def test_an_authority_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(tmp_path)))
    async with model_servers(tls=authority.server_context()) as models:
        plugs = Plugs(servers_of({"LOCAL_CHAT_URL": models.url}))
        assert await plugs.notes() == []
        await plugs.close()


async def test_a_wrong_call_is_not_made() -> None:
    async with model_servers() as models, cascade(models, "CHAT") as client:
        models.replies = [call("weather", '["Rome"]'), call("format_disk", "{}")]
        await client.send("session.update", session={"type": "realtime", "tools": [TOOL]})
        for turn in (1, 2):
            await client.say("do it", output_modalities=["text"])
            assert [item["type"] for item in (await client.done())["output"]] == ["message"]
            assert len(client.errors()) == turn
            assert "LOCAL_CHAT_MODEL" in client.errors()[-1]["message"]


async def test_an_answer_that_is_too_long_ends_incomplete() -> None:
    async with model_servers() as models, cascade(models, "CHAT") as client:
        models.replies = [saying("And so", reason="length")]
        await client.say("hello", output_modalities=["text"])
        response = await client.done()
        assert response["status_details"]["reason"] == "max_output_tokens"
        assert words(response) == ["And so"]


@pytest.mark.parametrize(
    ("fault", "variable"),
    [
        (Fault(status=401), "LOCAL_STT_KEY"),
        (Fault(status=500), "LOCAL_STT_MODEL"),
        (Fault(is_silent=True), "LOCAL_STT_URL"),
        (Fault(close_after=0), "LOCAL_STT_URL"),
        (Fault(body=b"<html>"), "LOCAL_STT_URL"),
    ],
)
async def test_ears_that_fail_fail_the_turn_and_hear_the_next(fault: Fault, variable: str) -> None:
    async with (
        model_servers(transcripts=["", "hi"]) as models,
        cascade(models, "STT", patience=patience_with(fault)) as client,
    ):
        session = {"type": "realtime", "audio": TRANSCRIBED, "output_modalities": ["text"]}
        await client.send("session.update", session=session)
        models.plan("stt", fault)
        await client.speak()
        response = await client.done()
        assert response["status"] == "failed"
        assert variable in response["status_details"]["error"]["message"]
        assert "could not hear you" in words(response)[0]
        kind = "conversation.item.input_audio_transcription.failed"
        (failed,) = [event for event in client.events if event["type"] == kind]
        assert variable in failed["error"]["message"]
        await client.speak()
        assert words(await client.done()) == ["Good day."]


async def test_who_cannot_be_heard_is_told_so_aloud() -> None:
    async with model_servers() as models, cascade(models, "STT", "TTS") as client:
        models.plan("stt", Fault(status=500))
        await client.speak()
        await client.until("response.output_audio.delta")
        assert "could not hear you" in models.of("tts")[0].body["input"]


@pytest.mark.parametrize(
    ("fault", "variable"),
    [
        (Fault(status=401), "LOCAL_TTS_KEY"),
        (Fault(status=404), "LOCAL_TTS_MODEL"),
        (Fault(is_silent=True), "LOCAL_TTS_URL"),
        (Fault(body=b"ID3 this is an mp3"), "LOCAL_TTS_URL"),
        (Fault(body=b"", content_type="audio/pcm"), "LOCAL_TTS_URL"),
    ],
)
async def test_another_voice_says_what_the_speech_server_does_not(
    fault: Fault, variable: str
) -> None:
    async with (
        model_servers() as models,
        cascade(models, "TTS", patience=patience_with(fault)) as client,
    ):
        models.plan("tts", fault)
        await client.say("hi")
        response = await client.done()
        assert (response["status"], words(response)) == ("completed", ["Good day."])
        assert client.sound() == await spoken("Good day.")
        (error,) = client.errors()
        assert error["code"] == "speech_server_failed"
        assert variable in error["message"]


@pytest.mark.parametrize("fault", [Fault(stall_after=20), Fault(close_after=20)])
async def test_another_voice_says_the_rest(fault: Fault) -> None:
    async with (
        model_servers() as models,
        cascade(models, "TTS", patience=patience_with(fault)) as client,
    ):
        models.plan("tts", fault)
        await client.say("hi")
        assert words(await client.done()) == ["Good day."]
        heard_ms = 20 * models.chunk_bytes / 48
        whole_ms = len("Good day.") * MS_PER_CHAR
        word_ms = len("Good ") * MS_PER_CHAR
        assert whole_ms <= len(client.sound()) / 48 <= whole_ms + word_ms
        assert heard_ms < whole_ms
        assert len(client.errors()) == 1


async def test_a_speech_server_that_does_not_stop_is_stopped() -> None:
    body = tone(440, 100) * 500
    async with model_servers() as models:
        models.plan("tts", Fault(body=body, content_type="audio/pcm"))
        client = Client(ModelServer("LOCAL_TTS", f"{models.url}/v1", "tts-1"))
        voice = RemoteVoice(client, spare=LetterVoice())
        spoken = [one async for one in voice.speak("Good day.", voice="alloy", speed=1.0)]
        await client.close()
    assert [one.trouble.message for one in spoken if one.trouble] == [endless(client.server)]
    assert LEAST_LIMIT_MS <= pcm_ms(b"".join(one.pcm for one in spoken)) < pcm_ms(body) / 2


async def test_a_speech_server_that_kept_somebody_waiting_is_left_alone_for_a_while() -> None:
    patience = replace(SHORT, rest_s=60.0)
    async with model_servers() as models, cascade(models, "TTS", patience=patience) as client:
        models.plan("tts", Fault(is_silent=True))
        for turn in (1, 2):
            await client.say("hi")
            assert words(await client.done()) == ["Good day."]
            assert len(client.errors()) == turn
        assert len(models.of("tts")) == 1


# ---------------------------------------------------------------- the start


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(), "does not list the model other. Set LOCAL_CHAT_MODEL to one that it has: a, b."),
        (Fault(status=404), ""),
        (Fault(body=b"<html>"), ""),
        (Fault(status=401), "LOCAL_CHAT_KEY"),
        (Fault(is_silent=True), "did not answer within 0.4 s"),
    ],
)
async def test_the_check_at_start_says_what_is_wrong(fault: Fault, words: str) -> None:
    async with model_servers(names=["b", "a"]) as models:
        models.plan("models", fault)
        variables = {"LOCAL_CHAT_URL": models.url, "LOCAL_CHAT_MODEL": "other"}
        plugs = Plugs(servers_of(variables), patience_with(fault))
        notes = await plugs.notes()
        await plugs.close()
        assert len(notes) == bool(words)
        assert words in "".join(notes)
        assert len(models.of("models")) == 1


async def test_a_server_on_this_machine_is_asked_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with model_servers() as models, cascade(models, "CHAT") as client:
        await client.say("hello", output_modalities=["text"])
        assert words(await client.done()) == ["You said: hello."]


async def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(
        LocalSettingsError, match="LOCAL_CHAT_URL cannot be asked through the proxy"
    ):
        Plugs(servers_of({"LOCAL_CHAT_URL": "http://models.example"}))


# ---------------------------------------------------------------- the program


async def test_the_program_reads_dotenv_and_says_what_it_uses(tmp_path: Path) -> None:
    async with model_servers(names=["llama"]) as models:
        (tmp_path / ".env").write_text(
            f'LOCAL_CHAT_URL="{models.url}/v1/"\nLOCAL_CHAT_KEY={KEY}  # secret\n'
            "LOCAL_CHAT_MODEL=llama\n# LOCAL_TTS_URL=\nLOCAL_TTS_MODEL=kokoro\n"
        )
        environment = {"LOCAL_STT_URL": "http://127.0.0.1:9"}
        arguments = ("-m", "rtclient.engine", "--port", "0")
        async with child(*arguments, environment=environment, folder=tmp_path) as engine:
            ready = await ready_line(engine)
            place = models.url.removeprefix("http://")
            assert ready["senses"]["brain"] == f"LOCAL_CHAT_URL model llama at {place}"
            assert ready["senses"]["ears"].startswith("LOCAL_STT_URL")
            notes = " ".join(ready["notes"])
            assert "LOCAL_TTS_MODEL has no effect" in notes
            assert "The speech recognition server cannot be reached" in notes
            assert "chat server" not in notes
            assert await engine.stop() == 0
            assert not found(bytes(engine.stdout + engine.stderr))
            assert str(tmp_path / ".env").encode() in engine.stderr


async def test_wrong_settings_end_the_program_with_what_to_change(tmp_path: Path) -> None:
    environment = {"LOCAL_CHAT_URL": f"http://me:{KEY}@host/v1", "LOCAL_TTS_RATE": "loud"}
    environment["LOCAL_TTS_URL"] = "localhost:8880"
    arguments = ("-m", "rtclient.engine", "--port", "0")
    async with child(*arguments, environment=environment, folder=tmp_path) as engine:
        assert await engine.ended() == 2
        text = engine.stderr.decode()
        for name in ("LOCAL_CHAT_URL", "LOCAL_TTS_RATE", "LOCAL_TTS_URL"):
            assert f"{name} " in text
        assert not found(text.encode())
