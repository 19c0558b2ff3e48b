"""Every program of docs/testing-your-program.md is a test, and passes."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

DOC = Path(__file__).resolve().parents[2] / "docs" / "testing-your-program.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


def name_of(program: str) -> str:
    """Return the name of the test that a program is."""
    (name,) = re.findall(r"^async def (test_\w+)\(\):$", program, re.MULTILINE)
    return str(name)


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
async def test_the_program_passes(program: str) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(program, str(DOC), "exec"), namespace)
    test = namespace[name_of(program)]
    assert inspect.iscoroutinefunction(test)
    await test()


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 7
