"""The cells of a compatibility matrix: which client takes which step, on which path and dialect.

A sheet (`tests/clients/cells.toml`, `tests/third_party/cells.toml`) lists what must work. Every
cell is one test; what a client itself cannot do stands there too, with the reason. Values only:
this module reads text and writes text.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

STEPS: Mapping[str, str] = {
    "connect": "the handshake with the client's own credential, and `session.created`",
    "update": "`session.update`; `session.updated` shows the change",
    "text": "a typed question, answered in text",
    "voice": "a spoken question, found by voice activity, transcribed, answered aloud",
    "manual": "push to talk: audio, commit, `response.create`",
    "tool": "a tool is called, its output goes back, the answer uses it",
    "interruption": "speaking over an answer cancels it; what was not heard is cut off",
    "cancel": "the program cancels an answer",
    "items": "items are added, retrieved where the dialect can, and deleted",
    "error": "a mistake is answered by an `error` event, and the session goes on",
    "refusal": "a wrong key is refused, and the client says so",
    "transcription": "a session that only transcribes",
    "secret": "a client secret is made with the key and opens a session",
}
"""Step → what it proves. The order is that of the columns."""
SCHEMES = ("ws", "wss")
UPSTREAMS = ("ga", "preview")
PASS = "pass"


@dataclass(frozen=True, slots=True)
class Run:
    """One connection address of one kind of client; its program takes all steps of it."""

    client: str
    """The folder with the program and the lock."""
    version: str
    """Package and exact version."""
    kind: str
    """The class, as the client's maker names it."""
    path: str
    scheme: str
    upstream: str
    """The dialect that the upstream speaks."""

    def __str__(self) -> str:
        return " ".join((self.client, self.kind, self.path, self.scheme, self.upstream))


@dataclass(frozen=True, slots=True)
class Cell:
    """One step of a run."""

    run: Run
    step: str

    def __str__(self) -> str:
        return f"{self.run} {self.step}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file of cells says."""

    layer: str
    """What `./test.sh` calls it."""
    cells: tuple[Cell, ...]
    lacks: Mapping[tuple[str, str, str], str]
    """Client, kind, step → why the client itself cannot take it."""
    absent: Mapping[str, str]
    """Client with version → why it has no cells."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs in the order of the file."""
        return tuple(dict.fromkeys(cell.run for cell in self.cells))

    def steps_of(self, run: Run) -> tuple[str, ...]:
        """Return the steps that a run must take."""
        return tuple(cell.step for cell in self.cells if cell.run == run)


def read_sheet(text: str) -> Sheet:
    """Read a file of cells. Raises ValueError that names what is wrong with it.

    `schemes`, `upstreams` and `steps` that several kinds share may stand in the client; what a
    kind lacks is taken away from the client's steps.
    """
    data = tomllib.loads(text)
    cells: list[Cell] = []
    lacks: dict[tuple[str, str, str], str] = {}
    for client in data.get("client", ()):
        for kind in client["kind"]:
            missing = kind.get("lacks", {})
            shared = [step for step in client.get("steps", ()) if step not in missing]
            steps = kind.get("steps", shared)
            if unknown := {*steps, *missing} - STEPS.keys():
                raise ValueError(f"{kind['name']}: unknown steps {sorted(unknown)}")
            if both := missing.keys() & set(steps):
                raise ValueError(f"{kind['name']}: both taken and lacking: {sorted(both)}")
            lacks |= {(client["name"], kind["name"], step): why for step, why in missing.items()}
            cells += _cells({**client, **kind, "client": client["name"], "steps": steps})
    if twice := {str(cell) for cell in cells if cells.count(cell) > 1}:
        raise ValueError(f"listed twice: {sorted(twice)}")
    absent = {f"{one['name']} {one['version']}": one["reason"] for one in data.get("absent", ())}
    return Sheet(data["layer"], tuple(cells), lacks, absent)


