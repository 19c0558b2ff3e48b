"""What others rely on: paths, wire fields of our own, codes and settings; docs/surface.json has it.

    python scripts/surface.py        prints the short hash that CHANGELOG.md must have

Rule of the file: everything is read from the code that does it; nothing is listed here by hand.
`scripts/generate_docs.py` writes the page. When it changes, a client may notice: write a line about
it in CHANGELOG.md, then put the new hash there.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


from server.app import create_app  # noqa: E402 - after the path is set
from server.drop_in import FOREIGN, SOCKETS  # noqa: E402
from server.drop_in import QUERY as DROP_IN_QUERY  # noqa: E402
from server.errors import FAULTS  # noqa: E402
from server.gateway import messages as gateway  # noqa: E402
from server.gateway.faults import MEANINGS  # noqa: E402
from server.gateway.schema import schema  # noqa: E402
from server.relay.actions import OWN_EVENTS  # noqa: E402
from server.routes.ws import QUERY as PAGE_QUERY  # noqa: E402
from server.settings import load_settings, names  # noqa: E402

PAGE = "docs/surface.json"
HASH_CHARS = 12
_NO_SETTINGS = Path("/nonexistent")


def surface() -> dict[str, Any]:
    """Return the public surface; JSON, sorted."""
    return {
        "paths": dict(sorted(_paths().items())),
        "paths_refused": sorted(FOREIGN),
        "events": {name: sorted(fields) for name, fields in sorted(OWN_EVENTS.items())},
        "gateway": {
            "version": gateway.VERSION,
            "messages": _messages(),
            "error_codes": sorted(MEANINGS),
        },
        "error_codes": {
            fault.code: {"http_status": fault.http_status, "close_code": fault.close_code}
            for fault in sorted(FAULTS.values(), key=lambda fault: fault.code)
        },
        "refusal_codes": sorted({*_given("Refused", 1), *_given("json_refusal", 1)}),
        "notice_codes": sorted({*_given("Notice", 1)}),
        "close_codes": sorted(
            {fault.close_code for fault in FAULTS.values() if fault.close_code is not None}
            | {*_given("Refused", "close_code")}
        ),
        "settings": sorted(names()),
    }


def page() -> str:
    """Return the text of docs/surface.json."""
    return json.dumps(surface(), indent=2) + "\n"


def short_hash(text: str) -> str:
    """Return what stands for this surface in CHANGELOG.md."""
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARS]


def _paths() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    app = create_app(load_settings({}, _NO_SETTINGS))
    for route in _routes(app.routes):
        if route.path in FOREIGN or "{" in route.path:
            continue  # those that are there to say no
        entry = found.setdefault(route.path, {"methods": set(), "query": set()})
        entry["methods"] |= getattr(route, "methods", {"WEBSOCKET"})
        asked = route.dependant.query_params  # codespell:ignore  # FastAPI's spelling
        entry["query"] |= {str(field.name) for field in asked}
    for path, query in {"/ws": PAGE_QUERY, **dict.fromkeys(SOCKETS, DROP_IN_QUERY)}.items():
        found[path]["query"] |= set(query)
    return {
        path: {key: sorted(values) for key, values in entry.items()}
        for path, entry in found.items()
    }


def _routes(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield the routes that a function answers, those of included routers too."""
    for route in routes:
        if hasattr(route, "dependant"):  # codespell:ignore
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)


def _messages() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each message of `/realtime`, without its prose."""
    bare = _without_prose(schema()["$defs"])
    return dict(sorted(bare.items()))


def _without_prose(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_prose(one)
            for key, one in value.items()
            if not (key in ("description", "title") and isinstance(one, str))
        }
    return [_without_prose(one) for one in value] if isinstance(value, list) else value


def _given(callee: str, argument: int | str) -> Iterator[Any]:
    """Yield the constants that the server's code gives to calls of `callee`.

    `argument`: which one, by position or by name.
    """
    for call in _calls():
        given: dict[int | str | None, ast.expr] = {
            **dict(enumerate(call.args)),
            **{keyword.arg: keyword.value for keyword in call.keywords},
        }
        value = given.get(argument)
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name == callee and isinstance(value, ast.Constant) and value.value is not None:
            yield value.value


@cache
def _calls() -> tuple[ast.Call, ...]:
    """Return every call in the server's code."""
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "server").rglob("*.py")]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return tuple(node for node in nodes if isinstance(node, ast.Call))


if __name__ == "__main__":
    print(short_hash(page()))
