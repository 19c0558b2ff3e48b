"""`python -m server` as a program: how it ends, and what it says when it cannot begin."""

import asyncio
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


async def test_a_check_that_is_interrupted_ends_with_1_and_no_traceback(tmp_path: Path) -> None:
    dialled, gone = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        await reader.read()  # until the other side is gone
        writer.close()
        gone.set()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        settings = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        async with child("-m", "server", "check", environment=settings, folder=tmp_path) as check:
            await dialled.wait()
            check.process.send_signal(signal.SIGINT)
            assert await check.ended() == 1
        await gone.wait()
    assert b"Traceback" not in check.stderr
