"""Who may ask, on real sockets: Host × Origin on HTTP and sockets, the token, the headers."""

import asyncio
import itertools
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from rtclient.testing import ScriptedPeer
from server.security import SECURITY_HEADERS, cookie_value
from tests.integration.test_relay import environment, set_up
from tests.support.app import RunningApp, serving
from tests.support.talker import talking

TOKEN = "tok_of_the_tests_4711"


def hosts(port: int) -> dict[str, bool]:
    """Return Host headers and whether they are ours."""
    return {
        f"localhost:{port}": True,
        f"127.0.0.1:{port}": True,
        f"[::1]:{port}": True,
        f"LocalHost:{port}": True,
        f"evil.test:{port}": False,
        f"localhost.:{port}": False,
        f"localhost.evil.test:{port}": False,
        f"127.0.0.1.nip.io:{port}": False,
    }


def origins(port: int) -> list[str]:
    """Return Origin headers, the own ones first."""
    return [
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port}",
        f"http://[::1]:{port}",
        "null",
        "http://localhost",
        f"https://localhost:{port}",
        f"http://localhost:{port + 1}",
        f"http://localhost:{port}.evil.com",
        f"http://LOCALHOST:{port}",
        f"http://localhost.:{port}",
        f"http://evil.test:{port}",
        f"http://user@localhost:{port}",
    ]


async def status_of(server: RunningApp, head: str, *, is_socket: bool) -> int:
    """Return the status of a request with exactly these header lines."""
    lines = [f"GET {'/ws' if is_socket else '/config.json'} HTTP/1.1", head]
    if is_socket:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    else:
        lines += ["Connection: close"]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = await reader.readline()
    writer.transport.abort()
    return int(status.split()[1])


@pytest.mark.parametrize("is_socket", [False, True])
async def test_only_a_known_host_with_its_own_origin_is_served(
    tmp_path: Path, is_socket: bool
) -> None:
    served = 101 if is_socket else 200
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        table = itertools.product(hosts(server.port).items(), origins(server.port))
        for (host, is_ours), origin in table:
            head = f"Host: {host}\r\nOrigin: {origin}"
            status = await status_of(server, head, is_socket=is_socket)
            if not is_ours:
                assert status == 400, head
            elif origin == f"http://{host.lower()}":
                assert status == served, head
            else:
                assert status == 403, head
        for host, is_ours in hosts(server.port).items():
            status = await status_of(server, f"Host: {host}", is_socket=is_socket)
            assert status == (served if is_ours else 400)


async def test_a_refused_socket_dials_nothing(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer, ACCESS_TOKEN=TOKEN), tmp_path) as server,
    ):
        for path, headers in [
            ("/ws", {}),
            ("/v1/realtime", {"Authorization": "Bearer wrong"}),
            ("/realtime", {"api-key": "wrong"}),
            ("/ws", {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.test"}),
        ]:
            with pytest.raises(InvalidStatus) as refused:
                async with talking(server.port, path, headers=headers):
                    pass
            assert refused.value.response.status_code in (401, 403)
        assert peer.requests == []


async def test_an_unknown_host_gets_a_page_that_names_the_setting(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        page = await server.get("/", host="parley.lan", accept="text/html")
        assert page.status_code == 400
        assert "PARLEY_ALLOWED_HOSTS" in page.text
        assert page.headers["content-type"].startswith("text/html")
        program = await server.get("/config.json", host="parley.lan")
        assert program.json()["error"]["code"] == "host_not_allowed"


async def test_a_configured_host_and_origin_are_served(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        settings = environment(
            peer,
            PARLEY_ALLOWED_HOSTS="parley.lan,other.lan",
            PARLEY_ALLOWED_ORIGINS="https://app.example",
        )
        async with serving(settings, tmp_path) as server:
            for host in ("parley.lan", "other.lan:8443"):
                page = await server.get("/healthz", host=host, origin="https://app.example")
                assert page.status_code == 200


async def test_the_login_link_opens_the_page_and_the_socket(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer, ACCESS_TOKEN=TOKEN), tmp_path) as server,
    ):
        refused = await server.get("/", accept="text/html")
        assert refused.status_code == 401
        assert "login link" in refused.text
        assert (await server.get("/login?token=wrong")).status_code == 401
        assert (await server.get("/login")).status_code == 401
        login = await server.get(f"/login?token={TOKEN}")
        assert (login.status_code, login.headers["location"]) == (303, "/")
        cookie = login.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        value = cookie.split(";")[0]
        assert value == f"parley_session={cookie_value(TOKEN)}"
        assert (await server.get("/config.json", cookie=value)).status_code == 200
        headers = {"Cookie": value, "Origin": f"http://127.0.0.1:{server.port}"}
        async with talking(server.port, headers=headers) as client:
            await client.until("session.updated")
        assert (await server.get("/healthz")).status_code == 200


async def test_without_a_token_everybody_on_this_machine_is_in(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        login = await server.get("/login?token=old")
        assert (login.status_code, login.headers["location"]) == (303, "/")
        assert "set-cookie" not in login.headers


@pytest.mark.parametrize("path", ["/ws", "/v1/realtime"])
@pytest.mark.parametrize("form", ["bearer", "api-key", "subprotocol"])
async def test_programs_give_the_token_in_each_form(tmp_path: Path, path: str, form: str) -> None:
    headers = {
        "bearer": {"Authorization": f"Bearer {TOKEN}"},
        "api-key": {"api-key": TOKEN},
        "subprotocol": {},
    }[form]
    protocols = ["realtime"]
    if form == "subprotocol":
        protocols.append(f"openai-insecure-api-key.{TOKEN}")
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer, ACCESS_TOKEN=TOKEN), tmp_path) as server,
        talking(server.port, path, headers=headers, subprotocols=protocols) as client,
    ):
        await client.until("session.created")
        assert client.connection.subprotocol == "realtime"
        upstream = peer.requests[0].headers
        assert TOKEN not in str(upstream)
        assert upstream["Authorization"] == "Bearer sk-canary-of-the-tests"


async def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        page = await server.get("/")
        answers = {
            200: page,
            304: await server.get("/", **{"if-none-match": page.headers["etag"]}),
            404: await server.get("/nothing.js"),
            426: await server.get("/ws"),
            400: await server.get("/", host="evil.test"),
            403: await server.get("/", origin="http://evil.test"),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            for name, value in SECURITY_HEADERS.items():
                assert answer.headers.get_list(name) == [value], (status, name)
            assert "cache-control" in answer.headers
        with pytest.raises(InvalidStatus) as denied:
            async with talking(server.port, "/nothing"):
                pass
        assert denied.value.response.status_code == 404
        for name, value in SECURITY_HEADERS.items():
            assert denied.value.response.headers.get_all(name) == [value]
