"""`python -m server check`: one dial, a verdict, no tokens."""

from pathlib import Path
from typing import Any

import pytest

from rtclient.testing import PeerSession, ScriptedPeer, greet
from server.check import Verdict, check
from server.settings import load_settings

KEY = "canary-key-0123456789"


async def verdict(peer: ScriptedPeer, folder: Path, **environ: str) -> Verdict:
    """The verdict about this peer as Azure; it never shows the key."""
    (folder / ".env").write_text("")
    settings = load_settings(
        {
            "AZURE_OPENAI_ENDPOINT": peer.url,
            "AZURE_OPENAI_API_KEY": KEY,
            "AZURE_OPENAI_DEPLOYMENT": "voice",
            **environ,
        },
        folder,
    )
    result = await check(settings)
    assert KEY not in "".join(result.lines)
    return result


async def accept(session: PeerSession) -> None:
    """Greet, and accept the session's settings."""
    await greet(session)
    update = await session.expect("session.update")
    await session.send({"type": "rate_limits.updated", "event_id": "e", "rate_limits": []})
    await session.send({"type": "session.updated", "event_id": "e", "session": update["session"]})


def saying(*events: dict[str, Any]) -> Any:
    """A script that sends these events."""

    async def script(session: PeerSession) -> None:
        for event in events:
            await session.send(event)

    return script


async def test_all_is_well(tmp_path: Path) -> None:
    async with ScriptedPeer(accept) as peer:
        result = await verdict(peer, tmp_path)
        assert result.is_ok
        assert "deployment voice" in result.lines[0]
        assert "No tokens were spent" in "".join(result.lines)
        sent = [event["type"] for event in peer.sessions[0].events]
        assert sent == ["session.update"]
        assert peer.sessions[0].close_code == 1000


async def test_warnings_are_part_of_it(tmp_path: Path) -> None:
    async with ScriptedPeer(accept) as peer:
        result = await verdict(peer, tmp_path, AZURE_OPENAI_API_VERSION="2024-10-01-preview")
    assert result.is_ok
    assert any(line.startswith("Warning: Delete the line") for line in result.lines)


async def test_a_preview_service_is_asked_in_its_own_words(tmp_path: Path) -> None:
    flat: dict[str, Any] = {"id": "sess_1", "object": "realtime.session", "modalities": ["text"]}

    async def preview(session: PeerSession) -> None:
        await session.send({"type": "session.created", "event_id": "e", "session": flat})
        update = await session.expect("session.update")
        assert update["session"]["modalities"] == ["audio", "text"]
        assert not update["session"].keys() & {"type", "audio", "output_modalities"}
        await session.send({"type": "session.updated", "event_id": "e", "session": flat})

    async with ScriptedPeer(preview) as peer:
        result = await verdict(peer, tmp_path, AZURE_OPENAI_DIALECT="preview")
        assert peer.sessions[0].path.startswith("/openai/realtime?api-version=2025-04-01-preview&")
    assert result.is_ok
    assert result.lines[0].endswith("deployment voice, preview dialect")


@pytest.mark.parametrize(
    ("dialect", "session"), [("preview", {"type": "realtime"}), ("ga", {"modalities": ["text"]})]
)
async def test_a_service_of_the_other_dialect_is_explained(
    tmp_path: Path, dialect: str, session: dict[str, Any]
) -> None:
    created = {"type": "session.created", "event_id": "e", "session": {"id": "s", **session}}
    async with ScriptedPeer(saying(created)) as peer:
        result = await verdict(peer, tmp_path, AZURE_OPENAI_DIALECT=dialect)
    assert result.lines[-1] == "Code: upstream_dialect_mismatch"
    assert "AZURE_OPENAI_DIALECT" in result.lines[-2]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, f'{{"error":{{"code":"401","message":"bad key {KEY}"}}}}', "AZURE_OPENAI_API_KEY"),
        (403, KEY, "role"),
        (404, '{"error":{"code":"DeploymentNotFound"}}', "DeploymentNotFound"),
        (404, f'{{"error":{{"code":"{KEY}"}}}}', "AZURE_OPENAI_DEPLOYMENT"),
        (404, "[" * 100_000, "upstream_not_found"),
        (429, "", "quota"),
        (302, "", "redirect"),
        (503, "", "not available"),
    ],
)
async def test_a_refusal_is_explained(tmp_path: Path, status: int, body: str, words: str) -> None:
    async with ScriptedPeer(status=status, body=body) as peer:
        result = await verdict(peer, tmp_path)
    assert not result.is_ok
    assert words in "\n".join(result.lines)
    assert f"HTTP {status}" in "\n".join(result.lines)


async def test_an_error_as_first_event_is_explained(tmp_path: Path) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": KEY}
    async with ScriptedPeer(saying({"type": "error", "event_id": "e", "error": error})) as peer:
        result = await verdict(peer, tmp_path)
    assert not result.is_ok
    assert "The service said: invalid_api_key" in result.lines
    assert result.lines[-1] == "Code: upstream_auth_failed"


async def test_rejected_session_settings_are_explained(tmp_path: Path) -> None:
    async def reject(session: PeerSession) -> None:
        await greet(session)
        await session.expect("session.update")
        error = {"type": "x", "code": "invalid_value", "param": "session.audio.output.voice"}
        await session.send({"type": "error", "event_id": "e", "error": {**error, "message": KEY}})

    async with ScriptedPeer(reject) as peer:
        result = await verdict(peer, tmp_path)
    assert result.lines[-1] == "Code: session_defaults_rejected"
    assert "The service said: invalid_value, session.audio.output.voice" in result.lines


async def test_something_else_than_a_realtime_api_is_explained(tmp_path: Path) -> None:
    async with ScriptedPeer(saying({"type": "hello"})) as peer:
        assert (await verdict(peer, tmp_path)).lines[-1] == "Code: upstream_bad_data"
    async with ScriptedPeer(saying({"no": "type"})) as peer:
        assert (await verdict(peer, tmp_path)).lines[-1] == "Code: upstream_bad_data"


async def test_a_service_that_hangs_up_is_explained(tmp_path: Path) -> None:
    async def leave(session: PeerSession) -> None:
        await session.close(1011, KEY)

    async with ScriptedPeer(leave) as peer:
        assert (await verdict(peer, tmp_path)).lines[-1] == "Code: upstream_closed"
