"""Runs the programs of a sheet of cells against our server, and says what became of each cell.

A layer has a folder with `cells.toml`, `test_cells.py` and one folder for each client: its lock
(`requirements.txt` or `package-lock.json`) and its program (`program.py` or `program.mjs`).

A program takes the recorded question and its runs as arguments: `program SPEECH.wav RUN...`. A RUN
is a JSON object with `id`, `kind`, `path`, `steps`, `origin` (`http://127.0.0.1:PORT`) and `key`.
For each step it prints a line `{"run": id, "step": name, "result": "pass" or why not}`.

`tests/support/cell_hooks.py` makes it strict, and prints the matrix.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtclient.engine import scripted
from rtclient.engine.door import DoorRules
from rtclient.engine.senses import Say
from rtclient.engine.serve import serve
from server.local_authority import Identity
from tests.support.app import serving
from tests.support.azure_peer import KEY
from tests.support.cells import Cell, Run, Sheet, read_sheet
from tests.support.certificates import Authority
from tests.support.official import SPEECH
from tests.support.servers import ROOT, child

KIT = ROOT / "tests" / "clients" / "kit"
"""What the programs have in common; it needs no package of ours."""
NODE = ("22", "0")
"""What the npm packages ask for; from here on Node has a WebSocket of its own, as browsers have."""
ACCESS = "the-clients-key"
"""Our server's access token: what the clients have as their API key."""
LONG = "Count to thirty"
ANSWERS = {LONG.lower(): [Say(" ".join(["one two three four five"] * 40))]}
HEARD = ["What time is it?"] * 8

Place = tuple[str, str]
"""Scheme and upstream dialect."""


def sheet_of(folder: Path) -> Sheet:
    """Read the cells of a layer."""
    return read_sheet((folder / "cells.toml").read_text(encoding="utf-8"))


def locked_version(folder: Path, package: str) -> str:
    """Return the version of a package in a client's lock; empty: it is not there."""
    if (npm := folder / "package-lock.json").is_file():
        packages = json.loads(npm.read_text())["packages"]
        return str(packages.get(f"node_modules/{package}", {}).get("version", ""))
    for line in (folder / "requirements.txt").read_text().splitlines():
        name, _, rest = line.partition("==")
        if name.partition("[")[0] == package and rest:
            return rest.split()[0]
    return ""


