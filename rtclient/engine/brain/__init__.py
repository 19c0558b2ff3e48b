"""The brain: a small, warm, concise persona that answers by rules, offline.

`reply` (persona.py) is the whole of it, a pure function of the prompt, the time and a source of
chance; `Persona` is its asynchronous face, the `Brain` of the engine's default senses.

    persona.py   what to answer, in order: orders, tool outputs, guesses, tools, modes, wishes
    wishes.py    what the words ask for: a table of patterns
    answers.py   the answer to each wish
    stock.py     jokes, stories, riddles, facts, songs, tongue twisters
    numbers.py   numbers in words, arithmetic
    tools.py     which tool the words call
    arguments.py its arguments, by the schema
    steps.py     several tools in one sentence
    telling.py   a tool's JSON output as a sentence
    orders.py    simple instructions of whoever configures the session
"""

import random
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from rtclient.engine.brain.persona import reply
from rtclient.engine.senses import Prompt, Thought

__all__ = ["Persona", "reply"]


def _local_time() -> datetime:
    return datetime.now().astimezone()


class Persona:
    """Thinks with `reply`. One serves all sessions: it keeps nothing between two thoughts."""

    def __init__(
        self, *, clock: Callable[[], datetime] = _local_time, chance: random.Random | None = None
    ) -> None:
        """`clock`: the local time; `chance`: for coins, dice and numbers (seed it in tests)."""
        self._clock = clock
        self._chance = chance or random.Random()

    async def think(self, prompt: Prompt) -> AsyncIterator[Thought]:
        """Yield the answer; it is known at once, so there is nothing to cancel."""
        for thought in reply(prompt, now=self._clock(), chance=self._chance):
            yield thought
