"""start.sh, test.sh and scripts/venv.sh do what they say, with programs that only take notes."""

import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands in for a Python: notes its arguments and makes what `-m venv` would make.
PYTHON = """#!/bin/sh
echo "$0 $*" >> "$NOTES"
case "$*" in
  "-c import sys"*) exit {too_old} ;;
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) [ {install} != 130 ] || kill -INT "$PPID"; exit {install} ;;
  --version) echo "Python 3.9.2" ;;
  *"playwright install"*) exit {install} ;;
  *executable_path*) echo /the/chromium/of/playwright ;;
esac
"""


class Desk:
    """A copy of the scripts in a folder with a blank in its name, and a PATH of our own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "my parley"
        (self.root / "scripts").mkdir(parents=True)
        (self.root / "requirements").mkdir()
        for name in ("start.sh", "test.sh", "scripts/venv.sh", "scripts/chromium.sh"):
            shutil.copy(ROOT / name, self.root / name)
        for name in ("requirements.txt", "requirements/test.txt", "requirements/azure.txt"):
            (self.root / name).write_text(f"# {name}\n")
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name in ("sh", "bash", "env", "dirname", "cmp", "cp", "rm", "mkdir", "tr", "cat"):
            self.programs.joinpath(name).symlink_to(shutil.which(name) or name)
        self.notes = folder / "notes"

    def has(self, name: str = "python3", *, too_old: int = 0, install: int = 0) -> None:
        program = self.programs / name
        program.write_text(PYTHON.format(too_old=too_old, install=install))
        program.chmod(0o755)

    def program(self, name: str, script: str) -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def has_uv(self, install: int) -> None:
        make = f'mkdir -p .venv/bin; cp "{self.programs}/python3" .venv/bin/python'
        note = 'echo "uv $*" >> "$NOTES"'
        self.program("uv", f'{note}; [ "$1" = pip ] && exit {install}; {make}')

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        self.notes.write_text("")
        return subprocess.run(
            [str(self.root / command[0]), *command[1:]],
            cwd=self.root.parent,
            env={"PATH": str(self.programs), "NOTES": str(self.notes), **env},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            # A run in the background ignores SIGINT, and so would all that it starts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    def installs(self) -> list[str]:
        return [line for line in self.notes.read_text().splitlines() if " pip install " in line]

    def starts(self) -> list[str]:
        return [line for line in self.notes.read_text().splitlines() if "-m server" in line]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_first_start_installs_with_hashes_and_runs_the_server(desk: Desk) -> None:
    desk.has()
    done = desk.run("start.sh", "--some", "argument")
    assert done.returncode == 0, done.stderr
    (install,) = desk.installs()
    assert "--require-hashes -r requirements.txt" in install
    (start,) = desk.starts()
    assert start.endswith("-m server --some argument")


def test_second_start_installs_nothing_and_says_nothing(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    done = desk.run("start.sh")
    assert desk.installs() == []
    assert len(desk.starts()) == 1
    assert done.stdout + done.stderr == ""


def test_changed_lock_is_installed(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    (desk.root / "requirements.txt").write_text("# another\n")
    desk.run("start.sh")
    assert len(desk.installs()) == 1


def test_an_extra_adds_its_lock_once(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    desk.run("start.sh", EXTRAS="azure")
    (install,) = desk.installs()
    assert "-r requirements.txt -r requirements/azure.txt" in install
    desk.run("start.sh", EXTRAS="azure")
    assert desk.installs() == []
    desk.run("start.sh")
    assert desk.installs() == []


def test_unknown_extra_is_named(desk: Desk) -> None:
    desk.has()
    done = desk.run("start.sh", EXTRAS="azur")
    assert done.returncode == 2
    assert "'azur'" in done.stderr
    assert desk.starts() == []


def test_old_python_is_refused_with_what_to_do(desk: Desk) -> None:
    desk.has(too_old=1)
    done = desk.run("start.sh")
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; found: Python 3.9.2" in done.stderr
    assert not (desk.root / ".venv").exists()


def test_newer_python_beside_an_old_one_is_found(desk: Desk) -> None:
    desk.has("python3", too_old=1)
    desk.has("python3.12")
    assert desk.run("start.sh").returncode == 0
    assert "python3.12 -m venv" in desk.notes.read_text()


def test_named_python_is_used(desk: Desk) -> None:
    desk.has("python3")
    desk.has("my-python")
    desk.run("start.sh", PYTHON="my-python")
    assert "my-python -m venv" in desk.notes.read_text()


def test_failed_install_says_so_and_is_taken_up_again(desk: Desk) -> None:
    desk.has(install=1)
    done = desk.run("start.sh")
    assert done.returncode == 1
    assert "requirements.txt failed" in done.stderr
    assert desk.starts() == []
    shutil.rmtree(desk.root / ".venv")
    desk.has()
    assert desk.run("start.sh").returncode == 0
    assert len(desk.installs()) == 1


def test_interrupted_install_says_how_to_go_on(desk: Desk) -> None:
    desk.has(install=130)
    done = desk.run("start.sh")
    assert done.returncode == 130
    assert "Run the same command again" in done.stderr
    assert "failed" not in done.stderr
    assert desk.starts() == []


def test_broken_environment_is_made_anew(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    (desk.root / ".venv/bin/python").unlink()
    assert desk.run("start.sh").returncode == 0
    assert len(desk.installs()) == 1


def test_uv_is_used_when_present(desk: Desk) -> None:
    desk.has()
    desk.has_uv(0)
    assert desk.run("start.sh").returncode == 0
    (install,) = desk.installs()
    assert install.startswith("uv pip install")
    shutil.rmtree(desk.root / ".venv")
    desk.run("start.sh", PARLEY_INSTALLER="pip")
    assert "uv pip" not in desk.notes.read_text()


def test_pip_takes_over_when_uv_fails(desk: Desk) -> None:
    desk.has()
    desk.has_uv(2)
    assert desk.run("start.sh").returncode == 0
    failed, install = desk.installs()
    assert (failed[:2], install[:5]) == ("uv", ".venv")


def test_chromium_on_path_is_used(desk: Desk) -> None:
    desk.program("google-chrome", "exit 0")
    assert desk.run("scripts/chromium.sh").stdout == f"{desk.programs}/google-chrome\n"


def test_chromium_comes_from_debian_for_root(desk: Desk) -> None:
    desk.program("id", "echo 0")
    desk.program("grep", "exit 0")
    chromium = desk.programs / "chromium"
    desk.program(
        "apt-get", f'case "$*" in *" chromium") cp "{desk.programs}/grep" "{chromium}";; esac'
    )
    done = desk.run("scripts/chromium.sh")
    assert done.stdout == f"{chromium}\n"
    assert "installing Debian's package" in done.stderr


def test_chromium_comes_from_playwright_for_anybody_else(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    desk.program("id", "echo 1000")
    done = desk.run("scripts/chromium.sh")
    assert (done.returncode, done.stdout) == (0, "/the/chromium/of/playwright\n")
    assert "playwright install chromium" in desk.notes.read_text()


def test_missing_chromium_fails_with_what_to_do(desk: Desk) -> None:
    desk.has()
    desk.run("start.sh")
    shutil.copy(shutil.which("false") or "false", desk.root / ".venv/bin/python")
    desk.program("id", "echo 1000")
    done = desk.run("scripts/chromium.sh")
    assert done.returncode == 1
    assert "set CHROMIUM=" in done.stderr


def test_unknown_layer_is_answered_with_the_names(desk: Desk) -> None:
    done = desk.run("test.sh", "unti")
    assert done.returncode == 2
    assert "no layer 'unti'" in done.stderr
    assert "check unit contract integration web browser clients" in done.stderr


def test_layers_run_on_after_a_failure_and_the_first_one_decides(desk: Desk) -> None:
    desk.has()
    for name, code in (("check", 3), ("web_tests", 4)):
        script = desk.root / f"scripts/{name}.sh"
        script.write_text(f"#!/bin/sh\nexit {code}\n")
        script.chmod(0o755)
    done = desk.run("test.sh", "check", "unit", "web", SKIP="unit")
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == (
        "=== layers: check:FAILED(3):0s unit:LEFT-OUT web:FAILED(4):0s"
    )


def test_environment_variables_named_by_the_scripts_are_the_ones_we_document() -> None:
    told = (ROOT / "start.sh").read_text()
    assert "EXTRAS=" in told
    assert "PYTHON=" in told
    assert os.access(ROOT / ".ci/run", os.X_OK)
