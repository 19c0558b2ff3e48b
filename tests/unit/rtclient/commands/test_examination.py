"""The steps of the doctor, against a scripted peer over a real socket."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rtclient.commands.examination import Examination
from rtclient.commands.findings import Finding
from rtclient.commands.upstream import Choice
from rtclient.service.settings import ServiceSettings
from rtclient.testing import PeerSession, Script, ScriptedPeer, session_created
from tests.support.certificates import Authority

KEY = "canary_key_0123456789"
TODAY = date(2026, 11, 21)
TRANSCRIBED = "conversation.item.input_audio_transcription."


def answering(transcription: dict[str, Any] | None, model: str = "gpt-realtime-2.1") -> Script:
    """A service that takes everything and answers a commit with this event."""

    async def script(session: PeerSession) -> None:
        await session.send(session_created(model=model))
        update = await session.expect("session.update")
        await session.send(
            {"type": "session.updated", "event_id": "e", "session": update["session"]}
        )
        await session.expect("input_audio_buffer.commit")
        if transcription is not None:
            await session.send({"event_id": "e", "item_id": "item_1", **transcription})

    return script


COMPLETED = {"type": f"{TRANSCRIBED}completed", "transcript": ""}


async def examined(
    peer: ScriptedPeer, settings: ServiceSettings | None = None, **options: Any
) -> dict[str, Finding]:
    """What was found about this peer, by step; it never shows the key."""
    settings = settings or ServiceSettings(openai_key=KEY)
    address = peer.url.replace("ws", "http", 1)
    name = "azure_endpoint" if settings.kind == "azure" else "openai_base_url"
    found: list[Finding] = []
    choice = Choice(settings.kind, replace(settings, **{name: address}))
    await Examination(choice, found.append, today=TODAY, with_devices=False, **options).run()
    assert KEY not in "".join(f"{finding.text}{finding.advice}" for finding in found)
    return {finding.step: finding for finding in found}


def azure(**values: Any) -> ServiceSettings:
    return ServiceSettings(azure_key=KEY, azure_deployment="voice", choice="azure", **values)


async def test_all_is_well() -> None:
    async with ScriptedPeer(answering(COMPLETED)) as peer:
        found = await examined(peer)
        sent = [event["type"] for event in peer.sessions[0].events]
    verdicts = {step: finding.verdict for step, finding in found.items()}
    assert verdicts.pop("tls") == "skip"
    assert set(verdicts.values()) == {"ok"}
    assert sent == [
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
    ]


async def test_a_service_over_tls_is_known_by_its_certificate(tmp_path: Path) -> None:
    authority = Authority()
    trusting = ServiceSettings(openai_key=KEY, extra_ca_file=str(authority.write(tmp_path)))
    async with ScriptedPeer(answering(COMPLETED), tls=authority.server_context()) as peer:
        found = await examined(peer, trusting)
        assert found["tls"].verdict == "ok"
        assert "certificate valid until" in found["tls"].text
        assert found["handshake"].verdict == "ok"
        found = await examined(peer)
        assert found["tls"].verdict == found["handshake"].verdict == "fail"
        assert "EXTRA_CA_FILE" in found["tls"].advice
        unverified = replace(trusting, tls_verify=False)
        assert (await examined(peer, unverified))["tls"].verdict == "warn"


@pytest.mark.parametrize(
    ("status", "body", "failed", "words"),
    [
        (401, f'{{"error":{{"code":"{KEY}"}}}}', "key", "AZURE_OPENAI_API_KEY"),
        (403, "", "key", "role"),
        (404, '{"error":{"code":"DeploymentNotFound"}}', "model", "AZURE_OPENAI_DEPLOYMENT"),
        (429, "", "handshake", "quota"),
        (503, "", "handshake", "Try again"),
    ],
)
async def test_a_refusal_is_told_where_it_belongs(
    status: int, body: str, failed: str, words: str
) -> None:
    async with ScriptedPeer(status=status, body=body) as peer:
        found = await examined(peer, azure())
    assert [step for step, finding in found.items() if finding.verdict == "fail"] == [failed]
    assert words in found[failed].advice
    assert f"HTTP {status}" in found[failed].text
    assert found["transcription"].verdict == "skip"


async def test_a_key_that_is_refused_after_the_handshake_is_the_key() -> None:
    async def refuse(session: PeerSession) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": KEY}
        await session.send({"type": "error", "event_id": "e", "error": error})

    async with ScriptedPeer(refuse) as peer:
        found = await examined(peer)
    assert found["handshake"].verdict == "ok"
    assert found["key"].verdict == "fail"
    assert "OPENAI_API_KEY" in found["key"].advice


async def test_a_failed_transcription_names_the_setting() -> None:
    failed = {"type": f"{TRANSCRIBED}failed", "error": {"code": "model_not_found", "message": KEY}}
    async with ScriptedPeer(answering(failed)) as peer:
        found = await examined(peer, azure())
    assert found["transcription"].verdict == "fail"
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in found["transcription"].advice
    assert found["session"].verdict == "ok"


async def test_a_transcription_that_never_comes_is_not_waited_for_without_end() -> None:
    async with ScriptedPeer(answering(None)) as peer:
        found = await examined(peer, step_timeout_s=0.2)
    assert found["transcription"].verdict == "warn"
    assert "No transcription came" in found["transcription"].text


async def test_nothing_is_spent_when_asked_so() -> None:
    async with ScriptedPeer(answering(COMPLETED)) as peer:
        found = await examined(peer, with_transcription=False)
        sent = [event["type"] for event in peer.sessions[0].events]
    assert found["transcription"].verdict == "skip"
    assert sent == ["session.update"]


async def test_the_model_behind_a_deployment_is_the_one_whose_end_is_told() -> None:
    async with ScriptedPeer(answering(COMPLETED, model="gpt-realtime-mini-2025-12-15")) as peer:
        found = await examined(peer, azure(azure_transcription="ears"))
    assert "retires on 2026-12-15, in 24 days" in found["retirement"].text
    assert found["retirement"].verdict == "warn"


async def test_the_end_of_the_transcription_model_is_told_too() -> None:
    async with ScriptedPeer(answering(COMPLETED)) as peer:
        found = await examined(peer, azure())  # with whisper-1
    assert "Azure retires whisper on 2026-12-15" in found["retirement"].text


async def test_a_name_without_an_address_fails_before_the_handshake() -> None:
    found: list[Finding] = []
    settings = ServiceSettings(openai_base_url="http://nowhere.invalid/v1")
    choice = Choice("openai", settings)
    await Examination(choice, found.append, today=TODAY, with_devices=False).run()
    by_step = {finding.step: finding for finding in found}
    assert by_step["dns"].verdict == by_step["handshake"].verdict == "fail"
    assert by_step["tls"].verdict == "skip"
