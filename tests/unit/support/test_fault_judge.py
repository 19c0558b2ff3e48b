"""The judge of runs over lines that break is not blind."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fault_judge import verdicts
from tests.support.fault_program import Book
from tests.support.small_service import SmallSession, spoken

Event = dict[str, Any]


def item(item_id: str, words: str) -> Event:
    part = {"type": "input_text", "text": words}
    return {"id": item_id, "type": "message", "role": "user", "content": [part]}


def good() -> tuple[Book, SmallSession]:
    """A program and a server that agree: two items, a spoken one, a response."""
    session = SmallSession(1)
    book = Book()
    book.events += session.greeting()
    for event in (
        {"type": "conversation.item.create", "item": item("a", "one")},
        {"type": "conversation.item.create", "item": item("b", "two")},
        {"type": "input_audio_buffer.append", "audio": _base64(spoken(1, 2))},
        {"type": "input_audio_buffer.commit"},
        {"type": "response.create"},
        {"type": "session.update", "session": {"instructions": "three"}},
    ):
        answers = session.receive(event)
        for answer in answers:
            session.finished(answer)
        book.events += answers
    (spoken_id,) = (e["item_id"] for e in book.seen("input_audio_buffer.committed"))
    (answer_id,) = (e["item"]["id"] for e in book.seen("response.output_item.done"))
    book.kept = {"a": "one", "b": "two", spoken_id: None, answer_id: "0001 is the answer"}
    book.said = {spoken_id: "1:20 2:20"}
    book.instructions, book.asked = "three", 1
    return book, session


def _base64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def test_a_good_run_is_good() -> None:
    book, session = good()
    assert verdicts(book, [session]) == []


def _twice(kind: str) -> Callable[[Book, SmallSession], None]:
    def change(book: Book, _session: SmallSession) -> None:
        book.events.append(book.seen(kind)[0])

    return change


def _rename(book: Book, session: SmallSession) -> None:
    session.items["c"] = item("c", "one")


def _reorder(book: Book, session: SmallSession) -> None:
    session.items["a"] = session.items.pop("a")


def _hear_wrongly(book: Book, session: SmallSession) -> None:
    (event,) = book.seen("conversation.item.input_audio_transcription.completed")
    event["transcript"] = "1:20 1:20 2:20"


def _never_end(book: Book, session: SmallSession) -> None:
    book.events = [event for event in book.events if event["type"] != "response.done"]


def _lose_words(book: Book, session: SmallSession) -> None:
    session.items["a"] = item("a", "")


def _forget(book: Book, session: SmallSession) -> None:
    session.session["instructions"] = ""


def _error(book: Book, session: SmallSession) -> None:
    book.events.append({"type": "error", "error": {"code": "x", "message": "y"}})


def _break_a_rule(book: Book, session: SmallSession) -> None:
    session.receive({"type": "conversation.item.create", "item": item("a", "one")})


def _cut(book: Book, session: SmallSession) -> None:
    book.cut = {"a"}


def _cut_elsewhere(book: Book, session: SmallSession) -> None:
    book.cut = {"a"}
    session.items["a"] = item("a", "ne")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda book, session: session.items.pop("a"), "a (one) is lost"),
        (_lose_words, "a says '' instead of 'one'"),
        (_cut, "a says 'one', and was cut short"),
        (_cut_elsewhere, "a says 'ne', and was cut short"),
        (_rename, "'one' is there 2 times"),
        (_rename, "does not know it"),
        (_reorder, "the order is"),
        (_forget, "instructions '' instead of 'three'"),
        (_twice("session.created"), "second session.created"),
        (_twice("conversation.item.added"), "came 2 times"),
        (_twice("response.created"), "began 2 times"),
        (_twice("response.done"), "ended 2 times"),
        (_twice("response.output_audio.delta"), "after the end of its response"),
        (_never_end, "never ended"),
        (_hear_wrongly, "heard '1:20 1:20 2:20' instead of '1:20 2:20'"),
        (_error, "error x: y"),
        (_break_a_rule, "item_create_duplicate_item_id"),
    ],
)
def test_what_is_wrong_is_found(
    change: Callable[[Book, SmallSession], object], verdict: str
) -> None:
    book, session = good()
    change(book, session)
    assert any(verdict in one for one in verdicts(book, [session])), verdicts(book, [session])
