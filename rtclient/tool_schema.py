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
- what the model gets wrong is `ToolError`, in words that let it try again; they name types and
  fields, and repeat no more of its arguments than a field's name.

Source: Realtime API reference, `session.tools`.
"""

import dataclasses
import enum
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

Read = Callable[[Any, str], Any]
"""From a JSON value and where it stands (`days`, `trip.days[2]`) to the function's argument."""

Schema = dict[str, Any]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

_SECTION: Final = re.compile(
    r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Examples?|Notes?):\s*$", re.MULTILINE
)


class ToolError(Exception):
    """Raise it in a tool: its text goes to the model, which can tell it or try again.

    The text of any other exception stays here: it may hold what the person must not hear.
    """


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
        self.name = name or function.__name__
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
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Kind:
    """A type: its schema, and how a value of it is read."""

    schema: Schema
    read: Read


def _object_of_function(
    function: Callable[..., Any], name: str, described: Mapping[str, str]
) -> _Kind:
    hints = _hints(function, name)
    fields: dict[str, _Field] = {}
    for parameter in inspect.signature(function).parameters.values():
        where = f"Parameter {parameter.name!r} of the tool {name!r}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{where}: the model cannot fill * and ** parameters. Name each one.")
        if parameter.kind == parameter.POSITIONAL_ONLY:
            raise TypeError(f"{where}: arguments come by name. Remove the / behind it.")
        if parameter.name not in hints:
            raise TypeError(f"{where} has no type. Add one, such as `{parameter.name}: str`.")
        kind = _kind(hints[parameter.name], where, (function,))
        schema = dict(kind.schema)
        if (words := described.get(parameter.name)) and "description" not in schema:
            schema["description"] = words
        is_required = parameter.default is parameter.empty
        if not is_required and _is_json(default := _plain_value(parameter.default)):
            schema["default"] = default
        fields[parameter.name] = _Field(_Kind(schema, kind.read), is_required)
    return _object(fields, dict)


def _hints(owner: Any, name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except NameError as exc:
        raise TypeError(
            f"The tool {name!r} has a type that is not known where it is registered: {exc.name}."
            " Define it in the module, above the function."
        ) from exc


def _kind(hint: Any, where: str, inside: tuple[Any, ...]) -> _Kind:
    """Return the kind of a type hint. `where` and `inside` are for errors and for cycles."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:  # before anything that hashes it: what is noted there may be a list
        kind = _kind(args[0], where, inside)
        words = next((extra for extra in args[1:] if isinstance(extra, str)), None)
        return _Kind({**kind.schema, "description": words}, kind.read) if words else kind
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in (typing.Required, typing.NotRequired):
        return _kind(args[0], where, inside)
    if origin is Literal:
        return _choice([(value, value) for value in args])
    if origin in (Union, types.UnionType):
        return _union([_kind(arg, where, inside) for arg in args])
    if origin in (list, Sequence) or hint is list:
        return _list(_kind(args[0] if args else Any, where, inside), list)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _list(_kind(args[0], where, inside), tuple)
    if (origin in (dict, Mapping) and args[0] is str) or hint is dict:
        return _mapping(_kind(args[1] if args else Any, where, inside))
    if isinstance(hint, type):
        if hint in inside:
            raise TypeError(f"{where}: {hint.__name__} contains itself, which tools cannot.")
        if issubclass(hint, enum.Enum):
            return _choice([(member.value, member) for member in hint])
        if dataclasses.is_dataclass(hint):
            return _dataclass(hint, where, (*inside, hint))
        if typing.is_typeddict(hint):
            return _typed_dict(hint, where, (*inside, hint))
    raise TypeError(
        f"{where} is of type {hint!r}, which a model cannot give. Use str, int, float, bool, list,"
        " dict[str, …], Literal, Enum, a dataclass or a TypedDict."
    )


_WORDS: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


def _plain(json_type: str, fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> _Kind:
    def read(value: Any, place: str) -> Any:
        if not fits(value):
            raise ToolError(f"{place} must be {_WORDS[json_type]}.")
        return make(value)

    return _Kind({"type": json_type}, read)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    # Models write 3.0 for 3, and JSON makes no difference.
    return _is_number(value) and value == value // 1


_PLAIN: Final[dict[Any, _Kind]] = {
    str: _plain("string", lambda value: isinstance(value, str), str),
    int: _plain("integer", _is_whole, int),
    float: _plain("number", _is_number, float),
    bool: _plain("boolean", lambda value: isinstance(value, bool), bool),
    type(None): _plain("null", lambda value: value is None, lambda _: None),
    Any: _Kind({}, lambda value, _place: value),
}


def _choice(choices: list[tuple[Any, Any]]) -> _Kind:
    """Return the kind of these JSON values and what each becomes."""
    values = [value for value, _ in choices]

    def read(value: Any, place: str) -> Any:
        # JSON's true is not 1, Python's is.
        for known, choice in choices:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return choice
        raise ToolError(f"{place} must be one of {json.dumps(values, ensure_ascii=False)}.")

    kinds = {_json_type(value) for value in values}
    schema: Schema = {"type": kinds.pop()} if len(kinds) == 1 else {}
    return _Kind({**schema, "enum": values}, read)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "integer"


def _union(kinds: list[_Kind]) -> _Kind:
    def read(value: Any, place: str) -> Any:
        failures = []
        for kind in kinds:
            try:
                return kind.read(value, place)
            except ToolError as exc:
                failures.append(str(exc))
        raise ToolError(" Or: ".join(dict.fromkeys(failures)))

    return _Kind({"anyOf": [kind.schema for kind in kinds]}, read)


def _list(inner: _Kind, make: Callable[[list[Any]], Any]) -> _Kind:
    def read(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            raise ToolError(f"{place} must be a list.")
        return make([inner.read(one, f"{place}[{i}]") for i, one in enumerate(value)])

    return _Kind({"type": "array", "items": inner.schema}, read)


def _mapping(inner: _Kind) -> _Kind:
    def read(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise ToolError(f"{place} must be an object.")
        return {key: inner.read(one, f"{place}.{key}") for key, one in value.items()}

    return _Kind({"type": "object", "additionalProperties": inner.schema or True}, read)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    kind: _Kind
    is_required: bool


def _object(fields: Mapping[str, _Field], make: Callable[..., Any]) -> _Kind:
    """Return the kind of an object with these fields and no others."""

    def read(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise ToolError(f"{place or 'The arguments'} must be an object.")
        inside = f"{place}." if place else ""
        for name in value:
            if name not in fields:
                known = ", ".join(fields) or "none"
                raise ToolError(f"There is no argument {inside}{name}. There are: {known}.")
        for name, field in fields.items():
            if field.is_required and name not in value:
                raise ToolError(f"The argument {inside}{name} is missing.")
        read_fields = {
            name: fields[name].kind.read(one, f"{inside}{name}") for name, one in value.items()
        }
        try:
            return make(**read_fields)
        except ValueError:  # of a dataclass that checks its values
            raise ToolError(f"{place} is not valid.") from None

    schema = {
        "type": "object",
        "properties": {name: field.kind.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.is_required],
        "additionalProperties": False,
    }
    return _Kind(schema, read)


def _dataclass(owner: Any, where: str, inside: tuple[Any, ...]) -> _Kind:
    hints = _hints(owner, owner.__name__)
    missing = dataclasses.MISSING
    return _object(
        {
            field.name: _Field(
                _kind(hints[field.name], f"{where}, {field.name!r}", inside),
                field.default is missing and field.default_factory is missing,
            )
            for field in dataclasses.fields(owner)
            if field.init
        },
        owner,
    )


def _typed_dict(owner: Any, where: str, inside: tuple[Any, ...]) -> _Kind:
    hints = _hints(owner, owner.__name__)
    return _object(
        {
            name: _Field(_kind(hint, f"{where}, {name!r}", inside), name in owner.__required_keys__)
            for name, hint in hints.items()
        },
        dict,
    )


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
