"""Types of Python and values of JSON: what becomes of each, and what is refused."""

import contextlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtclient.tools.kinds import ToolError, kind_of


@dataclass
class Even:
    """A number that checks itself."""

    number: int

    def __post_init__(self) -> None:
        """Refuse odd ones."""
        if self.number % 2:
            raise ValueError("secret detail")


@dataclass
class Endless:
    """It contains itself."""

    inner: "list[Endless]"


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 3.0, 3),
        (float, 3, 3.0),
        (int | None, None, None),
        (int | str, "a", "a"),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Literal[1, True, "a"], True, True),
        (list, [1, "a"], [1, "a"]),
        (dict, {"a": [1]}, {"a": [1]}),
        (Any, {"a": None}, {"a": None}),
        (Annotated[int, ["not a description"]], 1, 1),
    ],
)
def test_json_becomes_the_type(hint: Any, value: Any, expected: Any) -> None:
    found = kind_of(hint, "x", ()).read(json.loads(json.dumps(value)), "value")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value"), [(int, True), (int, 1.5), (int, 1e400), (bool, 1), (str, None)]
)
def test_values_of_another_type_are_refused(hint: Any, value: Any) -> None:
    with pytest.raises(ToolError, match="value must be"):
        kind_of(hint, "x", ()).read(json.loads(json.dumps(value)), "value")


def test_a_dataclass_may_refuse_its_values_without_telling_why() -> None:
    with pytest.raises(ToolError, match=r"^value is not valid\.$"):
        kind_of(Even, "x", ()).read({"number": 3}, "value")


@pytest.mark.parametrize("hint", [bytes, object, set[str], dict[int, str], tuple[int, str]])
def test_a_type_that_json_lacks_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match="which a model cannot give"):
        kind_of(hint, "x", ())


def test_a_type_that_contains_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="contains itself"):
        kind_of(Endless, "x", ())


class Stringified(TypedDict):
    """As under `from __future__ import annotations`."""

    first: "int"
    second: "NotRequired[int]"


def test_what_a_typed_dict_requires_may_stand_in_strings() -> None:
    schema = kind_of(Stringified, "x", ()).schema
    assert schema["required"] == ["first"]


TYPES = st.recursive(
    st.sampled_from([int, str, bool, float]),
    lambda inner: st.one_of(
        inner.map(lambda hint: list[hint]),  # type: ignore[valid-type]
        inner.map(lambda hint: dict[str, hint]),  # type: ignore[valid-type]
        inner.map(lambda hint: hint | None),
    ),
    max_leaves=4,
)


@settings(max_examples=15)
@given(st.data(), TYPES)
def test_what_fits_a_type_is_read_as_it_was(data: st.DataObject, hint: Any) -> None:
    value = data.draw(st.from_type(hint).filter(lambda one: one == one))
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        return  # JSON has no infinite numbers
    assert kind_of(hint, "x", ()).read(json.loads(text), "value") == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30)
@given(TYPES, JSON)
def test_whatever_comes_is_read_or_refused_in_words(hint: Any, value: Any) -> None:
    with contextlib.suppress(ToolError):  # and nothing else is raised
        kind_of(hint, "x", ()).read(value, "value")
