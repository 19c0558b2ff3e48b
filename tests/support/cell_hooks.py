"""Hooks of pytest for layers with cells; tests/conftest.py imports them by name.

A cell that is skipped fails. With `--cells`, as `./test.sh` has it, the matrix is printed, and the
layer fails when any cell of the file has not passed: for whatever reason it did not run.
"""

from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from tests.support.cells import PASS, printed, read_sheet


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--cells`."""
    help = "a file of cells: each of them must run and pass, and the matrix is printed"
    parser.addoption("--cells", metavar="FILE", help=help)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no cell be skipped."""
    report = yield
    if report.skipped and isinstance(item, pytest.Function) and "cell" in item.fixturenames:
        report.outcome, report.longrepr = "failed", f"a cell must not be skipped: {report.longrepr}"
    return report


def _verdicts(config: pytest.Config) -> Mapping[str, str]:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    found = {}
    for outcome, word in (("passed", PASS), ("failed", "FAIL"), ("error", "ERROR")):
        for report in reporter.stats.get(outcome, ()):
            found[report.nodeid.partition("[")[2].removesuffix("]")] = word
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the layer when a cell has not passed, whatever the reason."""
    if path := session.config.getoption("cells", None):
        cells = {str(cell) for cell in read_sheet(Path(path).read_text()).cells}
        verdicts = _verdicts(session.config)
        if any(verdicts.get(cell) != PASS for cell in cells):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the matrix."""
    if path := config.getoption("cells", None):
        sheet = read_sheet(Path(path).read_text())
        terminalreporter.section(f"cells of {path}")
        for line in printed(sheet, _verdicts(config)):
            terminalreporter.write_line(line)
