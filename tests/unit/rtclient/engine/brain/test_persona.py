import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.brain import Persona, reply
from rtclient.engine.senses import Call, Heard, Prompt, Remember, Replay, Say

NOW = datetime(2026, 11, 21, 17, 43)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
CERTAIN, GUESS = Heard("x", 0.9, is_certain=True), Heard("x", 0.3)


def typed(text):
    return {
        "type": "message", "role": "user", "id": "i1",
        "content": [{"type": "input_text", "text": text}],
    }  # fmt: skip


def voiced(text):
    return {
        "type": "message", "role": "user", "id": "i1",
        "content": [{"type": "input_audio", "transcript": text}],
    }  # fmt: skip


def assistant(text):
    return {
        "type": "message", "role": "assistant", "id": "i0",
        "content": [{"type": "output_audio", "transcript": text}],
    }  # fmt: skip


def thoughts(*items, seed=1, **prompt):
    return reply(Prompt(items, **prompt), now=NOW, chance=random.Random(seed))


def said(*items, **prompt):
    return " ".join(t.text for t in thoughts(*items, **prompt) if isinstance(t, Say))


def facts(*items, **prompt):
    merged = {}
    for thought in thoughts(*items, **prompt):
        if isinstance(thought, Remember):
            merged |= thought.facts
    return merged


def test_an_empty_conversation_is_greeted_with_what_this_is_and_what_to_say():
    greeting = said()
    assert "built-in engine" in greeting
    assert "what time is it" in greeting


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What time is it?", "It is 5:43 PM."),
        ("What's the date today", "Today is Saturday, November 21, 2026."),
        ("what year is it", "It is 2026."),
        ("What is six times nine?", "6 times 9 is 54."),
        ("count to five", "1, 2, 3, 4, 5."),
        ("Count down from three please", "3, 2, 1, 0. Lift-off!"),
        ("how do you spell cat?", "Cat: C, A, T."),
        ("How many days until Christmas?", "34 days to go."),
        ("say good things take time", "Good things take time"),
    ],
)
def test_questions_are_answered_from_the_clock_and_by_computing(text, answer):
    assert said(typed(text)) == answer


def test_a_certain_phrase_is_answered_directly():
    assert said(voiced("What time is it?"), heard=CERTAIN) == "It is 5:43 PM."


def test_a_guess_is_told_as_a_guess_and_asked_about():
    answer = said(voiced("Tell me a joke"), heard=GUESS)
    assert answer.startswith("I think I heard: “Tell me a joke”.")
    assert "yes please" in answer


def test_a_confirmed_guess_is_done():
    memory = facts(voiced("What time is it"), heard=GUESS)
    assert said(voiced("Yes please"), heard=CERTAIN, memory=memory) == "It is 5:43 PM."


def test_a_denied_guess_is_not_done():
    memory = facts(voiced("What time is it"), heard=GUESS)
    answer = said(voiced("No thank you"), heard=CERTAIN, memory=memory)
    assert answer.startswith("Sorry.")


def test_a_guess_that_means_nothing_still_says_what_was_heard():
    assert said(voiced("my brother lives in ohio"), heard=GUESS).startswith("I think I heard: “my")


def test_nothing_heard_asks_to_try_a_phrase():
    assert said(voiced(""), heard=Heard("")).startswith("Sorry, I did not catch that. Try “")


def test_the_last_answer_is_repeated():
    items = (typed("hi"), assistant("The kettle is on."), typed("Say that again, please"))
    assert said(*items) == "The kettle is on."


def test_what_the_person_said_is_repeated():
    assert said(typed("I like tea"), typed("What did I say?")) == "You said: I like tea"


def test_jokes_do_not_repeat_at_once():
    first = thoughts(typed("tell me a joke"))
    memory = first[0].facts
    assert thoughts(typed("another joke"), memory=memory)[-1] != first[-1]


def test_voice_speed_and_volume_are_remembered():
    assert facts(typed("speak slower")) == {"speed": 0.8}
    assert facts(typed("speak louder please")) == {"volume": 1.5}
    assert facts(typed("change your voice"), memory={"voice": "cedar"}) == {"voice": "alloy"}
    assert facts(typed("switch to the marin voice")) == {"voice": "marin"}
    assert facts(typed("speak normally")) == {"speed": 1.0, "volume": 1.0}


def test_instant_replay_plays_back_whatever_is_said_until_stopped():
    memory = facts(typed("instant replay"))
    assert thoughts(voiced("mumble"), heard=GUESS, memory=memory) == [Replay("i1")]
    assert thoughts(voiced("Flip a coin"), heard=CERTAIN, memory=memory) == [Replay("i1")]
    assert facts(voiced("Please stop talking"), heard=CERTAIN, memory=memory) == {"mode": None}


