"""Clients of /realtime as people run them: the document's examples and our own one."""

import asyncio
import base64
import contextlib
import os
import re
import sys
import wave
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rtclient.engine import scripted
from rtclient.engine.serve import serve
from server.certificates import LOCAL_NAMES
from server.local_authority import Identity, local_identity
from tests.support.app import serving
from tests.support.servers import ROOT, child

EXAMPLES = (ROOT / "tests/fixtures/gateway_examples.md").read_text()
SOUND = base64.b64encode(scripted.tone(300, 400) + bytes(48 * 900)).decode()
"""A voice to the scripted senses, then the silence that ends a turn."""

# What the document leaves to its reader: a loudspeaker, and somebody who speaks.
PYTHON_PRELUDE = """
import asyncio, base64, sys, websockets

class Spoken(websockets.connect):
    async def __aenter__(self):
        gateway = await super().__aenter__()
        self.speaking = asyncio.create_task(speak(gateway))
        return gateway

async def speak(gateway):
    sound = base64.b64decode(sys.argv[1])
    for at in range(0, len(sound), 9600):
        await gateway.send(sound[at : at + 9600])

async def play_audio(pcm):
    print("sound", len(pcm) % 2)

websockets.connect = Spoken
"""
NODE_PRELUDE = """
let opened;
globalThis.WebSocket = class extends WebSocket {
  constructor(address) {
    super(address);
    this.binaryType = "arraybuffer";
    opened = this;
  }
};
globalThis.playAudio = (sound) => console.log("sound", sound.byteLength % 2);
globalThis.AudioContext = class {
  constructor({ sampleRate }) {
    console.log("microphone", sampleRate);
    const sound = Buffer.from(process.argv[2], "base64");
    for (let at = 0; at < sound.length; at += 9600) opened.send(sound.subarray(at, at + 9600));
  }
};
Object.defineProperty(globalThis, "navigator", {
  value: { mediaDevices: { getUserMedia: async ({ audio }) => ({ audio }) } },
});
"""


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, *turns: str, identity: Identity | None = None
) -> AsyncIterator[str]:
    """The real server in front of the engine, which hears these words; gives the address."""
    async with serve(scripted.senses(*turns)) as engine:
        base = f"http://127.0.0.1:{engine.address[1]}/v1"
        settings = {"UPSTREAM": "openai", "OPENAI_BASE_URL": base}
        async with serving(settings, folder, identity=identity) as server:
            yield f"{'wss' if identity else 'ws'}://127.0.0.1:{server.port}/realtime"


def example(language: str, url: str) -> str:
    """Return the document's example for this address."""
    found = re.search(f"```{language}\n(.*?)```", EXAMPLES, re.DOTALL)
    assert found is not None
    return found[1].replace("ws://localhost:3001/realtime", url)


async def test_the_python_example_of_the_document_prints_what_it_says(tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    async with gateway(tmp_path, "good morning") as url:
        program.write_text(PYTHON_PRELUDE + example("python", url))
        async with child(str(program), SOUND) as running:
            await running.until_printed(re.compile(rb"^sound 0$", re.MULTILINE))
            await running.until_printed(re.compile(rb"\[assistant\] You said: good morning\n"))
    lines = running.stdout.decode().splitlines()
    assert lines[0] == "Session ready!"
    assert "[user] good morning" in lines
    assert not running.stderr


async def test_the_typescript_example_of_the_document_prints_what_it_says(tmp_path: Path) -> None:
    program, prelude = tmp_path / "example.mjs", tmp_path / "prelude.mjs"
    async with gateway(tmp_path, "good morning") as url:
        text = example("typescript", url)
        ours = f'import {{ createRealtimeConfig }} from "{ROOT}/public/gateway-client.js";'
        text = re.sub(r"^import .*$", ours, text, flags=re.MULTILINE)
        program.write_text(text.replace("const config: RealtimeSessionConfig", "const config"))
        prelude.write_text(NODE_PRELUDE)
        node = ("--experimental-websocket", "--no-warnings", "--import", prelude.as_uri())
        async with child(*node, str(program), SOUND, program="node") as running:
            await running.until_printed(re.compile(rb"^sound 0$", re.MULTILINE))
            await running.until_printed(re.compile(rb"\[assistant\] You said: good morning\n"))
    lines = running.stdout.decode().splitlines()
    assert lines[:2] == ["Session ready!", "microphone 24000"]
    assert "[user] good morning" in lines
    assert not running.stderr


async def test_our_example_takes_speech_and_writes_the_answer_over_tls(tmp_path: Path) -> None:
    identity = local_identity(tmp_path / "tls", LOCAL_NAMES, datetime.now(UTC))
    trust = {"SSL_CERT_FILE": str(identity.authority)}
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(scripted.tone(300, 300))
    async with gateway(tmp_path, "hi", identity=identity) as url:
        files = ("--input", str(question), "--output", str(answer))
        quick = ("--linger", "1.2", "--config", '{"vad": {"silence_duration_ms": 200}}')
        arguments = ("examples/gateway.py", url, *files, *quick)
        async with child(*arguments, environment=trust) as running:
            assert await running.ended() == 0
    said = running.stderr.decode()
    assert "[user] hi" in said
    assert "[assistant] You said: hi" in said
    with wave.open(str(answer)) as file:
        assert file.getnframes() == scripted.MS_PER_CHAR * len("You said: hi") * 24


async def test_our_example_ends_when_nobody_takes_its_sound(tmp_path: Path) -> None:
    question = tmp_path / "question.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(scripted.tone(300, 300))
    async with gateway(tmp_path, "hi") as url:
        quick = """--config '{"vad": {"silence_duration_ms": 200}}'"""
        line = f"{sys.executable} examples/gateway.py {url} --input {question} {quick} | true"
        async with child("-c", line, program="sh") as running:
            assert await running.ended() == 0  # of `true`; a shell waits for both
    assert "It cannot go on: [Errno 32] Broken pipe" in running.stderr.decode()


@pytest.mark.parametrize("sound", ["--input=x.wav", "--output=x.wav"])
async def test_a_terminal_is_neither_microphone_nor_loudspeaker(tmp_path: Path, sound: str) -> None:
    master, terminal = os.openpty()
    example = await asyncio.create_subprocess_exec(
        *(sys.executable, ROOT / "examples/gateway.py", sound),
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await example.communicate()
    os.close(terminal)
    os.close(master)
    assert example.returncode == 2
    assert (b"--output" if "input" in sound else b"--input") in said.splitlines()[-1]
