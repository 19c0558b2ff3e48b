"""Clients that do not read and clients that we do not read, on real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvicorn
from websockets.exceptions import InvalidStatus

from rtclient.testing import PeerSession, ScriptedPeer
from server.app import create_app
from server.hardening import ClientConnection
from server.settings import load_settings
from server.upstreams import create_upstream
from tests.integration.test_relay import environment, set_up
from tests.support.app import RunningApp
from tests.support.servers import ReadyServer, running
from tests.support.talker import talking

CHUNK = "A" * 65_536
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Impatient(ClientConnection):
    """A connection that does not wait for long."""

    close_timeout_s = 0.2


@asynccontextmanager
async def serving_pings(
    peer: ScriptedPeer, folder: Path, *, ping_s: float, stall_s: float
) -> AsyncIterator[ReadyServer]:
    """Serve with quick pings to the client and slow ones to the upstream."""
    settings = load_settings(environment(peer), folder)
    upstream = create_upstream(settings, ping_interval_s=60, ping_timeout_s=60)
    config = uvicorn.Config(
        create_app(settings, upstream=upstream, stall_s=stall_s),
        port=0,
        http="h11",
        ws=Impatient,
        ws_ping_interval=ping_s,
        ws_ping_timeout=ping_s,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
    )
    async with running(config) as server:
        yield server


async def flood(session: PeerSession) -> None:
    """Send more than anybody's buffers hold."""
    await set_up(session)
    while True:
        await session.send({"type": "response.output_audio.delta", "delta": CHUNK})


async def test_a_client_that_we_do_not_read_is_not_taken_for_dead(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving_pings(peer, tmp_path, ping_s=0.1, stall_s=0.6) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        session.pause()

        async def push() -> None:
            while True:
                await client.send("input_audio_buffer.append", audio=CHUNK)

        pushing = asyncio.create_task(push())
        code, _ = await client.closed()
        session.resume()
        await asyncio.gather(pushing, return_exceptions=True)
        assert code == 1013  # and not 1011, the keepalive's
        assert client.errors()[-1]["code"] == "slow_upstream"


async def test_a_client_that_sends_is_alive_before_its_pong_comes(tmp_path: Path) -> None:
    event = b'{"type":"an.event.of.the.future"}'
    frame = bytes([0x81, 0x80 | len(event)]) + b"\0\0\0\0" + event
    async with (
        ScriptedPeer(set_up) as peer,
        serving_pings(peer, tmp_path, ping_s=0.2, stall_s=60) as server,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE.encode())
        session = await peer.session()
        heard = b""
        while heard.count(b"\x89\x04") < 4:  # pings, of which none is answered
            writer.write(frame)
            with suppress(TimeoutError):
                heard += await asyncio.wait_for(reader.read(65_536), 0.02)
        assert not session.closed.is_set()
        await session.closed.wait()  # nothing comes any more
        assert session.close_code == 1011
        writer.transport.abort()


async def test_a_client_that_reads_nothing_is_aborted(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(flood) as peer,
        serving_pings(peer, tmp_path, ping_s=60, stall_s=0.3) as server,
    ):
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(HANDSHAKE.encode())
        session = await peer.session()
        await session.closed.wait()
        assert (session.close_code, session.close_reason) == (1013, "slow_client")
        await RunningApp(server).until_idle()
        writer.transport.abort()


async def test_a_frozen_client_is_found_by_pings_and_aborted(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(flood) as peer,
        serving_pings(peer, tmp_path, ping_s=0.2, stall_s=60) as server,
    ):
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(HANDSHAKE.encode())
        session = await peer.session()
        await session.closed.wait()
        assert session.close_code == 1011
        await RunningApp(server).until_idle()
        writer.transport.abort()


async def test_a_refused_handshake_is_no_error_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving_pings(peer, tmp_path, ping_s=60, stall_s=60) as server,
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with talking(server.port, "/nothing"):
                pass
        await RunningApp(server).until_idle()
    assert refused.value.response.status_code == 404
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