def _cells(kind: Mapping[str, Any]) -> Iterator[Cell]:
    if not set(kind["schemes"]) <= set(SCHEMES) or not set(kind["upstreams"]) <= set(UPSTREAMS):
        raise ValueError(f"{kind['name']}: schemes are {SCHEMES}, upstreams {UPSTREAMS}")
    version = f"{kind['package']} {kind['version']}"
    for scheme, upstream in product(kind["schemes"], kind["upstreams"]):
        run = Run(kind["client"], version, kind["name"], kind["path"], scheme, upstream)
        yield from (Cell(run, step) for step in kind["steps"])


def columns(sheet: Sheet) -> tuple[str, ...]:
    """Return the steps that the sheet has, in their order."""
    used = {cell.step for cell in sheet.cells} | {step for _, _, step in sheet.lacks}
    return tuple(step for step in STEPS if step in used)


def printed(sheet: Sheet, verdicts: Mapping[str, str]) -> Sequence[str]:
    """Return the matrix as lines for a terminal.

    Args:
        sheet: what must work.
        verdicts: text of a cell → `pass` or another word. What is not in it was not run.
    """
    steps = columns(sheet)
    widths = [max(7, len(step)) for step in steps]
    label = max((len(str(run)) for run in sheet.runs), default=0)
    lines = [_line("", steps, label, widths)]
    version = ""
    for run in sheet.runs:
        if run.version != version:
            version = run.version
            lines.append(version)
        taken = sheet.steps_of(run)
        marks = [
            verdicts.get(str(Cell(run, step)), "NOT RUN") if step in taken else "-"
            for step in steps
        ]
        lines.append(_line(str(run), marks, label, widths))
    passed = sum(verdicts.get(str(cell)) == PASS for cell in sheet.cells)
    lines.append(f"{passed} of {len(sheet.cells)} cells pass")
    return lines


def _line(label: str, marks: Sequence[str], width: int, widths: Sequence[int]) -> str:
    columns = (mark.ljust(size) for mark, size in zip(marks, widths, strict=True))
    return f"{label.ljust(width)}  {' '.join(columns)}".rstrip()


def page(sheets: Sequence[Sheet]) -> str:
    """Return the tables of docs/compatibility.md."""
    lines = ["| Step | What it proves |", "|---|---|"]
    used = {step for sheet in sheets for step in columns(sheet)}
    lines += [f"| {step} | {what} |" for step, what in STEPS.items() if step in used]
    for sheet in sheets:
        lines += ["", f"## `./test.sh {sheet.layer}`", "", *_table(sheet)]
    return "\n".join(lines)


def _table(sheet: Sheet) -> Iterator[str]:
    steps = columns(sheet)
    yield f"{len(sheet.cells)} cells."
    yield ""
    yield f"| Client | Class | Path | Scheme | Upstream | {' | '.join(steps)} |"
    yield f"|{'---|' * (5 + len(steps))}"
    rows: dict[tuple[str, str, str], list[Run]] = {}
    for run in sheet.runs:
        client = f"{run.client}: {run.version}"
        rows.setdefault((client, run.kind, run.path), []).append(run)
    for (client, kind, path), runs in rows.items():
        taken = sheet.steps_of(runs[0])
        schemes = ", ".join(dict.fromkeys(run.scheme for run in runs))
        upstreams = ", ".join(dict.fromkeys(run.upstream for run in runs))
        marks = " | ".join("yes" if step in taken else "–" for step in steps)
        yield f"| {client} | `{kind}` | `{path}` | {schemes} | {upstreams} | {marks} |"
    if sheet.lacks:
        yield ""
        yield "What a client itself cannot do:"
        yield ""
        yield from (f"- {', '.join(place)}: {why}" for place, why in sheet.lacks.items())
    if sheet.absent:
        yield ""
        yield "Without cells:"
        yield ""
        yield from (f"- {client}: {why}" for client, why in sheet.absent.items())
