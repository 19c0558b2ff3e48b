"""The page's files and what it asks over HTTP."""

from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

import rtclient
from rtclient.testing import ScriptedPeer
from server.app import create_app
from server.settings import load_settings
from tests.integration.test_relay import environment
from tests.support.app import serving


async def test_health_says_which_upstream(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        health = await server.get("/healthz")
    assert health.status_code == 200
    assert health.json() == {
        "status": "ok",
        "version": rtclient.__version__,
        "upstream": "openai",
    }


async def test_the_configuration_has_what_the_page_needs_and_no_secret(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        settings = environment(peer, IDLE_LIMIT_S="300", PARLEY_TLS_VERIFY="off")
        async with serving(settings, tmp_path) as server:
            answer = await server.get("/config.json")
        address = peer.url.removeprefix("ws://")
    config = answer.json()
    assert config["version"] == rtclient.__version__
    assert config["upstream"]["kind"] == "openai"
    assert config["engine"] is None
    assert config["greeting"] is False
    assert config["voice"] in config["voices"]
    assert config["session"]["instructions_editable"] is True
    assert config["session"]["turn_detection"]["type"] == "server_vad"
    assert config["limits"]["idle_limit_s"] == 300
    assert any("TLS" in warning for warning in config["warnings"])
    assert "sk-canary" not in answer.text
    assert address not in answer.text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.odd", "application/octet-stream"),
    ],
)
async def test_files_have_our_media_types_and_are_revalidated(
    tmp_path: Path, name: str, media_type: str
) -> None:
    (tmp_path / name).write_text("ü")
    app = create_app(load_settings({"UPSTREAM": "engine"}, tmp_path), public=tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:3000"
    ) as http:
        answer = await http.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "no-cache"
        again = await http.get(f"/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await http.post(f"/{name}")).status_code == 405
        assert (await http.get("/../settings.py")).status_code == 404
        assert (await http.get("/%2e%2e/settings.py")).status_code == 404


async def test_files_are_compressed_and_still_revalidated(tmp_path: Path) -> None:
    text = "// a line of a script\n" * 1000
    (tmp_path / "a.js").write_text(text)
    app = create_app(load_settings({"UPSTREAM": "engine"}, tmp_path), public=tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:3000"
    ) as http:
        answer = await http.get("/a.js", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert answer.text == text
        again = await http.get("/a.js", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        plain = await http.get("/a.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/ws", "/v1/realtime", "/realtime"])
async def test_a_get_on_a_socket_says_what_to_do(tmp_path: Path, path: str) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        answer = await server.get(path)
    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"
    assert "WebSocket" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/config.json", "/login", "/ws", "/no/such"])
async def test_head_answers_as_get_does(tmp_path: Path, path: str) -> None:
    (tmp_path / "index.html").write_text("x")
    app = create_app(load_settings({"UPSTREAM": "engine"}, tmp_path), public=tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:3000"
    ) as http:
        got, head = await http.get(path), await http.head(path)
    assert (head.status_code, head.headers["content-length"]) == (
        got.status_code,
        got.headers["content-length"],
    )


async def test_what_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    app = create_app(load_settings({"UPSTREAM": "engine"}, tmp_path), public=tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:3000"
    ) as http:
        missing = await http.get("/js/<b>.js")
        refused = await http.post("/config.json")
        page = await http.get("/js/<b>.js", headers={"accept": "text/html"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (refused.status_code, refused.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in refused.headers["allow"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'href="/"' in page.text
    assert "<b>" not in page.text + missing.text


async def test_an_error_of_ours_has_the_headers_and_no_content(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("x")
    app = create_app(load_settings({"UPSTREAM": "engine"}, tmp_path), public=tmp_path)

    async def broken() -> Response:
        raise ValueError("private words")

    app.router.routes.insert(0, app.router.route_class("/broken", broken))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/broken")
    assert answer.status_code == 500
    assert "private words" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
