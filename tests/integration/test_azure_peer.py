"""The server against a strict Azure peer: each refusal becomes one clear error and a close code."""

from pathlib import Path

import pytest

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import (
    FORBIDDEN_NETWORK,
    FORBIDDEN_ROLE,
    KEY,
    RATE_LIMITED,
    TONE,
    AzurePeer,
    Refusal,
)
from tests.support.talker import talking

UNAVAILABLE = Refusal(503, "503", "Service Unavailable")


@pytest.mark.parametrize(
    ("refusal", "code", "close"),
    [
        (FORBIDDEN_NETWORK, "upstream_forbidden", 1008),
        (FORBIDDEN_ROLE, "upstream_forbidden", 1008),
        (RATE_LIMITED, "upstream_rate_limited", 1013),
        (UNAVAILABLE, "upstream_unavailable", 1013),
    ],
    ids=["403 network", "403 role", "429", "503"],
)
async def test_a_refusal_becomes_an_error_and_a_close(
    refusal: Refusal, code: str, close: int, tmp_path: Path
) -> None:
    async with (
        AzurePeer(refusal=refusal) as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        closed = await client.closed()
    assert [error["code"] for error in client.errors()] == [code]
    assert closed[0] == close
    assert len(peer.handshakes) == 1
    message = client.errors()[0]["message"]
    assert refusal.message not in message
    assert "localhost" not in message


async def test_a_wrong_key_names_the_setting(tmp_path: Path) -> None:
    environment = azure_environment("") | {"AZURE_OPENAI_API_KEY": "wrong-key-for-this-peer"}
    async with AzurePeer() as peer:
        environment["AZURE_OPENAI_ENDPOINT"] = peer.endpoint
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            closed = await client.closed()
    (error,) = client.errors()
    assert error["code"] == "upstream_auth_failed"
    assert "AZURE_OPENAI_API_KEY" in error["message"]
    assert closed[0] == 1008


async def test_a_deployment_that_does_not_exist_names_the_setting(tmp_path: Path) -> None:
    async with AzurePeer(deployments=("another",)) as peer:
        environment = azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            closed = await client.closed()
    (error,) = client.errors()
    assert error["code"] == "upstream_not_found"
    assert "AZURE_OPENAI_DEPLOYMENT" in error["message"]
    assert closed[0] == 1008


async def test_a_transcription_deployment_as_model_is_a_bad_request(tmp_path: Path) -> None:
    async with AzurePeer(transcription_deployments=("gpt-realtime",)) as peer:
        environment = azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            closed = await client.closed()
    assert [error["code"] for error in client.errors()] == ["upstream_bad_request"]
    assert closed[0] == 1008


@pytest.mark.parametrize("version", ["", "2024-10-01-preview", "2025-08-28"])
async def test_a_dated_api_version_is_never_sent_on_the_v1_path(
    version: str, tmp_path: Path
) -> None:
    async with AzurePeer() as peer:
        environment = azure_environment(peer.endpoint) | {"AZURE_OPENAI_API_VERSION": version}
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            await client.until("session.updated")
    (handshake,) = peer.handshakes
    assert handshake.path == "/openai/v1/realtime"
    assert "api-version" not in handshake.query


async def test_the_handshake_is_what_azure_takes(tmp_path: Path) -> None:
    async with AzurePeer() as peer:
        environment = azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server:
            headers = {f"X-Browser-{n}": "1" for n in range(20)}
            async with talking(server.port, headers=headers) as client:
                await client.until("session.updated")
    (handshake,) = peer.handshakes
    assert handshake.query == {"model": ["gpt-realtime"]}
    assert handshake.headers["api-key"] == KEY
    assert "Authorization" not in handshake.headers
    assert "OpenAI-Beta" not in handshake.headers
    assert "Sec-WebSocket-Extensions" not in handshake.headers
    assert not [name for name in handshake.headers if name.lower().startswith("x-browser")]


async def test_a_text_and_an_audio_turn_pass(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        content = [{"type": "input_text", "text": "Hello"}]
        item = {"type": "message", "role": "user", "content": content}
        await client.send("conversation.item.create", item=item)
        await client.send("response.create")
        done = await client.until("response.done")
    assert done["response"]["status"] == "completed"
    deltas = [e for e in client.events if e["type"] == "response.output_audio.delta"]
    assert sum(len(e["delta"]) for e in deltas) * 3 // 4 == pytest.approx(len(TONE), abs=16)
    assert client.errors() == []


async def test_a_missing_transcription_deployment_names_the_setting(tmp_path: Path) -> None:
    async with AzurePeer(transcription_deployments=()) as peer:
        environment = azure_environment(peer.endpoint)
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            await client.until("session.updated")
            await client.send("input_audio_buffer.append", audio="AAAA" * 2400)
            await client.send("input_audio_buffer.commit")
            failed = "conversation.item.input_audio_transcription.failed"
            await client.until(failed)
            notice = await client.until("parley.notice")
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in notice["message"]


async def test_defaults_that_are_rejected_lose_the_optional_part_once(tmp_path: Path) -> None:
    environment = azure_environment("") | {"AZURE_OPENAI_VOICE": "voice-of-tomorrow"}
    async with AzurePeer() as peer:
        environment["AZURE_OPENAI_ENDPOINT"] = peer.endpoint
        async with serving(environment, tmp_path) as server, talking(server.port) as client:
            updated = await client.until("session.updated")
            session = await peer.session()
    updates = [e for e in session.received if e["type"] == "session.update"]
    assert len(updates) >= 2
    assert all(str(e["event_id"]).startswith("parley_") for e in updates)
    assert updated["session"]["audio"]["output"]["voice"] == "alloy"


async def test_an_update_with_an_unknown_field_is_rejected_and_the_session_lives(
    tmp_path: Path,
) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = {"type": "realtime", "modalities": ["text"]}
        await client.send("session.update", event_id="mine", session=session)
        error = (await client.until("error"))["error"]
        await client.send("response.create", response={"output_modalities": ["text"]})
        await client.until("response.done")
    assert error["code"] == "unknown_parameter"
    assert error["param"] == "session.modalities"
    assert error["event_id"] == "mine"


async def test_the_page_is_told_before_the_session_expires(tmp_path: Path) -> None:
    async with (
        AzurePeer(lifetime_s=29) as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        expiring = await client.until("parley.session_expiring")
        assert expiring["expires_at"] == (await peer.session()).config["expires_at"]
    assert expiring["seconds_left"] <= 30


async def test_an_expired_session_passes_its_error_and_close_code(tmp_path: Path) -> None:
    async with (
        AzurePeer(lifetime_s=1) as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        code, _ = await client.closed()
    assert "session_expired" in [error["code"] for error in client.errors()]
    assert code == 1001
