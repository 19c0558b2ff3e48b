"""A Python function as a tool of the model: its JSON schema, and arguments read by it. Pure.

    def weather(city: str, days: int = 1) -> str:
        '''Forecast the weather.

        Args:
            city: Where, such as Oslo.
            days: How many days ahead, 1 to 7.
        '''

    signature = Signature(weather)
    signature.definition    # {"type": "function", "name": "weather", "parameters": {...}, ...}
    signature.read('{"city": "Oslo"}')    # {"city": "Oslo"}

Types: str, int, float, bool, list, dict, tuple[X, ...], Literal, Enum, X | None, unions, Any,
dataclasses and TypedDicts. What a parameter means stands in `Args:` of the docstring or in
`Annotated[str, "…"]`. A default makes it optional.

Rules of the file:
- a function that cannot be a tool is refused when it is registered, with what to change;
- what the model gets wrong is `ToolError`, in words that let it try again.

Source: Realtime API reference, `session.tools`.
"""

import dataclasses
import enum
import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from rtclient.tools.kinds import Field, Kind, Schema, ToolError, hints_of, kind_of, object_of

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

_SECTION: Final = re.compile(
    r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Examples?|Notes?):\s*$", re.MULTILINE
)


class Signature:
    """How the model calls one function."""

    def __init__(
        self, function: Callable[..., Any], name: str | None = None, description: str | None = None
    ) -> None:
        """Look at the function; it is not called.

        Args:
            function: With a type hint on every parameter.
            name: What the model calls it; the function's own name by default.
            description: What it is for; by default the docstring before its `Args:`.

        Raises:
            TypeError: The function cannot be a tool; the text says what to change.
        """
        self.name: str = getattr(function, "__name__", "") if name is None else name
        if not _NAME.match(self.name):
            raise TypeError(
                f"A tool cannot be called {self.name!r}: letters, digits, _ and - only, at most 64."
                " Give it another one: @client.tool(name=…)"
            )
        doc = inspect.cleandoc(function.__doc__ or "")
        self.description = description or _SECTION.split(doc)[0].strip()
        """What the model reads to decide when to call it; "" when nobody wrote it."""
        self._object = _object_of_function(function, self.name, _described(doc))

    @property
    def definition(self) -> Schema:
        """The tool as an entry of `session.tools`."""
        about = {"description": self.description} if self.description else {}
        return {
            "type": "function",
            "name": self.name,
            **about,
            "parameters": self._object.schema,
        }

    def read(self, arguments: str) -> dict[str, Any]:
        """Return the keyword arguments of the call.

        Args:
            arguments: The JSON text that the model made; "" is an empty object.

        Raises:
            ToolError: They do not fit; the text tells the model what to change.
        """
        try:
            value = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            raise ToolError("The arguments are not valid JSON.") from None
        given: dict[str, Any] = self._object.read(value, "")
        return given


def as_output(result: Any) -> str:
    """Return what a function returned as the `output` of a `function_call_output` item.

    A text stays as it is, None is "done", dataclasses and enums become JSON as all else.

    Raises:
        TypeError: There is no JSON for it.
    """
    if result is None:
        return "done"
    if isinstance(result, str):
        return str(result)
    return json.dumps(result, ensure_ascii=False, default=_as_json)


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"a tool cannot return {type(value).__name__}: return text or JSON values")


# What a type is in JSON -------------------------------------------------------------------------


def _object_of_function(
    function: Callable[..., Any], name: str, described: Mapping[str, str]
) -> Kind:
    hints = hints_of(function, name)
    fields: dict[str, Field] = {}
    for parameter in inspect.signature(function).parameters.values():
        where = f"Parameter {parameter.name!r} of the tool {name!r}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{where}: the model cannot fill * and ** parameters. Name each one.")
        if parameter.kind == parameter.POSITIONAL_ONLY:
            raise TypeError(f"{where}: arguments come by name. Remove the / behind it.")
        if parameter.name not in hints:
            raise TypeError(f"{where} has no type. Add one, such as `{parameter.name}: str`.")
        kind = kind_of(hints[parameter.name], where, (function,))
        schema = dict(kind.schema)
        if (words := described.get(parameter.name)) and "description" not in schema:
            schema["description"] = words
        is_required = parameter.default is parameter.empty
        if not is_required and _is_json(default := _plain_value(parameter.default)):
            schema["default"] = default
        fields[parameter.name] = Field(Kind(schema, kind.read), is_required)
    return object_of(fields, dict)


def _plain_value(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _described(doc: str) -> dict[str, str]:
    """Return what the `Args:` of a docstring say, by parameter."""
    _, *parts = _SECTION.split(doc)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    texts = [text for title, text in sections.items() if title[0] in "AP"]
    lines = texts[0].strip("\n").splitlines() if texts else []
    found: dict[str, list[str]] = {}
    indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    words: list[str] = []
    for line in lines:
        match = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line)
        if match and len(line) - len(line.lstrip()) == indent:
            words = found.setdefault(match[1], [])
            words.append(match[2].strip())
        else:
            words.append(line.strip())
    return {name: " ".join(filter(None, said)) for name, said in found.items()}
