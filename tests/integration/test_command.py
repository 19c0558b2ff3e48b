"""`python -m server` as a program: how it ends, and what it says when it cannot begin."""

import signal
import socket
from pathlib import Path

import pytest

from rtclient.testing import ScriptedPeer
from tests.integration.test_relay import environment
from tests.support.servers import child, child_server
from tests.support.talker import talking


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_with_0(tmp_path: Path, number: signal.Signals) -> None:
    async with (
        ScriptedPeer() as peer,
        child_server(environment(peer), folder=tmp_path) as (server, port),
        talking(port) as client,
    ):
        await client.until("session.created")
        session = await peer.session()
        server.process.send_signal(number)
        assert await server.ended() == 0
        await session.closed.wait()
        assert b"Traceback" not in server.stderr


async def test_a_taken_port_ends_it_with_1_and_advice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"UPSTREAM": "engine", "PORT": str(taken.getsockname()[1])}
        async with child("-m", "server", environment=settings, folder=tmp_path) as server:
            assert await server.ended() == 1
    said = server.stderr.decode()
    assert "Address already in use. Stop the other program, or set another PORT." in said
    assert len(said.splitlines()) == 1
