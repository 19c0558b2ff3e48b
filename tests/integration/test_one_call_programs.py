"""Programs as people write them with the sample's two names: one message, one answer.

Each is run against a strict Azure peer and against the engine, both at Azure's address. The calls
are those of the sample's description; the words are ours.
"""

import asyncio
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from examples.gpt_realtime_websocket_sample import (
    RealtimeConfig,
    RealtimeWebSocketClient,
    main,
)
from rtclient.engine_process import engine_process
from rtclient.service.settings import NAMES
from rtclient.sound_files import read_sound
from tests.support.azure_peer import KEY, AzurePeer
from tests.support.judge import unknown_fields

ROOT = Path(__file__).resolve().parents[2]
CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[RealtimeConfig]:
    async with engine_process("--seed", "1") as address:
        bearer = address.headers["Authorization"].removeprefix("Bearer ")
        yield RealtimeConfig(
            endpoint=address.url.partition("/v1")[0].replace("ws://", "http://"),
            api_key=bearer,
            deployment="gpt-4o-realtime-preview",
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[RealtimeConfig]:
    async with AzurePeer(deployments=("gpt-4o-realtime-preview",)) as azure:
        yield RealtimeConfig(
            endpoint=azure.endpoint, api_key=KEY, deployment="gpt-4o-realtime-preview"
        )
    events = [event for session in azure.sessions for event in session.received]
    assert events
    for event in events:
        assert not list(unknown_fields(CLIENT_EVENT.validate_python(event), event["type"]))


pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(params=["peer", "engine"])
def config(request: pytest.FixtureRequest) -> RealtimeConfig:
    found: RealtimeConfig = request.getfixturevalue(request.param)
    return found


async def test_the_quick_start(config: RealtimeConfig) -> None:
    settings = RealtimeConfig(
        endpoint=config.endpoint,
        api_key=config.api_key,
        deployment="gpt-4o-realtime-preview",
        api_version="2025-08-28",
        voice="alloy",
    )
    client = RealtimeWebSocketClient(settings)
    transcript, audio_bytes = await client.send_message(
        user_text="Hello, how are you?",
        instructions="You are a friendly assistant.",
    )
    assert transcript
    assert len(audio_bytes) > 4_800
    assert len(audio_bytes) % 2 == 0


async def test_instructions_and_a_voice_for_one_answer(config: RealtimeConfig) -> None:
    client = RealtimeWebSocketClient(config)
    transcript, audio = await client.send_message(
        user_text="Tell me a joke.", instructions="You are a comedian.", voice="shimmer"
    )
    assert transcript
    assert audio


async def test_an_answer_in_writing(config: RealtimeConfig) -> None:
    client = RealtimeWebSocketClient(config)
    transcript, audio = await client.send_message(
        user_text="Count from 1 to 5.", output_modalities=["text"]
    )
    assert transcript
    assert audio == b""


async def test_sound_and_sound_with_text(config: RealtimeConfig) -> None:
    client = RealtimeWebSocketClient(config)
    _, question = await client.send_message(user_text="Hello!")
    audio_chunks = [question[:12_000], question[12_000:24_000]]
    transcript, audio = await client.send_message(
        input_audio_chunks=audio_chunks,
        instructions="Say exactly: I have heard you",
    )
    assert transcript
    assert audio
    transcript, _ = await client.send_message(
        user_text="This is what I have in mind:",
        input_audio_chunks=audio_chunks,
        instructions="Listen and answer with care.",
        output_modalities=["text"],
    )
    assert transcript


async def test_errors_are_the_builtin_ones(config: RealtimeConfig) -> None:
    client = RealtimeWebSocketClient(config)
    with pytest.raises(ValueError, match="nothing to send"):
        await client.send_message()
    with pytest.raises(RuntimeError, match="buffer too small"):
        await client.send_message(input_audio_chunks=[bytes(100)])


async def test_a_conversation_is_remembered(engine: RealtimeConfig) -> None:
    async with RealtimeWebSocketClient(engine) as client:
        await client.send_message("My name is Anna.", output_modalities=["text"])
        answer, _ = await client.send_message("What is my name?", output_modalities=["text"])
    assert "Anna" in answer


async def test_a_deployment_that_has_the_preview_only(engine: RealtimeConfig) -> None:
    client = RealtimeWebSocketClient(replace(engine, dialect="preview"))
    transcript, audio = await client.send_message("Hello!", voice="echo")
    assert transcript
    assert audio
    with pytest.raises(RuntimeError, match="Supported values"):
        await client.send_message("Hello!", voice="marin")


async def test_the_sample_runs_as_a_program(
    engine: RealtimeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for name in NAMES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", engine.endpoint)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", engine.api_key)
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT", engine.deployment)
    out = tmp_path / "answer.wav"
    await main(["--out", str(out), "--instructions", "Say exactly: good morning"])
    printed = capsys.readouterr().out
    assert "morning" in printed
    assert f"s of sound in {out}" in printed
    with wave.open(str(out)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
        assert sound.getnframes() > 4_800
    await main(["--wav", str(out)])
    assert capsys.readouterr().out.strip()
    assert read_sound(out)


async def test_the_sample_tells_what_is_missing_in_one_line(tmp_path: Path) -> None:
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(ROOT / "examples/gpt_realtime_websocket_sample.py")],
        env={"PATH": "", "PYTHONPATH": str(ROOT), "UPSTREAM": "openai"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("OPENAI_API_KEY is missing")
