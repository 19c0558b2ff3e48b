"""Several wishes of tools in one sentence, as steps: "the weather in Paris, and set a timer".

Rules of the file: pure; a part of a sentence that names no tool belongs to the part before it,
unless it is more of the same: "in Paris and in Rome", "call Anna and Bob".
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rtclient.engine.brain import tools
from rtclient.engine.brain.arguments import (
    LONG_TEXTS,
    Tool,
    properties_of,
    required_of,
    words_of_name,
)

MOST_STEPS: Final = 6
_JOINT: Final = re.compile(
    r"(?:[,;.?!]\s*|\s+)(?:and then|and also|and|then|also)\s+|[;.?!]\s+", re.IGNORECASE
)
_MORE: Final = re.compile(r"(?:in|for|to|from|at|on|of) \S", re.IGNORECASE)
_NAMES: Final = re.compile(r"[A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2}[.?!]?")

Step = tuple[Tool, str]


def steps_in(offered: Sequence[Tool], text: str) -> list[Step]:
    """Return each tool that the words ask for, with the words about it; [] when they ask for none.

    >>> [words for _, words in steps_in([{"name": "get_weather"}, {"name": "set_timer"}],
    ...                                 "Get the weather and then set a timer")]
    ['Get the weather', 'set a timer']
    """
    whole = tools.chosen(offered, text)
    if whole is None:
        return []
    steps: list[Step] = []
    before = ""
    at = 0
    for joint in [*_JOINT.finditer(text), None]:
        end = joint.start() if joint else len(text)
        part = text[at:end]
        tool = tools.chosen(offered, part) or (
            steps[-1][0] if steps and _is_more(part, steps[-1][0]) else None
        )
        if tool is not None:
            steps.append((tool, before + part))
            before = ""
        elif steps:
            last, words = steps[-1]
            steps[-1] = (last, words + text[at - len(_gap(text, at)) : end])
        else:
            before += text[at : joint.end() if joint else end]
        at = joint.end() if joint else end
    return steps[:MOST_STEPS] if len(steps) > 1 else [(whole, text)]


def known_from(output: str) -> Mapping[str, Any]:
    """Return what a tool's output says by name: a next step may need it."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _gap(text: str, at: int) -> str:
    """Return the joint that ends at `at`."""
    return next((m[0] for m in _JOINT.finditer(text) if m.end() == at), "")


def _is_more(part: str, tool: Tool) -> bool:
    required = [n for n in required_of(tool) if properties_of(tool)[n].get("type") == "string"]
    is_short = len(required) == 1 and not set(words_of_name(required[0])) & LONG_TEXTS
    return is_short and bool(_MORE.match(part) or _NAMES.fullmatch(part.strip()))
