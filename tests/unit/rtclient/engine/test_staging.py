"""The senses of a session that goes by a script, with scripted senses behind them."""

import asyncio
from typing import Any

import pytest

from rtclient.engine import scripted
from rtclient.engine.scenario import read_scenario
from rtclient.engine.senses import Call, Heard, Prompt, Replay, Say, SenseError, Senses, Thought
from rtclient.engine.staging import staged

TALK = """
greeting: Welcome.
turns:
- hear: first
  hear_after_ms: 250
  answer: One.
  after_ms: 100
- answer: [Before., wait_ms: 300, {error: It broke.}]
- hear: {error: No ears.}
  answer: [{call: look, arguments: {at: sea}}, {replay: true}]
  after_call: Seen.
words:
- {match: stop, answer: []}
"""


class Playing:
    """The senses of one session, and how long they slept."""

    def __init__(self, behind: Senses | None = None) -> None:
        self.slept: list[float] = []
        script = read_scenario(TALK, "talk.yaml").of(1)
        self.senses = staged(behind or scripted.senses("behind"), script, self._sleep)
        self.items: list[dict[str, Any]] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def add(self, text: str, kind: str = "input_text") -> None:
        key = "text" if kind == "input_text" else "transcript"
        item_id = f"item_{len(self.items)}"
        content = [{"type": kind, key: text}]
        self.items.append({"id": item_id, "type": "message", "role": "user", "content": content})

    async def thoughts(self) -> list[Thought]:
        return [thought async for thought in self.senses.brain.think(Prompt(list(self.items)))]

    async def heard(self) -> Heard:
        return await self.senses.ears.listen("s").finish()


async def test_a_turn_is_heard_and_answered_after_its_delays() -> None:
    play = Playing()
    assert (await play.heard()).text == "first"
    play.add("first", "input_audio")
    assert await play.thoughts() == [Say("One.")]
    assert play.slept == [0.25, 0.1]


async def test_what_the_script_leaves_out_is_done_by_the_senses_behind() -> None:
    play = Playing()
    for text in ("a", "b", "c", "d"):
        play.add(text)
    assert await play.thoughts() == [Say("You said: d")]
    assert await play.heard() == Heard("behind", 0.95, True)


async def test_an_answer_may_fail_after_its_first_words() -> None:
    play = Playing()
    play.add("a")
    play.add("b")
    thoughts = play.senses.brain.think(Prompt(list(play.items)))
    assert await anext(thoughts) == Say("Before.")
    with pytest.raises(SenseError, match="It broke"):
        await anext(thoughts)
    assert play.slept[-1] == 0.3


async def test_ears_may_fail_and_functions_be_called() -> None:
    play = Playing()
    play.add("typed")
    play.add("typed too")
    with pytest.raises(SenseError, match="It broke"):
        await play.thoughts()
    with pytest.raises(SenseError, match="No ears"):
        await play.heard()
    play.add("", "input_audio")
    assert await play.thoughts() == [Call("look", '{"at": "sea"}'), Replay("item_2")]
    play.items.append({"id": "out", "type": "function_call_output", "output": "water"})
    assert await play.thoughts() == [Say("Seen.")]


async def test_words_come_before_turns_and_may_ask_for_silence() -> None:
    play = Playing()
    play.add("please STOP now")
    assert await play.thoughts() == []


async def test_nobody_said_anything_is_a_greeting() -> None:
    assert await Playing().thoughts() == [Say("Welcome.")]


async def test_a_turn_that_was_none_gives_its_number_back() -> None:
    play = Playing()
    play.senses.ears.listen("s").cancel()
    listening = play.senses.ears.listen("s")
    assert (await listening.finish()).text == "first"
    play.add("first", "input_audio")
    await play.thoughts()
    listening.cancel()  # too late: the turn is in the conversation
    play.add("second")
    with pytest.raises(SenseError, match="It broke"):
        await play.thoughts()


async def test_a_deleted_turn_keeps_its_number() -> None:
    play = Playing()
    play.add("a")
    await play.thoughts()
    play.items[0] = {**play.items[0], "id": "other"}
    with pytest.raises(SenseError, match="It broke"):
        await play.thoughts()


async def test_the_answer_of_the_brain_behind_is_closed_when_nobody_wants_it() -> None:
    closed = asyncio.Event()

    class Talkative:
        async def think(self, prompt: Prompt) -> Any:
            try:
                while True:
                    yield Say("la")
            finally:
                closed.set()

    behind = scripted.senses()
    behind.brain = Talkative()
    play = Playing(behind)
    for _ in range(9):
        play.add("a")
    thoughts = play.senses.brain.think(Prompt(list(play.items)))
    assert await anext(thoughts) == Say("la")
    await thoughts.aclose()  # type: ignore[attr-defined]
    assert closed.is_set()
