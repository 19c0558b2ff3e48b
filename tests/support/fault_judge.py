"""What must be true of a run over lines that break.

The judge goes by what the peer held and what the program saw, and by nothing of the client between.
"""

from collections import Counter
from collections.abc import Sequence

from tests.support.fault_program import Book
from tests.support.small_service import SmallSession, words_of

ARRIVALS = ("conversation.item.added", "conversation.item.done", "conversation.item.created")
MISSING = "not transcribed"
"""What stands for speech that nobody can put back."""


def verdicts(book: Book, sessions: Sequence[SmallSession]) -> list[str]:
    """Return all that is wrong with a run; [] when all is as it must be."""
    found = [fault for session in sessions for fault in session.faults]
    if len(book.seen("session.created")) > 1:
        found.append("the program saw a second session.created")
    found += [
        f"error {event['error'].get('code')}: {event['error'].get('message')}"
        for event in book.seen("error")
        if event["error"].get("code") != "session_expired"
    ]
    for kind in ARRIVALS:
        times = Counter(event["item"]["id"] for event in book.seen(kind))
        found += [f"{kind} of {item_id} came {n} times" for item_id, n in times.items() if n > 1]
    begun = Counter(event["response"]["id"] for event in book.seen("response.created"))
    ended = Counter(event["response"]["id"] for event in book.seen("response.done"))
    found += [f"{one} began {n} times" for one, n in begun.items() if n > 1]
    found += [f"{one} ended {n} times" for one, n in ended.items() if n > 1]
    found += _late(book)
    for event in book.seen("conversation.item.input_audio_transcription.completed"):
        said = book.said.get(event["item_id"], event["transcript"])
        if event["transcript"] != said:
            found.append(f"heard {event['transcript']!r} instead of {said!r}")
        if event["item_id"] in book.kept:
            book.kept[event["item_id"]] = event["transcript"]
    if book.is_over:
        return found
    found += [f"{one} never ended" for one in begun - ended]
    if len(book.seen("response.done")) != book.asked:
        found.append(f"{book.asked} responses asked for, {len(ended)} ended")
    return found + _differences(book, sessions[-1])


def _late(book: Book) -> list[str]:
    over: set[str] = set()
    found = []
    for event in book.events:
        if event.get("response_id") in over:
            found.append(f"{event['type']} after the end of its response")
        if event["type"] == "response.done":
            over.add(event["response"]["id"])
    return found


def _differences(book: Book, session: SmallSession) -> list[str]:
    """Compare what the program may rely on with what the last session holds."""
    found = []
    if session.instructions != book.instructions:
        found.append(f"instructions {session.instructions!r} instead of {book.instructions!r}")
    there = {item_id: words_of(item) for item_id, item in session.items.items()}
    for item_id, words in book.kept.items():
        if item_id not in there:
            found.append(f"{item_id} ({words}) is lost")
        elif words is not None and item_id in book.cut:
            if there[item_id] == words or not words.startswith(there[item_id]):
                found.append(f"{item_id} says {there[item_id]!r}, and was cut short")
        elif words is not None and there[item_id] != words:
            found.append(f"{item_id} says {there[item_id]!r} instead of {words!r}")
        elif words is None:
            said = book.said[item_id]
            if said not in there[item_id] and MISSING not in there[item_id]:
                found.append(f"{item_id} says {there[item_id]!r} instead of {said!r}")
    times = Counter(words for words in there.values() if words and MISSING not in words)
    found += [f"{words!r} is there {n} times" for words, n in times.items() if n > 1]
    order = [item_id for item_id in there if item_id in book.kept]
    if order != [item_id for item_id in book.kept if item_id in there]:
        found.append(f"the order is {order} instead of {list(book.kept)}")
    deleted = {event["item_id"] for event in book.seen("conversation.item.deleted")}
    known = {event["item"]["id"] for kind in ARRIVALS for event in book.seen(kind)} - deleted
    found += [
        f"{words!r} is there, and the program does not know it"
        for item_id, words in there.items()
        if item_id not in known
    ]
    return found
