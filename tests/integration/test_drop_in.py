"""The drop-in paths: programs that were written for OpenAI or Azure."""

import json
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from rtclient.testing import PeerSession, ScriptedPeer, session_created
from server.client_secrets import PATHS, PREVIEW_PATHS
from server.drop_in import FOREIGN, SOCKETS
from tests.integration.test_relay import environment, set_up
from tests.support.app import azure_environment, serving
from tests.support.talker import talking

PATH = "/v1/realtime?model=gpt-realtime"
TOKEN = "tok_of_the_tests_4711"


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
        ("/v1/realtime?model=a&model=b", "model"),
        ("/v1/realtime?call_id=rtc_1", "call_id"),
        ("/ws?model=x", "model"),
        ("/ws?profile=unknown", "profile"),
        ("/ws?profile=default&profile=default", "profile"),
        ("/ws?token=x", "token"),
    ],
)
async def test_wrong_queries_are_refused_before_a_dial(
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


async def test_other_machines_may_connect_with_the_token(tmp_path: Path) -> None:
    headers = {"X-Forwarded-For": "10.0.0.1", "api-key": TOKEN}
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, ACCESS_TOKEN=TOKEN), tmp_path) as server,
        talking(server.port, PATH, headers=headers) as client,
    ):
        await client.until("session.created")


@pytest.mark.parametrize(
    ("path", "headers", "subprotocols"),
    [
        ("/v1/realtime?model=m&api-version=2024-10-01", {"Authorization": f"Bearer {TOKEN}"}, ()),
        ("/v1/realtime", {}, ("realtime", f"openai-insecure-api-key.{TOKEN}")),
        ("/openai/v1/realtime?model=m", {"Authorization": f"Bearer {TOKEN}"}, ()),
        ("/openai/v1/realtime?model=m", {"api-key": TOKEN}, ("realtime",)),
        # OpenAI's reference client of the preview sends its key in both headers.
        ("/v1/realtime?model=m", {"Authorization": f"Bearer {TOKEN}", "api-key": TOKEN}, ()),
        ("/openai/realtime?deployment=m&api-version=x&odd=1", {"api-key": TOKEN}, ()),
        (f"/openai/realtime?api-key={TOKEN}&deployment=m", {}, ("other",)),
    ],
)
async def test_every_way_to_name_model_and_key_opens_a_session(
    tmp_path: Path, path: str, headers: dict[str, str], subprotocols: tuple[str, ...]
) -> None:
    settings = {"ACCESS_TOKEN": TOKEN}
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, **settings), tmp_path) as server,
        talking(server.port, path, headers=headers, subprotocols=subprotocols) as client,
    ):
        await client.until("session.created")
        chosen = "realtime" if "realtime" in subprotocols else None
        assert client.connection.subprotocol == chosen
        session = await peer.session()
        assert TOKEN not in repr([*session.headers.raw_items()])
        assert TOKEN not in session.path


async def test_a_wrong_key_is_refused_in_the_services_shape(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, ACCESS_TOKEN=TOKEN), tmp_path) as server,
    ):
        for path, family in SOCKETS.items():
            status, error = await refusal(server.port, path, headers={"api-key": "wrong"})
            if family == "openai":
                assert (status, error["code"], error["param"]) == (401, "invalid_api_key", None)
                assert error["type"] == "invalid_request_error"
            else:
                assert (status, error["code"]) == (401, "401")
                assert error.keys() == {"code", "message"}
            elsewhere = {"Origin": "https://elsewhere.example"}
            status, foreign = await refusal(server.port, path, headers=elsewhere)
            assert (status, foreign["code"]) == (403, "origin_not_allowed")
            assert foreign.keys() == error.keys()
        assert peer.requests == []


async def test_a_transcription_is_dialled_as_one(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, "/v1/realtime?model=m&intent=transcription") as client,
    ):
        await client.until("session.created")
        assert (await peer.session()).path == "/v1/realtime?intent=transcription"


async def test_another_model_is_noted_once_and_never_by_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        for model in ("model-one", "model-two"):
            async with talking(server.port, f"/v1/realtime?model={model}") as client:
                await client.until("session.created")
        assert (await peer.session()).path == "/v1/realtime?model=gpt-realtime-2.1"
    noted = [record for record in caplog.records if getattr(record, "code", "")]
    assert [record.code for record in noted] == ["model_not_served"]  # type: ignore[attr-defined]
    assert "model-one" not in str([vars(record) for record in noted])


