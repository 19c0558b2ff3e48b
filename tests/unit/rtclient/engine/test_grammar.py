from rtclient.engine.grammar import Readable, jsgf, pattern_of, pronounceable, rivals_of, sentence

SLOTS = {"<number>": ("twenty", "twenty one", "two"), "<word>": ("apple",)}


def test_the_grammar_lists_slots_and_phrases():
    assert jsgf(["stop", "count to <number>"], SLOTS) == (
        "#JSGF V1.0;\n"
        "grammar phrases;\n"
        "<number> = twenty | twenty one | two;\n"
        "<word> = apple;\n"
        "public <phrase> = stop | count to <number>;\n"
    )


def test_what_cannot_be_pronounced_is_left_out():
    grammar = jsgf(["stop", "go on"], SLOTS, without={"one", "stop"})
    assert "<number> = twenty | two;" in grammar
    assert "public <phrase> = go on;" in grammar


def test_all_words_of_a_phrase_are_named_with_those_of_its_slots():
    assert set(pronounceable("count to <number>", SLOTS)) == {
        "count", "to", "twenty", "one", "two",
    }  # fmt: skip


def test_a_pattern_matches_whole_fillings_only():
    pattern = pattern_of("what is <number> plus <number>", SLOTS)
    assert pattern.fullmatch("what is twenty one plus two")
    assert not pattern.fullmatch("what is one plus two")


def test_recognised_words_become_readable():
    readable = Readable(
        [("What did I say?", "what did i say"), ("Is it two?", "is it <number>")], ["i am"], SLOTS
    )
    assert readable("what did i say") == "What did I say?"
    assert readable("is it twenty one") == "Is it twenty one?"
    assert readable("i am") == "I am"


def test_sentences_have_a_capital_letter_also_for_i():
    assert sentence("so i said") == "So I said"
    assert sentence("") == ""


LOOSE = {"<digit>": ("one", "two"), "<digits>": ("<digit> <digit>+",), "<hint>": ("zork",)}


def test_slots_may_hold_slots_repeat_and_be_left_out():
    grammar = jsgf(["call? <digits>"], LOOSE)
    assert "<digits> = <digit> <digit>+;" in grammar
    assert "public <phrase> = [call] <digits>;" in grammar
    assert set(pronounceable("call? <digits>", LOOSE)) == {"call", "one", "two"}
    pattern = pattern_of("call? <digits>", LOOSE)
    assert all(map(pattern.fullmatch, ("call one two", "two one two")))
    assert not any(map(pattern.fullmatch, ("call one", "call", "onetwo")))


def test_a_slot_with_nothing_to_say_takes_its_phrases_along():
    grammar = jsgf(["stop", "call <hint>"], LOOSE, without={"zork"})
    assert "<hint>" not in grammar


def test_letters_digits_and_large_numbers_are_written_as_such():
    readable = Readable([], [], {})
    assert readable("my name is spelled s. a. m.") == "My name is spelled S-A-M"
    assert readable("my number is four one five oh") == "My number is 4150"
    assert readable("i want twenty three thousand") == "I want 23,000"
    assert readable("four one") == "Four one"


def test_hints_are_written_as_the_session_writes_them():
    assert Readable([], [], {})("call anna", ["Anna", "kettle"]) == "Call Anna"


def test_numbers_that_sound_alike_are_rivals():
    assert list(rivals_of("what is forty plus sixteen")) == [
        "what is fourteen plus sixteen",
        "what is forty plus sixty",
    ]
    assert list(rivals_of("count to forty two")) == []
