"""The answer to each wish: one small function per wish, all with the same face.

Rules of the file: pure; an answer is a few short sentences made to be spoken; what changes how
the session sounds or behaves is a `Remember`, said before the words that use it.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rtclient.engine import phrases
from rtclient.engine.brain import numbers, stock
from rtclient.engine.brain.wishes import Wish, first_number
from rtclient.engine.senses import Remember, Replay, Say, Thought
from rtclient.engine.voice import VOICES

_COUNT_LIMIT = 100
_MONTHS = (
    "january february march april may june july august september october november december"
).split()  # fmt: skip
_FEASTS = {
    "christmas": (12, 25), "christmas eve": (12, 24), "new year": (1, 1), "halloween": (10, 31),
    "valentine": (2, 14), "new year's eve": (12, 31),
}  # fmt: skip


NAME = "the built-in engine"
"""What the persona calls itself, unless the session's instructions give it a name."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What an answer may know."""

    now: datetime
    chance: random.Random
    memory: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    name: str = NAME

    def said(self, role: str, *, back: int = 1) -> str:
        """Return the words of the `back`-th last message of a role, "" when there is none."""
        for item in reversed(self.items):
            if item.get("type") == "message" and item.get("role") == role:
                back -= 1
                if back == 0:
                    return words_of(item)
        return ""


Answer = Callable[[Wish, Situation], list[Thought]]


def words_of(item: Mapping[str, Any]) -> str:
    """Return the words of a message, typed or spoken."""
    parts = item.get("content") or ()
    return " ".join(p.get("text") or p.get("transcript") or "" for p in parts).strip()


def greeting(name: str = NAME) -> str:
    """Return what is said to an empty conversation: what this is, and what one can say."""
    return (
        f"Hello! I am {name}: no cloud, no account. "
        "I know a few dozen phrases. Try: what time is it? Or: tell me a joke."
    )


def suggestions(situation: Situation) -> str:
    """Return two phrases to try, others than what was tried last."""
    asked = situation.said("user").strip("?. ").lower()
    known = [p for p in phrases.TAPPABLE if p.strip("?. ").lower() != asked]
    first, second = situation.chance.sample(known, 2)
    return f"“{first}” or “{second}”"


def _say(*texts: str) -> list[Thought]:
    return [Say(text) for text in texts]


def _next(kind: str, stories: Sequence[str]) -> Answer:
    """Tell the next of a kind, so that nobody hears the same twice in a row."""

    def tell(wish: Wish, at: Situation) -> list[Thought]:
        index = int(at.memory.get(kind, 0))
        return [Remember({kind: index + 1}), Say(stories[index % len(stories)])]

    return tell


def _time(wish: Wish, at: Situation) -> list[Thought]:
    return _say(f"It is {at.now.hour % 12 or 12}:{at.now:%M} {'AM' if at.now.hour < 12 else 'PM'}.")


def _date(wish: Wish, at: Situation) -> list[Thought]:
    return _say(f"Today is {at.now:%A}, {at.now:%B} {at.now.day}, {at.now.year}.")


def _sum(wish: Wish, at: Situation) -> list[Thought]:
    try:
        value = numbers.compute(wish.about)
    except numbers.ArithmeticFault as fault:
        return _say(str(fault))
    said = numbers.spoken(wish.about)
    return _say(f"{said[:1].upper()}{said[1:]} is {numbers.written(value)}.")


def _count(wish: Wish, at: Situation) -> list[Thought]:
    asked = list(numbers.numbers_in(wish.about)) or [10]
    start, end = (int(asked[0]), int(asked[1])) if len(asked) > 1 else (1, int(asked[0]))
    return _counted(start, end)


def _count_down(wish: Wish, at: Situation) -> list[Thought]:
    return _counted(first_number(wish.about, 10), 0)


def _counted(start: int, end: int) -> list[Thought]:
    if abs(end - start) > _COUNT_LIMIT:
        return _say(f"That would take a while. I count up to {_COUNT_LIMIT}.")
    step = 1 if end >= start else -1
    counted = ", ".join(str(n) for n in range(start, end + step, step))
    return _say(f"{counted}{'. Lift-off!' if step < 0 and end == 0 else '.'}")


