"""The arguments of a tool, taken from words by its JSON schema.

Numbers, enums, booleans, lists, dates and times are recognised by their kind; strings by quotes,
by their name ("the title is …") or by the prepositions that fit their name ("in Paris").

Rules of the file: pure; what the words lack stays out, and what is required of it is `missing`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from rtclient.engine.brain.numbers import numbers_in
from rtclient.engine.brain.wishes import plain
from rtclient.engine.words import with_digits

Tool = Mapping[str, Any]

GENERIC: Final = frozenset(
    "get set fetch find lookup look up do run call make create search check show tell give read "
    "query request return tool function current currently new my the a an of for to in on at by "
    "and or with from is are be this that it its what which user users use used using given "
    "information info data value values name".split()
)
_NUMBER_TYPES: Final = ("number", "integer")
_ON: Final = re.compile(r"\b(on|yes|true|enable[ds]?|activate|start|with|open)\b")
_OFF: Final = re.compile(r"\b(off|no|not|false|disable[ds]?|deactivate|stop|without|close[ds]?)\b")
_WEEKDAYS: Final = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS: Final = (
    "january february march april may june july august september october november december"
).split()  # fmt: skip
LONG_TEXTS: Final = frozenset("message text body note content reminder".split())
_PEOPLE: Final = frozenset("recipient person contact who whom friend user to".split())
_ADDRESSED: Final = re.compile(
    r"\b(?i:send|tell|call|text|email|message|ask|remind|invite)\s+([A-Z]\w+)"
)
_WHEN: Final = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r" \d+|\d{4}-\d{2}-\d{2}|\d{1,2} ?: ?\d{2}|\b\d{1,2} (?:a\.? ?m\b|p\.? ?m\b|o ?'? ?clock)"
)
_END: Final = (
    r"(?= (?:in|at|on|to|from|for|with|by|about|near|tomorrow|today|tonight|please|and|now|"
    r"right|this|next|using|saying|that)\b|[?!.,;]|$)"
)
_LEADS: Final = (
    (("location", "city", "place", "town", "country", "region", "where", "area", "address"),
     "in|at|for|near|of|to"),
    (("from", "origin", "source", "departure", "start"), "from"),
    (("destination", "to", "target", "end"), "to|into"),
    (("recipient", "person", "contact", "who", "whom", "friend", "name", "user", "email", "phone"),
     "to|for|with|named|called|is"),
    (("message", "text", "body", "note", "content", "reminder"),
     "saying|that says|that|to say|message|text|note|to"),
    (("query", "topic", "subject", "question", "keyword", "keywords", "search", "term", "q"),
     "for|about|on|up"),
    (("title", "label", "task", "item", "product", "song", "movie", "book"),
     "called|named|titled|to|for|about"),
    (("time", "when"), "at|by|around"),
    (("date", "day"), "on|for"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filling:
    """Arguments found so far, and the required ones that are not."""

    arguments: dict[str, Any]
    missing: tuple[str, ...]


def words_of_name(name: str) -> list[str]:
    """Return the words of an identifier: get_weather, getWeather, get-weather."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def stem(word: str) -> str:
    """Return a word without the endings of its forms: "alarms", "adding", "added"."""
    word = word.removesuffix("'s").strip("'")
    for ending in ("ings", "ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            stem = word.removesuffix(ending) + ("y" if ending == "ies" else "")
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem.removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


def properties_of(tool: Tool) -> Mapping[str, Mapping[str, Any]]:
    """Return the schema of each argument by name."""
    parameters = tool.get("parameters")
    found = parameters.get("properties") if isinstance(parameters, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, Mapping)}


def required_of(tool: Tool) -> tuple[str, ...]:
    """Return the names that the schema requires."""
    parameters = tool.get("parameters")
    names = parameters.get("required") if isinstance(parameters, Mapping) else None
    known = properties_of(tool)
    if not isinstance(names, list):
        return ()
    return tuple(n for n in names if isinstance(n, str) and n in known)


def fill(tool: Tool, text: str, today: date, *, asked: str = "") -> Filling:
    """Take the arguments of a tool from the words.

    `asked`: the argument that was asked for just before; the words are its value then.
    """
    arguments: dict[str, Any] = {}
    properties = properties_of(tool)
    required = required_of(tool)
    # The numbers of dates and times are no counts, unless there are no others.
    timeless = _WHEN.sub(" ", with_digits(text))
    spare = list(numbers_in(timeless)) or list(numbers_in(text))
    for name, schema in properties.items():
        value = _value(name, schema, text, today, spare, tool, is_asked=name == asked)
        if value is not None:
            arguments[name] = value
    strings = [
        n
        for n in required
        if n not in arguments and _type(properties[n]) == "string" and not enum_of(properties[n])
    ]
    is_alone = not any(isinstance(v, str) for v in arguments.values())
    is_open = len(strings) == 1 and (is_alone or not set(words_of_name(strings[0])) & LONG_TEXTS)
    if is_open and not asked and (rest := _rest(tool, text, properties[strings[0]])):
        arguments[strings[0]] = rest
    for name, schema in properties.items():
        if name not in arguments and "default" in schema and name in required:
            arguments[name] = schema["default"]
    return Filling(arguments, tuple(n for n in required if n not in arguments))


