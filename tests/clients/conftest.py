"""What the official client dials: the engine itself, and a server in front of its own engine.

And the matrix of all official clients.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.matrix import matrix
from tests.support.official import Program, connected
from tests.support.servers import child, child_server
from tests.support.waiting import engine_ready, ready_line

__all__ = ["matrix"]

Address = tuple[int, str]
"""Port and key."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[Address]:
    """The engine with its real senses, as a program of its own."""
    key = "official-client-key"
    environment = {"RTCLIENT_ENGINE_KEY": key}
    async with child("-m", "rtclient.engine", "--port", "0", environment=environment) as process:
        yield (await ready_line(process))["port"], key


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Address]:
    """The server with its own engine."""
    folder = tmp_path_factory.mktemp("server")
    async with child_server({"UPSTREAM": "engine"}, folder=folder) as (_, port):
        await engine_ready(port)
        yield port, "any-key-is-accepted-on-loopback"


@pytest.fixture(params=["engine", "server"], scope="session")
def address(request: pytest.FixtureRequest) -> Address:
    """Each of the two."""
    found: Address = request.getfixturevalue(request.param)
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def program(address: Address) -> AsyncIterator[Program]:
    """A program with an open session."""
    async with connected(*address) as connection:
        opened = Program(connection)
        await opened.until("session.created")
        yield opened
