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
        "notice_codes": sorted(set(_notice_codes())),
        "close_codes": sorted({f.close_code for f in FAULTS.values() if f.close_code is not None}),
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
        entry["query"] |= {str(field.name) for field in route.dependant.query_params}
    for path, query in {"/ws": PAGE_QUERY, **dict.fromkeys(SOCKETS, DROP_IN_QUERY)}.items():
        found[path]["query"] |= set(query)
    return {
        path: {key: sorted(values) for key, values in entry.items()}
        for path, entry in found.items()
    }


def _routes(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield the routes that a function answers, those of included routers too."""
    for route in routes:
        if hasattr(route, "dependant"):
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


def _notice_codes() -> Iterator[str]:
    """Yield the codes that are told to a client as a `parley.notice` or `notice`."""
    for path in sorted((ROOT / "server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                arguments = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if name == "Notice" and len(arguments) >= 2 and isinstance(arguments[1], str):
                    yield arguments[1]


if __name__ == "__main__":
    print(short_hash(page()))