def forced(tool: Tool, filling: Filling, text: str) -> dict[str, Any]:
    """Return arguments for a call that must be made: what is missing gets the nearest fit."""
    arguments = dict(filling.arguments)
    for name in filling.missing:
        schema = properties_of(tool)[name]
        kind = _type(schema)
        if values := enum_of(schema):
            arguments[name] = values[0]
        elif kind in _NUMBER_TYPES:
            arguments[name] = _limit(schema, "minimum") or 0
        elif kind == "boolean":
            arguments[name] = False
        elif kind == "array":
            arguments[name] = [text] if text else []
        elif kind == "object":
            arguments[name] = {}
        else:
            arguments[name] = text
    return arguments


def enum_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return the values that a schema lists, [] when it lists none."""
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _limit(schema: Mapping[str, Any], key: str) -> float | None:
    value = schema.get(key)
    return value if isinstance(value, (int, float)) else None


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "string")
    return str(kind)


def _value(
    name: str,
    schema: Mapping[str, Any],
    text: str,
    today: date,
    spare: list[float],
    tool: Tool,
    *,
    is_asked: bool,
) -> Any:
    """Return the value of one argument in the words, None when there is none."""
    kind = _type(schema)
    if "const" in schema:
        return schema["const"]
    if values := enum_of(schema):
        return _enum(values, text)
    if kind in _NUMBER_TYPES:
        return _number(name, schema, text, spare)
    if kind == "boolean":
        return _boolean(name, text, is_asked=is_asked)
    if kind == "array":
        return _array(name, schema, text, is_asked=is_asked)
    if kind == "object":
        inner = {"name": tool.get("name", ""), "parameters": schema}
        return fill(inner, text, today).arguments or None
    if kind == "string":
        return _string(name, schema, text, today, is_asked=is_asked)
    return None


def _enum(values: Sequence[Any], text: str) -> Any:
    said = f" {plain(text)} "
    digits = f" {with_digits(plain(text))} "
    for value in sorted(values, key=lambda v: -len(str(v))):
        spoken = " ".join(words_of_name(str(value)))
        if spoken and (f" {spoken} " in said or f" {spoken} " in digits):
            return value
    stems = {stem(word) for word in said.split()}
    return next((v for v in values if isinstance(v, str) and stem(v.lower()) in stems), None)


def _number(
    name: str, schema: Mapping[str, Any], text: str, spare: list[float]
) -> float | int | None:
    """Take the number beside the argument's name, else the next one that nobody took."""
    words = "|".join(map(re.escape, words_of_name(name)))
    digits = with_digits(text)
    near = re.search(rf"\b(?:{words})s?\b(?: (?:of|is|to|at|for))* (-?\d+(?:\.\d+)?)", digits) or (
        re.search(rf"(-?\d+(?:\.\d+)?) (?:{words})s?\b", digits)
    )
    value = float(near[1]) if near else (spare[0] if spare else None)
    if value is None:
        return None
    if value in spare:
        spare.remove(value)
    low, high = _limit(schema, "minimum"), _limit(schema, "maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        return None
    if _type(schema) == "integer":
        return int(value) if value == int(value) else None
    return int(value) if value == int(value) else value


def _boolean(name: str, text: str, *, is_asked: bool) -> bool | None:
    said = plain(text)
    words = words_of_name(name)
    is_about = is_asked or any(stem(w) in {stem(s) for s in said.split()} for w in words)
    if _OFF.search(said):
        return False
    if _ON.search(said):
        return True
    return True if is_about and not is_asked else None


def _array(name: str, schema: Mapping[str, Any], text: str, *, is_asked: bool) -> list[Any] | None:
    items = schema.get("items")
    item_schema = items if isinstance(items, Mapping) else {}
    if _type(item_schema) in _NUMBER_TYPES:
        return [int(n) if n == int(n) else n for n in numbers_in(text)] or None
    if values := enum_of(item_schema):
        said = f" {plain(text)} "
        return [v for v in values if f" {str(v).lower()} " in said] or None
    if is_asked:
        listed = text
    else:
        words = "|".join(map(re.escape, words_of_name(name)))
        found = re.search(
            rf"(?:\b(?:{words})\b(?: of| are| is)?|:|\badd\b)\s+(.+)", text, re.IGNORECASE
        )
        if not found:
            return None
        listed = re.split(r"\s+(?:to|from|in|on)\s+(?:the|my)\b", found[1])[0]
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.strip(" .?!"))
    return [part.strip() for part in parts if part.strip()] or None


