import pytest

from rtclient.engine.brain.tools import chosen, question, words_of_name

TOOLS = [
    {"name": "get_weather", "description": "Get the current weather for a city"},
    {"name": "setAlarm", "description": "Wake the user up at a given time"},
    {"name": "multiply", "description": "Multiply two numbers"},
    {"name": "order_pizza", "description": "Order food to be delivered at home"},
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What's the weather like in Rome?", "get_weather"),
        ("set an alarm for seven", "setAlarm"),
        ("two alarms please", "setAlarm"),
        ("wake me up at the usual time", "setAlarm"),
        ("multiply six by seven", "multiply"),
        ("I would like to order a pizza", "order_pizza"),
        ("have some food delivered", "order_pizza"),
    ],
)
def test_words_choose_the_tool_by_name_or_description(text, name):
    assert chosen(TOOLS, text)["name"] == name


@pytest.mark.parametrize("text", ["what time is it", "tell me a joke", "get the book", ""])
def test_other_words_choose_none(text):
    assert chosen(TOOLS, text) is None


def test_identifiers_are_split_into_words():
    assert words_of_name("getUserName2") == ["get", "user", "name2"]
    assert words_of_name("turn-on_light") == ["turn", "on", "light"]


def test_a_missing_choice_is_asked_for_by_name():
    tool = {"name": "set", "parameters": {"properties": {"room": {"enum": ["hall", "attic"]}}}}
    assert question(tool, "room") == "Which room: hall, attic?"
