"""Every cell of the official clients: unchanged packages that were only given our address."""

from pathlib import Path

import pytest

from tests.support.cells import PASS, Cell
from tests.support.matrix import Matrix, locked_version, sheet_of

FOLDER = Path(__file__).parent
SHEET = sheet_of(FOLDER)

pytestmark = pytest.mark.timeout(300)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("cell", SHEET.cells, ids=str)
async def test_a_cell(cell: Cell, matrix: Matrix) -> None:
    assert await matrix.result(cell) == PASS


@pytest.mark.asyncio(loop_scope="session")
async def test_no_program_does_what_no_cell_asks_for(matrix: Matrix) -> None:
    assert not await matrix.unlisted()


def test_the_versions_are_those_of_the_locks() -> None:
    for run in SHEET.runs:
        package, _, version = run.version.partition(" ")
        assert locked_version(FOLDER / run.client, package) == version, run.client
