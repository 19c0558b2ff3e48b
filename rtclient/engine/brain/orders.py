"""Simple instructions of whoever configures a session or a response, taken at their word.

A rule-based persona cannot follow a free prompt; it follows what can be followed exactly: a text
to say, a way to greet, a name. Everything else is read and changes nothing.

Rules of the file: pure.
"""

import re
from dataclasses import dataclass
from typing import Final

_QUOTED: Final = r"[\"“'‘](?P<quoted>.+?)[\"”'’](?=[\s.,!?;)]|$)"
_EXACTLY: Final = re.compile(
    r"\b(?:say|reply|respond|answer|repeat|speak|output|write)(?: with| back)?"
    r"(?: (?:exactly|only|just|literally|verbatim|word for word))+"
    r"(?: (?:this|the following|these|with|the|words?|text|phrase|sentence))*"
    r"\s*:?\s*(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_COLON: Final = re.compile(
    r"^\s*(?:please )?(?:say|reply|respond|answer)(?: with)?(?: the following)?\s*:\s*(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_ALWAYS: Final = re.compile(
    r"\b(?:always|only|simply|just) (?:say|reply|respond|answer)(?: with)?(?: the words?)?\s*:?\s*"
    + _QUOTED,
    re.IGNORECASE,
)
_SAY_QUOTED: Final = re.compile(
    r"^\s*(?:please )?(?:say|reply|respond|answer)(?: with)?\s+" + _QUOTED, re.IGNORECASE
)
_GREET_QUOTED: Final = re.compile(
    r"\b(?:greet|welcome|begin|start|open)\b[^.\"“]*?(?:with|by saying|saying|:)\s*:?\s*" + _QUOTED,
    re.IGNORECASE,
)
_GREET: Final = re.compile(
    r"^\s*(?:please )?(?:greet|welcome)\b|^\s*(?:please )?say (?:hello|hi)\b", re.IGNORECASE
)
_NAME: Final = re.compile(
    r"\b(?:(?i:your name is|you are called|you are named|call yourself))\s+"
    r"[\"“']?(?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)?)"
)


@dataclass(frozen=True, slots=True)
class Orders:
    """What instructions ask for that a persona by rules can do."""

    exactly: str = ""
    """Say this, whatever was said before."""
    greeting: str = ""
    """Open the conversation with this."""
    greets: bool = False
    """Greet now, in the persona's own words."""
    name: str = ""
    """What the persona is called."""


def orders_in(instructions: str) -> Orders:
    """Read instructions.

    >>> orders_in("Say exactly: The kettle is on.").exactly
    'The kettle is on.'
    """
    name = _NAME.search(instructions)
    greeting = _GREET_QUOTED.search(instructions)
    return Orders(
        exactly=_exactly(instructions),
        greeting=greeting["quoted"].strip() if greeting else "",
        greets=bool(_GREET.search(instructions)),
        name=name["name"] if name else "",
    )


def _exactly(instructions: str) -> str:
    if match := _ALWAYS.search(instructions) or _SAY_QUOTED.search(instructions):
        return match["quoted"].strip()
    if match := _EXACTLY.search(instructions) or _COLON.search(instructions):
        rest = match["rest"].strip()
        quoted = re.match(_QUOTED, rest, re.DOTALL)
        return (quoted["quoted"] if quoted else rest).strip()
    return ""
