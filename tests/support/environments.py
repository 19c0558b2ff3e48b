"""Python environments of their own: what a stranger has after installing the package.

Versions are those of requirements.txt where it names one, from whatever index pip is set up with.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.servers import ROOT, clean_environment

NO_CHECKOUT = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1"}
"""Keeps the checkout that the tests run in from being imported instead."""

_PIN = re.compile(r"^[\w.-]+==[^\\\n]+", re.MULTILINE)
_PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command; return what it printed. AssertionError, with its words, when it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment({**NO_CHECKOUT, **environment}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_environment(folder: Path) -> Path:
    """Make an empty environment in `folder`; return the folder of its programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return folder / _PROGRAMS


def pip_install(programs: Path, *arguments: str | Path) -> None:
    """Install with the environment's pip, with the versions that requirements.txt has."""
    pins = programs.parent / "pins.txt"
    pins.write_text("\n".join(_PIN.findall((ROOT / "requirements.txt").read_text())))
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--constraint", pins, *arguments, cwd=programs)
    run(*pip, "check", cwd=programs)


def package_names(programs: Path) -> set[str]:
    """Return what is installed, without what every environment has."""
    listed = run(programs / "python", "-m", "pip", "list", "--format", "freeze", cwd=programs)
    return {line.partition("==")[0] for line in listed.splitlines() if "==" in line} - {
        "pip",
        "setuptools",
    }
