"""https and wss with the local authority: the page, its cookie, its origin, and who believes it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from rtclient.testing import ScriptedPeer
from server.certificates import LOCAL_NAMES
from server.local_authority import Identity, local_identity
from tests.integration.test_relay import environment, set_up
from tests.support.app import RunningApp, serving
from tests.support.certificates import Authority
from tests.support.servers import ADDRESS, child
from tests.support.talker import talking

TOKEN = "a-token-of-the-test"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """A certificate for this machine."""
    return local_identity(tmp_path / "tls", LOCAL_NAMES, datetime.now(UTC))


@contextlib.asynccontextmanager
async def secure(identity: Identity, folder: Path, **more: str) -> AsyncIterator[RunningApp]:
    """The app behind TLS, in front of a scripted service."""
    async with (
        ScriptedPeer() as peer,
        serving(environment(peer, **more), folder, identity=identity) as server,
    ):
        yield server


def strict(identity: Identity) -> ssl.SSLContext:
    """What the default context of Python 3.13 is: no certificate that bends a rule."""
    context = ssl.create_default_context(cafile=str(identity.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def test_the_page_and_health_come_over_https(identity: Identity, tmp_path: Path) -> None:
    async with (
        secure(identity, tmp_path) as server,
        httpx.AsyncClient(verify=strict(identity)) as http,
    ):
        for host in ("localhost", "127.0.0.1"):
            health = await http.get(f"https://{host}:{server.port}/healthz")
            assert health.json()["status"] == "ok"
        page = await http.get(f"https://localhost:{server.port}/")
        assert page.headers["content-type"].startswith("text/html")


async def test_the_cookie_of_a_login_is_for_tls_only(identity: Identity, tmp_path: Path) -> None:
    async with (
        secure(identity, tmp_path, ACCESS_TOKEN=TOKEN) as server,
        httpx.AsyncClient(verify=strict(identity)) as http,
    ):
        base = f"https://localhost:{server.port}"
        answer = await http.get(f"{base}/login", params={"token": TOKEN})
        assert "Secure" in answer.headers["set-cookie"].split("; ")
        assert (await http.get(f"{base}/config.json")).status_code == 200


async def test_only_the_https_origin_is_our_own(identity: Identity, tmp_path: Path) -> None:
    async with secure(identity, tmp_path) as server:
        tls = strict(identity)
        own = {"Origin": f"https://127.0.0.1:{server.port}"}
        async with talking(server.port, headers=own, tls=tls) as client:
            await client.until("session.created")
        plain = {"Origin": f"http://127.0.0.1:{server.port}"}
        with pytest.raises(InvalidStatus):
            async with talking(server.port, headers=plain, tls=tls):
                pass


async def test_big_events_cross_unharmed_both_ways(identity: Identity, tmp_path: Path) -> None:
    down = '{"type":"conversation.item.retrieved","item":{"id":"' + "x" * 2_000_000 + '"}}'
    up = '{"type":"input_audio_buffer.append","audio":"' + "AAAA" * 250_000 + '"}'
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path, identity=identity) as server,
        talking(server.port, tls=strict(identity)) as client,
    ):
        session = await peer.session()
        await client.until("session.updated")
        await asyncio.gather(session.send_text(down), client.send_raw(up))
        assert await client.connection.recv() == down
        await session.expect("input_audio_buffer.append")
        assert session.texts[-1] == up


async def test_who_does_not_know_the_authority_does_not_connect(
    identity: Identity, tmp_path: Path
) -> None:
    async with secure(identity, tmp_path) as server:
        for tls in (ssl.create_default_context(), Authority().client_context()):
            with pytest.raises(ssl.SSLCertVerificationError):
                async with talking(server.port, tls=tls):
                    pass


NODE = """
const https = require("node:https");
const [port] = process.argv.slice(1);
const key = Buffer.alloc(16).toString("base64");
const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13,
  "Sec-WebSocket-Key": key };
const request = https.get({ host: "localhost", port, path: "/ws", headers });
request.on("upgrade", (response, socket) => {
  console.log(response.statusCode, socket.authorized);
  process.exit(0);
});
request.on("error", (error) => { console.log(error.code); process.exit(1); });
"""


@pytest.mark.parametrize("is_told", [True, False])
async def test_node_believes_it_when_told(
    identity: Identity, tmp_path: Path, is_told: bool
) -> None:
    told = {"NODE_EXTRA_CA_CERTS": str(identity.authority)} if is_told else {}
    async with (
        secure(identity, tmp_path) as server,
        child("-e", NODE, str(server.port), environment=told, program="node") as node,
    ):
        assert await node.ended() == (0 if is_told else 1)
    expected = b"101 true\n" if is_told else b"UNABLE_TO_VERIFY_LEAF_SIGNATURE\n"
    assert bytes(node.stdout) == expected


async def test_the_command_makes_the_authority_and_says_how_to_trust_it(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        settings = environment(peer, PORT="0", XDG_DATA_HOME=str(tmp_path))
        (tmp_path / "empty").mkdir()
        async with child(
            "-m", "server", "--tls", environment=settings, folder=tmp_path / "empty"
        ) as server:
            port = int((await server.until_printed(ADDRESS)).group(1))
            file = tmp_path / "parley" / "tls" / "authority.pem"
            context = ssl.create_default_context(cafile=file)
            async with talking(port, tls=context) as client:
                await client.until("session.created")
    printed = server.stdout.decode()
    assert f"https://localhost:{port}" in printed
    assert f"NODE_EXTRA_CA_CERTS={file}" in printed
    assert "http://" not in printed


async def test_a_certificate_and_a_key_in_two_files_are_shown(tmp_path: Path) -> None:
    authority = Authority()
    pair = Identity(*authority.write_server(tmp_path))
    async with (
        secure(pair, tmp_path) as server,
        talking(server.port, tls=authority.client_context()) as client,
    ):
        await client.until("session.created")


async def test_clients_that_speak_tls_to_a_plain_port_are_explained_in_the_log_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedPeer() as peer, serving(environment(peer), tmp_path) as server:
        for _ in range(3):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with talking(server.port, tls=ssl.create_default_context()):
                    pass
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
        await writer.drain()
        writer.write(b"\x16\x03ok")  # a body may begin like that
        assert (await reader.readline()).startswith(b"HTTP/1.1 405")
        writer.close()
    said = [record.message for record in caplog.records if "spoke TLS" in record.message]
    assert len(said) == 1
    assert "--tls" in said[0]
