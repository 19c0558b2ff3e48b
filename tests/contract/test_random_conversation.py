"""A thousand turns of a client that does anything, judged event by event.

The models of the `openai` package judge the shape of each event, `tests/support/judge.py` order and
sums. First against the core at a manual clock, then over a real socket.
"""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from rtclient.engine import scripted
from rtclient.engine.senses import Call, Heard, Remember, Say, Trouble
from rtclient.engine.serve import serve
from scripts.server_events import SHOWN
from tests.support.engine_driver import Driver
from tests.support.judge import Judge
from tests.support.judged_response import Event
from tests.support.quick_senses import BROKEN_WORD, PeekVad, QuickVoice
from tests.support.wanderer import STATE_CODES, WORDS, Ask, Dictating, Wanderer

TURNS = 1_000
DICTATED_TURNS = 100
CALLERS, CALL_TURNS = 4, 16
SEED = 20_261_121
ANSWERS: dict[str, list[Any]] = {
    "two calls please": [Say("Two."), Call("weather", '{"city": "Oslo"}'), Call("traffic", "{}")],
    "one moment": [Say("One moment."), Say(""), Say("Here it is."), Remember({"speed": 1.2})],
    "break now": [Say("Now it"), RuntimeError("the brain broke")],
    "trouble now": [Trouble("chat_failed", "The chat server is away."), Say("Sorry.")],
    "tell me a long story about the sea": [Say("The sea is wide and blue. " * 6)],
}
HEARD: tuple[str | Heard | Exception, ...] = tuple(
    [*WORDS, Heard(BROKEN_WORD, 0.3), RuntimeError("the ears broke"), Heard("")] * 80
)


class Talk:
    """A wanderer, a core and a judge."""

    def __init__(self, client: type[Wanderer], **options: Any) -> None:
        self.driver = Driver(*HEARD, answers=ANSWERS, vad=PeekVad(), session_s=1e9, **options)
        self.driver.voice = QuickVoice()
        self.judge = Judge()
        self.wanderer = client(SEED, self.judge)
        self._judged = 0
        self.look()

    def look(self) -> None:
        """Judge what is new."""
        for event in self.driver.events[self._judged :]:
            self.judge.see(event)
        self._judged = len(self.driver.events)

    def take(self, turns: int) -> None:
        """Do so many turns, and settle."""
        while self.wanderer.turns < turns:
            self.turn()
        self.settle()
        self.judge.end()

    def turn(self) -> None:
        """Do one turn; every act has the answer that it must have."""
        for act in self.wanderer.turn():
            if isinstance(act, Ask):
                check_answer(act, self.driver.send_raw(json.dumps(act.event)))
            else:
                self.settle(act.works)
            self.look()
        self.driver.now += 2.0

    def settle(self, works: int | None = None) -> None:
        """Let senses and clock run; None: until nothing is open any more."""
        while self.judge.is_waiting or self.driver.work if works is None else works > 0:
            _ = self.driver.do_work() or self.driver.tick()
            works = None if works is None else works - 1
            self.look()


def check_answer(act: Ask, caused: list[Event]) -> None:
    """A valid event has no error; a faulty one has just one, with its id, and changes nothing."""
    if act.error:
        (error,) = (event["error"] for event in caused)
        assert (error["code"], error["event_id"]) == (act.error, act.id), (act, error)
    elif act.answer:
        errors = [e["error"] for e in caused if e["type"] == "error"]
        assert act.id not in [error["event_id"] for error in errors], (act, errors)
        assert act.answer in [event["type"] for event in caused], (act, caused)


@pytest.mark.timeout(30)  # on a busy machine
def test_a_thousand_turns_of_anything() -> None:
    talk = Talk(Wanderer)
    talk.take(TURNS)
    assert talk.judge.seen.keys() == SHOWN.keys(), "docs/engine.md has a table of these"


def test_a_hundred_turns_of_dictation() -> None:
    talk = Talk(Dictating, kind="transcription")
    talk.take(DICTATED_TURNS)
    told = [
        talk.judge.seen[f"conversation.item.input_audio_transcription.{what}"]
        for what in ("completed", "failed")
    ]
    assert sum(told) >= DICTATED_TURNS / 2
    assert "response.created" not in talk.judge.seen


class Caller:
    """A wanderer on a socket, with a judge."""

    def __init__(self, connection: ClientConnection, seed: int) -> None:
        self.judge = Judge()
        self.wanderer = Wanderer(seed, self.judge)
        self._connection = connection
        self._errors: dict[str, str] = {}
        """Id of our event → the code of its error."""

    async def next(self) -> Event:
        """The next event, judged."""
        event: Event = json.loads(await self._connection.recv())
        self.judge.see(event)
        if event["type"] == "error" and event["error"]["event_id"]:
            self._errors[event["error"]["event_id"]] = event["error"]["code"]
        return event

    async def talk(self, turns: int) -> None:
        """Do so many turns, and settle."""
        await self.next()
        faulty = []
        while self.wanderer.turns < turns:
            for act in self.wanderer.turn():
                if isinstance(act, Ask):
                    await self._ask(act)
                    faulty += [act] if act.error and act.error not in STATE_CODES else []
                else:
                    await self._wait(act.works)
        await self._ask(Ask({"type": "input_audio_buffer.clear", "event_id": "last"}))
        await self._wait(None)
        self.judge.end()
        assert {a.id: a.error for a in faulty} == {a.id: self._errors[a.id] for a in faulty}

    async def _ask(self, act: Ask) -> None:
        await self._connection.send(json.dumps(act.event))
        while act.success or act.error:
            if (await self.next())["type"] == act.success or act.id in self._errors:
                return

    async def _wait(self, works: int | None) -> None:
        while self.judge.is_waiting and works != 0:
            await self.next()
            works = None if works is None else works - 1


async def test_talks_at_once_over_sockets() -> None:
    senses = scripted.senses(*HEARD, answers=ANSWERS)
    senses.vad, senses.voice = PeekVad, QuickVoice()

    async def call(url: str, seed: int) -> None:
        async with connect(url, compression=None, max_size=None) as connection:
            await Caller(connection, seed).talk(CALL_TURNS)

    async with serve(senses) as server, asyncio.TaskGroup() as group:
        port = next(iter(server.sockets)).getsockname()[1]
        for seed in range(CALLERS):
            group.create_task(call(f"ws://127.0.0.1:{port}/v1/realtime", SEED + seed))