def test_echo_mode_repeats_words():
    memory = facts(typed("turn on echo mode"))
    assert said(typed("What time is it?"), memory=memory) == "What time is it?"
    assert said(voiced("so be it"), heard=GUESS, memory=memory) == "I think I heard: so be it"
    assert facts(typed("turn off echo mode"), memory=memory) == {"mode": None}


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ("Say exactly: The kettle is on.", "The kettle is on."),
        ('Respond with exactly the following words: "alpha beta"', "alpha beta"),
        ('Whatever happens, always reply with "meow".', "meow"),
        ("Say: hello from the test", "hello from the test"),
        ("Please say 'good evening'", "good evening"),
    ],
)
def test_an_exact_order_is_followed(instructions, text):
    assert said(typed("what time is it"), instructions=instructions) == text
    assert said(instructions=instructions) == text


def test_a_greeting_of_the_instructions_is_used():
    assert said(instructions='Greet the user with "Ahoy!"') == "Ahoy!"
    assert "Robby" in said(instructions="Your name is Robby.")


def test_other_instructions_change_nothing():
    prompt = "You are a friendly assistant. Answer briefly and say when you do not know."
    assert said(typed("what year is it"), instructions=prompt) == "It is 2026."


def test_a_tool_is_called_when_the_words_match_it():
    assert thoughts(typed("What's the weather in Paris?"), tools=[WEATHER]) == [
        Call("get_weather", '{"location": "Paris"}')
    ]


def test_other_words_call_no_tool():
    assert said(typed("what year is it"), tools=[WEATHER]) == "It is 2026."


def test_a_missing_argument_is_asked_for_and_taken_from_the_answer():
    asked = thoughts(typed("How is the weather?"), tools=[WEATHER])
    assert asked[-1].text.endswith("What is the location?")
    memory = asked[0].facts
    assert thoughts(typed("in Rome"), tools=[WEATHER], memory=memory) == [
        Remember({"open_call": None}),
        Call("get_weather", '{"location": "Rome"}'),
    ]


@pytest.mark.parametrize(
    "choice", ["auto", "required", {"type": "function", "name": "get_weather"}]
)
def test_an_uncertain_hearing_never_calls(choice):
    items = voiced("what is the weather in paris")
    found = thoughts(items, tools=[WEATHER], heard=GUESS, tool_choice=choice)
    assert not any(isinstance(thought, Call) for thought in found)
    assert "I think I heard" in found[-1].text


def test_a_confirmed_guess_may_call():
    memory = facts(voiced("what is the weather in paris"), tools=[WEATHER], heard=GUESS)
    found = thoughts(voiced("Yes please"), tools=[WEATHER], heard=CERTAIN, memory=memory)
    assert found[-1] == Call("get_weather", '{"location": "paris"}')


def test_a_demanded_call_is_made():
    for choice in ("required", {"type": "function", "name": "get_weather"}):
        found = thoughts(typed("Rome"), tools=[WEATHER], tool_choice=choice)
        assert found == [Call("get_weather", '{"location": "Rome"}')]


def test_tool_choice_none_calls_nothing():
    found = thoughts(typed("the weather in Rome"), tools=[WEATHER], tool_choice="none")
    assert not any(isinstance(thought, Call) for thought in found)


def test_the_output_of_a_tool_is_told_whatever_was_demanded_before():
    items = (
        typed("weather in Rome"),
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": '{"sky": "clear"}'},
    )
    assert said(*items, tools=[WEATHER]) == "The sky is clear."
    assert said(*items, tools=[WEATHER], tool_choice="required") == "The sky is clear."


def test_several_outputs_are_all_told():
    outputs = [
        {"type": "function_call_output", "call_id": f"c{n}", "output": f'"part {n}"'}
        for n in (1, 2)
    ]
    assert said(typed("x"), *outputs) == "Part 1. Part 2."


async def test_the_face_thinks_what_the_function_replies():
    persona = Persona(clock=lambda: NOW, chance=random.Random(1))
    found = [t async for t in persona.think(Prompt([typed("what time is it")]))]
    assert found == [Say("It is 5:43 PM.")]


@given(
    st.text(max_size=60),
    st.booleans(),
    st.sampled_from([None, CERTAIN, GUESS]),
    st.sampled_from([{}, {"mode": "echo"}, {"mode": "replay"}, {"guess": "stop"}]),
)
def test_any_words_have_an_answer(text, is_voiced, heard, memory):
    item = voiced(text) if is_voiced else typed(text)
    assert thoughts(item, tools=[WEATHER], heard=heard, memory=memory)


TIMER = {
    "type": "function",
    "name": "set_timer",
    "description": "Set a timer",
    "parameters": {
        "type": "object",
        "properties": {"minutes": {"type": "integer"}},
        "required": ["minutes"],
    },
}
PHONE = {
    "type": "function",
    "name": "dial_number",
    "description": "Dial a phone number",
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
    },
}
LOOKUP = {
    "type": "function",
    "name": "lookup_contact",
    "description": "Look up a contact by name",
    "parameters": {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    },
}
PARIS, ROME = '{"location": "Paris"}', '{"location": "Rome"}'


