"""The judge of preview conversations sees what is missing, comes twice, or is spelled as in GA."""

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest

from rtclient.engine.preview import PreviewFace
from rtclient.engine.senses import Call, Say
from tests.support.engine_driver import Driver
from tests.support.preview_judge import Event, PreviewJudge

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def a_talk() -> list[Event]:
    """A spoken turn answered with speech and a call; then a written one."""
    driver = Driver("hello", answers={"hello": [Say("Let me see."), Call("weather", '{"a": 1}')]})
    driver.send(
        "session.update",
        session={
            "type": "realtime",
            "tools": [TOOL],
            "audio": {"input": {"transcription": {"model": "whisper-1"}}},
        },
    )
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    driver.say("good morning")
    driver.send("response.create", response={"output_modalities": ["text"]})
    driver.settle()
    face = PreviewFace()
    return [json.loads(text) for e in driver.events for text in face.written(json.dumps(e))]


TALK = a_talk()


def judged(events: Iterable[Event]) -> PreviewJudge:
    judge = PreviewJudge()
    for event in events:
        judge.see(event)
    judge.end()
    return judge


def index_of(kind: str) -> int:
    return next(at for at, event in enumerate(TALK) if event["type"] == kind)


def changed(kind: str, **fields: Any) -> list[Event]:
    talk = copy.deepcopy(TALK)
    talk[index_of(kind)].update(fields)
    return talk


def test_a_faithful_talk_is_accepted() -> None:
    judge = judged(TALK)
    assert judge.count == len(TALK)
    assert len(judge.order) == 5


@pytest.mark.parametrize(
    "kind",
    [
        "session.created",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.audio.done",
        "response.audio_transcript.delta",
        "response.function_call_arguments.delta",
        "response.text.delta",
        "response.output_item.done",
        "response.done",
    ],
)
def test_a_missing_event_is_seen(kind: str) -> None:
    at = index_of(kind)
    with pytest.raises(AssertionError):
        judged(TALK[:at] + TALK[at + 1 :])


@pytest.mark.parametrize("kind", ["conversation.item.created", "response.text.delta"])
def test_an_event_that_comes_twice_is_seen(kind: str) -> None:
    at = index_of(kind)
    with pytest.raises(AssertionError):
        judged([*TALK[: at + 1], TALK[at] | {"event_id": "event_again"}, *TALK[at + 1 :]])


def test_the_end_of_a_talk_may_not_be_missing() -> None:
    at = next(at for at in reversed(range(len(TALK))) if TALK[at]["type"] == "response.done")
    with pytest.raises(AssertionError, match="still open"):
        judged(TALK[:at])


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"type": "conversation.item.done"}, "has no conversation.item.done"),
        ({"type": "response.output_text.delta"}, "has no response.output_text.delta"),
    ],
)
def test_names_of_ga_are_seen(event: Event, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        judged([TALK[0], event])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "realtime"}, "unknown keys"),
        ({"audio": {}}, "unknown keys"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"voice": "marin"}, "voice"),
        ({"input_audio_format": {"type": "audio/pcm"}}, "input_audio_format"),
        ({"temperature": None}, "temperature"),
    ],
)
def test_a_session_as_ga_has_it_is_seen(change: dict[str, Any], words: str) -> None:
    session = TALK[0]["session"] | change
    with pytest.raises(AssertionError, match=words):
        judged(changed("session.created", session=session))


def test_a_part_as_ga_has_it_is_seen() -> None:
    at = next(
        at
        for at, event in enumerate(TALK)
        if event["type"] == "response.output_item.done" and event["item"].get("content")
    )
    talk = copy.deepcopy(TALK)
    talk[at]["item"]["content"][0]["type"] = "output_audio"
    with pytest.raises(AssertionError, match="output_audio"):
        judged(talk)


def test_a_key_that_old_models_require_may_not_be_missing() -> None:
    talk = copy.deepcopy(TALK)
    del talk[index_of("conversation.item.created")]["item"]["object"]
    with pytest.raises(AssertionError, match="object is missing"):
        judged(talk)
