"""One client of the engine: speech waits for who takes little, and stopped work leaves nothing."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from rtclient.engine import scripted
from rtclient.engine.actions import Input, Received, SpeakingEnded
from rtclient.engine.clock import ManualClock
from rtclient.engine.connection import MAX_UNSENT_SPEECH_BYTES, Connection
from rtclient.engine.core import Session
from rtclient.engine.senses import Say
from rtclient.engine.serve import new_id
from rtclient.engine.stage import Stage
from rtclient.protocol.audio import to_base64


class SlowSocket:
    """A client that sends what is put to it and takes frames only when told to."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.taken: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.news = asyncio.Condition()
        self.on_taken: Callable[[], None] = lambda: None

    def put(self, event_type: str, **fields: Any) -> None:
        self.incoming.put_nowait(json.dumps({"type": event_type, **fields}))

    def __aiter__(self) -> AsyncIterator[str]:
        return self.read()

    async def read(self) -> AsyncIterator[str]:
        while (text := await self.incoming.get()) is not None:
            yield text

    async def send(self, text: str) -> None:
        await self.gate.wait()
        async with self.news:
            self.taken.append(json.loads(text))
            self.news.notify_all()
        self.on_taken()

    async def until(self, event_type: str) -> None:
        async with self.news:
            await self.news.wait_for(lambda: event_type in [e["type"] for e in self.taken])


def ring(clock: ManualClock) -> None:
    """Go to the next timer, if it is not the end of the session."""
    due = clock.next_due()
    if due is not None and due < clock.now() + 60:
        clock.step(due)


class Watched(Connection):
    """A connection that tells what its core is fed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fed: asyncio.Queue[type[Input]] = asyncio.Queue()

    def _feed(self, happened: Input) -> None:
        super()._feed(happened)
        self.fed.put_nowait(type(happened))

    async def until_fed(self, kind: type[Input]) -> None:
        """Wait for an input of this kind, or take the oldest one not yet waited for."""
        while await self.fed.get() is not kind:
            pass


def asked(answer: str) -> tuple[SlowSocket, ManualClock, Watched, asyncio.Task[None]]:
    """A connection whose client has asked for `answer`."""
    socket, clock = SlowSocket(), ManualClock()
    senses = scripted.senses(answers={"hello": [Say(answer)]})
    session = Session(senses.vad(), new_id, model="m", expires_at=0)
    connection = Watched(socket, session, senses, stage=Stage(clock=clock))
    serving = asyncio.create_task(connection.run(is_beta=False))
    part = {"type": "input_text", "text": "hello"}
    item = {"type": "message", "role": "user", "content": [part]}
    socket.put("conversation.item.create", item=item)
    socket.put("response.create")
    return socket, clock, connection, serving


async def test_speech_waits_for_a_client_that_takes_little_and_the_client_is_still_read() -> None:
    socket, clock, connection, serving = asked("la la la la " * 60)
    await connection.until_fed(SpeakingEnded)  # 43 s of speech, over 2 MB of text
    for _ in range(400):
        ring(clock)
    assert connection._unsent_bytes < MAX_UNSENT_SPEECH_BYTES + 40_000
    assert connection._has_room.is_set()

    socket.put("response.cancel")
    await connection.until_fed(Received)
    socket.gate.set()
    await socket.until("rate_limits.updated")
    assert socket.taken[-2]["response"]["status"] == "cancelled"

    socket.incoming.put_nowait(None)
    await serving


async def test_speech_goes_on_when_a_slow_client_has_taken_it() -> None:
    socket, clock, connection, serving = asked("la la la la " * 30)
    await connection.until_fed(SpeakingEnded)
    for _ in range(400):
        ring(clock)
    socket.on_taken = lambda: ring(clock)
    socket.gate.set()
    await socket.until("rate_limits.updated")
    deltas = [e for e in socket.taken if e["type"] == "response.output_audio.delta"]
    assert sum(len(e["delta"]) for e in deltas) == len(to_base64(bytes(48 * 60 * 360)))

    socket.incoming.put_nowait(None)
    await serving


async def test_work_that_is_stopped_before_it_begins_leaves_nothing_behind() -> None:
    socket, _, _, serving = asked("never said")
    socket.put("response.cancel")
    socket.gate.set()
    await socket.until("rate_limits.updated")
    socket.incoming.put_nowait(None)
    await serving
    gc.collect()  # a coroutine that nobody awaited would warn now, and warnings are errors
