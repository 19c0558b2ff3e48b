from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.brain.arguments import fill, forced

TODAY = date(2026, 11, 21)  # a Saturday


def tool(name, required=None, **properties):
    return {
        "name": name,
        "description": "",
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": list(properties) if required is None else required,
        },
    }


LIGHT = tool(
    "set_light",
    ["room", "on"],
    room={"type": "string", "enum": ["kitchen", "living_room", "bedroom"]},
    on={"type": "boolean"},
    brightness={"type": "integer", "minimum": 0, "maximum": 100},
)
MESSAGE = tool("send_message", recipient={"type": "string"}, message={"type": "string"})
TABLE = tool(
    "book_table",
    people={"type": "integer"},
    date={"type": "string", "format": "date"},
    time={"type": "string"},
)


@pytest.mark.parametrize(
    ("wanted", "text", "arguments"),
    [
        (LIGHT, "Turn on the light in the living room", {"room": "living_room", "on": True}),
        (LIGHT, "bedroom light off", {"room": "bedroom", "on": False}),
        (
            LIGHT,
            "turn the kitchen light on at forty percent",
            {"room": "kitchen", "on": True, "brightness": 40},
        ),
        (
            MESSAGE,
            "Send a message to Bob saying I will be late",
            {"recipient": "Bob", "message": "I will be late"},
        ),
        (
            TABLE,
            "book a table for four tomorrow at 7 pm",
            {"people": 4, "date": "2026-11-22", "time": "19:00"},
        ),
        (
            TABLE,
            "a table on December 24 at 19:30 for two please",
            {"people": 2, "date": "2026-12-24", "time": "19:30"},
        ),
        (tool("search_web", query={"type": "string"}), "search the web for cute cats",
         {"query": "cute cats"}),
        (tool("multiply", a={"type": "number"}, b={"type": "number"}), "multiply six by 2.5",
         {"a": 6, "b": 2.5}),
        (tool("set_volume", volume={"type": "integer"}), "set 2 speakers to volume 7",
         {"volume": 7}),
        (tool("add_items", items={"type": "array", "items": {"type": "string"}}),
         "add milk, bread and eggs to my list", {"items": ["milk", "bread", "eggs"]}),
        (tool("play", title={"type": "string"}), 'play "Blue Moon" now', {"title": "Blue Moon"}),
        (tool("remind", day={"type": "string"}), "remind me on Monday", {"day": "Monday"}),
        (tool("fly", origin={"type": "string"}, destination={"type": "string"}),
         "fly from Oslo to New York", {"origin": "Oslo", "destination": "New York"}),
    ],
)  # fmt: skip
def test_arguments_come_from_the_words(wanted, text, arguments):
    filling = fill(wanted, text, TODAY)
    assert filling.arguments == arguments
    assert filling.missing == ()


def test_what_the_words_lack_is_missing():
    assert fill(LIGHT, "the light", TODAY).missing == ("room", "on")
    assert fill(MESSAGE, "Send Ann a message", TODAY).missing == ("message",)


def test_numbers_outside_the_schema_are_not_taken():
    assert "brightness" not in fill(LIGHT, "kitchen light on 400", TODAY).arguments


def test_optional_arguments_are_not_invented():
    weather = tool("get_weather", ["city"], city={"type": "string"}, unit={"enum": ["c", "f"]})
    assert fill(weather, "weather in Rome", TODAY).arguments == {"city": "Rome"}


def test_a_default_fills_what_is_required():
    wanted = tool("wait", seconds={"type": "integer", "default": 5})
    assert fill(wanted, "wait a bit", TODAY).arguments == {"seconds": 5}


def test_the_answer_to_a_question_is_the_value():
    assert fill(MESSAGE, "it's Bob.", TODAY, asked="recipient").arguments == {"recipient": "Bob"}


def test_a_demanded_call_gets_something_for_everything():
    arguments = forced(LIGHT, fill(LIGHT, "hi", TODAY), "hi")
    assert arguments == {"room": "kitchen", "on": False}


@given(st.text(max_size=80), st.sampled_from([LIGHT, MESSAGE, TABLE]))
def test_any_words_fill_without_fault(text, wanted):
    filling = fill(wanted, text, TODAY)
    complete = forced(wanted, filling, text)
    assert set(wanted["parameters"]["required"]) <= set(complete)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "properties", "required", "enum", "items", "a"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_schema_fills_without_fault(parameters):
    fill({"name": "t", "parameters": parameters}, "set a to 5 in Rome", TODAY)
