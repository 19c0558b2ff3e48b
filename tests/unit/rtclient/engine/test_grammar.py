from rtclient.engine.grammar import Readable, jsgf, pattern_of, pronounceable, sentence

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
