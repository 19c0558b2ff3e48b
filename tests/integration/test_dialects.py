"""The dialects on real sockets: who is spoken to how, on which path, over which upstream."""

from pathlib import Path
from typing import Any

import pytest

from rtclient.testing import PeerSession, ScriptedPeer, greet
from tests.integration.test_relay import environment, set_up
from tests.support.app import azure_environment, serving
from tests.support.talker import talking

PREVIEW_PATH = "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-realtime"
BETA = {"OpenAI-Beta": "realtime=v1"}


def is_preview(session: dict[str, Any]) -> bool:
    assert ("modalities" in session) != ("output_modalities" in session)
    return "modalities" in session


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1/realtime?model=gpt-realtime", {}, False),
        ("/openai/v1/realtime?model=gpt-realtime", {}, False),
        (PREVIEW_PATH, {}, True),
        ("/v1/realtime?model=gpt-realtime", BETA, True),
        ("/v1/realtime?model=gpt-realtime&dialect=preview", {}, True),
        (f"{PREVIEW_PATH}&dialect=ga", {}, False),
        ("/ws", {}, False),
        ("/ws?dialect=preview", {}, True),
    ],
)
async def test_the_first_event_is_in_the_dialect_that_the_handshake_shows(
    path: str, headers: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    async with (
        ScriptedPeer(set_up if path.startswith("/ws") else greet) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, path, headers=headers) as client,
    ):
        created = await client.until("session.created")
        assert is_preview(created["session"]) == expected
        assert "OpenAI-Beta" not in (await peer.session()).headers


async def test_on_the_pages_socket_a_flat_update_makes_the_session_preview(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        assert not is_preview((await client.until("session.created"))["session"])
        await client.until("session.updated")
        await client.send("session.update", session={"turn_detection": None, "temperature": 0.7})
        session = await peer.session()
        update = await session.expect("session.update")
        assert update["session"] == {
            "type": "realtime",
            "audio": {"input": {"turn_detection": None}},
        }
        notice = await client.until("parley.notice")
        assert (notice["code"], notice["level"]) == ("field_lost", "warning")
        await session.send({"type": "session.updated", "session": update["session"]})
        updated = await client.until("session.updated")
        assert updated["session"]["turn_detection"] is None
        assert updated["session"]["temperature"] == 0.7
        await session.send_text('{"type":"response.output_audio.delta", "delta":"AAAA"}')
        assert await client.connection.recv() == '{"type":"response.audio.delta", "delta":"AAAA"}'


async def greet_in_preview(session: PeerSession) -> None:
    await session.send(
        {
            "type": "session.created",
            "event_id": "event_1",
            "session": {"id": "sess_1", "modalities": ["audio", "text"], "temperature": 0.8},
        }
    )


def preview_environment(peer: ScriptedPeer) -> dict[str, str]:
    return {
        **azure_environment(peer.url.replace("ws", "http", 1)),
        "AZURE_OPENAI_DIALECT": "preview",
    }


@pytest.mark.parametrize("path", ["/v1/realtime", PREVIEW_PATH])
async def test_both_dialects_reach_a_preview_upstream(path: str, tmp_path: Path) -> None:
    async with (
        ScriptedPeer(greet_in_preview) as peer,
        serving(preview_environment(peer), tmp_path) as server,
        talking(server.port, path) as client,
    ):
        created = await client.until("session.created")
        assert is_preview(created["session"]) == (path == PREVIEW_PATH)
        flat = {"voice": "ash", "temperature": 0.7}
        nested = {"type": "realtime", "audio": {"output": {"voice": "ash"}}, "temperature": 0.7}
        await client.send("session.update", session=flat if path == PREVIEW_PATH else nested)
        session = await peer.session()
        assert session.path.startswith("/openai/realtime?")
        assert (await session.expect("session.update"))["session"] == flat


@pytest.mark.parametrize("is_set", [True, False])
async def test_an_upstream_that_speaks_the_other_dialect_is_told_with_advice(
    is_set: bool, tmp_path: Path
) -> None:
    async with (
        ScriptedPeer(greet if is_set else greet_in_preview) as peer,
        serving(preview_environment(peer) if is_set else environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        error = (await client.until("error"))["error"]
        assert error["code"] == "upstream_dialect_mismatch"
        assert "AZURE_OPENAI_DIALECT" in error["message"]
        assert await client.closed() == (1011, "upstream_dialect_mismatch")


async def test_on_a_drop_in_path_what_cannot_cross_is_in_the_log_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        with caplog.at_level("INFO", logger="server"):
            for _ in range(2):
                async with talking(server.port, PREVIEW_PATH) as client:
                    await client.until("session.created")
                    await client.send("session.update", session={"temperature": 0.74711})
                    await (await peer.session()).expect("session.update")
                await server.until_idle()
    notes = [str(vars(record).get("note")) for record in caplog.records]
    assert len([note for note in notes if "`session.temperature`" in note]) == 1
    assert not [record for record in caplog.records if "0.74711" in str(vars(record))]
    sessions = [vars(record) for record in caplog.records if record.name == "server.session"]
    assert [line["fields_lost"] for line in sessions] == [1, 1]
