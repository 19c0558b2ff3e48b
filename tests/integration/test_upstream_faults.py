"""Whatever the upstream does, the client gets one clear error and the server lives on."""

import logging
from pathlib import Path

import pytest

from server.errors import FAULTS
from tests.support.app import RunningApp, azure_environment, serving
from tests.support.faults import Fault, FaultPeer, Wire, by_name, handshake_faults, session_faults
from tests.support.talker import talking

HANDSHAKE = by_name(handshake_faults())
ENDING = by_name(
    fault
    for fault in session_faults()
    if fault.name.startswith(("first text", "reserved", "continuation", "frame", "end", "reset"))
)
CODES = {
    "http 400": "upstream_bad_request",
    "http 401": "upstream_auth_failed",
    "http 403": "upstream_forbidden",
    "http 404": "upstream_not_found",
    "http 429": "upstream_rate_limited",
    "http 500": "upstream_unavailable",
    "http 502": "upstream_unavailable",
    "http 503": "upstream_unavailable",
    "http 504": "upstream_timeout",
    "redirect 301": "upstream_redirected",
    "redirect 302": "upstream_redirected",
    "redirect 307": "upstream_redirected",
    "redirect 308": "upstream_redirected",
    "reset before any answer": "upstream_unavailable",
}


async def outcome(peer: FaultPeer, app: RunningApp, name: str) -> tuple[list[str], int | None]:
    """The codes of the errors that a client gets from this fault, and its close code."""
    peer.queue.append((HANDSHAKE | ENDING)[name])
    async with talking(app.port) as client:
        code, _ = await client.closed()
    return [str(error["code"]) for error in client.errors()], code


@pytest.mark.parametrize("name", sorted(HANDSHAKE))
async def test_a_failed_handshake_is_one_error_and_its_close_code(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        FaultPeer(redirect_to="http://localhost:9") as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as app,
    ):
        errors, close = await outcome(peer, app, name)
        health = await app.get("/healthz")
    assert len(errors) == 1
    assert errors[0] in FAULTS
    assert CODES.get(name, errors[0]) == errors[0]
    assert close == FAULTS[errors[0]].close_code
    assert health.status_code == 200
    assert not [r for r in caplog.records if r.exc_info or r.levelno > logging.WARNING]


@pytest.mark.parametrize("name", sorted(ENDING))
async def test_a_broken_session_ends_with_one_error_and_1011(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        FaultPeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as app,
    ):
        errors, close = await outcome(peer, app, name)
        await app.until_idle()
    assert len(errors) == 1
    assert errors[0] in ("upstream_closed", "upstream_bad_data")
    assert close == 1011
    assert not [r for r in caplog.records if r.exc_info or r.levelno > logging.WARNING]


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    async with FaultPeer() as peer:
        endpoint = peer.endpoint
    async with serving(azure_environment(endpoint), tmp_path) as app, talking(app.port) as client:
        code, _ = await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_unreachable"]
    assert code == 1013


async def test_a_peer_that_says_nothing_is_a_timeout(tmp_path: Path) -> None:
    async def say_nothing(wire: Wire) -> None:
        await wire.gone()

    async with FaultPeer() as peer:
        peer.queue.append(Fault("silence", say_nothing))
        environment = azure_environment(peer.endpoint)
        async with (
            serving(environment, tmp_path, open_timeout_s=0.2) as app,
            talking(app.port) as client,
        ):
            code, _ = await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_timeout"]
    assert code == 1013
