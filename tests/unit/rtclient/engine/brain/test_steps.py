import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.brain.steps import MOST_STEPS, known_from, steps_in


def tool(name, *required):
    properties = {key: {"type": "string"} for key in required}
    return {"name": name, "parameters": {"properties": properties, "required": list(required)}}


TOOLS = [tool("get_weather", "location"), tool("set_timer"), tool("send_message", "message")]


def steps(text):
    return [(found["name"], words) for found, words in steps_in(TOOLS, text)]


def test_each_part_of_a_sentence_goes_to_its_tool():
    assert steps("Please get the weather in Rome, and then set a timer") == [
        ("get_weather", "Please get the weather in Rome"),
        ("set_timer", "set a timer"),
    ]


def test_one_wish_keeps_its_whole_sentence():
    for text in ("The weather in Trinidad and Tobago island", "Send the message salt and pepper"):
        assert [words for _, words in steps(text)] == [text]


def test_a_part_that_names_no_tool_belongs_to_the_one_before():
    assert steps("Send the message bring salt and pepper and set a timer") == [
        ("send_message", "Send the message bring salt and pepper"),
        ("set_timer", "set a timer"),
    ]


@pytest.mark.parametrize("more", ["in Oslo", "Oslo"])
def test_more_of_the_same_is_a_step_of_its_own(more):
    assert steps(f"The weather in Rome and {more}") == [
        ("get_weather", "The weather in Rome"),
        ("get_weather", more),
    ]


def test_words_for_no_tool_make_no_step():
    assert steps("Tell me a joke and another one") == []


def test_what_an_output_says_by_name_is_known():
    assert known_from('{"number": 5}') == {"number": 5}
    assert known_from("[1]") == known_from("no json") == known_from("[" * 100_000) == {}


@given(st.text(max_size=80), st.lists(st.sampled_from(["weather", "and", "timer", "."])))
def test_any_words_make_a_bounded_number_of_steps(text, words):
    assert len(steps(text + " ".join(words))) <= MOST_STEPS