def _spell(wish: Wish, at: Situation) -> list[Thought]:
    word = re.sub(r"[^\w ]", "", wish.about)[:40].strip()
    if not word:
        return _say("Which word shall I spell?")
    letters = ", ".join("space" if c == " " else c.upper() for c in word)
    return _say(f"{word.capitalize()}: {letters}.")


def _riddle(wish: Wish, at: Situation) -> list[Thought]:
    index = int(at.memory.get("riddle", 0))
    question = stock.RIDDLES[index % len(stock.RIDDLES)][0]
    return [Remember({"riddle": index + 1}), Say(f"{question} Ask me for the answer.")]


def _answer(wish: Wish, at: Situation) -> list[Thought]:
    asked = int(at.memory.get("riddle", 0))
    if not asked:
        return _say("The answer is 42. For a question, say: tell me a riddle.")
    return _say(stock.RIDDLES[(asked - 1) % len(stock.RIDDLES)][1])


def _coin(wish: Wish, at: Situation) -> list[Thought]:
    return _say(f"The coin spins, and it is {at.chance.choice(('heads', 'tails'))}!")


def _die(wish: Wish, at: Situation) -> list[Thought]:
    sides = max(2, min(1000, int(wish.about[1:]))) if wish.about[1:].isdigit() else 6
    return _say(f"The die rolls, and it shows {at.chance.randint(1, sides)}.")


def _number(wish: Wish, at: Situation) -> list[Thought]:
    asked = [int(n) for n in numbers.numbers_in(wish.about)][:2] or [100]
    low, high = sorted(asked) if len(asked) == 2 else sorted((1, asked[0]))
    return _say(f"My number is {at.chance.randint(low, high)}.")


def _days_until(wish: Wish, at: Situation) -> list[Thought]:
    today = at.now.date()
    found: tuple[int, int] | None = None
    for feast, day in _FEASTS.items():
        if feast in wish.about:
            found = day
    for number, month in enumerate(_MONTHS, 1):
        if month in wish.about:
            found = (number, max(1, first_number(wish.about, 1)))
    if found is None:
        return _say("I can count the days to a date like June 5, or to Christmas.")
    try:
        then = date(today.year, *found)
        then = then if then >= today else date(today.year + 1, *found)
    except ValueError:
        return _say("That day is not in the calendar.")
    days = (then - today).days
    return _say("That is today!" if days == 0 else f"{days} day{'s' if days > 1 else ''} to go.")


def _voice(wish: Wish, at: Situation) -> list[Thought]:
    wanted = next((name for name in VOICES if name in wish.about.split()), "")
    if not wanted:
        current = str(at.memory.get("voice", VOICES[0]))
        index = VOICES.index(current) if current in VOICES else 0
        wanted = VOICES[(index + 1) % len(VOICES)]
    return [Remember({"voice": wanted}), Say(f"How about this one? It is called {wanted}.")]


def _scaled(fact: str, factor: float, low: float, high: float, done: str, end: str) -> Answer:
    """Change the speed or volume of the session by a factor within limits."""

    def scale(wish: Wish, at: Situation) -> list[Thought]:
        before = float(at.memory.get(fact, 1.0))
        after = round(min(high, max(low, before * factor)), 2)
        return [Remember({fact: after}), Say(done if after != before else end)]

    return scale


def _normal(wish: Wish, at: Situation) -> list[Thought]:
    return [Remember({"speed": 1.0, "volume": 1.0}), Say("Back to my normal way of speaking.")]


def _again(wish: Wish, at: Situation) -> list[Thought]:
    last = at.said("assistant")
    return _say(last or "I have not said anything yet.")


def _my_words(wish: Wish, at: Situation) -> list[Thought]:
    words = at.said("user", back=2)
    return _say(f"You said: {words}" if words else "You have not said anything before.")


def _mode(mode: str | None, text: str) -> Answer:
    def enter(wish: Wish, at: Situation) -> list[Thought]:
        return [Remember({"mode": mode}), Say(text)]

    return enter


def _replay(wish: Wish, at: Situation) -> list[Thought]:
    return [
        Remember({"mode": "replay"}),
        Say("Instant replay. Whatever you say, you hear it back. To end it, say: stop talking."),
    ]


def _stop(wish: Wish, at: Situation) -> list[Thought]:
    if at.memory.get("mode"):
        return [Remember({"mode": None}), Say("All right, that is over. I answer again.")]
    return _say("All right.")


