"""Whether a recognised phrase is certain: two passes that do not know of each other must agree.

A grammar hears a phrase in anything, so its word alone is worth little: of sentences that are on
no list it takes three in four for some phrase. What counts is how well the sounds fit the phrase
compared with what recognisers that are free to hear anything make of the same sound.

Rules of the file: pure; a sound is a phone of the CMU dictionary ("AH"), without stress.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rtclient.engine.words import TENS, UNITS

_VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
_FAMILIES = tuple(
    frozenset(family.split())
    for family in ("P B T D K G", "F V TH DH S Z SH ZH CH JH HH", "M N NG", "L R W Y ER")
)
_GAP = 0.8
_LEAST_COVERAGE = 0.75
_LIKELY = -2.0
_ANNOUNCING = frozenset({"spelled", "spell", "number"})
"""Words that come before letters and digits."""
_MOST_DISTANCE = 1.2
_BEST_AGAINST_PHONES = 0.6
"""A phrase never fits much better than sounds that are free to follow it."""
_LEAST_LEAD, _LEAST_LEAD_NOISY = 1.0, 40.0
_NOISY_DB = 26.0
"""In noise the endings of "forty" and "fourteen" drown, and the lead says little: below this ratio
only a great one counts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the passes over one turn found, in numbers."""

    phrase: str = ""
    """The words of the grammar pass; empty when no phrase fits at all."""
    dictation: str = ""
    """The words of the free pass."""
    dictation_distance: float = 1.0
    """0.0 (same sounds) to about 1.0: the phrase against the dictation."""
    phone_distance: float = 1.0
    """The same against the free sequence of sounds."""
    fit: float = 0.0
    """Acoustic log score of the phrase per frame; 0.0 is best, below -6 is poor."""
    worst_word_fit: float = 0.0
    """The same of the phrase's worst word."""
    fit_against_phones: float = 0.0
    """`fit` less that of the free sequence of sounds over the same frames."""
    coverage: float = 0.0
    """Share of the loud frames of the turn that are words of the phrase, 0.0 to 1.0."""
    snr_db: float = 40.0
    """Level of the loud parts of the turn over that of its quiet parts."""
    rival: str = ""
    """The phrase with its number replaced by the one that sounds like it (forty for fourteen)."""
    lead: float = 100.0
    """Acoustic log score of the phrase over that of `rival`; about 0 when both fit."""
    is_read_back: bool = False
    """The phrase is letters or digits in a row: too free to be certain however well it fits."""

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object that `Evidence(**it)` takes back."""
        return asdict(self)


def phone_distance(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the edit distance of two sound sequences, 0.0 to 1.0 of the longer one.

    Sounds of one family (vowels; stops; fricatives; nasals; liquids) differ by about half.
    """
    longest = max(len(first), len(second))
    if longest == 0:
        return 0.0
    row = [j * _GAP for j in range(len(second) + 1)]
    for i, a in enumerate(first, 1):
        left = i * _GAP
        diagonal, row[0] = row[0], left
        for j, b in enumerate(second, 1):
            best = min(diagonal + _difference(a, b), row[j] + _GAP, left + _GAP)
            diagonal, row[j] = row[j], best
            left = best
    return row[-1] / longest


def _difference(a: str, b: str) -> float:
    if a == b:
        return 0.0
    if a in _VOWELS and b in _VOWELS:
        return 0.5
    return 0.6 if any(a in family and b in family for family in _FAMILIES) else 1.0


def score(evidence: Evidence) -> float:
    """Return how much speaks for the phrase: about -12 to +5, above 0 it is certain.

    A logistic regression on the development set that bench/recognition.py describes.
    """
    if not evidence.phrase:
        return -12.0
    return (
        -6.89
        - 1.0 * evidence.dictation_distance
        - 2.0 * evidence.phone_distance
        + 0.62 * evidence.fit
        + 0.77 * max(-10.0, evidence.worst_word_fit)
        + 0.52 * evidence.fit_against_phones
        + 17.27 * max(0.6, evidence.coverage)
    )


def is_certain(evidence: Evidence) -> bool:
    """Whether the phrase may be told as what was said."""
    return is_fitting(evidence) and not evidence.is_read_back and not has_rival(evidence)


def is_fitting(evidence: Evidence) -> bool:
    """Whether the phrase fits, whatever sounds like it."""
    return score(evidence) > 0 and evidence.coverage >= _LEAST_COVERAGE


def has_rival(evidence: Evidence) -> bool:
    """Whether another number fits about as well."""
    least = _LEAST_LEAD if evidence.snr_db >= _NOISY_DB else _LEAST_LEAD_NOISY
    return bool(evidence.rival) and evidence.lead < least


def is_likely(evidence: Evidence) -> bool:
    """Whether the phrase is a better guess than the dictation."""
    if evidence.is_read_back:
        return is_fitting(evidence)
    return score(evidence) > _LIKELY and evidence.coverage >= _LEAST_COVERAGE


def needs_phones(evidence: Evidence) -> bool:
    """Whether the free sounds can still make the phrase likely: else their pass is wasted."""
    best = replace(
        evidence,
        dictation_distance=0.0,
        phone_distance=0.0,
        fit_against_phones=_BEST_AGAINST_PHONES,
    )
    return is_likely(best)


def needs_dictation(evidence: Evidence) -> bool:
    """Whether free English changes the verdict, or is the guess to tell: else it is wasted."""
    if not is_likely(evidence):
        return True
    worst = replace(evidence, dictation_distance=_MOST_DISTANCE)
    best = replace(evidence, dictation_distance=0.0)
    return not is_likely(worst) or is_fitting(worst) != is_fitting(best)


def is_like_counting(dictation: Mapping[str, Sequence[str]]) -> bool:
    """Whether dictation sounds like letters or digits in a row: it says so, or is short words.

    `dictation`: its words, each with its sounds.
    """
    if not dictation:
        return False
    if _ANNOUNCING & dictation.keys():
        return True
    numbers = {*UNITS, *TENS, "hundred", "thousand"}
    brief = [word in numbers or len(sounds) <= 2 for word, sounds in dictation.items()]
    simple = [
        word in numbers or sum(sound in _VOWELS for sound in sounds) == 1
        for word, sounds in dictation.items()
    ]
    return sum(brief) >= 0.5 * len(dictation) and sum(simple) >= 0.75 * len(dictation)


def confidence_of(evidence: Evidence) -> float:
    """Return 0.8 to 1.0 for a certain phrase, 0.05 to 0.5 for anything else."""
    if is_certain(evidence):
        return round(min(1.0, 0.8 + 0.04 * score(evidence)), 2)
    return round(min(0.5, max(0.05, 0.4 + 0.04 * score(evidence))), 2)
