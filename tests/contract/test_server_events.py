"""The table of server events in docs/engine.md says what is so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtclient.protocol.events import SERVER_EVENTS
from scripts.server_events import NOT_EMITTED, SHOWN

ROOT = Path(__file__).resolve().parents[2]


def texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_event_has_one_row() -> None:
    assert not SHOWN.keys() & NOT_EMITTED.keys()
    assert SHOWN.keys() | NOT_EMITTED.keys() == SERVER_EVENTS


@pytest.mark.parametrize("event", SHOWN)
def test_the_named_test_names_the_event(event: str) -> None:
    path, _, name = SHOWN[event].partition("::")
    functions = [
        node
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    assert functions, SHOWN[event]
    assert name.startswith("test_")
    assert event in texts_in(functions[0])


def test_what_is_not_emitted_is_named_nowhere_in_the_engine() -> None:
    named = {
        text
        for path in (ROOT / "rtclient" / "engine").rglob("*.py")
        for text in texts_in(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not named & NOT_EMITTED.keys()
    assert named & SHOWN.keys(), "the engine's events are named in its files"
