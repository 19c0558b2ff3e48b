"""The low-level client where nobody is left to tell it: dials and lines that fail in odd ways."""

import asyncio
from typing import Any

import pytest

from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectError, LocalProtocolError
from rtclient.line import MAX_QUEUED_CHARS, ClientOptions
from rtclient.low_level_client import (
    MAX_UNREAD,
    ClientState,
    ReconnectPolicy,
    Restoration,
    RTLowLevelClient,
)
from rtclient.testing import PeerSession, ScriptedPeer, greet

SOON = ReconnectPolicy(base_s=0.01)


async def test_a_proxy_that_nothing_here_can_use_is_told() -> None:
    async with ScriptedPeer() as peer:
        client = RTLowLevelClient.to(peer.endpoint, proxy="socks5://127.0.0.1:1")
        with pytest.raises(ImportError, match="SOCKS"):
            await client.connect()
    assert client.state is ClientState.FAILED


async def test_a_function_in_which_something_is_cancelled_gives_no_address() -> None:
    async def address() -> Endpoint:
        raise asyncio.CancelledError

    client = RTLowLevelClient.to(address)
    with pytest.raises(ConnectError, match="no address"):
        await client.connect()
    assert client.state is ClientState.FAILED


async def test_a_dial_that_is_cancelled_ends_the_client() -> None:
    begun = asyncio.Event()

    async def address() -> Endpoint:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    client = RTLowLevelClient.to(address)
    connecting = asyncio.create_task(client.connect())
    await begun.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert client.state is ClientState.CLOSED


async def test_connections_that_were_lost_are_forgotten() -> None:
    async def script(session: PeerSession) -> None:
        await greet(session)
        if session.number <= 3:
            await session.close(1011)

    restored: asyncio.Queue[Restoration] = asyncio.Queue()
    async with ScriptedPeer(script) as peer:
        client = RTLowLevelClient.to(peer.endpoint, reconnect_policy=SOON)
        client.on_restored(restored.put_nowait)
        async with client:
            for _ in range(3):
                await restored.get()
            assert len(client._lines) == 1


async def test_who_only_sends_is_not_held_up_by_a_connection_that_is_gone() -> None:
    async def script(session: PeerSession) -> None:
        await greet(session)
        for number in range(MAX_UNREAD):
            await session.send({"type": "an.event", "event_id": str(number)})
        if session.number == 1:
            await session.expect("input_audio_buffer.append")
            session.abort()

    append = {"type": "input_audio_buffer.append", "audio": "A" * 64_000}
    async with ScriptedPeer(script) as peer:
        client = RTLowLevelClient.to(peer.endpoint, reconnect_policy=SOON)
        async with client:
            first = await peer.session()
            while len(client._unread) < MAX_UNREAD:
                await asyncio.wait([asyncio.ensure_future(first.closed.wait())], timeout=0.01)
            await client.send(append)
            await first.closed.wait()
            for _ in range(2 * MAX_QUEUED_CHARS // 64_000):
                await client.send(append)


@pytest.mark.parametrize("event", [{"event_id": "one"}, {"type": ""}, {"type": "x", "n": 2**70}])
async def test_what_is_no_event_is_the_fault_of_the_program(event: dict[str, Any]) -> None:
    async with ScriptedPeer() as peer, RTLowLevelClient.to(peer.endpoint) as client:
        with pytest.raises(LocalProtocolError):
            await client.send(event)


def test_the_password_of_a_proxy_is_not_shown() -> None:
    assert "secret" not in repr(ClientOptions(proxy="http://me:secret@proxy"))
