"""`/v1/realtime`: programs that speak the API, on the same machine."""

import json
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from rtclient.testing import PeerSession, ScriptedPeer, session_created
from tests.integration.test_relay import environment
from tests.support.app import serving
from tests.support.talker import talking

PATH = "/v1/realtime?model=gpt-realtime"


async def refusal(
    port: int, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str]]:
    """Return status and error of a handshake that must fail."""
    with pytest.raises(InvalidStatus) as refused:
        async with talking(port, path, headers=headers):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body or b"")["error"]


async def test_nothing_is_added_and_nothing_is_taken(tmp_path: Path) -> None:
    text = '{"type": "session.update", "session": {"type": "realtime", "tracing": "auto"}}'
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, PATH, headers={"Authorization": "Bearer any"}) as client,
    ):
        await client.until("session.created")
        await client.send_raw(text)
        session = await peer.session()
        await session.expect("session.update")
        assert session.texts == [text]
        await session.send({"type": "session.updated", "session": {}})
        await client.until("session.updated")
        assert session.headers["Authorization"] == "Bearer sk-canary-of-the-tests"
        await session.close(4001, "why")
        assert await client.closed() == (4001, "why")


async def test_what_is_sent_before_session_created_is_not_held(tmp_path: Path) -> None:
    async def after(session: PeerSession) -> None:
        await session.expect("response.create")
        await session.send(session_created())

    async with (
        ScriptedPeer(after) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, PATH) as client,
    ):
        await client.send("response.create")
        await client.until("session.created")


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (401, 502, "upstream_auth_failed"),
        (404, 502, "upstream_not_found"),
        (429, 429, "upstream_rate_limited"),
        (302, 502, "upstream_redirected"),
    ],
)
async def test_a_dial_that_fails_refuses_with_http(
    tmp_path: Path, refused: int, status: int, code: str
) -> None:
    headers = {"Location": "ws://127.0.0.1:1/"} if refused == 302 else {}
    async with (
        ScriptedPeer(status=refused, headers=headers) as peer,
        serving(environment(peer), tmp_path) as server,
    ):
        got, error = await refusal(server.port, PATH)
        assert (got, error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/realtime?model=../../x", "model"),
        ("/v1/realtime?model=a&model=b", "model"),
        ("/v1/realtime?model=a&api-version=2024-10-01", "api-version"),
        ("/ws?model=x", "model"),
        ("/ws?profile=unknown", "profile"),
        ("/ws?profile=default&profile=default", "profile"),
        ("/ws?token=x", "token"),
    ],
)
async def test_unknown_queries_are_refused_before_a_dial(
    tmp_path: Path, path: str, param: str
) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        status, error = await refusal(server.port, path)
        assert (status, error["param"]) == (400, param)
        assert peer.requests == []


async def test_other_machines_are_refused_before_a_dial(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        status, error = await refusal(server.port, PATH, headers={"X-Forwarded-For": "10.0.0.1"})
        assert (status, error["code"]) == (403, "loopback_only")
        assert peer.requests == []


async def test_too_many_sessions_are_refused_with_http(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, MAX_SESSIONS="1"), tmp_path) as server,
        talking(server.port, PATH) as client,
    ):
        await client.until("session.created")
        status, error = await refusal(server.port, PATH)
        assert (status, error["code"]) == (503, "too_many_sessions")


async def test_an_unknown_socket_says_where_they_are(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        status, error = await refusal(server.port, "/socket")
        assert status == 404
        assert "/ws" in error["message"]


@pytest.mark.parametrize("path", ["/ws?profile=default", "/ws"])
async def test_the_built_in_profile_may_be_named(tmp_path: Path, path: str) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, path) as client,
    ):
        await client.until("session.created")
