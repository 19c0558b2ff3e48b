"""The wheel holds the library, whole and alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    run(*hatchling, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


def test_the_only_top_level_name_is_rtclient(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rtclient"}
    assert "rtclient/py.typed" in names
    assert {Path(name).name for name in names} >= {"LICENSE", "NOTICE"}


def test_every_module_of_the_library_is_in_the_wheel(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    assert inside == {p.relative_to(ROOT).as_posix() for p in (ROOT / "rtclient").rglob("*.py")}


def test_installed_wheel_imports_and_tells_its_version(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:  # what pip does with a pure wheel, without pip
        archive.extractall(target)
    look = "import rtclient, sys; print(rtclient.__version__, rtclient.__file__)"
    version, place = run(
        sys.executable, "-c", look, cwd=tmp_path, PYTHONPATH=str(target), PYTHONSAFEPATH="1"
    ).split(maxsplit=1)
    assert Path(place.strip()).is_relative_to(target)
    told = run(
        *(sys.executable, "-m", "rtclient", "--version"),
        cwd=tmp_path,
        PYTHONPATH=str(target),
        PYTHONSAFEPATH="1",
    )
    assert version in told


def test_program_and_package_tell_the_same_version(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    (version,) = (line.split()[1] for line in lines if line.startswith("Version:"))
    assert f'__version__ = "{version}"' in (ROOT / "rtclient/version.py").read_text()
