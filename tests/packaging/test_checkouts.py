"""A checkout installs in editable form with pip, uv and Poetry: what is changed there counts."""

from pathlib import Path

import pytest

from tests.support.environments import new_environment, run

pytestmark = pytest.mark.timeout(180)

INDEX_OF_PIP = (
    "from pip._internal.commands.install import InstallCommand as I;"
    "print(I('install', '').parser.get_default_values().index_url)"
)


@pytest.fixture
def index(installers: Path) -> str:
    """The package index that pip is set up with; the others have settings of their own."""
    return run(installers / "python", "-c", INDEX_OF_PIP, cwd=installers).strip()


def is_editable(checkout: Path, programs: Path) -> bool:
    changed = checkout / "rtclient/__init__.py"
    changed.write_text(changed.read_text() + "\nCHANGED = 'in the checkout'\n")
    look = "import rtclient; print(rtclient.CHANGED)"
    told = run(programs / "python", "-c", look, cwd=checkout.parent)
    assert run(programs / "rtclient", "--version", cwd=checkout.parent).startswith("rtclient ")
    return told.strip() == "in the checkout"


def test_pip(checkout: Path, tmp_path: Path) -> None:
    programs = new_environment(tmp_path / "env")
    install = (programs / "python", "-m", "pip", "install", "--quiet", "-e", ".")
    run(*install, cwd=checkout)
    assert is_editable(checkout, programs)


def test_uv(checkout: Path, installers: Path, index: str) -> None:
    uv, programs = installers / "uv", checkout / ".venv/bin"
    run(uv, "venv", "--quiet", cwd=checkout)
    run(uv, "pip", "install", "--quiet", "-e", ".", cwd=checkout, UV_DEFAULT_INDEX=index)
    assert is_editable(checkout, programs)


def test_poetry(checkout: Path, installers: Path, index: str) -> None:
    """It solves for all groups and extras, then installs the library and what it needs."""
    poetry, inside = installers / "poetry", {"POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    # Poetry has no setting for another index than its own but the project's.
    run(poetry, "source", "add", "--priority", "primary", "index", f"{index}/", cwd=checkout)
    run(poetry, "install", "--only", "main", "--no-interaction", cwd=checkout, **inside)
    assert is_editable(checkout, checkout / ".venv/bin")
