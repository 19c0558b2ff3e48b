"""A day of the engine, in minutes: a manual clock, sessions that expire and come again.

Two ways: cores alone, driven by hand, and whole connections over real sockets. Both have typed and
spoken turns, barge-ins, cancels, function calls and faults. What counts is growth after a warm-up:
memory, tasks, descriptors. `SOAK_HOURS` (24) shortens it; it takes about a minute.
"""

import asyncio
import gc
import json
import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psutil
import pytest

from rtclient.engine import scripted
from rtclient.engine.actions import Broken, Expired
from rtclient.engine.clock import ManualClock
from rtclient.engine.faults import error_of, parse
from rtclient.engine.scripted import tone
from rtclient.engine.serve import serve
from rtclient.engine.stage import Stage
from rtclient.protocol.audio import to_base64
from tests.support.engine_driver import Driver
from tests.support.talker import Talker, talking

HOURS = float(os.environ.get("SOAK_HOURS", "24"))
SESSION_S = 3600.0
PAUSE_S = (5.0, 60.0)
"""How long people are silent between two turns."""
MAX_GROWTH_BYTES = 10 * 1024 * 1024
"""What an allocator needs to come to rest; a leak of a day is many times that."""
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
SESSION = {
    "type": "realtime",
    "tools": [TOOL],
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
}
TURNS = ("typed", "spoken", "barge-in", "cancel", "tool", "fault")


def held() -> dict[str, int]:
    """What is held when no session is open."""
    gc.collect()
    process = psutil.Process()
    return {
        "descriptors": process.num_fds(),
        "bytes": process.memory_info().rss,
    }


# ---------------------------------------------------------------- cores


