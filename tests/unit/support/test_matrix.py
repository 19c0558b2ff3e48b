"""The runner of the cells: what a program says, leaves out or adds is seen."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.cells import read_sheet
from tests.support.matrix import Matrix, locked_version

SHEET = read_sheet("""
layer = "clients"

[[client]]
name = "some-client"
package = "some"
version = "1.2.3"

[[client.kind]]
name = "Some.realtime"
path = "/v1/realtime"
schemes = ["ws"]
upstreams = ["ga"]
steps = ["connect", "text"]
""")
CONNECT, TEXT = SHEET.cells
HEAD = "import json, sys; run = json.loads(sys.argv[2])\n"


@asynccontextmanager
async def running(program: str) -> AsyncIterator[Matrix]:
    matrix = Matrix(SHEET, SHEET.runs)
    commands = {"some-client": (sys.executable, "-c", HEAD + program)}
    async with matrix.running(commands, {("ws", "ga"): "http://127.0.0.1:1"}, {}):
        yield matrix


def line(step: str, result: str) -> str:
    return f"print(json.dumps({{'run': run['id'], 'step': '{step}', 'result': '{result}'}}))\n"


async def test_a_program_says_what_passed_and_why_the_rest_did_not() -> None:
    async with running(line("connect", "pass") + line("text", "it is mute")) as matrix:
        assert await matrix.result(CONNECT) == "pass"
        assert await matrix.result(TEXT) == "it is mute"
        assert not await matrix.unlisted()


async def test_a_step_that_a_program_leaves_out_has_not_passed() -> None:
    async with running(line("connect", "pass") + "sys.exit('no more')") as matrix:
        assert await matrix.result(CONNECT) == "pass"
        assert await matrix.result(TEXT) == "not taken; the program ended with 1 no more"


async def test_a_step_that_no_cell_asks_for_is_seen() -> None:
    async with running(line("tool", "pass")) as matrix:
        assert await matrix.unlisted() == ["some-client Some.realtime /v1/realtime ws ga tool"]


async def test_a_program_is_told_where_to_dial_and_what_to_do() -> None:
    said = "run['path'] + ' ' + run['origin'] + ' ' + ','.join(run['steps'])"
    program = f"print(json.dumps({{'run': run['id'], 'step': 'text', 'result': {said}}}))"
    async with running(program) as matrix:
        assert await matrix.result(TEXT) == "/v1/realtime http://127.0.0.1:1 connect,text"


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("requirements.txt", "other==9\nsome[extra]==1.2.3 \\\n    --hash=sha256:0\n"),
        ("package-lock.json", '{"packages": {"node_modules/some": {"version": "1.2.3"}}}'),
    ],
)
def test_the_version_is_read_from_the_lock(tmp_path: Path, name: str, lock: str) -> None:
    (tmp_path / name).write_text(lock)
    assert locked_version(tmp_path, "some") == "1.2.3"
    assert locked_version(tmp_path, "absent") == ""
