"""The packages as they would be published, and a copy of the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import new_environment, pip_install, run
from tests.support.servers import ROOT

PARTS = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "rtclient")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    out = tmp_path_factory.mktemp("packages")
    run(sys.executable, "-m", "hatchling", "build", "-d", out, cwd=ROOT)
    return out


@pytest.fixture(scope="session")
def wheel(packages: Path) -> Path:
    (built,) = packages.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what it needs, nothing else."""
    programs = new_environment(tmp_path_factory.mktemp("alone") / "env")
    pip_install(programs, wheel)
    return programs


@pytest.fixture(scope="session")
def installers() -> Path:
    """The programs of pip, uv and Poetry, installed on first use."""
    script = [ROOT / "scripts/client_environment.sh", "tests/packaging/installers"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()) / "bin"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what an installer reads, so that it may write next to it."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard", *PARTS)
    for name in run(*listing, cwd=ROOT).splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy
