"""Types of Python and values of JSON: the schema of a type, and how a value of it is read. Pure.

Rules of the file:
- a type that JSON lacks is refused with what to use instead (`TypeError`);
- a value that does not fit is `ToolError`, in words for the model: they say where and what is
  wanted, and repeat nothing of the value.
"""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

Read = Callable[[Any, str], Any]
"""From a JSON value and where it stands (`days`, `trip.days[2]`) to the function's argument."""

Schema = dict[str, Any]


class ToolError(Exception):
    """Raise it in a tool: its text goes to the model, which can tell it or try again.

    The text of any other exception stays here: it may hold what the person must not hear.
    """


class Kind(NamedTuple):
    """A type: its schema, and how a value of it is read."""

    schema: Schema
    read: Read


def hints_of(owner: Any, name: str) -> dict[str, Any]:
    """Return the types of a function's parameters or a class's fields. Raises `TypeError`."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except NameError as exc:
        raise TypeError(
            f"The tool {name!r} has a type that is not known where it is registered: {exc.name}."
            " Define it in the module, above the function."
        ) from exc


def kind_of(hint: Any, where: str, inside: tuple[Any, ...]) -> Kind:
    """Return the kind of a type hint.

    Args:
        hint: The type.
        where: What it is the type of, to begin the text of an error with.
        inside: The classes around it, which it must not contain again.

    Raises:
        TypeError: JSON has no such type.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:  # before anything that hashes it: what is noted there may be a list
        kind = kind_of(args[0], where, inside)
        words = next((extra for extra in args[1:] if isinstance(extra, str)), None)
        return Kind({**kind.schema, "description": words}, kind.read) if words else kind
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in (typing.Required, typing.NotRequired):
        return kind_of(args[0], where, inside)
    if origin is Literal:
        return _choice([(value, value) for value in args])
    if origin in (Union, types.UnionType):
        return _union([kind_of(arg, where, inside) for arg in args])
    if origin in (list, Sequence) or hint is list:
        return _list(kind_of(args[0] if args else Any, where, inside), list)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _list(kind_of(args[0], where, inside), tuple)
    if (origin in (dict, Mapping) and args[0] is str) or hint is dict:
        return _mapping(kind_of(args[1] if args else Any, where, inside))
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


def _plain(json_type: str, fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> Kind:
    def read(value: Any, place: str) -> Any:
        if not fits(value):
            raise ToolError(f"{place} must be {_WORDS[json_type]}.")
        return make(value)

    return Kind({"type": json_type}, read)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    # Models write 3.0 for 3, and JSON makes no difference.
    return _is_number(value) and value == value // 1


_PLAIN: Final[dict[Any, Kind]] = {
    str: _plain("string", lambda value: isinstance(value, str), str),
    int: _plain("integer", _is_whole, int),
    float: _plain("number", _is_number, float),
    bool: _plain("boolean", lambda value: isinstance(value, bool), bool),
    type(None): _plain("null", lambda value: value is None, lambda _: None),
    Any: Kind({}, lambda value, _place: value),
}


def _choice(choices: list[tuple[Any, Any]]) -> Kind:
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
    return Kind({**schema, "enum": values}, read)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "integer"


def _union(kinds: list[Kind]) -> Kind:
    def read(value: Any, place: str) -> Any:
        failures = []
        for kind in kinds:
            try:
                return kind.read(value, place)
            except ToolError as exc:
                failures.append(str(exc))
        raise ToolError(" Or: ".join(dict.fromkeys(failures)))

    return Kind({"anyOf": [kind.schema for kind in kinds]}, read)


def _list(inner: Kind, make: Callable[[list[Any]], Any]) -> Kind:
    def read(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            raise ToolError(f"{place} must be a list.")
        return make([inner.read(one, f"{place}[{i}]") for i, one in enumerate(value)])

    return Kind({"type": "array", "items": inner.schema}, read)


def _mapping(inner: Kind) -> Kind:
    def read(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise ToolError(f"{place} must be an object.")
        return {key: inner.read(one, f"{place}.{key}") for key, one in value.items()}

    return Kind({"type": "object", "additionalProperties": inner.schema or True}, read)


class Field(NamedTuple):
    """One field of an object."""

    kind: Kind
    is_required: bool


def object_of(fields: Mapping[str, Field], make: Callable[..., Any]) -> Kind:
    """Return the kind of an object with these fields and no others, given to `make` by name."""

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
    return Kind(schema, read)


def _dataclass(owner: Any, where: str, inside: tuple[Any, ...]) -> Kind:
    hints = hints_of(owner, owner.__name__)
    missing = dataclasses.MISSING
    return object_of(
        {
            field.name: Field(
                kind_of(hints[field.name], f"{where}, {field.name!r}", inside),
                field.default is missing and field.default_factory is missing,
            )
            for field in dataclasses.fields(owner)
            if field.init
        },
        owner,
    )


def _typed_dict(owner: Any, where: str, inside: tuple[Any, ...]) -> Kind:
    def is_required(name: str, hint: Any) -> bool:
        # Under `from __future__ import annotations` the class itself does not know.
        origin = get_origin(hint)
        if origin in (typing.Required, typing.NotRequired):
            return origin is typing.Required
        return name in owner.__required_keys__

    return object_of(
        {
            name: Field(kind_of(hint, f"{where}, {name!r}", inside), is_required(name, hint))
            for name, hint in hints_of(owner, owner.__name__).items()
        },
        dict,
    )
