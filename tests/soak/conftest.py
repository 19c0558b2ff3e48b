"""How long the soak tests take: `pytest tests/soak --minutes 3 --timeout 900` for a look."""

import pytest

MINUTES = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--minutes`."""
    parser.addoption("--minutes", type=float, default=MINUTES, help="of talk, in real time")


@pytest.fixture
def minutes(pytestconfig: pytest.Config) -> float:
    """How many real minutes a test may talk."""
    chosen: float = pytestconfig.getoption("minutes")
    return chosen
