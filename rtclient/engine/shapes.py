"""A small language for the shape of client JSON, with the real service's error codes.

A spec answers one question: `check(value, path)` → the first `Fault`, or None. Order of judgement
in an object: missing fields, unknown fields, then each value in the order of the table.

Codes and messages as the real service has them (`unknown_parameter`, `missing_required_parameter`,
`invalid_type`, `invalid_value`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a client event is refused: the fields of the API's error object."""

    code: str | None
    message: str
    param: str | None = None
    type: str = "invalid_request_error"


class Spec(Protocol):
    """The shape that a value must have."""

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault of `value`, which stands at `path`, or None."""
        ...


def kind_of(value: Any) -> str:
    """Name the JSON kind of a value as error messages do."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a decimal"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def wrong_type(path: str, expected: str, value: Any) -> Fault:
    """Say that a value has the wrong JSON kind."""
    message = f"Invalid type for '{path}': expected {expected}, but got {kind_of(value)} instead."
    return Fault("invalid_type", message, path)


def not_supported(path: str, value: Any, supported: Sequence[Any]) -> Fault:
    """Say that a value is none of the supported ones."""
    names = ", ".join(f"'{name}'" for name in supported)
    shown = str(value)[:64]
    return Fault("invalid_value", f"Invalid value: '{shown}'. Supported values are: {names}.", path)


def missing(path: str) -> Fault:
    """Say that a field must be there."""
    return Fault("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def unknown(path: str) -> Fault:
    """Say that a field is not known."""
    return Fault("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def below(path: str, key: str) -> str:
    """Return the path of a field inside an object; an event itself has the empty path."""
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class Text:
    """A string, bounded or out of a set."""

    max_chars: int | None = None
    min_chars: int = 0
    one_of: tuple[str, ...] = ()

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        if not isinstance(value, str):
            return wrong_type(path, "a string", value)
        if self.one_of and value not in self.one_of:
            return not_supported(path, value, self.one_of)
        if self.max_chars is not None and len(value) > self.max_chars:
            return Fault(
                "invalid_value",
                f"Invalid '{path}': string too long. Expected a string with maximum length "
                f"{self.max_chars}, but got a string with length {len(value)} instead.",
                path,
            )
        if len(value) < self.min_chars:
            return Fault(
                "invalid_value",
                f"Invalid '{path}': empty string. Expected a string with minimum length "
                f"{self.min_chars}, but got an empty string instead.",
                path,
            )
        return None


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds, both included."""

    minimum: float
    maximum: float
    is_whole: bool = False

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        kind = "integer" if self.is_whole else "decimal"
        allowed = (int,) if self.is_whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed):
            return wrong_type(path, f"{'an' if self.is_whole else 'a'} {kind}", value)
        for is_outside, side, sign, bound in (
            (value < self.minimum, "below minimum", ">=", self.minimum),
            (value > self.maximum, "above maximum", "<=", self.maximum),
        ):
            if is_outside:
                return Fault(
                    "invalid_value",
                    f"Invalid '{path}': {kind} {side} value. "
                    f"Expected a value {sign} {bound:g}, but got {value} instead.",
                    path,
                )
        return None


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        return None if isinstance(value, bool) else wrong_type(path, "a boolean", value)


@dataclass(frozen=True, slots=True)
class Only:
    """One of a few literal values."""

    values: tuple[Any, ...]

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        is_known = any(value == one and type(value) is type(one) for one in self.values)
        return None if is_known else not_supported(path, value, self.values)


@dataclass(frozen=True, slots=True)
class AnyObject:
    """A JSON object whose inside is the client's business (a JSON Schema, variables)."""

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        return None if isinstance(value, dict) else wrong_type(path, "an object", value)


@dataclass(frozen=True, slots=True)
class Texts:
    """An object of strings: at most `max_pairs`, keys and values bounded."""

    max_pairs: int = 16
    max_key_chars: int = 64
    max_chars: int = 512

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        if not isinstance(value, dict):
            return wrong_type(path, "an object", value)
        if len(value) > self.max_pairs:
            return Fault(
                "invalid_value",
                f"Invalid '{path}': too many properties. Expected an object with at most "
                f"{self.max_pairs} properties, but got {len(value)} properties instead.",
                path,
            )
        for key, text in value.items():
            fault = Text(self.max_key_chars).check(key, path) or Text(self.max_chars).check(
                text, below(path, key[: self.max_key_chars])
            )
            if fault:
                return fault
        return None


@dataclass(frozen=True, slots=True)
class Listing:
    """An array of one shape."""

    of: Spec
    max_items: int = 4096

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        if not isinstance(value, list):
            return wrong_type(path, "an array", value)
        if len(value) > self.max_items:
            return Fault(
                "invalid_value",
                f"Invalid '{path}': array too long. Expected an array with maximum length "
                f"{self.max_items}, but got an array with length {len(value)} instead.",
                path,
            )
        for index, one in enumerate(value):
            if fault := self.of.check(one, f"{path}[{index}]"):
                return fault
        return None


@dataclass(frozen=True, slots=True)
class Maybe:
    """null, or a shape."""

    of: Spec

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        return None if value is None else self.of.check(value, path)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known fields and no others."""

    fields: Mapping[str, Spec]
    required: tuple[str, ...] = ()

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        if not isinstance(value, dict):
            return wrong_type(path, "an object", value)
        for key in self.required:
            if key not in value:
                return missing(below(path, key))
        for key in value:
            if key not in self.fields:
                return unknown(below(path, key[:64]))
        for key, spec in self.fields.items():
            if key in value and (fault := spec.check(value[key], below(path, key))):
                return fault
        return None


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object whose field `tag` says which shape it has."""

    shapes: Mapping[str, Spec]
    tag: str = "type"
    default: str | None = None
    """The shape when the tag is missing; None: it must be there."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Tags that the real service knows and the engine does not emulate → why."""

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        if not isinstance(value, dict):
            return wrong_type(path, "an object", value)
        at = below(path, self.tag)
        name = value.get(self.tag, self.default)
        if name is None and self.tag not in value:
            return missing(at)
        if not isinstance(name, str):
            return wrong_type(at, "a string", name)
        if name in self.refused:
            return Refused(self.refused[name]).check(value, at)
        if name not in self.shapes:
            return not_supported(at, name, tuple(self.shapes))
        return self.shapes[name].check(value, path)


@dataclass(frozen=True, slots=True)
class ByKind:
    """A string of one kind or something else of another (`"auto"` or an object, 1 or `"inf"`)."""

    text: Spec
    other: Spec

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the first fault or None."""
        return (self.text if isinstance(value, str) else self.other).check(value, path)


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that is right elsewhere and wrong here, in the service's own words."""

    fault: Fault

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the fault."""
        return self.fault


@dataclass(frozen=True, slots=True)
class Refused:
    """Something the real service takes and the engine honestly does not."""

    why: str

    def check(self, value: Any, path: str) -> Fault | None:
        """Return the fault."""
        return Fault("invalid_value", f"Invalid value for '{path}': {self.why}", path)
