"""A side that takes nothing: the other is read no more, memory stays flat, the leg is ended."""

import asyncio
import base64
import os
from pathlib import Path

import psutil

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import AzurePeer, Session
from tests.support.faults import Fault, FaultPeer, Wire
from tests.support.talker import talking

STALL_S = 0.5
PUSHED = 128 * 1024 * 1024
TAKEN_AT_MOST = 32 * 1024 * 1024
"""Both sockets' kernel buffers and the queues of both WebSocket libraries; well below PUSHED."""

DELTA = base64.b64encode(os.urandom(48_000)).decode()


async def test_a_client_that_reads_nothing_is_ended_and_memory_stays_flat(tmp_path: Path) -> None:
    sent = 0

    async def push(session: Session) -> None:
        nonlocal sent
        while sent < PUSHED:
            await session.send("response.output_audio.delta", delta=DELTA)
            sent += len(DELTA)

    async with (
        AzurePeer(ping_interval_s=None) as peer,
        serving(azure_environment(peer.endpoint), tmp_path, stall_s=STALL_S) as server,
        talking(server.port, max_queue=1) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        memory = psutil.Process().memory_info().rss
        pushing = asyncio.create_task(push(session))
        await session.connection.wait_closed()
        grown = psutil.Process().memory_info().rss - memory
        await asyncio.gather(pushing, return_exceptions=True)
        code, _ = await client.closed()
        await server.until_idle()
    assert sent < TAKEN_AT_MOST
    assert grown < TAKEN_AT_MOST
    assert code in (1013, 1006)  # 1006: it was so slow that the close did not get through either


async def test_an_upstream_that_reads_nothing_is_ended_and_the_client_told(tmp_path: Path) -> None:
    done = asyncio.Event()
    sent = 0

    async def deaf(wire: Wire) -> None:
        wire.upgrade()
        wire.created()
        await wire.heard()
        wire.event("session.updated", session={"type": "realtime", "id": "sess_f"})
        await wire.writer.drain()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport
        await done.wait()

    async with FaultPeer() as peer:
        peer.queue.append(Fault("deaf", deaf))
        environment = azure_environment(peer.endpoint)
        async with (
            serving(environment, tmp_path, stall_s=STALL_S) as server,
            talking(server.port) as client,
        ):
            await client.until("session.updated")
            memory = psutil.Process().memory_info().rss

            async def push() -> None:
                nonlocal sent
                while sent < PUSHED:
                    await client.send("input_audio_buffer.append", audio=DELTA)
                    sent += len(DELTA)

            pushing = asyncio.create_task(push())
            code, _ = await client.closed()
            grown = psutil.Process().memory_info().rss - memory
            await asyncio.gather(pushing, return_exceptions=True)
            await server.until_idle()
        done.set()
    assert code == 1013
    assert [error["code"] for error in client.errors()] == ["slow_upstream"]
    assert sent < TAKEN_AT_MOST
    assert grown < TAKEN_AT_MOST


async def test_a_slow_but_living_client_gets_everything(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path, stall_s=STALL_S) as server,
        talking(server.port, max_queue=1) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()

        async def push() -> None:
            for number in range(300):
                await session.send("response.output_audio.delta", number=number, delta=DELTA)

        pushing = asyncio.create_task(push())
        for number in range(300):
            event = await client.until("response.output_audio.delta")
            assert event["number"] == number
            if number % 50 == 0:  # a pause shorter than the limit, without a clock of our own
                await asyncio.wait({pushing}, timeout=STALL_S / 4)
        await pushing
    assert client.errors() == []
