"""The scripted peer does what its script says."""

import asyncio
import base64
import json
from typing import Any

import pytest

from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectionLost, HandshakeRejected
from rtclient.testing import (
    PeerSession,
    ScriptedPeer,
    engine,
    session_created,
    silence,
    speech,
)
from rtclient.transport import dial


def at(peer: ScriptedPeer) -> Endpoint:
    """Where the peer is."""
    return Endpoint(url=peer.url, kind="openai", label="peer")


async def test_without_a_script_a_session_begins_with_session_created() -> None:
    async with ScriptedPeer() as peer:
        transports = [await dial(at(peer)) for _ in range(2)]
        texts = [await transport.recv() for transport in transports]
        assert '"sess_1"' in texts[0]
        assert '"sess_2"' in texts[1]
        assert [session.number for session in peer.sessions] == [1, 2]
        for transport in transports:
            await transport.close()


async def test_expect_passes_over_other_events() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(at(peer))
        session = await peer.session()
        for text in ('{"type":"a"}', "not json", '{"type":"b","n":1}'):
            await transport.send(text)
        assert (await session.expect("b"))["n"] == 1
        assert len(session.texts) == 3
        await transport.close()
        with pytest.raises(ConnectionError):
            await session.expect("c")
        with pytest.raises(ConnectionError):
            await session.receive()


async def test_a_script_that_fails_fails_the_test() -> None:
    async def broken(session: PeerSession) -> None:
        raise AssertionError("the script expected something else")

    async def use() -> None:
        async with ScriptedPeer(broken) as peer:
            transport = await dial(at(peer))
            await transport.close()
            await (await peer.session()).closed.wait()

    with pytest.raises(AssertionError, match="something else"):
        await use()


async def test_a_paused_session_reads_nothing() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(at(peer))
        session = await peer.session()
        session.pause()
        await transport.send('{"type":"first"}')
        await transport.send('{"type":"second"}')
        await asyncio.wait({asyncio.ensure_future(transport.recv())}, timeout=0.05)
        assert len(session.texts) <= 1  # the one that was being read when it paused
        session.resume()
        await session.expect("second")
        await transport.close()


async def test_leaving_closes_every_session() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(at(peer))
        await transport.recv()
        (await peer.session()).pause()
    with pytest.raises(ConnectionLost) as caught:
        await transport.recv()
    assert caught.value.code == 1001


def test_session_created_takes_changes() -> None:
    event = session_created(model="m", expires_at=7, instructions="x")
    assert event["session"]["model"] == "m"
    assert (event["session"]["expires_at"], event["session"]["instructions"]) == (7, "x")


async def test_the_engine_is_the_same_in_every_run() -> None:
    async def first() -> str:
        async with engine(seed=3) as endpoint:
            transport = await dial(endpoint)
            created = json.loads(await transport.recv())
            await transport.close()
            return str(created["session"]["id"])

    assert await first() == await first()


async def test_the_engine_hears_speech_and_answers_by_the_script() -> None:
    scenario = {"turns": [{"hear": "good morning", "answer": "Good evening."}]}
    async with engine(scenario) as endpoint:
        transport = await dial(endpoint)
        sound = base64.b64encode(speech(300) + silence(600)).decode()
        await transport.send(json.dumps({"type": "input_audio_buffer.append", "audio": sound}))
        said = ""
        while not said:
            event = json.loads(await transport.recv())
            if event["type"] == "response.output_audio_transcript.done":
                said = event["transcript"]
        assert said == "Good evening."
        await transport.close()


async def test_faults_of_the_engine_strike() -> None:
    async with engine(faults=["refuse:503@session=1"]) as endpoint:
        with pytest.raises(HandshakeRejected):
            await dial(endpoint)
        await (await dial(endpoint)).close()


@pytest.mark.parametrize("scenario", [{"turns": 3}, {"unknown": []}])
async def test_a_scenario_that_cannot_be_read_is_told(scenario: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="scenario"):
        async with engine(scenario):
            pass
