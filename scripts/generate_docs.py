"""Write the pages that are made from code: settings and faults.

    python scripts/generate_docs.py          writes them
    python scripts/generate_docs.py --check  exit code 1 and their names when they differ

.env.example and docs/configuration.md come from `server.settings.Settings`, docs/troubleshooting.md
from `server.errors.FAULTS`, the table of docs/engine.md (between its marks) from
`scripts/server_events.py`, docs/compatibility.md from the cells of the client programs,
docs/gateway.schema.json and the tables of docs/gateway.md from `server/gateway/`, the commands of
docs/terminal.md from their parsers, docs/sdk-reference.md and docs/sdk-names.txt from the names and
docstrings of `rtclient`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pydantic.fields import FieldInfo  # noqa: E402 - after the path is set

from scripts import (  # noqa: E402
    dialect_tables,
    gateway_tables,
    sdk_reference,
    server_events,
    surface,
    terminal_page,
)
from server.errors import FAULTS, Fault  # noqa: E402
from server.gateway.schema import schema  # noqa: E402
from server.settings import Settings  # noqa: E402
from tests.support import cells  # noqa: E402

_MADE = "made by scripts/generate_docs.py; change the code, then run it"
_SECTIONS: Final[Mapping[str, tuple[str, Callable[[], str]]]] = {
    "docs/engine.md": ("server events", server_events.table),
    "docs/gateway.md": ("messages", gateway_tables.text),
    "docs/protocol.md": ("dialects", dialect_tables.text),
    "docs/terminal.md": ("commands", terminal_page.text),
}
"""Page → what its marks are called, and what stands between them."""


def environment_example() -> str:
    """Return the text of .env.example."""
    lines = [
        "# Settings of Parley. Copy this file to .env and take the # away where you set something.",
        "# With none of them set the built-in engine answers: no account, no cost.",
        f"# ({_MADE})",
    ]
    for group, fields in _groups().items():
        lines += ["", f"# --- {group} ---"]
        for name, field in fields:
            lines += ["", *_wrapped(f"{field.description}{_unit(field)}", "# ", 98)]
            lines.append(f"#{name}={_default(field)}")
    return "\n".join(lines) + "\n"


def configuration_page() -> str:
    """Return the text of docs/configuration.md."""
    lines = [
        "# Configuration",
        "",
        f"<!-- {_MADE} -->",
        "",
        "Every setting is an environment variable. It may also stand in a file named `.env`,",
        "searched in the working directory and upward; the environment wins.",
        "The start lines name the file that was used.",
        "Wrong settings stop the start with exit code 2 and a list of all that is to be changed;",
        "`python -m server check` tries them without spending anything.",
    ]
    for group, fields in _groups().items():
        lines += ["", f"## {group}", "", "| Setting | Default | Meaning |", "|---|---|---|"]
        for name, field in fields:
            default = _default(field)
            lines.append(
                f"| `{name}` | {f'`{default}`' if default else '–'} |"
                f" {_cell(f'{field.description}{_unit(field)}')} |"
            )
    return "\n".join(lines) + "\n"


def troubleshooting_page() -> str:
    """Return the text of docs/troubleshooting.md."""
    lines = [
        "# Troubleshooting",
        "",
        f"<!-- {_MADE} -->",
        "",
        "Whatever goes wrong has a code. The page shows the sentence and the advice;",
        "programs get an `error` event with the code and then, where the session cannot go on,",
        "the close code.",
        "A socket or request that is refused before it is accepted gets the HTTP status instead.",
        "",
        "Begin with `python -m server check`:",
        "it dials the voice service once and says what is wrong.",
    ]
    for fault in FAULTS.values():
        lines += ["", f"## {fault.code}", "", f"**{fault.message}** {fault.advice}", ""]
        lines.append(f"HTTP {fault.http_status}; {_close(fault)}.")
    return "\n".join(lines) + "\n"


def compatibility_page() -> str:
    """Return the text of docs/compatibility.md."""
    files = sorted(ROOT.glob("tests/*/cells.toml"))
    lines = [
        "# Compatibility",
        "",
        f"<!-- {_MADE} -->",
        "",
        "Programs that speak the Realtime API work here by changing one URL.",
        "These clients are tried: unchanged packages, each in an environment of its own, pinned.",
        "They dial our server at the path, plain (`ws`) or with TLS (`wss`).",
        "Behind it stands an upstream of either dialect: `ga`, or `preview` as a strict server.",
        "",
        "Every combination of a row is a cell, and every cell is a test.",
        "The lists are "
        + " and ".join(f"`{path.relative_to(ROOT).as_posix()}`" for path in files)
        + "; a cell that fails, is skipped or does not run fails its layer.",
        "",
        cells.page([cells.read_sheet(path.read_text(encoding="utf-8")) for path in files]),
    ]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return each page's text by its path from the root."""
    return {
        ".env.example": environment_example(),
        "docs/compatibility.md": compatibility_page(),
        "docs/configuration.md": configuration_page(),
        "docs/gateway.schema.json": json.dumps(schema(), indent=2) + "\n",
        "docs/sdk-names.txt": sdk_reference.names(_MADE),
        "docs/sdk-reference.md": sdk_reference.page(_MADE),
        "docs/troubleshooting.md": troubleshooting_page(),
        surface.PAGE: surface.page(),
    }


def with_section(name: str, page: str) -> str:
    """Return a page of `_SECTIONS` with what is made between its marks."""
    title, make = _SECTIONS[name]
    begin, end = f"<!-- {title}: {_MADE} -->", f"<!-- end of {title} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{make()}\n{end}{after or chr(10)}"


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the pages under `root`, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the pages that are made from code.")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args(argv)
    stale = []
    for name, text in {**pages(), **dict.fromkeys(_SECTIONS)}.items():
        path = root / name
        current = path.read_text(encoding="utf-8") if path.is_file() else ""
        text = with_section(name, current) if text is None else text
        if current == text:
            continue
        stale.append(name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{'not up to date' if options.check else 'written'}: {name}")
    if options.check and stale:
        print("Run: python scripts/generate_docs.py")
        return 1
    return 0


def _groups() -> dict[str, list[tuple[str, FieldInfo]]]:
    found: dict[str, list[tuple[str, FieldInfo]]] = {}
    # Those of Settings itself, then those that it has from elsewhere.
    fields = Settings.model_fields.items()
    for _, field in sorted(fields, key=lambda item: item[0] not in Settings.__annotations__):
        if isinstance(field.validation_alias, str):
            found.setdefault(str(_extra(field)["group"]), []).append(
                (field.validation_alias, field)
            )
    return found


def _extra(field: FieldInfo) -> dict[str, Any]:
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra


def _unit(field: FieldInfo) -> str:
    unit = _extra(field)["unit"]
    return f" In {unit}." if unit else ""


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return str(default)


def _close(fault: Fault) -> str:
    return "the session goes on" if fault.close_code is None else f"close code {fault.close_code}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str, prefix: str, width: int) -> list[str]:
    lines, line = [], prefix.rstrip()
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = prefix.rstrip()
        line += f" {word}"
    return [*lines, line]


if __name__ == "__main__":
    sys.exit(main())
