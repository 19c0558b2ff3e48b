"""TLS to the upstream: our authority is believed when told so, others are not, redirects never."""

from pathlib import Path

import pytest

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import AzurePeer
from tests.support.certificates import Authority
from tests.support.faults import Fault, FaultPeer, Wire
from tests.support.talker import talking


async def test_an_authority_from_extra_ca_file_is_believed(tmp_path: Path) -> None:
    authority = Authority()
    environment = {"EXTRA_CA_FILE": str(authority.write(tmp_path))}
    async with AzurePeer(tls=authority.server_context()) as peer:
        environment |= azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            await client.until("session.updated")
        assert peer.endpoint.startswith("https://")
    assert len(peer.sessions) == 1


@pytest.mark.parametrize("trusted", [False, True], ids=["no authority", "another authority"])
async def test_an_unknown_authority_is_refused_before_the_key_is_sent(
    trusted: bool, tmp_path: Path
) -> None:
    environment = {"EXTRA_CA_FILE": str(Authority().write(tmp_path))} if trusted else {}
    async with AzurePeer(tls=Authority().server_context()) as peer:
        environment |= azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            closed = await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_tls_failed"]
    assert closed[0] in (1008, 1013)
    assert peer.handshakes == []


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    environment = {"EXTRA_CA_FILE": str(authority.write(tmp_path))}
    async with AzurePeer(tls=authority.server_context("elsewhere.example")) as peer:
        environment |= azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_tls_failed"]
    assert peer.handshakes == []


async def test_verification_can_be_switched_off_and_the_page_says_so(tmp_path: Path) -> None:
    async with AzurePeer(tls=Authority().server_context()) as peer:
        environment = azure_environment(peer.endpoint) | {"PARLEY_TLS_VERIFY": "off"}
        async with serving(environment, tmp_path) as server:
            async with talking(server.port) as client:
                await client.until("session.updated")
            config = (await server.get("/config.json")).json()
    assert any("TLS" in warning for warning in config["warnings"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused_and_the_second_host_hears_nothing(
    status: int, tmp_path: Path
) -> None:
    async def redirect(wire: Wire) -> None:
        wire.answer(status, Location=wire.redirect_to)

    async with FaultPeer() as second, FaultPeer(redirect_to=second.endpoint) as first:
        first.queue.append(Fault("redirect", redirect))
        environment = azure_environment(first.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            closed = await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_redirected"]
    assert closed[0] == 1008
    assert (first.connections, second.connections) == (1, 0)


async def test_an_https_endpoint_that_speaks_plain_http_is_a_tls_failure(tmp_path: Path) -> None:
    async with FaultPeer() as peer:
        environment = azure_environment(peer.endpoint.replace("http:", "https:"))
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_tls_failed"]
    assert peer.heads == []