def _help(wish: Wish, at: Situation) -> list[Thought]:
    return _say(
        "I tell the time and the date, do sums, count and spell. I know jokes, riddles and "
        "stories, flip coins and roll dice. I can speak louder, slower or with another voice, "
        "echo your words, or play you back: say instant replay. You can also type to me."
    )


def _my_name(wish: Wish, at: Situation) -> list[Thought]:
    name = " ".join(wish.about.split()[:3]).title()
    return [Remember({"user_name": name}), Say(f"Nice to meet you, {name}.")]


def _spelled(wish: Wish, at: Situation) -> list[Thought]:
    letters = re.findall(r"[a-z]", wish.about)
    name = "".join(letters).title()
    return [
        Remember({"user_name": name}),
        Say(f"{', '.join(letters).upper()}. Nice to meet you, {name}."),
    ]


def _a_number(wish: Wish, at: Situation) -> list[Thought]:
    return _say(f"{wish.about}. I got that number.")


def _whose_name(wish: Wish, at: Situation) -> list[Thought]:
    name = at.memory.get("user_name")
    return _say(
        f"You are {name}." if name else "You have not told me. Type: my name is, or spell it."
    )


def _greet_by_time(wish: Wish, at: Situation) -> list[Thought]:
    part = "morning" if at.now.hour < 12 else "afternoon" if at.now.hour < 18 else "evening"
    return _say(f"Good {part}! What can I do for you?")


def _hello(wish: Wish, at: Situation) -> list[Thought]:
    name = at.memory.get("user_name")
    return _say(f"Hello{f', {name}' if name else ''}! Good to hear you.")


def _who(wish: Wish, at: Situation) -> list[Thought]:
    return _say(
        f"I am {at.name}, a small persona without a cloud. I run on this machine, and nothing "
        "that you say leaves it."
    )


def _fixed(text: str) -> Answer:
    return lambda wish, at: _say(text)


ANSWERS: dict[str, Answer] = {
    "stop": _stop,
    "yes": _fixed("Good. What shall I do?"),
    "no": _fixed("No problem."),
    "echo": _mode("echo", "Echo mode. I repeat your words. To end it, say: stop talking."),
    "echo off": _mode(None, "Echo mode is off."),
    "replay": _replay,
    "replay off": _mode(None, "Instant replay is off."),
    "count": _count,
    "count down": _count_down,
    "spell": _spell,
    "voice": _voice,
    "louder": _scaled("volume", 1.5, 0.25, 2.0, "I am louder now.", "This is as loud as I get."),
    "quieter": _scaled("volume", 0.6, 0.25, 2.0, "I speak more quietly now.", "I am whispering."),
    "slower": _scaled("speed", 0.8, 0.5, 1.5, "I speak slower now.", "This is my slowest."),
    "faster": _scaled("speed", 1.2, 0.5, 1.5, "I speak faster now.", "This is my fastest."),
    "normal": _normal,
    "my words": _my_words,
    "again": _again,
    "help": _help,
    "riddle": _riddle,
    "answer": _answer,
    "joke": _next("joke", stock.JOKES),
    "twister": _next("twister", stock.TWISTERS),
    "story": _next("story", stock.STORIES),
    "fact": _next("fact", stock.FACTS),
    "song": _next("song", stock.SONGS),
    "coin": _coin,
    "die": _die,
    "number": _number,
    "days until": _days_until,
    "time": _time,
    "year": lambda wish, at: _say(f"It is {at.now.year}."),
    "month": lambda wish, at: _say(f"It is {at.now:%B}."),
    "day": lambda wish, at: _say(f"It is {at.now:%A}, {at.now:%B} {at.now.day}."),
    "date": _date,
    "who": _who,
    "real": _fixed("No, I am a program. But I am really listening."),
    "my name": _my_name,
    "spelled": _spelled,
    "a number": _a_number,
    "which": _fixed("There is nothing to choose from just now."),
    "whose name": _whose_name,
    "how": _fixed("I am well, thank you. Every bit of me is on this machine. How are you?"),
    "thanks": _fixed("You are very welcome."),
    "bye": _fixed("Goodbye! It was nice talking with you."),
    "greet by time": _greet_by_time,
    "hello": _hello,
    "say": lambda wish, at: _say(wish.about[:1].upper() + wish.about[1:]),
    "sum": _sum,
}


def replayed(item_id: str) -> list[Thought]:
    """Return the user's own sound."""
    return [Replay(item_id)]