class CoreDay:
    """Sessions one after the other, by hand; `now` goes on from one to the next."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 0.0
        self.turns = 0
        self.events = 0
        self.sessions = 0

    def session(self) -> None:
        """Have one session until it expires."""
        driver = Driver(session_s=SESSION_S)
        driver.send("session.update", session=SESSION)
        begun = driver.now
        ends = begun + SESSION_S
        while driver.closed is None:
            self.turn(driver)
            driver.now += self.chance.uniform(*PAUSE_S)
            if driver.now >= ends:
                driver.now = ends
                driver.tick()
            self.events += len(driver.events)
            del driver.events[:], driver.times[:], driver.stopped[:]
            driver.listenings = {k: driver.listenings[k] for k in list(driver.listenings)[-2:]}
        self.sessions += 1
        self.now += driver.now - begun

    def turn(self, driver: Driver) -> None:
        """Have one turn, and let it end."""
        self.turns += 1
        match self.chance.choice(TURNS):
            case "spoken":
                driver.speak(500)
                driver.quiet(600)
            case "barge-in":
                self.ask(driver, "tell me a long story")
                driver.do_work()
                driver.do_work()
                driver.tick()
                driver.speak(500)
                driver.quiet(600)
            case "cancel":
                self.ask(driver, "tell me a long story")
                driver.do_work()
                driver.do_work()
                driver.send("response.cancel")
            case "tool":
                self.ask(driver, "weather in Oslo")
                driver.settle()
                call_id = driver.last("response.function_call_arguments.done")["call_id"]
                output = {"type": "function_call_output", "call_id": call_id, "output": "rain"}
                driver.send("conversation.item.create", item=output)
                driver.send("response.create")
            case "fault":
                self.ask(driver, "hello")
                driver.do_work()
                if self.chance.random() < 0.05:
                    driver.feed(Expired())
                else:
                    driver.feed(Broken(error_of(parse("fail"))))
            case _:
                self.ask(driver, "hello")
        driver.settle()

    def ask(self, driver: Driver, text: str) -> None:
        """Ask a typed question."""
        driver.say(text)
        driver.send("response.create")


def a_day(hours: float) -> tuple[int, int, str]:
    """Have a second day; return by how many bytes and objects it grew, and its figures in words.

    The first one is warm-up: memory is at its most after the longest of many conversations.
    """
    day = CoreDay(7)
    while day.now < hours * 3600:
        day.session()
    before, objects = held()["bytes"], len(gc.get_objects())
    start, begun = day.turns, day.now
    while day.now - begun < hours * 3600:
        day.session()
    after, grown = held()["bytes"], len(gc.get_objects()) - objects
    words = (
        f"cores: {(day.now - begun) / 3600:.1f} h, {day.sessions} sessions, "
        f"{day.turns - start} turns, {day.events} events; {before} → {after} bytes, "
        f"{grown:+} objects"
    )
    return after - before, grown, words


@pytest.mark.timeout(600)
def test_a_day_of_cores_leaves_nothing_behind() -> None:
    # In a process of its own: what pytest keeps around a test is no property of the engine.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        grown_bytes, grown, words = pool.submit(a_day, HOURS).result()
    print(f"\n{words}")
    assert grown_bytes < MAX_GROWTH_BYTES
    assert grown < 500


# ---------------------------------------------------------------- sockets


class SocketDay:
    """One person after the other at a real socket; each comes again when the session ends."""

    def __init__(self, stage: Stage, port: int, seed: int) -> None:
        self.stage = stage
        self.port = port
        self.chance = random.Random(seed)
        self.turns = 0
        self.events = 0
        self.endings: dict[int | None, int] = {}

    async def session(self) -> None:
        """Have one session until it ends, however."""
        async with talking(self.port, "/v1/realtime", close_timeout=1) as talker:
            try:
                await talker.send("session.update", session=SESSION)
                while True:
                    await self.turn(talker)
                    await self.stage.advance(self.chance.uniform(*PAUSE_S))
                    await self.fenced(talker)
                    self.events += len(talker.events)
                    talker.events.clear()
                    talker.texts.clear()
            except (AssertionError, OSError):
                pass  # it is over
            except Exception as exc:
                if type(exc).__name__ not in ("ConnectionClosedError", "ConnectionClosedOK"):
                    raise
        code = talker.connection.close_code
        self.endings[code] = self.endings.get(code, 0) + 1

    async def fenced(self, talker: Talker) -> None:
        """Wait until the engine has read all that was sent."""
        await talker.send("input_audio_buffer.clear")
        await talker.until("input_audio_buffer.cleared")

    async def turn(self, talker: Talker) -> None:
        """Have one turn, and let it end."""
        self.turns += 1
        match self.chance.choice(TURNS):
            case "spoken":
                await self.speak(talker)
            case "barge-in":
                await self.ask(talker, "tell me a long story")
                await self.stage.advance(0.3)
                await self.speak(talker)
            case "cancel":
                await self.ask(talker, "tell me a long story")
                await talker.send("response.cancel")
            case "tool":
                await self.ask(talker, "weather in Oslo")
                await self.stage.advance(3)
                output = {"type": "function_call_output", "call_id": "c", "output": "rain"}
                await talker.send("conversation.item.create", item=output)
                await talker.send("response.create")
            case _:
                await self.ask(talker, "hello")
        await self.fenced(talker)
        await self.stage.advance(5)
        await self.fenced(talker)

    async def ask(self, talker: Talker, text: str) -> None:
        """Ask a typed question; wait until the engine knows it."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await talker.send("conversation.item.create", item=item)
        await talker.send("response.create")
        await self.fenced(talker)

    async def speak(self, talker: Talker) -> None:
        """Have a spoken turn."""
        for pcm in (tone(300, 500), bytes(48 * 600)):
            await talker.send("input_audio_buffer.append", audio=to_base64(pcm))


async def idle(tasks: int) -> None:
    """Wait until every session and all but so many tasks are gone; TimeoutError: they stay."""
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110  # nobody tells us
            await asyncio.sleep(0.01)


@pytest.mark.timeout(600)
async def test_a_day_of_connections_leaves_nothing_behind() -> None:
    faults = (
        "fail@p=0.05",
        "fail:rate_limit_exceeded@response.output_audio.delta,p=0.01",
        "close:1011@response.done,p=0.01",
        "close:1006@response.output_audio.delta,p=0.001",
        "duplicate_transcript@p=0.3",
        "late_transcript@p=0.3",
        "unknown_events@p=0.01",
        "unknown_fields@p=0.01",
    )
    clock = ManualClock()
    stage = Stage(clock=clock, seed=7, faults=[parse(text) for text in faults])
    async with serve(scripted.senses(), stage=stage, session_s=SESSION_S) as server:
        day = SocketDay(stage, server.address[1], 7)
        tasks = len(asyncio.all_tasks())
        for _ in range(5):
            await day.session()
        await idle(tasks)
        before, begun, start = held(), clock.now(), day.turns
        while clock.now() - begun < HOURS * 3600:
            await day.session()
        await idle(tasks)
        assert server.sessions == 0
        after = held()
    print(
        f"\nsockets: {(clock.now() - begun) / 3600:.1f} h, {day.turns - start} turns, "
        f"{day.events} events, close codes {json.dumps(day.endings)}\n{before}\n{after}"
    )
    assert after["descriptors"] == before["descriptors"]
    assert after["bytes"] - before["bytes"] < MAX_GROWTH_BYTES
