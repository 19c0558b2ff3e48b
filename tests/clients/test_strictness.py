"""The layer fails when a cell is skipped, left out or expected to fail."""

from pathlib import Path

import pytest

from tests.support.servers import child

CELLS = """
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
"""
CONFTEST = """
from tests.support.cell_hooks import (
    pytest_addoption,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
"""
TEST = """
from pathlib import Path

import pytest

from tests.support.cells import read_sheet

SHEET = read_sheet((Path(__file__).parent / "cells.toml").read_text())


@pytest.mark.parametrize("cell", SHEET.cells, ids=str)
def test_a_cell(cell):
    if cell.step == "text":
        {0}
"""


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("does", "arguments", "code", "printed"),
    [
        ("pass", [], 0, "2 of 2 cells pass"),
        ("pass", ["-k", "connect"], 1, "1 of 2 cells pass"),
        ("pytest.skip('it is late')", [], 1, "1 of 2 cells pass"),
        ("pytest.xfail('it never worked')", [], 1, "1 of 2 cells pass"),
        ("raise AssertionError", [], 1, "1 of 2 cells pass"),
    ],
)
async def test_every_cell_must_pass(
    tmp_path: Path, does: str, arguments: list[str], code: int, printed: str
) -> None:
    (tmp_path / "cells.toml").write_text(CELLS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_them.py").write_text(TEST.format(does))
    command = ("-m", "pytest", "--cells", "cells.toml", *arguments)
    async with child(*command, folder=tmp_path) as layer:
        assert await layer.ended() == code, layer.stdout.decode()
    assert printed in layer.stdout.decode()
