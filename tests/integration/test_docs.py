"""What the docs tell people to run does run."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.support.servers import clean_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(30)  # it starts an engine
async def test_the_program_of_the_readme_gets_a_spoken_answer(tmp_path: Path) -> None:
    """Run where there is no `.env`, so that the engine answers."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    path = tmp_path / "readme.py"
    path.write_text(program)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(path)),
        cwd=tmp_path,
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == 0, said
    *words, audio_bytes = said.split()
    assert " ".join(words).startswith("It is"), said
    assert int(audio_bytes) > 24_000
