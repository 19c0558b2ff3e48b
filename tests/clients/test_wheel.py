"""The wheel alone, in an empty environment and an empty folder, serves the official client.

Versions are those of requirements.txt, from whatever index pip is set up with.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.official import TRANSCRIPTION, Program, connected, question
from tests.support.servers import ROOT, child, clean_environment
from tests.support.waiting import ready_line

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]

NO_CHECKOUT = {"PYTHONPATH": ""}
PIN = re.compile(r"^[\w.-]+==[^\\\n]+", re.MULTILINE)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=clean_environment(NO_CHECKOUT), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


def installed(wheel: Path, extras: str, folder: Path) -> Path:
    """Make an environment with the wheel; return its folder of programs."""
    pins = folder / "pins.txt"
    pins.write_text("\n".join(PIN.findall((ROOT / "requirements.txt").read_text())))
    run(sys.executable, "-m", "venv", "env", cwd=folder)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--constraint", pins, f"{wheel}{extras}", cwd=folder)
    run(*pip, "check", cwd=folder)
    where = "import rtclient; print(rtclient.__file__)"
    assert Path(run(programs / "python", "-c", where, cwd=folder)).is_relative_to(folder / "env")
    return programs


async def test_with_its_extras_it_hears_and_speaks(wheel: Path, tmp_path: Path) -> None:
    programs = installed(wheel, "[engine,voice-gpl]", tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    async with child(
        *("engine", "--port", "0"),
        program=programs / "rtclient",
        environment=NO_CHECKOUT,
        folder=empty,
    ) as engine:
        ready = await ready_line(engine)
        assert ready["notes"] == []
        async with connected(ready["port"], "any") as connection:
            program = Program(connection)
            await program.until("session.created")
            await program.ask("What is seven plus five?", output_modalities=["text"])
            await program.until("response.done")
            assert "12" in program.text
            await program.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
            await program.append(question() + bytes(48 * 500))
            await program.until("response.done", f"{TRANSCRIPTION}.completed")
            (heard,) = program.of(f"{TRANSCRIPTION}.completed")
            assert "time" in heard.transcript.lower()
            assert len(program.audio) > 24_000
    assert not list(empty.iterdir()), "it writes nothing where it runs"


async def test_alone_it_serves_scripted_senses(wheel: Path, tmp_path: Path) -> None:
    programs = installed(wheel, "", tmp_path)
    listed = run(programs / "pip", "list", "--format", "freeze", cwd=tmp_path)
    names = {line.partition("==")[0] for line in listed.split()}
    assert names - {"pip", "setuptools"} == {"rtclient", "certifi", "websockets"}
    async with (
        child(
            *("engine", "--senses", "scripted", "--port", "0"),
            program=programs / "rtclient",
            environment=NO_CHECKOUT,
            folder=tmp_path,
        ) as engine,
        connected((await ready_line(engine))["port"], "any") as connection,
    ):
        program = Program(connection)
        await program.until("session.created")
        await program.ask("good morning")
        await program.until("response.done")
        assert program.text == "You said: good morning"
        assert program.audio
