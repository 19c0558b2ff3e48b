"""A side that froze or vanished without a word is found by pings, and both legs are freed."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import AzurePeer
from tests.support.faults import Fault, FaultPeer, Wire
from tests.support.servers import child
from tests.support.talker import talking

PINGS = {"ping_interval_s": 0.2, "ping_timeout_s": 0.3}
PORT = re.compile(rb'"port": (\d+)')
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def test_an_upstream_that_answers_no_ping_is_found(tmp_path: Path) -> None:
    frozen = asyncio.Event()

    async def freeze(wire: Wire) -> None:
        wire.upgrade()
        wire.created()
        await wire.writer.drain()
        await frozen.wait()  # reads nothing, answers nothing, keeps the connection

    async with FaultPeer() as peer:
        peer.queue.append(Fault("frozen", freeze))
        environment = azure_environment(peer.endpoint)
        async with (
            serving(environment, tmp_path, **PINGS) as server,
            talking(server.port) as client,
        ):
            await client.until("session.created")
            code, _ = await client.closed()
            await server.until_idle()
        frozen.set()
    assert code in (1011, 1013)
    assert [error["code"] for error in client.errors()] == ["upstream_closed"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
async def test_a_stopped_upstream_process_is_found(tmp_path: Path) -> None:
    async with child("-m", "tests.support.peer_process") as process:
        port = int((await process.until_printed(PORT)).group(1))
        environment = azure_environment(f"http://localhost:{port}")
        async with (
            serving(environment, tmp_path, **PINGS) as server,
            talking(server.port) as client,
        ):
            await client.until("session.updated")
            process.process.send_signal(signal.SIGSTOP)
            code, _ = await client.closed()
            await server.until_idle()
    assert code in (1011, 1013)


async def test_a_client_that_answers_no_ping_is_found(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path, **PINGS) as server,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE % server.port)
        assert b"101" in await reader.readline()
        session = await peer.session()
        await session.connection.wait_closed()
        await server.until_idle()
        writer.transport.abort()


@pytest.mark.parametrize("moment", ["at once", "in a session"])
async def test_a_client_that_resets_frees_the_upstream(moment: str, tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
    ):
        async with talking(server.port) as client:
            if moment == "in a session":
                await client.until("session.updated")
            client.connection.transport.abort()
        if moment == "in a session":
            await (await peer.session()).connection.wait_closed()
        await server.until_idle()
        assert not [s for s in peer.sessions if s.connection.close_code is None]


async def test_thirty_sessions_come_and_go_without_a_rest(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
    ):
        for number in range(30):
            async with talking(server.port) as client:
                await client.until("session.created")
                if number % 2:
                    client.connection.transport.abort()
        await server.until_idle()
        assert len(peer.sessions) == 30
