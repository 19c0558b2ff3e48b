"""Every Python block of the SDK's pages runs, against an engine.

A block that runs itself (`asyncio.run`) is a program of its own. The others are parts of one: they
may `await`, and find a connected `client`, its `endpoint`, a `microphone` and a `folder`.
"""

import ast
import asyncio
import contextlib
import inspect
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from rtclient import RTClient
from rtclient.endpoints import Endpoint
from rtclient.engine_process import engine_process
from rtclient.sound_files import read_sound
from tests.support.servers import ROOT, child

pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]

PAGES = ("sdk.md", "migrating-from-microsoft.md", "migrating-to-ga.md", "reconnect.md")
BLOCK = re.compile(r"^## ([^\n]*)|^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        title, number = page, 0
        for heading, block in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
            title, number = (heading, 0) if heading else (title, number + 1)
            if block:
                yield f"{page}: {title} {number}", block


BLOCKS = dict(blocks())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Endpoint]:
    async with engine_process() as endpoint:
        yield endpoint


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An empty folder with the samples in it."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


def microphone() -> list[bytes]:
    """What somebody says, and the silence after it."""
    sound = read_sound(ROOT / "samples/input/sample.wav") + bytes(48 * 1000)
    return [sound[at : at + 4800] for at in range(0, len(sound), 4800)]


@pytest.mark.parametrize("name", BLOCKS)
async def test_the_block_runs(name: str, engine: Endpoint, desk: Path) -> None:
    block = BLOCKS[name]
    if "asyncio.run(" in block:
        await run_program(block, engine, desk)
    else:
        await run_part(block, name, engine, desk)


async def run_program(program: str, engine: Endpoint, folder: Path) -> None:
    base_url = engine.url.partition("/realtime")[0].replace("ws:", "http:")
    (folder / "program.py").write_text(program)
    settings = {
        "UPSTREAM": "openai",
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": engine.secrets[0],
    }
    async with child("program.py", environment=settings, folder=folder) as process:
        assert await process.ended() == 0, bytes(process.stderr).decode()
        assert process.stdout


async def run_part(block: str, name: str, engine: Endpoint, folder: Path) -> None:
    code = compile(block, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    async with RTClient.to(engine) as client:
        names = {
            "client": client,
            "endpoint": engine,
            "microphone": microphone(),
            "folder": folder,
            "asyncio": asyncio,
        }
        with contextlib.chdir(folder):
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result
