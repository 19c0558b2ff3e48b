"""What a client is told about the words of its turns, and when nothing is told."""

import itertools
from typing import Any

from rtclient.engine.actions import Emit, Outbox
from rtclient.engine.items import spoken_item
from rtclient.engine.senses import Heard
from rtclient.engine.transcribing import Transcriber

ITEM = spoken_item("item_a", bytes(48_000))


def transcriber(models: frozenset[str] | None = None) -> tuple[Transcriber, Outbox]:
    count = itertools.count(1)
    outbox = Outbox(lambda prefix: f"{prefix}_{next(count)}")
    return Transcriber(outbox, models), outbox


def session(model: str | None) -> dict[str, Any]:
    return {"audio": {"input": {"transcription": model and {"model": model}}}}


def told(outbox: Outbox) -> list[str]:
    events = [action.event for action in outbox.take() if isinstance(action, Emit)]
    return [event["type"].rpartition(".")[2] for event in events]


def test_a_turn_is_told_once_and_only_when_asked_for() -> None:
    one, outbox = transcriber()
    one.expect(ITEM.id, session(None))
    one.tell(ITEM, Heard("hello there"), with_logprobs=False)
    assert told(outbox) == []
    one.expect(ITEM.id, session("gpt-4o-transcribe"))
    one.tell(ITEM, Heard("hello there"), with_logprobs=False)
    one.tell(ITEM, Heard("hello there"), with_logprobs=False)
    one.fail(ITEM.id)
    assert told(outbox) == ["delta", "delta", "completed"]


def test_certainty_is_told_when_asked_for() -> None:
    one, outbox = transcriber()
    for with_logprobs in (False, True):
        one.expect(ITEM.id, session("whisper-1"))
        one.tell(ITEM, Heard("hello", 0.5), with_logprobs=with_logprobs)
        completed = outbox.take()[-1]
        assert isinstance(completed, Emit)
        assert ("logprobs" in completed.event) is with_logprobs


def test_a_model_that_is_none_of_those_that_work_fails_at_once() -> None:
    one, outbox = transcriber(frozenset({"mine"}))
    one.expect(ITEM.id, session("whisper-1"))
    one.tell(ITEM, Heard("hello"), with_logprobs=False)
    assert told(outbox) == ["failed"]
    one.expect(ITEM.id, session("mine"))
    one.tell(ITEM, Heard("hello"), with_logprobs=False)
    assert told(outbox) == ["delta", "completed"]


def test_of_an_item_that_is_gone_nothing_is_told() -> None:
    one, outbox = transcriber()
    one.expect(ITEM.id, session("whisper-1"))
    one.forget(ITEM.id)
    one.fail(ITEM.id)
    assert told(outbox) == []
