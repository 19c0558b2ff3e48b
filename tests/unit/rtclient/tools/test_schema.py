"""Tools from functions: the schema that the model reads, and the arguments that it sends."""

import enum
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from rtclient.tools.kinds import ToolError
from rtclient.tools.schema import Signature, as_output


class Unit(enum.Enum):
    """Of temperatures."""

    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    """Where."""

    city: str
    country: str = "NO"


class Options(TypedDict):
    """How."""

    days: int
    unit: NotRequired[Unit]


def forecast(
    place: Place,
    options: Options,
    mode: Literal["day", "night"] = "day",
    tags: list[str] | None = None,
    shares: dict[str, float] | None = None,
    note: Annotated[str, "What to add."] = "",
    unit: Unit = Unit.CELSIUS,
) -> str:
    """Forecast the weather.

    It is a real one.

    Args:
        place: Where it is wanted,
            as exactly as possible.
        options (Options): How: in what form.
        *tags: Words.

    Returns:
        place: Not this.
    """
    return f"{place.city} {options['days']} {mode} {tags} {shares} {note} {unit}"


FORECAST = Signature(forecast)
GIVEN = '{"place": {"city": "Oslo"}, "options": {"days": 2, "unit": "f"}'


def test_the_docstring_says_what_the_tool_is_for() -> None:
    assert FORECAST.definition["description"] == "Forecast the weather.\n\nIt is a real one."


def test_the_docstring_says_what_parameters_mean() -> None:
    properties = FORECAST.definition["parameters"]["properties"]
    words = "Where it is wanted, as exactly as possible."
    assert properties["place"]["description"] == words
    assert properties["options"]["description"] == "How: in what form."
    assert properties["tags"]["description"] == "Words."
    assert properties["note"]["description"] == "What to add."


def test_types_become_a_schema() -> None:
    place, options, mode, tags, shares, _, unit = FORECAST.definition["parameters"][
        "properties"
    ].values()
    assert place["properties"]["country"] == {"type": "string"}
    assert place["required"] == ["city"]
    assert options["required"] == ["days"]
    assert options["properties"]["unit"] == {"type": "string", "enum": ["c", "f"]}
    assert mode == {"type": "string", "enum": ["day", "night"], "default": "day"}
    assert tags["anyOf"] == [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]
    number = {"type": "number"}
    assert shares["anyOf"][0] == {"type": "object", "additionalProperties": number}
    assert unit["default"] == "c"


def test_parameters_without_a_default_are_required() -> None:
    parameters = FORECAST.definition["parameters"]
    assert parameters["required"] == ["place", "options"]
    assert parameters["additionalProperties"] is False


def test_a_definition_is_json() -> None:
    assert json.loads(json.dumps(FORECAST.definition)) == FORECAST.definition


def test_a_function_without_parameters_takes_an_empty_object() -> None:
    def stop() -> None:
        """Stop."""

    signature = Signature(stop)
    assert signature.definition["parameters"]["properties"] == {}
    assert signature.read("") == signature.read("{}") == {}


def test_arguments_become_what_the_function_expects() -> None:
    read = FORECAST.read(GIVEN + ', "tags": ["a"], "shares": {"x": 1}, "unit": "c"}')
    assert read == {
        "place": Place("Oslo"),
        "options": {"days": 2, "unit": Unit.FAHRENHEIT},
        "tags": ["a"],
        "shares": {"x": 1.0},
        "unit": Unit.CELSIUS,
    }


def test_defaults_are_left_to_the_function() -> None:
    assert set(FORECAST.read(GIVEN + "}")) == {"place", "options"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "The arguments must be an object"),
        ("{}", "The argument place is missing"),
        (GIVEN + ', "colour": 1}', "There is no argument colour. There are: place, options,"),
        ('{"place": "Oslo", "options": {"days": 1}}', "place must be an object"),
        ('{"place": {"city": 7}, "options": {"days": 1}}', "place.city must be a text"),
        (GIVEN + ', "tags": ["a", 2]}', r"tags\[1\] must be a text. Or: tags must be null"),
        (GIVEN + ', "mode": "noon"}', r'mode must be one of \["day", "night"\]'),
        (GIVEN + ', "unit": "k"}', r'unit must be one of \["c", "f"\]'),
        (GIVEN + ', "shares": {"x": true}}', "shares.x must be a number"),
    ],
)
def test_the_model_is_told_what_it_got_wrong(arguments: str, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        FORECAST.read(arguments)


def test_a_tool_may_have_another_name_and_description() -> None:
    definition = Signature(forecast, name="weather-2", description="For you.").definition
    assert (definition["name"], definition["description"]) == ("weather-2", "For you.")


@pytest.mark.parametrize("name", ["with space", "ö", "x" * 65])
def test_a_name_that_the_api_refuses_is_refused_at_once(name: str) -> None:
    with pytest.raises(TypeError, match="letters, digits"):
        Signature(forecast, name=name)


def test_a_parameter_needs_a_type() -> None:
    def tool(value) -> None:  # type: ignore[no-untyped-def]
        pass

    with pytest.raises(TypeError, match=r"'value' of the tool 'tool' has no type"):
        Signature(tool)


def test_parameters_that_have_no_name_are_refused() -> None:
    def many(*values: int) -> None:
        pass

    def first(value: int, /) -> None:
        pass

    with pytest.raises(TypeError, match="Name each one"):
        Signature(many)
    with pytest.raises(TypeError, match="Remove the /"):
        Signature(first)


def test_a_type_out_of_sight_is_refused_with_its_name() -> None:
    def tool(value: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    with pytest.raises(TypeError, match="not known where it is registered: Nowhere"):
        Signature(tool)


@pytest.mark.parametrize(
    ("result", "output"),
    [
        ("Sunny.", "Sunny."),
        (None, "done"),
        (7, "7"),
        ({"grad": "ö"}, '{"grad": "ö"}'),
        (Place("Oslo"), '{"city": "Oslo", "country": "NO"}'),
        ([Unit.CELSIUS], '["c"]'),
    ],
)
def test_results_become_text(result: Any, output: str) -> None:
    assert as_output(result) == output


def test_a_result_without_json_is_refused() -> None:
    with pytest.raises(TypeError, match="return text or JSON values"):
        as_output(object())
