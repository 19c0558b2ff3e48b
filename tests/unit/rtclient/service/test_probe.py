"""A session that is tried, against a scripted peer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectionLost, RemoteProtocolError
from rtclient.protocol.dialects import Dialect
from rtclient.service.probe import Probe, SessionRefused
from rtclient.testing import PeerSession, Script, ScriptedPeer, greet
from rtclient.transport import dial


@asynccontextmanager
async def probing(script: Script, dialect: Dialect = "ga") -> AsyncIterator[Probe]:
    async with ScriptedPeer(script) as peer:
        transport = await dial(Endpoint(url=peer.url, kind="openai", label="peer"))
        try:
            yield Probe(transport, dialect, answer_timeout_s=0.2)
        finally:
            await transport.close()


def saying(event: dict[str, Any]) -> Script:
    async def script(session: PeerSession) -> None:
        await session.send(event)

    return script


async def test_a_session_is_created_and_configured() -> None:
    async def accept(session: PeerSession) -> None:
        await greet(session)
        update = await session.expect("session.update")
        await session.send(
            {"type": "session.updated", "event_id": "e", "session": update["session"]}
        )

    async with probing(accept) as probe:
        assert (await probe.created())["model"] == "scripted"
        assert await probe.configure({"type": "realtime"}) == {"type": "realtime"}


async def test_a_preview_service_is_read_as_ga() -> None:
    flat = {"id": "sess_1", "object": "realtime.session", "modalities": ["text"], "voice": "verse"}
    created = {"type": "session.created", "event_id": "e", "session": flat}
    async with probing(saying(created), "preview") as probe:
        assert (await probe.created())["audio"]["output"]["voice"] == "verse"


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        ({"type": "error", "error": {"code": "invalid_api_key"}}, "auth_failed"),
        ({"type": "session.created", "session": {"modalities": ["text"]}}, "dialect_mismatch"),
    ],
)
async def test_a_refusal_has_its_cause(event: dict[str, Any], cause: str) -> None:
    async with probing(saying({"event_id": "e", **event})) as probe:
        with pytest.raises(SessionRefused) as caught:
            await probe.created()
    assert caught.value.cause == cause


async def test_settings_that_are_refused_are_told_with_their_name() -> None:
    async def refuse(session: PeerSession) -> None:
        await greet(session)
        await session.expect("session.update")
        error = {"code": "invalid_value", "param": "session.audio.output.voice"}
        await session.send({"type": "error", "event_id": "e", "error": error})

    async with probing(refuse) as probe:
        await probe.created()
        with pytest.raises(SessionRefused) as caught:
            await probe.configure({"type": "realtime"})
    assert caught.value.cause == "settings_rejected"
    assert "session.audio.output.voice" in caught.value.said


async def test_what_is_no_realtime_api_is_told() -> None:
    async with probing(saying({"type": "hello"})) as probe:
        with pytest.raises(RemoteProtocolError):
            await probe.created()


async def test_a_service_that_says_nothing_is_not_waited_for_without_end() -> None:
    async def silent(session: PeerSession) -> None:
        return

    async with probing(silent) as probe:
        with pytest.raises(TimeoutError):
            await probe.created()


async def test_a_service_that_hangs_up_is_told() -> None:
    async def leave(session: PeerSession) -> None:
        await session.close(1011)

    async with probing(leave) as probe:
        with pytest.raises(ConnectionLost):
            await probe.created()
