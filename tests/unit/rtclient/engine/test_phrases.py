from rtclient.engine import phrases
from rtclient.engine.brain.wishes import wish_in
from rtclient.engine.grammar import Readable, pattern_of

READABLE = Readable(phrases.PATTERNS, phrases.ALSO, phrases.SLOTS)


def words(text: str) -> str:
    return text.lower().translate(str.maketrans("", "", "?,."))


def test_there_are_at_least_thirty_phrases_and_six_to_tap():
    assert len(set(phrases.PHRASES)) >= 30
    assert phrases.PHRASES[:6] == phrases.TAPPABLE


def test_what_the_page_shows_is_what_its_pattern_hears():
    for shown, spoken in phrases.PATTERNS:
        assert pattern_of(spoken, phrases.SLOTS).fullmatch(words(shown)), shown
        assert READABLE(words(shown)) == shown


def test_every_phrase_is_a_wish_that_the_persona_knows():
    spoken = [
        *phrases.PHRASES,
        *(READABLE(also.replace("<number>", "six")) for also in phrases.ALSO),
        *("My name is spelled S-A-M", "415555", "My number is 4155550", "It is 23,000"),
    ]
    assert [phrase for phrase in spoken if wish_in(phrase) is None] == []


def test_no_phrase_is_listed_twice():
    listed = [spoken for _, spoken in phrases.PATTERNS] + list(phrases.ALSO)
    assert len(listed) == len(set(listed))
