"""The ears and the brain of one session that goes by a scenario.

What the script does not say is left to the engine's own senses.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from rtclient.engine.scenario import Pause, ReplayTurn, Script, Step
from rtclient.engine.scripted import words_of
from rtclient.engine.senses import (
    Brain,
    Ears,
    Heard,
    Listening,
    Prompt,
    Replay,
    SenseError,
    Senses,
    Thought,
)

Sleep = Callable[[float], Awaitable[None]]


def staged(senses: Senses, script: Script, sleep: Sleep) -> Senses:
    """Return the senses of one session: the script's, and behind them `senses`.

    Args:
        senses: the engine's; they are started and closed by their owner.
        script: what the session goes by.
        sleep: waits by the engine's clock.
    """
    count = _Count()
    return replace(
        senses,
        ears=_Ears(script, senses.ears, count, sleep),
        brain=_Brain(script, senses.brain, count, sleep),
        on_start=None,
        on_close=None,
    )


class _Count:
    """Which turn it is: user items in order, spoken ones from the moment they begin."""

    def __init__(self) -> None:
        self.begun = 0
        self._spoken: deque[int] = deque(maxlen=256)
        """Numbers of spoken turns that the brain has not seen."""
        self._numbers: dict[str, int] = {}

    def begin_spoken(self) -> int:
        self.begun += 1
        self._spoken.append(self.begun)
        return self.begun

    def take_back(self, number: int) -> None:
        """A spoken turn was none: what follows takes its number."""
        if number in self._spoken:
            self._spoken.remove(number)
            self.begun -= 1

    def newest(self, prompt: Prompt) -> int:
        """Return the number of the newest user item; 0: there is none."""
        numbers: dict[str, int] = {}
        number = 0
        for item in prompt.items:
            if item.get("role") != "user":
                continue
            known = self._numbers.get(item["id"])
            number = known if known is not None else self._next(item["content"])
            numbers[item["id"]] = number
        self._numbers = numbers
        return number

    def _next(self, content: Sequence[dict[str, object]]) -> int:
        is_spoken = any(part.get("type") == "input_audio" for part in content)
        if is_spoken and self._spoken:
            return self._spoken.popleft()
        self.begun += 1
        return self.begun


class _Listening:
    """A turn whose words the script says."""

    def __init__(
        self, heard: Heard | SenseError, after_s: float, sleep: Sleep, give_back: Callable[[], None]
    ) -> None:
        self._heard = heard
        self._after_s = after_s
        self._sleep = sleep
        self._give_back = give_back

    def feed(self, pcm: bytes) -> None:
        """Take the audio, and leave it."""

    async def finish(self) -> Heard:
        await self._sleep(self._after_s)
        if isinstance(self._heard, SenseError):
            raise self._heard
        return self._heard

    def cancel(self) -> None:
        self._give_back()


class _Heeded:
    """A turn that the engine's ears hear; the script only counts it."""

    def __init__(self, listening: Listening, give_back: Callable[[], None]) -> None:
        self._listening = listening
        self._give_back = give_back

    def feed(self, pcm: bytes) -> None:
        self._listening.feed(pcm)

    async def finish(self) -> Heard:
        return await self._listening.finish()

    def cancel(self) -> None:
        self._listening.cancel()
        self._give_back()


class _Ears:
    def __init__(self, script: Script, behind: Ears, count: _Count, sleep: Sleep) -> None:
        self._script = script
        self._behind = behind
        self._count = count
        self._sleep = sleep

    def listen(self, session_id: str, hints: Sequence[str] = (), language: str = "") -> Listening:
        number = self._count.begin_spoken()
        turn = self._script.turn(number)

        def give_back() -> None:
            self._count.take_back(number)

        if turn.hear is None:
            return _Heeded(self._behind.listen(session_id, hints, language), give_back)
        return _Listening(turn.hear, turn.hear_after_s, self._sleep, give_back)

    def forget(self, session_id: str) -> None:
        self._behind.forget(session_id)


class _Brain:
    def __init__(self, script: Script, behind: Brain, count: _Count, sleep: Sleep) -> None:
        self._script = script
        self._behind = behind
        self._count = count
        self._sleep = sleep

    async def think(self, prompt: Prompt) -> AsyncIterator[Thought]:
        number = self._count.newest(prompt)
        users = [item for item in prompt.items if item.get("role") == "user"]
        is_after_call = bool(prompt.items) and prompt.items[-1]["type"] == "function_call_output"
        steps: Sequence[Step] | None
        if not users:
            steps, after_s = self._script.greeting, 0.0
        else:
            turn = self._script.turn(number, words_of(users[-1]))
            steps, after_s = turn.answer, turn.after_s
            if is_after_call:
                steps = turn.after_call
        await self._sleep(after_s)
        if steps is None:
            async with aclosing(self._behind.think(prompt)) as thoughts:  # type: ignore[type-var]  # senses yield generators
                async for thought in thoughts:
                    yield thought
            return
        for step in steps:
            if isinstance(step, Pause):
                await self._sleep(step.seconds)
            elif isinstance(step, SenseError):
                raise step
            elif isinstance(step, ReplayTurn):
                yield Replay(users[-1]["id"] if users else "")
            else:
                yield step