@contextlib.asynccontextmanager
async def servers(
    places: Collection[Place], folder: Path
) -> AsyncIterator[tuple[Mapping[Place, str], Path]]:
    """Serve our app at each place before an engine that speaks the place's dialect.

    Gives the origins, and the file of the authority to trust. The senses are scripted.
    """
    authority = Authority()
    identity = Identity(*authority.write_server(folder))
    senses = scripted.senses(*HEARD, answers=ANSWERS)
    origins: dict[Place, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(serve(senses, rules=DoorRules(key=KEY)))
        environment = {
            "UPSTREAM": "azure",
            "AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{engine.address[1]}",
            "AZURE_OPENAI_API_KEY": KEY,
            "AZURE_OPENAI_DEPLOYMENT": "gpt-realtime",
            "ACCESS_TOKEN": ACCESS,
        }
        for scheme, upstream in places:
            settings = {**environment, "AZURE_OPENAI_DIALECT": upstream}
            is_secure = scheme == "wss"
            app = serving(settings, folder, identity=identity if is_secure else None)
            port = (await stack.enter_async_context(app)).port
            host = "https://localhost" if is_secure else "http://127.0.0.1"
            origins[scheme, upstream] = f"{host}:{port}"
        yield origins, authority.write(folder)


async def _told(*command: str | Path) -> str:
    """Run a script of ours; return what it prints. What it says on stderr is shown."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return out.decode().strip()


async def installed(folder: Path) -> Sequence[str]:
    """Return the command that starts a client's program; its environment is made when needed."""
    home = Path(await _told("scripts/client_environment.sh", folder))
    if not (folder / "program.mjs").is_file():
        return (str(home / "bin" / "python"), str(folder / "program.py"))
    for source in (*KIT.glob("*.mjs"), folder / "program.mjs"):  # beside the packages
        shutil.copy(source, home)
    return (await _told("scripts/node.sh", *NODE), str(home / "program.mjs"))


class Matrix:
    """The programs of one layer; each is started once, with all its runs."""

    def __init__(self, sheet: Sheet, runs: Sequence[Run]) -> None:
        """`runs`: those of the sheet that are wanted."""
        self._sheet = sheet
        self._runs = {str(number): run for number, run in enumerate(runs)}
        self._programs: dict[str, asyncio.Task[None]] = {}
        self._results: dict[Cell, str] = {}

    async def result(self, cell: Cell) -> str:
        """Wait for the client's program; return `pass`, or why the cell failed."""
        await self._programs[cell.run.client]
        return self._results[cell]

    async def unlisted(self) -> Sequence[str]:
        """Wait for all programs; return what they did that no cell asks for."""
        await asyncio.gather(*self._programs.values())
        return [str(cell) for cell in self._results if cell not in self._sheet.cells]

    @contextlib.asynccontextmanager
    async def running(
        self,
        commands: Mapping[str, Sequence[str]],
        origins: Mapping[Place, str],
        environment: Mapping[str, str],
    ) -> AsyncIterator[None]:
        """Run the programs, two at a time, until the block ends.

        Args:
            commands: Client → the command that starts its program.
            origins: Where our servers are.
            environment: What the programs get besides their own.
        """
        turn = asyncio.Semaphore(2)
        for client, command in commands.items():
            program = self._run(client, command, origins, environment, turn)
            self._programs[client] = asyncio.create_task(program)
        try:
            yield
        finally:
            for started in self._programs.values():
                started.cancel()
            await asyncio.gather(*self._programs.values(), return_exceptions=True)

    async def _run(
        self,
        client: str,
        command: Sequence[str],
        origins: Mapping[Place, str],
        environment: Mapping[str, str],
        turn: asyncio.Semaphore,
    ) -> None:
        program, *arguments = command
        runs = {id: run for id, run in self._runs.items() if run.client == client}
        told = [json.dumps(self._asked(id, run, origins)) for id, run in runs.items()]
        started = child(*arguments, str(SPEECH), *told, environment=environment, program=program)
        async with turn, started as kid:
            code = await kid.ended()
        last_words = kid.stderr[-2000:].decode(errors="replace")
        end = f"not taken; the program ended with {code} {last_words}".strip()
        for run in runs.values():
            self._results |= {Cell(run, step): end for step in self._sheet.steps_of(run)}
        for line in kid.stdout.decode().splitlines():
            said = json.loads(line)
            self._results[Cell(runs[said["run"]], said["step"])] = said["result"]

    def _asked(self, id: str, run: Run, origins: Mapping[Place, str]) -> Mapping[str, Any]:
        return {
            "id": id,
            "kind": run.kind,
            "path": run.path,
            "steps": self._sheet.steps_of(run),
            "origin": origins[run.scheme, run.upstream],
            "key": ACCESS,
        }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def matrix(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Matrix]:
    """The programs of the layer that asks for it, with the runs of the collected cells.

    A layer's conftest.py imports it by name.
    """
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    folder = next(item.path.parent for item in tests if "matrix" in item.fixturenames)
    cells = [item.callspec.params["cell"] for item in tests if "cell" in item.fixturenames]
    runs = list(dict.fromkeys(cell.run for cell in cells if isinstance(cell, Cell)))
    found = Matrix(sheet_of(folder), runs)
    clients = dict.fromkeys(run.client for run in runs)
    commands = {client: await installed(folder / client) for client in clients}
    places = {(run.scheme, run.upstream) for run in runs}
    async with servers(places, tmp_path_factory.mktemp("servers")) as (origins, authority):
        environment = {
            "PYTHONPATH": str(KIT),
            "SSL_CERT_FILE": str(authority),
            "NODE_EXTRA_CA_CERTS": str(authority),
        }
        async with found.running(commands, origins, environment):
            yield found