def _string(
    name: str, schema: Mapping[str, Any], text: str, today: date, *, is_asked: bool
) -> str | None:
    found: str | None
    if quoted := re.search(r"[\"“](.+?)[\"”]", text):
        return quoted[1]
    words = words_of_name(name)
    form = schema.get("format")
    if form == "date" or words[-1:] == ["date"] or words == ["day"]:
        if found := _date(text, today, iso=form == "date" or words[-1:] == ["date"]):
            return found
        if form == "date":
            return None
    if (form == "time" or "time" in words) and (found := _time(text, iso=form == "time")):
        return found
    if is_asked:
        return _unled(text)
    phrase = re.escape(" ".join(words))
    bare = text.rstrip(" ?!.")
    if set(words) & LONG_TEXTS:
        said = re.search(rf"\b{phrase}(?: is| says|:) (.+)", bare, re.IGNORECASE)
    else:
        said = re.search(rf"\b{phrase}\b(?: is| to| of|:)? (.+?){_END}", text, re.IGNORECASE)
    if said:
        return said[1].strip(" .?!,") or None
    for names, leads in _LEADS:
        if not set(words) & set(names):
            continue
        is_long = bool(set(words) & LONG_TEXTS)
        end = r"(?=$)" if is_long else _END
        for lead in leads.split("|"):  # in order of preference, not of appearance
            if led := re.search(rf"\b{lead} (?:the )?(.+?){end}", bare, re.IGNORECASE):
                return led[1].strip(" .?!,") or None
    if set(words) & _PEOPLE and (addressed := _ADDRESSED.search(text)):
        return addressed[1]
    return None


def _unled(text: str) -> str | None:
    """Return an answer to a question without its "in", "it is", "to"."""
    bare = re.sub(
        r"^\s*(?:it is|it's|in|to|at|for|from|on|about|the|my|please)\s+",
        "",
        text,
        flags=re.IGNORECASE,
    )
    return bare.strip(" .?!") or None


def _rest(tool: Tool, text: str, schema: Mapping[str, Any]) -> str | None:
    """Return what the words hold beyond those that named the tool, for its only open string."""
    if schema.get("format") in ("date", "time", "date-time"):
        return None
    name = {stem(w) for w in words_of_name(str(tool.get("name", "")))}
    words = re.findall(r"\S+", text.strip(" ?!."))
    lead = {"please", "can", "could", "you", "the", "a", "an", "me", "for", "about", "up", "what",
            "is", "what's", "whats", "i", "want", "to", "of", "my", "do", "would", "like",
            "tell", "in", "how", "who", "where", "when", "are", "with", "on"}  # fmt: skip
    described = {stem(w) for w in re.findall(r"[a-z]+", str(tool.get("description", "")).lower())}
    at = 0
    while at < len(words):
        word = words[at].lower().strip(",:'")
        if stem(word) in name or word in lead or word in GENERIC or stem(word) in described:
            at += 1
        else:
            break
    return " ".join(words[at:]).strip(" ,:") or None


def _date(text: str, today: date, *, iso: bool) -> str | None:
    said = with_digits(plain(text))
    if found := re.search(r"\d{4}-\d{2}-\d{2}", text):
        return found[0]
    offsets = {"day after tomorrow": 2, "tomorrow": 1, "today": 0, "tonight": 0, "yesterday": -1}
    for word, days in offsets.items():
        if word in said:
            return (today + timedelta(days=days)).isoformat() if iso else word
    for index, weekday in enumerate(_WEEKDAYS):
        if re.search(rf"\b{weekday}\b", said):
            ahead = (index - today.weekday()) % 7 or 7
            return (today + timedelta(days=ahead)).isoformat() if iso else weekday.capitalize()
    for index, month in enumerate(_MONTHS, 1):
        found = re.search(rf"\b{month} (\d+)|\b(\d+)(?:st|nd|rd|th)?(?: of)? {month}\b", said)
        if found:
            day = int(found[1] or found[2])
            try:
                then = date(today.year, index, day)
            except ValueError:
                return None
            then = then if then >= today else date(today.year + 1, index, day)
            return then.isoformat() if iso else f"{month.capitalize()} {day}"
    return None


def _time(text: str, *, iso: bool) -> str | None:
    said = with_digits(text)
    found = re.search(
        r"\b(\d{1,2})(?:\s?:\s?(\d{2}))?\s*(a\.?\s?m\b|p\.?\s?m\b|o ?'? ?clock)", said
    ) or (
        re.search(r"\b(\d{1,2})\s?:\s?(\d{2})()\b", said)
        or re.search(r"\bat (\d{1,2})()()\b", said)
    )
    if not found:
        return next((w for w in ("noon", "midnight") if w in said), None) if not iso else None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "")[:1]
    if hour > 23 or minute > 59:
        return None
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    return f"{hour:02}:{minute:02}" + (":00" if iso else "")
