"""Model servers as senses: an engine over a real socket, real HTTP servers that behave or do not.

Only voice activity is scripted (loudness), so that a tone is a turn.
"""

import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from rtclient.engine import scripted
from rtclient.engine.remote.client import Patience
from rtclient.engine.remote.plugging import Plugs
from rtclient.engine.remote.settings import LocalSettingsError, servers_of
from rtclient.engine.scripted import MS_PER_CHAR, tone
from rtclient.engine.senses import Say
from rtclient.engine.serve import serve
from rtclient.protocol.audio import from_base64, to_base64
from tests.support.model_servers import Fault, ModelServers, call, delta, model_servers, spoken
from tests.support.model_servers import say as saying
from tests.support.servers import child
from tests.support.talker import Talker
from tests.support.waiting import ready_line

SHORT = Patience(connect_s=1.0, first_s=0.2, idle_s=0.2, check_s=0.2, rest_s=0.0)
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TRANSCRIBED = {"input": {"transcription": {"model": "whisper-1"}}}
KEY = "sk-never-to-be-seen"


class Client(Talker):
    """A talker with turns."""

    async def speak(self, length_ms: int = 500, quiet_ms: int = 300) -> None:
        """Append a spoken turn."""
        pcm = tone(300, length_ms) + bytes(48 * quiet_ms)
        for at in range(0, len(pcm), 48 * 100):
            await self.send("input_audio_buffer.append", audio=to_base64(pcm[at : at + 48 * 100]))

    async def say(self, text: str, **response: Any) -> None:
        """Ask something in writing."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create", response=response)

    async def done(self) -> dict[str, Any]:
        """The next response when it is over."""
        response: dict[str, Any] = (await self.until("response.done"))["response"]
        return response

    def sound(self) -> bytes:
        """All sound so far."""
        return b"".join(
            from_base64(event["delta"])
            for event in self.events
            if event["type"] == "response.output_audio.delta"
        )


def words(response: dict[str, Any]) -> list[str]:
    """What each message of a response says."""
    parts = [item["content"][0] for item in response["output"] if item["type"] == "message"]
    return [part.get("transcript") or part.get("text") for part in parts]


@asynccontextmanager
async def talking(
    models: ModelServers, *senses: str, patience: Patience | None = None, **variables: str
) -> AsyncIterator[Client]:
    """A client of an engine with these senses (`STT CHAT TTS`) behind `models`."""
    values = {f"LOCAL_{name}_URL": models.url for name in senses} | variables
    gathered = scripted.senses("what the table heard", answers={"hi": [Say("Good day.")]})
    plugs = Plugs(servers_of(values), patience)
    plugs.plug_into(gathered)
    async with serve(gathered) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}/v1/realtime"
        async with connect(url, compression=None, max_size=None, proxy=None) as connection:
            client = Client(connection)
            await client.until("session.created")
            yield client
    await plugs.close()


# ---------------------------------------------------------------- it works


async def test_a_spoken_turn_through_all_three_servers() -> None:
    async with (
        model_servers(transcripts=["What time is it?"]) as models,
        talking(models, "STT", "CHAT", "TTS", LOCAL_CHAT_KEY=KEY) as client,
    ):
        models.replies = [saying("It is noon. Time for lunch.")]
        await client.send(
            "session.update", session={"type": "realtime", "audio": TRANSCRIBED, "tools": [TOOL]}
        )
        await client.speak()
        response = await client.done()
        assert response["status"] == "completed"
        assert words(response) == ["It is noon. Time for lunch."]
        kind = "conversation.item.input_audio_transcription.completed"
        (heard,) = [event for event in client.events if event["type"] == kind]
        assert heard["transcript"] == "What time is it?"
        assert client.errors() == []

        (stt,), (chat,), tts = models.of("stt"), models.of("chat"), models.of("tts")
        with wave.open(io.BytesIO(stt.upload)) as sent:
            assert (sent.getframerate(), sent.getnchannels(), sent.getsampwidth()) == (16000, 1, 2)
            assert 0.5 < sent.getnframes() / 16000 < 1.0
        assert (stt.body["model"], stt.body["response_format"]) == ("whisper-1", "json")
        assert chat.headers["authorization"] == f"Bearer {KEY}"
        assert "authorization" not in stt.headers
        assert chat.body["messages"][-1] == {"role": "user", "content": "What time is it?"}
        assert chat.body["tools"][0]["function"]["name"] == "weather"
        assert [asked.body["input"] for asked in tts] == ["It is noon.", "Time for lunch."]
        made = await spoken("It is noon.") + await spoken("Time for lunch.")
        assert client.sound() == made


async def test_ears_alone() -> None:
    async with (
        model_servers(transcripts=["hi"]) as models,
        talking(models, "STT", LOCAL_STT_MODEL="large", LOCAL_STT_KEY=KEY) as client,
    ):
        await client.speak()
        assert words(await client.done()) == ["Good day."]
        (asked,) = models.of("stt")
        assert asked.body["model"] == "large"
        assert asked.headers["authorization"] == f"Bearer {KEY}"


async def test_a_brain_alone_keeps_the_conversation() -> None:
    async with model_servers() as models, talking(models, "CHAT") as client:
        models.replies = [saying("Hello Ada.")]
        await client.send("session.update", session={"type": "realtime", "instructions": "Be nice"})
        await client.say("I am Ada", output_modalities=["text"])
        assert words(await client.done()) == ["Hello Ada."]
        await client.say("Who am I?", max_output_tokens=100)
        assert (await client.done())["status"] == "completed"
        system, *messages = models.of("chat")[1].body["messages"]
        assert system["role"] == "system"
        assert system["content"].startswith("Be nice")
        assert messages == [
            {"role": "user", "content": "I am Ada"},
            {"role": "assistant", "content": "Hello Ada."},
            {"role": "user", "content": "Who am I?"},
        ]
        assert models.of("chat")[1].body["max_tokens"] == 100


async def test_a_voice_alone_at_its_own_rate() -> None:
    async with (
        model_servers() as models,
        talking(
            models, "TTS", LOCAL_TTS_VOICE="af_heart", LOCAL_TTS_RATE="16000", LOCAL_TTS_MODEL="k"
        ) as client,
    ):
        await client.say("hi")
        await client.done()
        (asked,) = models.of("tts")
        assert asked.body == {
            "model": "k",
            "input": "Good day.",
            "voice": "af_heart",
            "response_format": "pcm",
            "speed": 1.0,
        }
        made = len(await spoken("Good day."))
        assert len(client.sound()) == pytest.approx(made * 24 / 16, rel=0.01)


async def test_the_first_sentence_is_spoken_before_the_chat_stream_ends() -> None:
    async with (
        model_servers(held_at=4) as models,
        talking(models, "CHAT", "TTS") as client,
    ):
        models.replies = [saying("One moment.", " I", " will", " look.")]
        await client.say("look it up")
        await client.until("response.output_audio.delta")
        assert not models.of("chat")[0].is_answered
        models.gate.set()
        assert words(await client.done()) == ["One moment. I will look."]


async def test_functions_are_called_and_their_output_comes_back() -> None:
    async with model_servers() as models, talking(models, "CHAT") as client:
        two = [*call("weather", '{"city": "Rome"}')[:-1]]
        two += call("weather", '{"city": "Oslo"}', "call_2", index=1)
        models.replies = [[delta(content="Let me see. "), *two], saying("Warm and cold.")]
        await client.send("session.update", session={"type": "realtime", "tools": [TOOL]})
        await client.say("Rome and Oslo?", tool_choice="required", output_modalities=["text"])
        message, *calls = (await client.done())["output"]
        assert message["content"][0]["text"] == "Let me see. "
        assert [json.loads(one["arguments"])["city"] for one in calls] == ["Rome", "Oslo"]
        for one in calls:
            output = {"type": "function_call_output", "call_id": one["call_id"], "output": "20"}
            await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        assert words(await client.done()) == ["Warm and cold."]
        first, second = (asked.body for asked in models.of("chat"))
        assert first["tool_choice"] == "required"
        assistant, *tools = second["messages"][-3:]
        assert [one["id"] for one in assistant["tool_calls"]] == [c["call_id"] for c in calls]
        assert [tool["tool_call_id"] for tool in tools] == [c["call_id"] for c in calls]


async def test_usage_is_what_the_server_counted() -> None:
    usage = {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}
    async with model_servers(usage=usage) as models, talking(models, "CHAT") as client:
        await client.say("hello", output_modalities=["text"])
        counted = (await client.done())["usage"]
        assert (counted["input_tokens"], counted["output_tokens"]) == (321, 45)


# ---------------------------------------------------------------- barge-in


async def test_barge_in_closes_the_chat_stream() -> None:
    async with model_servers(held_at=30) as models, talking(models, "CHAT") as client:
        models.replies = [saying("This is a long story. " * 20)]
        await client.say("tell me a story")
        await client.until("response.output_audio.delta")
        await client.speak(quiet_ms=0)
        assert (await client.done())["status_details"]["reason"] == "turn_detected"
        await models.until(lambda: models.of("chat")[0].is_dropped)


async def test_barge_in_closes_the_speech_stream() -> None:
    async with model_servers() as models, talking(models, "TTS") as client:
        models.plan("tts", Fault(stall_after=20))
        await client.say("hi")
        await client.until("response.output_audio.delta")
        await client.speak(quiet_ms=0)
        assert (await client.done())["status_details"]["reason"] == "turn_detected"
        await models.until(lambda: models.of("tts")[0].is_dropped)


async def test_who_goes_on_talking_cancels_the_early_recognition() -> None:
    async with (
        model_servers(transcripts=["", "hi"]) as models,
        talking(models, "STT") as client,
    ):
        models.plan("stt", Fault(is_silent=True))
        rules = {"type": "server_vad", "silence_duration_ms": 800}
        await client.send(
            "session.update",
            session={"type": "realtime", "audio": {"input": {"turn_detection": rules}}},
        )
        await client.speak(quiet_ms=500)
        await models.until(lambda: len(models.of("stt")) == 1)
        await client.speak(quiet_ms=900)
        assert words(await client.done()) == ["Good day."]
        await models.until(lambda: models.of("stt")[0].is_dropped)
        first, second = (len(asked.upload) for asked in models.of("stt"))
        assert second > first + 16_000


async def test_a_client_that_leaves_closes_its_streams() -> None:
    async with model_servers(held_at=2) as models:
        async with talking(models, "CHAT") as client:
            await client.say("hello")
            await models.until(lambda: len(models.of("chat")) == 1)
        await models.until(lambda: models.of("chat")[0].is_dropped)


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
        talking(models, "CHAT", patience=SHORT, LOCAL_CHAT_KEY=KEY) as client,
    ):
        models.plan("chat", fault)
        await client.say("hello", output_modalities=["text"])
        response = await client.done()
        assert response["status"] == "completed"
        assert words(response)[0].startswith("Sorry, the language model")
        (error,) = client.errors()
        assert (error["code"], error["type"]) == ("chat_server_failed", "server_error")
        assert variable in error["message"]
        assert KEY not in json.dumps(client.events)
        await client.say("again", output_modalities=["text"])
        assert words(await client.done()) == ["You said: again."]


@pytest.mark.parametrize("fault", [Fault(stall_after=5), Fault(close_after=5)])
async def test_what_was_said_stays_when_the_chat_server_stops_in_the_middle(fault: Fault) -> None:
    async with model_servers() as models, talking(models, "CHAT", patience=SHORT) as client:
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
        talking(models, "CHAT", LOCAL_TTS_URL=gone) as client,
    ):
        await client.say("hello")
        assert words(await client.done()) == ["You said: hello."]
        (error,) = client.errors()
        assert error["code"] == "speech_server_failed"
        assert "cannot be reached" in error["message"]
        assert "LOCAL_TTS_URL" in error["message"]
        assert client.sound()


async def test_a_wrong_call_is_not_made() -> None:
    async with model_servers() as models, talking(models, "CHAT") as client:
        models.replies = [call("weather", '["Rome"]'), call("format_disk", "{}")]
        await client.send("session.update", session={"type": "realtime", "tools": [TOOL]})
        for turn in (1, 2):
            await client.say("do it", output_modalities=["text"])
            assert [item["type"] for item in (await client.done())["output"]] == ["message"]
            assert len(client.errors()) == turn
            assert "LOCAL_CHAT_MODEL" in client.errors()[-1]["message"]


async def test_an_answer_that_is_too_long_ends_incomplete() -> None:
    async with model_servers() as models, talking(models, "CHAT") as client:
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
        talking(models, "STT", patience=SHORT) as client,
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
    async with model_servers() as models, talking(models, "STT", "TTS") as client:
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
    async with model_servers() as models, talking(models, "TTS", patience=SHORT) as client:
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
    async with model_servers() as models, talking(models, "TTS", patience=SHORT) as client:
        models.plan("tts", fault)
        await client.say("hi")
        assert words(await client.done()) == ["Good day."]
        heard_ms = 20 * models.chunk_bytes / 48
        whole_ms = len("Good day.") * MS_PER_CHAR
        word_ms = len("Good ") * MS_PER_CHAR
        assert whole_ms <= len(client.sound()) / 48 <= whole_ms + word_ms
        assert heard_ms < whole_ms
        assert len(client.errors()) == 1


async def test_a_speech_server_that_kept_somebody_waiting_is_left_alone_for_a_while() -> None:
    patience = replace(SHORT, rest_s=60.0)
    async with model_servers() as models, talking(models, "TTS", patience=patience) as client:
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
        (Fault(is_silent=True), "did not answer within 0.2 s"),
    ],
)
async def test_the_check_at_start_says_what_is_wrong(fault: Fault, words: str) -> None:
    async with model_servers(names=["b", "a"]) as models:
        models.plan("models", fault)
        variables = {"LOCAL_CHAT_URL": models.url, "LOCAL_CHAT_MODEL": "other"}
        plugs = Plugs(servers_of(variables), SHORT)
        notes = await plugs.notes()
        await plugs.close()
        assert len(notes) == bool(words)
        assert words in "".join(notes)
        assert len(models.of("models")) == 1


async def test_a_server_on_this_machine_is_asked_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with model_servers() as models, talking(models, "CHAT") as client:
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
            assert KEY.encode() not in engine.stdout + engine.stderr
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
        assert KEY not in text