def output(text):
    return {"type": "function_call_output", "call_id": "c1", "output": text}


def calls(*items, **prompt):
    found = thoughts(*items, **prompt)
    return [(t.name, t.arguments) for t in found if isinstance(t, Call)]


def test_two_wishes_make_two_calls_in_one_response():
    words = typed("What's the weather in Paris, and set a timer for ten minutes")
    assert calls(words, tools=[WEATHER, TIMER]) == [
        ("get_weather", PARIS),
        ("set_timer", '{"minutes": 10}'),
    ]


def test_one_tool_may_be_called_for_two_things():
    for text in (
        "What's the weather in Paris and in Rome?",
        "How is the weather in Paris and Rome?",
    ):
        assert calls(typed(text), tools=[WEATHER, TIMER]) == [
            ("get_weather", PARIS),
            ("get_weather", ROME),
        ]


def test_without_parallel_calls_the_second_comes_after_the_output_of_the_first():
    words = typed("What's the weather in Paris and in Rome?")
    prompt = {"tools": [WEATHER], "parallel_tool_calls": False}
    assert calls(words, **prompt) == [("get_weather", PARIS)]
    memory = facts(words, **prompt)
    assert calls(words, output("{}"), memory=memory, **prompt) == [("get_weather", ROME)]
    memory |= facts(words, output("{}"), memory=memory, **prompt)
    assert said(words, output('{"sky": "clear"}'), memory=memory, **prompt) == "The sky is clear."


def test_a_step_takes_what_it_lacks_from_the_output_before_it():
    words = typed("Look up the contact named Anna and then dial the number")
    prompt = {"tools": [LOOKUP, PHONE]}
    assert calls(words, **prompt) == [("lookup_contact", '{"name": "Anna"}')]
    memory = facts(words, **prompt)
    found = output('{"number": "555 0100"}')
    assert calls(words, found, memory=memory, **prompt) == [
        ("dial_number", '{"number": "555 0100"}')
    ]


def test_a_new_wish_forgets_the_steps_that_are_left():
    assert facts(typed("hello"), memory={"rest": [["get_weather", "in Rome"]]}) == {"rest": None}


def test_two_numbers_that_sound_alike_are_asked_about():
    close = Heard("x", 0.4, rival="Set a timer for forty minutes")
    asked = thoughts(voiced("Set a timer for fourteen minutes"), heard=close, tools=[TIMER])
    assert asked[-1].text.startswith("Did you say fourteen or forty?")
    memory = asked[0].facts
    for answer, minutes in (("The second one", 40), ("fourteen", 14)):
        found = calls(voiced(answer), heard=CERTAIN, tools=[TIMER], memory=memory)
        assert found == [("set_timer", f'{{"minutes": {minutes}}}')]
    assert not calls(voiced("The second one"), heard=GUESS, tools=[TIMER], memory=memory)


def test_asked_the_same_twice_the_first_question_stays():
    memory = {"choice": ["Count to fourteen", "Count to forty"]}
    again = facts(voiced("Forty"), heard=Heard("x", 0.4, rival="Fourteen"), memory=memory)
    assert again == memory


def test_silence_is_asked_whether_somebody_is_there_and_then_offered_help():
    nothing = {"heard": Heard(""), "is_idle": True}
    assert said(voiced(""), **nothing) == "Are you still there?"
    second = said(voiced(""), memory=facts(voiced(""), **nothing), **nothing)
    assert "anything that I can do" in second


def test_an_image_is_acknowledged():
    item = {"type": "message", "role": "user", "content": [{"type": "input_image"}]}
    assert "cannot see" in said(item)


def test_a_spelled_name_is_learned_once_it_is_confirmed():
    memory = facts(voiced("My name is spelled S-A-M"), heard=GUESS)
    found = thoughts(voiced("That is right"), heard=CERTAIN, memory=memory)
    assert Remember({"user_name": "Sam"}) in found


def system(text):
    return {
        "type": "message", "role": "system", "id": "i2",
        "content": [{"type": "input_text", "text": text}],
    }  # fmt: skip


def test_a_system_message_is_obeyed_once_where_it_is_simple():
    order = system("Say exactly: The line is busy.")
    assert said(typed("hello"), order) == "The line is busy."
    later = (typed("hello"), order, assistant("The line is busy."), typed("what year is it"))
    assert said(*later) == "It is 2026."


def test_a_name_given_by_a_system_message_stays():
    items = (system("Your name is Robby."), typed("hi"), assistant("Hello!"), typed("who are you"))
    assert "Robby" in said(*items, instructions="Your name is Nemo.")
