"""Sessions that come and go by the thousand leave nothing behind, in the relay and in the engine.

The relay runs in this process, the engine (scripted senses) in a child. What counts is growth after
a warm-up: tasks and descriptors not at all, memory by less than `MAX_GROWTH_BYTES`.
"""

import asyncio
import gc
import random
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.app import RunningApp, serving
from tests.support.servers import child
from tests.support.talker import talking
from tests.support.waiting import ready_line

WARM_UP = 300
SESSIONS = 3_000
AT_ONCE = 10
MAX_GROWTH_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Held:
    """What is held when no session is open."""

    tasks: int
    relay_descriptors: int
    engine_descriptors: int
    relay_bytes: int
    engine_bytes: int


async def measure(app: RunningApp, engine: psutil.Process) -> Held:
    """Wait until all sessions are freed on both sides, then look."""
    await app.until_idle()
    async with asyncio.timeout(10):
        # Another process: nobody tells us when it is done.
        while any(c.status != psutil.CONN_LISTEN for c in engine.net_connections()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    gc.collect()
    relay = psutil.Process()
    return Held(
        tasks=len(asyncio.all_tasks()),
        relay_descriptors=relay.num_fds(),
        engine_descriptors=engine.num_fds(),
        relay_bytes=relay.memory_info().rss,
        engine_bytes=engine.memory_info().rss,
    )


async def visit(port: int, chance: random.Random) -> None:
    """One session: ask something, and leave in one of four ways."""
    ending = chance.choice(["at once", "while it answers", "after the answer", "without a word"])
    async with talking(port) as client:
        if ending == "at once":
            return
        await client.until("session.updated")
        await client.send("response.create", response={"instructions": "Say exactly: hello."})
        await client.until("response.created")
        if ending == "while it answers":
            return
        if ending == "after the answer":
            await client.until("response.done")
            return
        client.connection.transport.abort()


async def churn(port: int, sessions: int, chance: random.Random) -> None:
    """Let this many sessions come and go, `AT_ONCE` at a time."""
    left = iter(range(sessions))

    async def visit_again_and_again() -> None:
        for _ in left:
            await visit(port, chance)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(visit_again_and_again())


async def test_thousands_of_sessions_leave_nothing_behind(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with child("-m", "rtclient.engine", "--port", "0", "--senses", "scripted") as kid:
        port = (await ready_line(kid))["port"]
        environment = {
            "UPSTREAM": "openai",
            "OPENAI_API_KEY": "unused-by-the-engine",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "MAX_SESSIONS": "100",
        }
        engine = psutil.Process(kid.process.pid)
        async with serving(environment, tmp_path) as app:
            await churn(app.port, WARM_UP, chance)
            before = await measure(app, engine)
            await churn(app.port, SESSIONS, chance)
            after = await measure(app, engine)
    print(f"before {before}\nafter  {after}")
    assert after.tasks == before.tasks
    assert after.relay_descriptors == before.relay_descriptors
    assert after.engine_descriptors == before.engine_descriptors
    assert after.relay_bytes - before.relay_bytes <= MAX_GROWTH_BYTES
    assert after.engine_bytes - before.engine_bytes <= MAX_GROWTH_BYTES
