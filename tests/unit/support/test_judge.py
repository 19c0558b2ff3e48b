"""The judge of conversations sees what is missing, what comes twice and what is out of order."""

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from rtclient.engine.senses import Call, Say
from tests.support.engine_driver import Driver
from tests.support.judge import Judge
from tests.support.judged_response import Event

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def a_talk() -> list[Event]:
    """A spoken turn answered with speech and a call, its speech retrieved; then a written one."""
    driver = Driver("hello", answers={"hello": [Say("Let me see."), Call("weather", '{"a": 1}')]})
    transcribed = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    session = {"type": "realtime", "tools": [TOOL], **transcribed}
    driver.send("session.update", session=session)
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    spoken = driver.last("response.output_audio.delta")["item_id"]
    driver.send("conversation.item.retrieve", item_id=spoken)
    driver.say("good morning")
    driver.send("response.create", response={"output_modalities": ["text"]})
    driver.settle()
    return driver.events


def judged(events: Iterable[Event]) -> Judge:
    judge = Judge()
    for event in events:
        judge.see(event)
    judge.end()
    return judge


TALK = a_talk()
NEEDLESS = {"session.updated", "conversation.item.retrieved", "input_audio_buffer.speech_stopped"}
"""Of these, a client cannot know that one is missing: it may have committed by itself."""
REPEATABLE = {"session.updated", "conversation.item.retrieved"}


def places(besides: set[str]) -> list[Any]:
    return [
        pytest.param(index, id=f"{index}-{event['type']}")
        for index, event in enumerate(TALK)
        if event["type"] not in besides
    ]


def test_a_faithful_talk_passes() -> None:
    judge = judged(TALK)
    assert judge.count == len(TALK)
    assert not judge.is_waiting


@pytest.mark.parametrize("index", places(NEEDLESS))
def test_a_missing_event_is_noticed(index: int) -> None:
    with pytest.raises(AssertionError):
        judged(TALK[:index] + TALK[index + 1 :])


@pytest.mark.parametrize("index", places(REPEATABLE))
def test_an_event_that_comes_twice_is_noticed(index: int) -> None:
    again = {**TALK[index], "event_id": "again"}
    with pytest.raises(AssertionError):
        judged([*TALK[: index + 1], again, *TALK[index + 1 :]])


def changed(kind: str, *path: str | int, to: object) -> list[Event]:
    """The talk with one value of the first event of a type changed."""
    events = copy.deepcopy(TALK)
    value = next(event for event in events if event["type"] == kind)
    for key in path[:-1]:
        value = value[key]  # type: ignore[index]
    value[path[-1]] = to  # type: ignore[index]
    return events


@pytest.mark.parametrize(
    "events",
    [
        changed("session.created", "event_id", to="event_2"),
        changed("session.updated", "session", "id", to="sess_other"),
        changed("session.updated", "session", "output_modalities", to="audio"),
        changed("conversation.item.added", "previous_item_id", to="item_none"),
        changed("conversation.item.done", "previous_item_id", to="item_none"),
        changed("input_audio_buffer.committed", "previous_item_id", to="item_none"),
        changed("response.created", "response", "usage", to={}),
        changed("response.output_audio.delta", "delta", to="AAAA"),
        changed("response.output_audio_transcript.delta", "delta", to="?"),
        changed("response.output_audio.delta", "output_index", to=1),
        changed("response.output_audio.delta", "color", to="red"),
        changed("response.content_part.done", "part", "transcript", to="?"),
        changed("response.function_call_arguments.done", "arguments", to="{}"),
        changed("response.done", "response", "usage", "total_tokens", to=0),
        changed("response.done", "response", "output", to=[]),
        changed("response.done", "response", "status", to="cancelled"),
        changed("response.done", "response", "status", to="gone"),
    ],
)
def test_a_wrong_value_is_noticed(events: list[Event]) -> None:
    with pytest.raises(AssertionError):
        judged(events)