async def test_strict_models_are_refused_as_the_service_does(tmp_path: Path) -> None:
    settings = {"STRICT_MODELS": "1"}
    async with ScriptedPeer() as peer, serving(environment(peer, **settings), tmp_path) as server:
        async with talking(server.port, "/v1/realtime?model=x") as client:
            reason = "invalid_request_error.model_not_found"
            assert await client.closed() == (4004, reason)
            assert [error["code"] for error in client.errors()] == ["model_not_found"]
        status, error = await refusal(server.port, "/openai/v1/realtime?model=x")
        assert (status, error["code"]) == (404, "DeploymentNotFound")
        assert peer.requests == []
        async with talking(server.port, "/v1/realtime?model=gpt-realtime-2.1") as client:
            await client.until("session.created")


async def test_other_protocols_say_so_on_sockets_and_over_http(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
    ):
        for path in FOREIGN:
            status, error = await refusal(server.port, path)
            assert (status, error["code"]) == (404, "protocol_not_served")
            answer = await http.post(path, content=b"v=0")
            assert (answer.status_code, answer.json()["error"]) == (404, error)


async def test_a_line_feed_behind_a_path_is_another_path(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
    ):
        for path in ("/v1/realtime", "/v1/live"):
            status, error = await refusal(server.port, f"{path}%0A")
            assert (status, error["code"]) == (404, "not_found")
        for path in (*FOREIGN, *PATHS, *PREVIEW_PATHS):
            answer = await http.post(f"{path}%0A", json={})
            assert answer.status_code == 404
        assert peer.requests == []


async def test_plain_requests_are_answered(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
    ):
        for path in SOCKETS:
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")
            error = answer.json()["error"]
            assert "WebSocket" in error["message"]
            assert ("type" in error) == path.startswith("/v1/")
        for path in ("/v1/models", "/openai/v1/models"):
            listed = (await http.get(path)).json()
            assert listed["object"] == "list"
            (model,) = listed["data"]
            assert (model["id"], model["object"]) == ("gpt-realtime-2.1", "model")
            assert isinstance(model["created"], int)
            head = await http.head(path)
            assert (head.status_code, head.content) == (200, b"")


async def test_other_paths_of_the_services_are_refused_with_advice(tmp_path: Path) -> None:
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer), tmp_path) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
    ):
        for path, socket in (
            ("/v1/chat/completions", "/v1/realtime"),
            ("/v1/realtime/", "/v1/realtime"),
            ("/openai/v1/responses", "/openai/v1/realtime"),
            ("/openai/deployments/any/realtime", "/openai/realtime"),
        ):
            status, error = await refusal(server.port, path)
            assert (status, error["code"]) == (404, "not_found")
            assert f" {socket} " in error["message"]
            for method in ("GET", "POST"):
                answer = await http.request(method, path)
                assert (answer.status_code, answer.json()["error"]) == (404, error)
        status, error = await refusal(server.port, "/v2/realtime")
        assert status == 404
        assert all(f"{socket}, " in error["message"] for socket in SOCKETS)
        for path in (*PATHS, *PREVIEW_PATHS):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
            assert "POST" in answer.json()["error"]["message"]
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


@pytest.mark.parametrize("path", ["/ws", *SOCKETS])
async def test_a_voice_that_the_upstream_lacks_is_replaced_on_every_path(
    tmp_path: Path, path: str
) -> None:
    peers = ScriptedPeer(set_up) if path == "/ws" else ScriptedPeer()
    async with peers as peer:
        settings = azure_environment(peer.url.replace("ws", "http", 1))
        settings["AZURE_OPENAI_VOICE"] = "marin"
        async with serving(settings, tmp_path) as server, talking(server.port, path) as client:
            await client.until("session.created")
            wanted = {"type": "realtime", "audio": {"output": {"voice": "nova"}}}
            await client.send("session.update", event_id="mine", session=wanted)
            session = await peer.session()
            while (update := await session.expect("session.update")).get("event_id") != "mine":
                pass
            assert update["session"]["audio"]["output"]["voice"] == "marin"
            if path == "/ws":
                told = await client.until("parley.notice")
                assert told["code"] == "voice_replaced"
