"""Which tool the words call.

A tool is called when the words match its name (all its telling words), or its description (two
telling words). How its arguments are found is in arguments.py.

Rules of the file: pure; whether the words may be trusted at all is decided in persona.py.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rtclient.engine.brain.arguments import (
    GENERIC,
    Tool,
    enum_of,
    properties_of,
    stem,
    words_of_name,
)
from rtclient.engine.brain.wishes import plain


def named(tools: Sequence[Tool], name: str) -> Tool | None:
    """Return the function tool of that name."""
    return next((t for t in tools if t.get("name") == name), None)


def chosen(tools: Sequence[Tool], text: str) -> Tool | None:
    """Return the tool that the words match best, None when they match none."""
    words = {stem(word) for word in re.findall(r"[a-z0-9']+", plain(text))}
    scored = [(_score(tool, words), -index) for index, tool in enumerate(tools)]
    best = max(scored, default=(0.0, 0))
    return tools[-best[1]] if best[0] >= 2 else None


def _score(tool: Tool, words: set[str]) -> float:
    name = [stem(w) for w in words_of_name(str(tool.get("name", "")))]
    telling = {w for w in name if w not in GENERIC} or set(name)
    score = 0.0
    if telling and telling <= words:
        score += 2 + len(telling)
    elif len(telling & words) >= 2:
        score += 2
    described = {stem(w) for w in re.findall(r"[a-z]+", str(tool.get("description", "")).lower())}
    shared = {w for w in described & words if w not in GENERIC and len(w) > 2}
    score += len(shared) if len(shared) >= 2 else 0.5 * len(shared)
    for schema in properties_of(tool).values():
        values = enum_of(schema)
        if any(stem(str(v).lower()) in words for v in values if isinstance(v, str)):
            score += 0.5
    return score


def as_json(arguments: Mapping[str, Any]) -> str:
    """Return the arguments as the API carries them: JSON text."""
    return json.dumps(arguments, ensure_ascii=False)


def question(tool: Tool, missing: str) -> str:
    """Return how to ask for an argument that is missing."""
    schema = properties_of(tool).get(missing, {})
    what = " ".join(words_of_name(missing))
    if values := [str(v) for v in enum_of(schema)]:
        return f"Which {what}: {', '.join(values[:6])}?"
    doing = " ".join(words_of_name(str(tool["name"])))
    return f"I can do that: {doing}. What is the {what}?"
