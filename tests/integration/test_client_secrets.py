"""Client secrets over HTTP, and what they open."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from rtclient.testing import PeerSession, ScriptedPeer, session_created
from tests.integration.test_drop_in import SOCKETS, TOKEN, refusal
from tests.integration.test_relay import environment
from tests.support.app import RunningApp, serving
from tests.support.talker import talking

PATHS = ["/v1/realtime/client_secrets", "/openai/v1/realtime/client_secrets"]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def post(server: RunningApp, path: str, body: bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
        return await http.post(path, content=body, headers=headers)


async def made(server: RunningApp, path: str = PATHS[0], **session: Any) -> str:
    body = json.dumps({"session": {"type": "realtime", **session}} if session else {})
    answer = await post(server, path, body.encode(), **BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    value: str = answer.json()["value"]
    return value


async def applies_presets(session: PeerSession) -> None:
    await session.send(session_created(session_id="sess_1"))
    update = await session.expect("session.update")
    shown = update["session"] | {"id": "sess_1", "model": "real"}
    await session.send({"type": "session.updated", "event_id": "event_2", "session": shown})


@pytest.mark.parametrize("path", PATHS)
async def test_a_secret_opens_every_socket_with_its_session(tmp_path: Path, path: str) -> None:
    settings = {"ACCESS_TOKEN": TOKEN}
    async with (
        ScriptedPeer(applies_presets) as peer,
        serving(environment(peer, **settings), tmp_path) as server,
    ):
        secret = await made(server, path, instructions="Be brief.", model="other")
        for socket in SOCKETS:
            protocols = ["realtime", f"openai-insecure-api-key.{secret}"]
            async with talking(
                server.port,
                f"{socket}?model=other&dialect=ga&sequencer=1",
                subprotocols=protocols,
                origin="https://elsewhere.example",
            ) as client:
                created = await client.until("session.created")
                assert created["session"]["instructions"] == "Be brief."
                assert client.connection.subprotocol == "realtime"
                assert len(client.events) == 1
            upstream = await peer.session()
            assert secret not in upstream.path + repr([*upstream.headers.raw_items()])


async def test_a_secret_without_a_session_opens_a_default_one(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        headers = {"Authorization": f"Bearer {await made(server)}"}
        async with talking(server.port, "/v1/realtime", headers=headers) as client:
            await client.until("session.created")


@pytest.mark.parametrize("settings", [{}, {"ACCESS_TOKEN": TOKEN}])
async def test_an_unknown_secret_opens_nothing_and_a_known_one_makes_none(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, **settings), tmp_path) as server,
    ):
        for socket in SOCKETS:
            status, _ = await refusal(server.port, socket, headers={"api-key": "ek_unknown"})
            assert status == 401
        secret = await made(server)
        for path in PATHS:
            answer = await post(server, path, b"{}", Authorization=f"Bearer {secret}")
            assert answer.status_code == 401
        assert (await server.get("/v1/models", **{"api-key": secret})).status_code == 401
        assert peer.requests == []


async def test_who_may_not_connect_makes_no_secret(tmp_path: Path) -> None:
    locked = {"ACCESS_TOKEN": TOKEN}
    async with ScriptedPeer() as peer, serving(environment(peer, **locked), tmp_path) as server:
        assert (await post(server, PATHS[0], b"{}")).status_code == 401
        elsewhere = {"Origin": "https://elsewhere.example", **BEARER}
        assert (await post(server, PATHS[0], b"{}", **elsewhere)).status_code == 403
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        assert (await post(server, PATHS[0], b"{}", Forwarded="for=10.0.0.1")).status_code == 403


async def test_a_body_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        for body, status in (
            (b"[]", 400),
            (b"{", 400),
            (b"\xff", 400),
            (b" " * 2**20 + b"{}", 413),
        ):
            answer = await post(server, PATHS[0], body)
            assert answer.status_code == status
            assert "JSON" in answer.json()["error"]["message"]
        answer = await post(server, PATHS[1], b'{"session": {"type": "x"}}')
        assert answer.json()["error"].keys() == {"code", "message"}


async def test_who_goes_while_writing_the_body_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines = [f"POST {PATHS[0]} HTTP/1.1", "Host: localhost", "Content-Length: 2"]
        writer.write("\r\n".join([*lines, "Expect: 100-continue", "", "{"]).encode())
        assert b" 100 " in await reader.readline()  # the body is being read
        writer.transport.abort()
        await server.until_idle()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("path", ["/v1/realtime/sessions", "/openai/realtime/sessions"])
async def test_preview_has_a_way_of_its_own(tmp_path: Path, path: str) -> None:
    async with (
        ScriptedPeer(applies_presets) as peer,
        serving(environment(peer), tmp_path) as server,
    ):
        answer = await post(server, path, b'{"instructions": "Be brief.", "voice": "sage"}')
        secret = answer.json()["client_secret"]["value"]
        protocols = ["realtime", f"openai-insecure-api-key.{secret}", "openai-beta.realtime-v1"]
        async with talking(server.port, "/v1/realtime", subprotocols=protocols) as client:
            session = (await client.until("session.created"))["session"]
            assert (session["instructions"], session["voice"]) == ("Be brief.", "sage")
        answer = await post(server, path.replace("sessions", "transcription_sessions"), b"{}")
        assert answer.json()["client_secret"]["value"].startswith("ek_")
