"""Words that are likely in a session: what its makers wrote tells what its speakers will say.

Names, products and cities come from the transcription's `keywords` and `prompt`, from what the
tools list (`enum`, `examples`, `default`), from what instructions and descriptions quote or write
with a capital letter, and from the tools' names.

Rules of the file: pure; a hint is one to three words as they were written ("Paris", "living
room"); the order is stable, the likeliest first; nothing of it leaves the session.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

MOST_HINTS: Final = 60
_MOST_WORDS: Final = 3
_LONGEST: Final = 40
_MOST_TEXT: Final = 8_000
"""Instructions are read up to this length: what matters is named early, and a turn waits."""
_DEEPEST: Final = 6
_WORD: Final = re.compile(r"[^\W\d_][^\W\d_'’]*")
_NAME: Final = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+){0,2}")
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:\n•*#-])\s*[\"“'(]*$")
_QUOTED: Final = re.compile(r"[\"“]([^\"”\n]{2,40})[\"”]|'([^'\n]{2,40})'(?!\w)")
_COMMON: Final = frozenset(
    "the a an and or if in on at to of for with your you i it is are be do not never always only "
    "when what who how why please use this that these those they he she we my his her our user "
    "users assistant role personality tone rules instructions example examples important note "
    "english language answer question api json url id ai get set fetch find lookup look make "
    "create search check run data info information value values query function tool true false "
    "null none string number boolean object array "
    "monday tuesday wednesday thursday friday saturday sunday".split()
)


def hints_of(session: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the likely words of a session, at most `MOST_HINTS`.

    `session`: the session object of the API, or any part of it; what has another shape is ignored.

    >>> hints_of({"instructions": "You take orders for the Blue Lagoon in Oslo."})
    ('Blue Lagoon', 'Oslo')
    """
    found: dict[str, str] = {}
    for text in _candidates(session):
        words = _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[: 2 * _LONGEST]))
        hint = " ".join(words).replace("’", "'")
        is_common = all(word.lower() in _COMMON for word in words)
        if 0 < len(words) <= _MOST_WORDS and 2 <= len(hint) <= _LONGEST and not is_common:
            shown = hint.lower() if hint.isupper() else hint
            found.setdefault(hint.lower(), shown)
        if len(found) == MOST_HINTS:
            break
    return tuple(found.values())


def _candidates(session: Mapping[str, Any]) -> Iterator[str]:
    transcription = _at(session, "audio", "input", "transcription")
    keywords = transcription.get("keywords")
    if isinstance(keywords, Sequence) and not isinstance(keywords, str):
        yield from (word for word in keywords if isinstance(word, str))
    prompt = transcription.get("prompt")
    if isinstance(prompt, str):
        yield from _of_prompt(prompt[:_MOST_TEXT])
    listed = session.get("tools")
    tools = [t for t in listed if isinstance(t, Mapping)] if isinstance(listed, list) else []
    for tool in tools:
        yield from _of_schema(tool.get("parameters"), _DEEPEST)
    yield from _named_in(session.get("instructions"))
    for tool in tools:
        yield from _named_in(tool.get("description"))
        name = tool.get("name")
        if isinstance(name, str):
            yield from (w for w in _words_of_identifier(name) if w not in _COMMON)


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _of_prompt(prompt: str) -> Iterator[str]:
    """Yield what a prompt lists or names: it is a list of words ("Expect: Anna, Zoë") or a text."""
    parts = [part.strip() for part in re.split(r"[,;:\n]| and | or ", prompt)]
    if len(parts) > 1 or len(prompt.split()) <= _MOST_WORDS:
        yield from (part.strip(" .") for part in parts)
    yield from _named_in(prompt)


def _of_schema(schema: Any, depth: int) -> Iterator[str]:
    """Yield the values that a JSON schema lists, and what its descriptions name."""
    if not isinstance(schema, Mapping) or depth == 0:
        return
    for key in ("enum", "examples"):
        values = schema.get(key)
        if isinstance(values, list):
            yield from (value.replace("_", " ") for value in values if isinstance(value, str))
    for key in ("const", "default"):
        if isinstance(value := schema.get(key), str):
            yield value.replace("_", " ")
    yield from _named_in(schema.get("description"))
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for inner in properties.values():
            yield from _of_schema(inner, depth - 1)
    yield from _of_schema(schema.get("items"), depth - 1)


def _named_in(text: Any) -> Iterator[str]:
    """Yield what a text quotes, and its words with a capital letter inside of sentences."""
    if not isinstance(text, str):
        return
    text = text[:_MOST_TEXT]
    for match in _QUOTED.finditer(text):
        yield match[1] or match[2]
    for match in _NAME.finditer(text):
        if not _SENTENCE_START.search(text[: match.start()][-40:]):
            yield match[0]


def _words_of_identifier(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z]+", spaced.lower()) if len(word) > 2]
