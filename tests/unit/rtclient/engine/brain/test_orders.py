import pytest

from rtclient.engine.brain.orders import Orders, orders_in


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ("Say exactly: Hello world.", "Hello world."),
        ("Repeat exactly the following sentence: one two three", "one two three"),
        ("Reply only with the word “yes”", "yes"),
        ("Say 'I am here'.", "I am here"),
        ("Respond with: pong", "pong"),
    ],
)
def test_exact_texts_are_found(instructions, text):
    assert orders_in(instructions).exactly == text


@pytest.mark.parametrize(
    "instructions",
    ["", "Be brief.", "You are a helpful assistant who says what it does not know.",
     "Answer in English only when asked", "Speak with a warm voice."],
)  # fmt: skip
def test_a_free_prompt_is_no_order(instructions):
    found = orders_in(instructions)
    assert found.exactly == found.greeting == found.name == ""
    assert found == Orders()


def test_greetings_and_names_are_found():
    found = orders_in('Your name is Ada. Start by saying "Ahoy".')
    assert (found.name, found.greeting) == ("Ada", "Ahoy")
    assert orders_in("Greet the user warmly.").greets
