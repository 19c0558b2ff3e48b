from rtclient.engine import phrases
from rtclient.engine.agreement import Evidence
from rtclient.engine.ears import DeafEars, heard
from rtclient.engine.grammar import Readable

READABLE = Readable(phrases.PATTERNS, phrases.ALSO, phrases.SLOTS)


def evidence(quality):
    """`quality`: 1.0 everything fits, 0.0 nothing does."""
    return Evidence(
        phrase="what is six times nine",
        dictation="what is sixty nine",
        dictation_distance=0.7 * (1 - quality),
        phone_distance=0.2 + 0.5 * (1 - quality),
        fit=-1.5 - 4 * (1 - quality),
        worst_word_fit=-2.0 - 7 * (1 - quality),
        fit_against_phones=-0.7 - 4 * (1 - quality),
        coverage=1.0 - 0.3 * (1 - quality),
    )


def test_a_certain_phrase_is_told_as_the_page_writes_it():
    found = heard(evidence(1.0), READABLE)
    assert (found.text, found.is_certain) == ("What is six times nine?", True)
    assert found.confidence >= 0.8


def test_what_fits_no_phrase_is_told_as_dictation_and_a_guess():
    found = heard(evidence(0.0), READABLE)
    assert (found.text, found.is_certain) == ("What is sixty nine", False)
    assert found.confidence <= 0.5


def test_silence_has_no_words():
    found = heard(Evidence(), READABLE)
    assert (found.text, found.is_certain) == ("", False)


async def test_deaf_ears_take_a_turn_and_understand_nothing():
    listening = DeafEars().listen("s1")
    listening.feed(b"\0\0")
    assert (await listening.finish()).text == ""
    listening.cancel()
