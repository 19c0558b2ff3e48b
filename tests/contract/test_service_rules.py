"""The engine obeys the rules that the live suite asks of the real service: the very same tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rtclient import endpoints
from rtclient.transport import dial
from server.settings import load_settings
from tests.live import test_service
from tests.live.conversation import Budget, Conversation
from tests.support.servers import child
from tests.support.waiting import ready_line

pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    """The port of an engine with its real senses."""
    async with child("-m", "rtclient.engine", "--port", "0") as engine:
        yield (await ready_line(engine))["port"]


@pytest_asyncio.fixture(loop_scope="module")
async def conversation(port: int, tmp_path: Path) -> AsyncIterator[Conversation]:
    """An open session with the engine, after `session.created`."""
    settings = load_settings({"UPSTREAM": "engine"}, tmp_path)
    transport = await dial(endpoints.engine(f"ws://127.0.0.1:{port}", model="m"))
    opened = Conversation(transport, Budget(cap_usd=float("inf")), settings)
    await opened.until("session.created")
    yield opened
    await transport.close()


for name, rule in vars(test_service).items():
    if name.startswith("test_"):
        globals()[name] = rule
