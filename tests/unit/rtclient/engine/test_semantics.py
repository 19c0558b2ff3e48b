"""Words that are a finished utterance, words after which more must come, and the rest."""

import pytest

from rtclient.engine.phrases import ALSO, PHRASES
from rtclient.engine.semantics import WEAK, Verdict, judge
from rtclient.engine.senses import Heard

FINISHED = """
what time is it
what is the weather in paris
where are you
how old are you
can you help me with my homework
do you speak german
is it raining
tell me a joke
play some music
turn it on
turn the lights off
set a timer for five minutes
set a timer for twenty five
i would like a cup of coffee
my name is john
i live in berlin
it's raining
that was great
the train was late again
yes
yes please
no thank you
okay
yes i am
yes it is
no i don't
hello
good morning
thank you very much
goodbye
never mind
stop
my number is four one five five five five zero one two three
Ich hätte gern einen Kaffee.
The red one.
Really?
Where are you from?
""".strip().splitlines()
UNFINISHED = """
and
tell me about the
i want to
i want
i would like
i'd like
i need a
i'm going to go to the
my number is
my phone number is
my name is
my number is four one five
my number is 415
my name is spelled s a
it is s m i
the problem is
what i mean is that
can you
could you please tell me if
um
so um
i was thinking, uh
well
because
i think
let's
i'm
the man with the
before you do that,
I was wondering...
one two three
what is the
show me my
play something by
""".strip().splitlines()
UNSURE = """

blue
banana elephant
where do you come from
what are you looking for
my number is five five five one
my number is five five five one two three four
der hund
one hundred
i can't
""".split("\n")[1:-1]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        *((text, Verdict.FINISHED) for text in FINISHED),
        *((text, Verdict.UNFINISHED) for text in UNFINISHED),
        *((text, Verdict.UNSURE) for text in UNSURE),
    ],
)
def test_what_words_say_about_the_end_of_a_turn(text: str, verdict: Verdict) -> None:
    assert judge(Heard(text, 0.6)) is verdict


@pytest.mark.parametrize("text", [*PHRASES, *ALSO])
def test_a_certain_phrase_is_finished(text: str) -> None:
    verdict = judge(Heard(text, 0.95, is_certain=True))
    is_told = any(word in text for word in ("number", "spelled", "digits"))
    assert verdict is Verdict.FINISHED or is_told


def test_certain_words_may_still_be_unfinished() -> None:
    assert judge(Heard("my number is", 0.95, is_certain=True)) is Verdict.UNFINISHED


def test_a_weak_guess_finishes_nothing_and_does_not_make_one_wait_longer() -> None:
    assert judge(Heard("what time is it", WEAK - 0.01)) is Verdict.UNSURE
    assert judge(Heard("what time is it", WEAK)) is Verdict.FINISHED
    assert judge(Heard("my number is", 0.0)) is Verdict.UNFINISHED
