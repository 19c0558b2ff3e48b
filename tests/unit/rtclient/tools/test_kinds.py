"""Types of Python and values of JSON: what becomes of each, and what is refused."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

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
