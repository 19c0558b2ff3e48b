"""The scripted senses do what their tables say."""

import hashlib
from array import array

import pytest

from rtclient.engine.pcm import pcm_of
from rtclient.engine.scripted import (
    LetterVoice,
    ListedVad,
    LoudnessVad,
    TableBrain,
    TableEars,
    senses,
    tone,
)
from rtclient.engine.senses import Call, Heard, Prompt, Say
from tests.support.engine_driver import drain


def test_loudness_is_speech() -> None:
    vad = LoudnessVad()
    assert list(vad.feed(tone(300, 50) + bytes(48 * 50))) == [1.0, 1.0, 1.0, 0.0, 0.0]
    quiet = pcm_of(array("h", [300] * 480))
    assert list(vad.feed(quiet)) == [0.0]


def test_listed_spans_are_speech_whatever_the_audio_is() -> None:
    vad = ListedVad((20, 60))
    assert list(vad.feed(bytes(48 * 90))) == [0.0, 1.0, 1.0, 0.0]
    assert list(vad.feed(bytes(48 * 10))) == [0.0]


async def test_the_ears_go_turn_by_turn_for_each_session() -> None:
    ears = TableEars("one", Heard("two", 0.4), RuntimeError("three"))
    assert (await ears.listen("a").finish()).is_certain
    assert (await ears.listen("a").finish()).confidence == 0.4
    with pytest.raises(RuntimeError):
        await ears.listen("a").finish()
    assert (await ears.listen("a").finish()).text == "turn 4"
    assert (await ears.listen("b").finish()).text == "one"
    ears.forget("a")
    assert (await ears.listen("a").finish()).text == "one"


def test_the_brain_answers_by_table_tool_or_echo() -> None:
    brain = TableBrain({"hi": [Say("Hello!")]})

    def answer(text: str, **fields: object) -> list[object]:
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        return list(drain(brain.think(Prompt(items=[item], **fields))))  # type: ignore[arg-type]

    assert answer("Hi") == [Say("Hello!")]
    assert answer("hm") == [Say("You said: hm")]
    schema = {"properties": {"n": {"type": "number"}, "city": {"type": "string"}}}
    tool = {"name": "Weather", "parameters": schema}
    assert answer("weather?", tools=[tool]) == [Call("Weather", '{"city": "weather?"}')]
    assert answer("weather?", tools=[{"name": "weather"}]) == [Call("weather", "{}")]
    assert drain(brain.think(Prompt(items=[]))) == [Say("Hello. Say something.")]


def test_the_voice_is_the_same_bytes_everywhere() -> None:
    spoken = drain(LetterVoice().speak("Hi you", voice="alloy", speed=1.0))
    pcm = b"".join(piece.pcm for piece in spoken)
    assert len(pcm) == 48 * 60 * 6
    assert hashlib.sha256(pcm).hexdigest()[:16] == "1855c155e5262dc0"
    assert [(w.start_ms, w.text_start, w.text_end) for p in spoken for w in p.words] == [
        (0, 0, 2),
        (180, 3, 6),
    ]
    fast = drain(LetterVoice().speak("Hi you", voice="alloy", speed=1.5))
    assert sum(len(piece.pcm) for piece in fast) == 48 * 40 * 6


def test_the_set_names_itself() -> None:
    gathered = senses("one")
    assert set(gathered.names) == {"vad", "ears", "brain", "voice"}
    assert gathered.notes
