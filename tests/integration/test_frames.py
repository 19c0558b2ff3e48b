"""Big messages, order and close codes through a live `/ws`, in both directions."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import AzurePeer
from tests.support.faults import Fault, FaultPeer, Wire
from tests.support.talker import talking

FOUR_MB = 4 * 1024 * 1024


async def test_4_mb_pass_both_ways_unchanged(tmp_path: Path) -> None:
    up = json.dumps({"type": "input_audio_buffer.append", "audio": "QUJD" * (FOUR_MB // 4)})
    down = "x" * FOUR_MB
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        await client.send_raw(up)
        await session.until("input_audio_buffer.append")
        await session.send("conversation.item.retrieved", item={"id": "item_1", "note": down})
        event = await client.until("conversation.item.retrieved")
    assert session.raw[-1] == up
    assert event["item"]["note"] == down


async def test_an_event_above_16_mb_ends_the_session_with_1009(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        text = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 17 * 1024 * 1024})
        sending = asyncio.create_task(client.send_raw(text))
        code, _ = await client.closed()
        await asyncio.gather(sending, return_exceptions=True)
        session = await peer.session()
        await session.connection.wait_closed()
    assert code == 1009
    assert not [e for e in session.received if e["type"] == "input_audio_buffer.append"]


async def test_a_thousand_events_each_way_keep_their_order(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()

        async def push_down() -> None:
            for number in range(1000):
                await session.send("x.down", number=number)

        pushing = asyncio.create_task(push_down())
        for number in range(1000):
            await client.send("input_audio_buffer.clear", event_id=str(number))
        await client.until("x.down", lambda event: event["number"] == 999)
        await session.until("input_audio_buffer.clear", 1000)
        await pushing
    down = [e["number"] for e in client.events if e["type"] == "x.down"]
    up = [e["event_id"] for e in session.received if e["type"] == "input_audio_buffer.clear"]
    assert down == list(range(1000))
    assert up == [str(number) for number in range(1000)]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1013, 4000])
async def test_the_upstreams_close_reaches_the_client(code: int, tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        await session.connection.close(code, "said by the peer")
        assert await client.closed() == (code, "said by the peer")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("close without a code", lambda wire: _open_then(wire, b"\x88\x00")),
        Fault("end without a close", lambda wire: _open_then(wire, b"")),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_close_without_a_code_becomes_1011(fault: Fault, tmp_path: Path) -> None:
    async with FaultPeer() as peer:
        peer.queue.append(fault)
        environment = azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            code, _ = await client.closed()
    assert code == 1011


@pytest.mark.parametrize("code", [1000, 1001, 4001])
async def test_the_clients_close_reaches_the_upstream(code: int, tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        await client.connection.close(code, "said by the page")
        await session.connection.wait_closed()
    assert session.connection.close_code == code


@pytest.mark.parametrize("offered", [(), ("realtime",), ("x", "realtime", "openai-beta.y")])
async def test_realtime_is_echoed_exactly_when_offered(
    offered: tuple[str, ...], tmp_path: Path
) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port, subprotocols=offered) as client,
    ):
        await client.until("session.created")
    assert client.connection.subprotocol == ("realtime" if offered else None)


async def _open_then(wire: Wire, last: bytes) -> None:
    wire.upgrade()
    wire.created()
    await wire.heard()
    wire.raw(last)
