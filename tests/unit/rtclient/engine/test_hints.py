from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.hints import MOST_HINTS, hints_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("audio input transcription keywords prompt tools parameters enum "
                            "properties items instructions name description".split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


def tool(name="order", description="", **properties):
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": {"type": "object", "properties": properties},
    }


def transcription(**fields):
    return {"audio": {"input": {"transcription": fields}}}


def test_keywords_come_first_as_they_were_written():
    session = transcription(keywords=["Anna", "Blue Lagoon"]) | {"instructions": "Talk of Oslo."}
    assert hints_of(session) == ("Anna", "Blue Lagoon", "Oslo")


def test_a_prompt_may_list_words_or_name_some_in_a_sentence():
    assert hints_of(transcription(prompt="Expect: Zorro, kettle and Anna.")) == (
        "Expect", "Zorro", "kettle", "Anna",
    )  # fmt: skip
    assert hints_of(transcription(prompt="Ada Lovelace")) == ("Ada Lovelace",)
    assert hints_of(transcription(prompt="The caller asks for Paris")) == ("Paris",)


def test_what_a_schema_lists_is_likely():
    session = {
        "tools": [
            tool(
                size={"enum": ["small", "extra_large", 7]},
                city={"type": "string", "examples": ["Lisbon"], "description": 'Such as "Rome"'},
                rooms={"type": "array", "items": {"enum": ["LIVING_ROOM"]}},
            )
        ]
    }
    assert hints_of(session) == ("small", "extra large", "Lisbon", "Rome", "living room", "order")


def test_the_words_of_a_tool_name_are_likely_but_for_its_common_ones():
    assert hints_of({"tools": [tool("getWeatherForecast"), tool("play_song")]}) == (
        "weather", "forecast", "play", "song",
    )  # fmt: skip


def test_names_inside_of_sentences_are_found_and_their_first_words_are_not():
    instructions = "Answer as Captain Nemo. Speak of Nautilus only. Never mention 'Kraken'."
    assert hints_of({"instructions": instructions}) == ("Kraken", "Captain Nemo", "Nautilus")


def test_long_sentences_and_words_that_say_nothing_are_no_hints():
    session = transcription(keywords=["the", "one two three four", "x", "", "42", "true"])
    assert hints_of(session) == ()


def test_the_number_is_bounded_and_nothing_comes_twice():
    letters = "abcdefghij"
    words = [f"{a}{b}{b}{a}" for a in letters for b in letters]
    assert len(hints_of(transcription(keywords=words))) == MOST_HINTS
    assert hints_of(transcription(keywords=["Anna", "anna", "ANNA"])) == ("Anna",)


@given(JSON)
def test_any_shape_gives_words_and_the_same_ones_again(value):
    session = value if isinstance(value, dict) else {"tools": value, "instructions": value}
    hints = hints_of(session)
    assert hints == hints_of(session)
    assert all(hint.strip() == hint and len(hint.split()) in (1, 2, 3) for hint in hints)
