"""What all models share: attributes over the dict that stands on the wire.

Rules of the file:
- a model made by a program takes keywords only, refuses a missing one, and writes just what was
  given plus its constants (`type`, `role`): an explicit None is kept, it means "off";
- a model read from the wire is lenient: a declared field that is missing reads as None, a field
  that is not declared reads as it came;
- making one costs a copy of one dict. What is inside becomes a model when it is first read.

There are about ninety models, so they are not dataclasses: building those would take longer than
the import of everything else. Type checkers see dataclasses.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from rtclient.protocol.codec import encode

_MAX_SHOWN_CHARS = 80

NESTED: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
"""Name of a field → what makes a model of the object (or of each object of the list) in it."""


@dataclass_transform(kw_only_default=True)
class Model:
    """A message or a part of one. Fields are attributes."""

    __slots__ = ("_raw",)
    _raw: dict[str, Any]
    _fields: ClassVar[frozenset[str]] = frozenset()
    _required: ClassVar[frozenset[str]] = frozenset()
    _constants: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Note the fields that the class declares."""
        names = [name for name in cls.__annotations__ if not name.startswith("_")]
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        for name in defaults:
            delattr(cls, name)
        cls._fields |= frozenset(names)
        cls._required = frozenset({*cls._required, *names} - defaults.keys())
        constants = {name: value for name, value in defaults.items() if value is not None}
        cls._constants = {**cls._constants, **constants}

    def __init__(self, **fields: Any) -> None:
        """Make one to send. Fields that the API added later may be given, too.

        Raises:
            TypeError: A field without which the message says nothing is missing.
        """
        if missing := self._required - fields.keys():
            names = ", ".join(sorted(missing))
            raise TypeError(f"{type(self).__name__} needs {names}")
        self._raw = {**self._constants, **fields}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Return a model of what came over the wire, which is not changed."""
        self = cls.__new__(cls)
        self._raw = dict(raw)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return what stands on the wire, as a dict of its own."""
        return {name: plain(value) for name, value in self._raw.items()}

    def model_dump(self, **_options: Any) -> dict[str, Any]:
        """Return `to_dict()`, whatever is asked: the name that programs for pydantic know."""
        return self.to_dict()

    def model_dump_json(self, **_options: Any) -> str:
        """Return `to_dict()` as JSON text, whatever is asked."""
        return encode(self.to_dict())

    if not TYPE_CHECKING:  # so that a type checker finds misspelt names

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name not in self._raw:
                if name in self._fields:
                    return self._missing(name)
                raise AttributeError(f"{type(self).__name__} has no field {name!r}")
            value = self._raw[name]
            if (make := NESTED.get(name)) is not None:
                value = self._raw[name] = _nested(make, value)
            return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field; the next `to_dict` has it."""
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._raw[name] = value

    def __eq__(self, other: object) -> bool:
        """Tell whether both are of one class and say the same."""
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        """Show the fields; a long text by its beginning and its length."""
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self._raw.items())
        return f"{type(self).__name__}({shown})"

    def _missing(self, name: str) -> Any:
        """Return what a declared field reads as that is not on the wire."""
        return None


def by_type(
    models: Mapping[str, type[Model]], default: type[Model]
) -> Callable[[Mapping[str, Any]], Model]:
    """Return a function that makes the model which the `type` of an object asks for."""

    def make(raw: Mapping[str, Any]) -> Model:
        kind = raw.get("type")
        return (models.get(kind, default) if isinstance(kind, str) else default).from_dict(raw)

    return make


def _nested(make: Callable[[Mapping[str, Any]], Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return make(value)
    if isinstance(value, list):
        return [make(one) if isinstance(one, Mapping) else one for one in value]
    return value


def plain(value: Any) -> Any:
    """Return a value of JSON in which no model is left; a set becomes a sorted list."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in value]
    return value


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) > _MAX_SHOWN_CHARS:
        return f"{value[:_MAX_SHOWN_CHARS]!r}… ({len(value)} characters)"
    return repr(value)
