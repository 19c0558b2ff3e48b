"""The matrix of the third-party clients: the hooks and the fixture of `tests/support/matrix.py`."""

from tests.support.matrix import (
    matrix,
    pytest_addoption,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

__all__ = [
    "matrix",
    "pytest_addoption",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]
