"""Model servers as senses that do what they should: real HTTP, a real socket."""

import io
import json
import wave

import pytest
from openai.types.audio import SpeechCreateParams
from openai.types.audio.transcription_create_params import TranscriptionCreateParamsBase

from tests.support.cascade import KEY, TOOL, TRANSCRIBED, cascade, words
from tests.support.model_servers import Fault, call, delta, model_servers, spoken
from tests.support.model_servers import say as saying

# ---------------------------------------------------------------- it works


async def test_a_spoken_turn_through_all_three_servers() -> None:
    async with (
        model_servers(transcripts=["What time is it?"]) as models,
        cascade(models, "STT", "CHAT", "TTS", LOCAL_CHAT_KEY=KEY) as client,
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
        assert stt.body.keys() <= TranscriptionCreateParamsBase.__annotations__.keys()
        assert tts[0].body.keys() <= SpeechCreateParams.__annotations__.keys()
        made = await spoken("It is noon.") + await spoken("Time for lunch.")
        assert client.sound() == made


async def test_ears_alone() -> None:
    async with (
        model_servers(transcripts=["hi"]) as models,
        cascade(models, "STT", LOCAL_STT_MODEL="large", LOCAL_STT_KEY=KEY) as client,
    ):
        await client.speak()
        assert words(await client.done()) == ["Good day."]
        (asked,) = models.of("stt")
        assert asked.body["model"] == "large"
        assert asked.headers["authorization"] == f"Bearer {KEY}"


async def test_ears_are_told_the_language_and_the_likely_words() -> None:
    async with model_servers() as models, cascade(models, "STT") as client:
        transcription = {"model": "whisper-1", "language": "en", "prompt": "Ada Lovelace, Bob"}
        session = {"type": "realtime", "audio": {"input": {"transcription": transcription}}}
        await client.send("session.update", session=session)
        await client.speak()
        await client.done()
        (asked,) = models.of("stt")
        assert asked.body["language"] == "en"
        assert "Ada Lovelace" in asked.body["prompt"]


async def test_a_brain_alone_keeps_the_conversation() -> None:
    async with model_servers() as models, cascade(models, "CHAT") as client:
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
        cascade(
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
        cascade(models, "CHAT", "TTS") as client,
    ):
        models.replies = [saying("One moment.", " I", " will", " look.")]
        await client.say("look it up")
        await client.until("response.output_audio.delta")
        assert not models.of("chat")[0].is_answered
        models.gate.set()
        assert words(await client.done()) == ["One moment. I will look."]


async def test_functions_are_called_and_their_output_comes_back() -> None:
    async with model_servers() as models, cascade(models, "CHAT") as client:
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
    async with model_servers(usage=usage) as models, cascade(models, "CHAT") as client:
        await client.say("hello", output_modalities=["text"])
        counted = (await client.done())["usage"]
        assert (counted["input_tokens"], counted["output_tokens"]) == (321, 45)


# ---------------------------------------------------------------- barge-in


async def test_barge_in_closes_the_chat_stream() -> None:
    async with model_servers(held_at=30) as models, cascade(models, "CHAT") as client:
        models.replies = [saying("This is a long story. " * 20)]
        await client.say("tell me a story")
        await client.until("response.output_audio.delta")
        await client.speak(quiet_ms=0)
        assert (await client.done())["status_details"]["reason"] == "turn_detected"
        await models.until(lambda: models.of("chat")[0].is_dropped)


async def test_barge_in_closes_the_speech_stream() -> None:
    async with model_servers() as models, cascade(models, "TTS") as client:
        models.plan("tts", Fault(stall_after=20))
        await client.say("hi")
        await client.until("response.output_audio.delta")
        await client.speak(quiet_ms=0)
        assert (await client.done())["status_details"]["reason"] == "turn_detected"
        await models.until(lambda: models.of("tts")[0].is_dropped)


async def test_who_goes_on_talking_cancels_the_early_recognition() -> None:
    async with (
        model_servers(transcripts=["", "hi"]) as models,
        cascade(models, "STT") as client,
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
        async with cascade(models, "CHAT") as client:
            await client.say("hello")
            await models.until(lambda: len(models.of("chat")) == 1)
        await models.until(lambda: models.of("chat")[0].is_dropped)
