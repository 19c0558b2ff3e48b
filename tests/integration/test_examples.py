"""Every example runs, as a program, against an engine."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from examples.microphone import Loudspeaker, converse
from rtclient import RTClient
from rtclient.endpoints import Endpoint
from rtclient.engine_process import engine_process
from rtclient.sound_files import duration_s, read_sound, write_wav
from rtclient.testing import ScriptedPeer, silence, speech
from tests.support.servers import ROOT, child

pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]

SAMPLE = str(ROOT / "samples/input/sample.wav")
RUNNING = re.compile(rb"running on http://127\.0\.0\.1:(\d+)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Endpoint]:
    """An engine that hears and speaks, for all tests of this file."""
    async with engine_process() as endpoint:
        yield endpoint


@contextlib.asynccontextmanager
async def scripted(folder: Path, turns: list[str]) -> AsyncIterator[Endpoint]:
    """An engine that hears these turns, whatever is said."""
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"turns": [{"hear": text} for text in turns]}))
    options = ("--senses", "scripted", "--scenario", str(scenario))
    async with engine_process(*options) as endpoint:
        yield endpoint


def settings(endpoint: Endpoint) -> dict[str, str]:
    """The environment in which an example finds the engine as if it were an account."""
    base_url, _, _ = endpoint.url.partition("/realtime")
    return {
        "UPSTREAM": "openai",
        "OPENAI_BASE_URL": base_url.replace("ws:", "http:"),
        "OPENAI_API_KEY": endpoint.secrets[0],
    }


async def run(endpoint: Endpoint, folder: Path, *arguments: str, code: int = 0) -> str:
    """Run `python ARGUMENTS`; return what it printed."""
    async with child(*arguments, environment=settings(endpoint), folder=folder) as program:
        assert await program.ended() == code, bytes(program.stderr).decode()
        return bytes(program.stdout if code == 0 else program.stderr).decode()


def example(name: str) -> str:
    return str(ROOT / "examples" / name)


def a_call(folder: Path, turns: int) -> str:
    """A file with so many turns in it."""
    write_wav(folder / "call.wav", (speech(1000) + silence(1000)) * turns)
    return "call.wav"


async def test_low_level_sample_with_an_account(engine: Endpoint, tmp_path: Path) -> None:
    sound = str(Path(SAMPLE).with_suffix(".mp3"))
    said = await run(engine, tmp_path, example("low_level_sample.py"), sound, "openai")
    assert "You:   What is seven plus five?" in said
    assert "Model: 7 plus 5 is 12." in said
    assert duration_s(tmp_path / "answer.wav") > 1


async def test_low_level_sample_with_an_engine_of_its_own(tmp_path: Path) -> None:
    program = str(ROOT / "samples/low_level_sample.py")
    async with child(program, SAMPLE, "engine", folder=tmp_path) as sample:
        assert await sample.ended() == 0, bytes(sample.stderr)
        assert b"7 plus 5 is 12." in sample.stdout


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
async def test_each_sample_can_be_read(ending: str) -> None:
    assert duration_s(Path(SAMPLE).with_suffix(f".{ending}")) == pytest.approx(2.16, abs=0.05)


async def test_low_level_sample_says_what_is_missing(engine: Endpoint, tmp_path: Path) -> None:
    said = await run(engine, tmp_path, example("low_level_sample.py"), SAMPLE, "azure", code=1)
    assert "AZURE_OPENAI_ENDPOINT" in said


async def test_quick_start(engine: Endpoint, tmp_path: Path) -> None:
    said = await run(engine, tmp_path, example("quick_start.py"), "What is seven plus five?")
    answer, tokens = said.splitlines()
    assert answer == "7 plus 5 is 12."
    assert int(tokens.split()[0]) > 0
    assert duration_s(tmp_path / "answer.wav") > 1


async def test_function_tools(tmp_path: Path) -> None:
    turn = {
        "answer": [
            {"call": "switch_light", "arguments": {"room": "kitchen", "state": "on"}},
            {"call": "switch_light", "arguments": {"room": "cellar", "state": "on"}},
            {"call": "list_lights", "arguments": {}},
        ],
        "after_call": "It is light.",
    }
    (tmp_path / "scenario.json").write_text(json.dumps({"turns": [turn]}))
    options = ("--senses", "scripted", "--scenario", str(tmp_path / "scenario.json"))
    async with engine_process(*options) as endpoint:
        said = await run(endpoint, tmp_path, example("function_tools.py"), "Light in the kitchen!")
    *calls, answer = said.splitlines()
    assert [call.partition("(")[0] for call in calls] == [
        "switch_light",
        "switch_light",
        "list_lights",
    ]
    assert answer == "It is light.", "once, after all three"


async def test_recorder(engine: Endpoint, tmp_path: Path) -> None:
    await run(engine, tmp_path, example("recorder.py"), SAMPLE, "kept")
    assert duration_s(tmp_path / "kept/conversation.wav") > 3, "the question and the answer"
    told = (tmp_path / "kept/conversation.md").read_text()
    assert "What is seven plus five?" in told
    assert "7 plus 5 is 12." in told
    json.loads((tmp_path / "kept/conversation.json").read_text())


async def test_microphone_and_loudspeaker(
    engine: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, out = read_sound(SAMPLE) + silence(1000), Loudspeaker()
    pieces = [sound[at : at + 1920] for at in range(0, len(sound), 1920)]
    async with RTClient.to(engine) as client:
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        for piece in pieces:
            heard.put_nowait(piece)
        client.on("response_done", lambda _: heard.put_nowait(b""))
        await converse(client, heard, out)
    assert "assistant: 7 plus 5 is 12." in capsys.readouterr().out
    played = bytearray(48 * 500)
    out.fill(played)
    assert any(played)
    assert out.stop() == 500
    out.fill(played)
    assert not any(played)


async def test_keyword_gate(engine: Endpoint, tmp_path: Path) -> None:
    write_wav(tmp_path / "twice.wav", read_sound(SAMPLE) * 2)
    program = (example("keyword_gate.py"), "twice.wav", "plus five", "openai")
    assert "7 plus 5 is 12." in await run(engine, tmp_path, *program)


async def test_nothing_leaves_the_machine_without_the_keyword(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        endpoint = Endpoint(
            url=f"{peer.url}/v1/realtime", kind="openai", label="peer", secrets=("key",)
        )
        program = (example("keyword_gate.py"), SAMPLE, "banana", "openai")
        assert "nothing was sent" in await run(endpoint, tmp_path, *program, code=1)
        assert not peer.requests


async def test_call_transcript(engine: Endpoint, tmp_path: Path) -> None:
    said = await run(engine, tmp_path, "-m", "examples.call_transcript", SAMPLE)
    assert said.strip() == "What is seven plus five?"


async def test_redacted_transcription(tmp_path: Path) -> None:
    turns = [
        "My name is Anna Smith and my card is 4111 1111",
        "1111 1111, and the address is anna@example.com",
        "Thank you, goodbye.",
    ]
    async with scripted(tmp_path, turns) as endpoint:
        program = ("-m", "examples.redacted_transcription", a_call(tmp_path, 3), "safe.txt")
        said = await run(endpoint, tmp_path, *program)
    assert said.strip() == (
        "My name is [name] and my card is [card], and the address is [e-mail] Thank you, goodbye."
    )
    assert (tmp_path / "safe.txt").read_text() == said


async def test_fraud_call(tmp_path: Path) -> None:
    turns = [
        "Good afternoon, this is the fraud department of your bank.",
        "Your account was hacked. Move your money to a safe account.",
        "Now read me the code that we sent you.",
    ]
    async with scripted(tmp_path, turns) as endpoint:
        program = ("-m", "examples.fraud_call", a_call(tmp_path, 3))
        *warnings, last = (await run(endpoint, tmp_path, *program)).splitlines()
    assert [line.partition(":")[0] for line in warnings] == ["WARNING 75", "WARNING 115"]
    assert "asks for a code" in warnings[1]
    assert last == "Score at the end: 115"


async def test_web_service(engine: Endpoint, tmp_path: Path) -> None:
    command = ("-m", "uvicorn", "examples.web_service:app", "--host", "127.0.0.1", "--port", "0")
    async with child(*command, environment=settings(engine), folder=tmp_path) as service:
        port = int((await service.until_printed(RUNNING))[1])
        async with connect(f"ws://127.0.0.1:{port}/talk") as browser:
            await browser.send(read_sound(SAMPLE) + silence(1000))
            sound, texts = b"", []
            while len(texts) < 3:
                message = await browser.recv()
                if isinstance(message, bytes):
                    sound += message
                else:
                    texts.append(json.loads(message))
            await browser.send(json.dumps({"played_ms": 500}))
    assert {"stop": True} in texts
    assert {"role": "user", "text": "What is seven plus five?"} in texts
    assert {"role": "assistant", "text": "7 plus 5 is 12."} in texts
    assert len(sound) > 48_000
