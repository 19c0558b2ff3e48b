from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.agreement import (
    Evidence,
    confidence_of,
    has_rival,
    is_certain,
    is_fitting,
    is_like_counting,
    is_likely,
    needs_dictation,
    needs_phones,
    phone_distance,
)

SOUNDS = st.lists(st.sampled_from("AH IY P T S M N L R".split()), max_size=12)

SAID = Evidence(
    phrase="tell me a joke",
    dictation="tell me a joke",
    dictation_distance=0.0,
    phone_distance=0.25,
    fit=-1.5,
    worst_word_fit=-2.3,
    fit_against_phones=-0.7,
    coverage=1.0,
)
NOT_SAID = Evidence(
    phrase="change your voice",
    dictation="can you open the window for me",
    dictation_distance=0.6,
    phone_distance=0.62,
    fit=-5.6,
    worst_word_fit=-9.0,
    fit_against_phones=-4.8,
    coverage=0.85,
)


def test_a_phrase_that_all_passes_agree_on_is_certain():
    assert is_certain(SAID)
    assert confidence_of(SAID) >= 0.8


def test_a_phrase_that_only_the_grammar_hears_is_a_guess():
    assert not is_certain(NOT_SAID)
    assert not is_likely(NOT_SAID)
    assert confidence_of(NOT_SAID) <= 0.5


def test_a_phrase_within_a_longer_sentence_is_a_guess():
    assert not is_certain(replace(SAID, coverage=0.6))


def test_without_a_phrase_nothing_is_certain():
    assert not is_certain(Evidence(dictation="good morning"))


@given(
    st.builds(
        Evidence,
        phrase=st.sampled_from(["", "stop"]),
        dictation_distance=st.floats(0, 1.2),
        phone_distance=st.floats(0, 1.2),
        fit=st.floats(-20, 0),
        worst_word_fit=st.floats(-40, 0),
        fit_against_phones=st.floats(-20, 2),
        coverage=st.floats(0, 1),
    )
)
def test_confidence_never_contradicts_certainty(evidence):
    if is_certain(evidence):
        assert 0.8 <= confidence_of(evidence) <= 1.0
        assert is_likely(evidence)
    else:
        assert 0.0 <= confidence_of(evidence) <= 0.5


def test_evidence_survives_the_way_between_processes():
    assert Evidence(**SAID.as_json()) == SAID


def test_sounds_of_one_family_are_nearer_than_others():
    assert phone_distance(["P"], ["B"]) < phone_distance(["P"], ["M"])
    assert phone_distance(["AA", "T"], ["AH", "T"]) == 0.25


@given(SOUNDS, SOUNDS)
def test_distance_is_symmetric_and_zero_only_for_the_same(first, second):
    distance = phone_distance(first, second)
    assert abs(distance - phone_distance(second, first)) < 1e-9
    assert (distance == 0) == (first == second)
    assert 0 <= distance <= 1


def test_a_number_that_sounds_like_another_is_certain_only_with_a_lead():
    assert is_certain(replace(SAID, rival="count to forty", lead=12.0))
    assert not is_certain(replace(SAID, rival="count to forty", lead=12.0, snr_db=20.0))
    close = replace(SAID, rival="count to forty", lead=0.5)
    assert is_fitting(close)
    assert has_rival(close)
    assert not is_certain(close)


def test_what_is_read_back_is_never_certain():
    assert not is_certain(replace(SAID, is_read_back=True))
    assert is_likely(replace(SAID, is_read_back=True))


def test_passes_that_change_nothing_are_spared():
    assert needs_phones(SAID)
    assert not needs_dictation(SAID)
    assert not needs_phones(NOT_SAID)
    assert needs_dictation(NOT_SAID)


@given(
    st.builds(
        Evidence,
        phrase=st.just("stop"),
        phone_distance=st.floats(0, 1.2),
        fit=st.floats(-8, 0),
        worst_word_fit=st.floats(-12, 0),
        fit_against_phones=st.floats(-4, 0.6),
        coverage=st.floats(0.5, 1),
    ),
    st.floats(0, 1.2),
)
def test_sparing_a_pass_never_changes_the_verdict(evidence, distance):
    if not needs_dictation(evidence):
        full = replace(evidence, dictation_distance=distance)
        assert is_likely(full)
        assert is_certain(full) == is_certain(replace(evidence, dictation_distance=0.0))
    if not needs_phones(evidence):
        assert not is_likely(evidence)


def test_dictation_of_short_words_may_be_letters_or_digits():
    counted = {"seven": ["S", "EH", "V", "AH", "N"], "to": ["T", "UW"], "he": ["HH", "IY"]}
    assert is_like_counting(counted)
    talked = {"brother": ["B", "R", "AH", "DH", "ER"], "lives": ["L", "IH", "V", "Z"]}
    assert not is_like_counting(talked)
    assert is_like_counting(talked | {"spelled": ["S", "P", "EH", "L", "D"]})
    assert not is_like_counting({})
