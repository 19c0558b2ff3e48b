"""For all tests: the profiles of hypothesis (`fuzz` for `./test.sh fuzz`), the hooks of cells."""

from hypothesis import settings

from tests.support.cell_hooks import (
    pytest_addoption,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

__all__ = [
    "pytest_addoption",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]

settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.load_profile("default")
