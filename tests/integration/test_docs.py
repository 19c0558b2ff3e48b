"""What the docs tell people to run does run."""

import asyncio
import re
import sys
from pathlib import Path

from rtclient.engine import scripted
from rtclient.engine.serve import serve

ROOT = Path(__file__).resolve().parents[2]


async def test_the_program_of_the_readme_runs_against_an_engine(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    async with serve(scripted.senses()) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        path = tmp_path / "readme.py"
        path.write_text(program.replace(":8080", f":{port}"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(path)),
            env={"PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    lines = said.decode().split()
    assert lines[0] == "session.created"
    assert "response.output_audio.delta" in lines
