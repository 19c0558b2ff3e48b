"""The wheel in an empty environment and an empty folder: what it brings, what works there."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.environments import (
    NO_CHECKOUT,
    new_environment,
    package_names,
    pip_install,
    run,
)
from tests.support.official import TRANSCRIPTION, Program, connected, question
from tests.support.servers import child
from tests.support.waiting import ready_line

pytestmark = pytest.mark.timeout(180)

IMPORT_LIMIT_MS = 150
MICROSOFT_STYLE = """
import asyncio, sys
from types import SimpleNamespace
from rtclient import InputTextContentPart, NoTurnDetection, RTClient, UserMessageItem

async def main(url):
    key = SimpleNamespace(key="any")
    async with RTClient(url=url, key_credential=key, model="any") as client:
        await client.configure(modalities={"audio", "text"}, turn_detection=NoTurnDetection())
        words = InputTextContentPart(text="good morning")
        await client.send_item(UserMessageItem(content=[words]))
        response = await client.generate_response()
        async for item in response:
            async for part in item:
                audio = b"".join([chunk async for chunk in part.audio_chunks()])
                print(item.type, part.type, part.transcript, bool(audio))
        print(response.status)

asyncio.run(main(sys.argv[1]))
"""


def test_source_package_builds_the_same_wheel(packages: Path, tmp_path: Path) -> None:
    (sdist,) = packages.glob("*.tar.gz")
    (wheel,) = packages.glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    inside = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    wanted = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.split("/")[0].endswith("-info")
    }
    assert {name for name in inside if name.startswith("rtclient/")} == wanted
    assert inside - wanted == {"pyproject.toml", "PKG-INFO", "README.md", "LICENSE", "NOTICE"} | (
        inside & {".gitignore"}
    )


def test_it_brings_three_packages(alone: Path) -> None:
    assert package_names(alone) == {"rtclient", "certifi", "PyYAML", "websockets"}


def test_import_is_quick(alone: Path, tmp_path: Path) -> None:
    """In processor time, the least of some runs: other programs on the machine do not count."""
    look = (
        "import time; begin = time.process_time(); import rtclient;"
        "print((time.process_time() - begin) * 1000)"
    )
    took_ms = [float(run(alone / "python", "-c", look, cwd=tmp_path)) for _ in range(8)]
    assert min(took_ms) < IMPORT_LIMIT_MS, took_ms


async def test_alone_it_serves_scripted_senses(alone: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(MICROSOFT_STYLE)
    async with child(
        *("engine", "--senses", "scripted", "--port", "0"),
        program=alone / "rtclient",
        environment=NO_CHECKOUT,
        folder=tmp_path,
    ) as engine:
        port = (await ready_line(engine))["port"]
        async with child(
            *(str(program), f"ws://127.0.0.1:{port}"),
            program=alone / "python",
            environment=NO_CHECKOUT,
            folder=tmp_path,
        ) as talk:
            assert await talk.process.wait() == 0, talk.stderr
            assert b"message audio You said: good morning True\ncompleted" in talk.stdout


async def test_with_its_extras_it_hears_and_speaks(wheel: Path, tmp_path: Path) -> None:
    programs = new_environment(tmp_path / "env")
    pip_install(programs, f"{wheel}[engine,voice-gpl]")
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
