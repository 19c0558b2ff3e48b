"""Whether words are a finished utterance: what `semantic_vad` decides by, besides pauses.

| what was heard | judged |
|---|---|
| ends in "and", "to", "the", "my", "is", "um", "I want", a comma or dots | unfinished |
| digits or letters one by one, fewer than ten, as of a number being told | unfinished |
| a question, an order, a sentence with a verb, "yes", a full stop, certain words | finished |
| nothing, one odd word, a weak guess, four or seven digits, "… for" after "what" | unsure |

English only; words of another language are unsure unless they carry a full stop.

Rules of the file: pure; the end of the words counts most, because that is where people stop to
think; in doubt it is unsure, which costs a pause, never a cut.
"""

import re
from enum import Enum, auto
from typing import Final

from rtclient.engine.senses import Heard

WEAK: Final = 0.25
"""A guess with less confidence than this does not finish a turn."""
_LONGEST_NUMBER: Final = 10
_COMMON_LENGTHS: Final = frozenset({4, 7})
"""Pins, years and local telephone numbers: the number may be whole."""


class Verdict(Enum):
    """What the words say about the end of a turn."""

    FINISHED = auto()
    UNSURE = auto()
    UNFINISHED = auto()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILLERS = _set("um uh er erm eh ah hmm hm mm well like so basically actually")
_OPEN = _set(
    "and or but because if when while although though unless until whether than that which whose "
    "the a an my your his her its our their every some any another each both "
    "of from to with by at into onto about between among without within during through toward "
    "towards against for as in on very really too quite please's i we they he she let's "
    "who's what's where's it's i'm i'd i'll i've you're we're they're there's "
    "maybe perhaps gonna wanna either neither also then"
)
"""Words after which more must come."""
_AUXILIARIES = _set(
    "is are was were am be been being do does did have has had will would can could shall should "
    "may might must isn't aren't don't doesn't didn't can't won't wouldn't couldn't"
)
_SUBJECTS = _set("i you he she it we they that this there")
_ANSWERS = _set(
    "yes yeah yep yup no nope nah okay ok sure right correct exactly thanks thank you hello hi hey "
    "bye goodbye stop please nothing alright fine great good perfect never mind sorry help cancel "
    "repeat again wait continue next back morning evening night welcome cheers absolutely later "
    "much"
)
"""Words that are whole utterances, alone or together."""
_WH = _set("what who where when why how which whose what's who's where's how's")
_STRANDED = _set("for from about with to of at in on by")
"""Prepositions that may end a question: "where are you from"."""
_PARTICLES = _set("on in")
"""Words that may end an order: "turn it on"."""
_WANTING = _set("want need wish mean guess think like would'd prefer love hate try trying going")
_VERBS = _AUXILIARIES | _set(
    "'s 're 'm tell show give play stop start open close turn set get go call send read write say "
    "speak sing count spell roll flip pick find look search add remove delete make take put bring "
    "help let repeat change switch book order buy cancel remind wake check explain describe list "
    "translate define compare calculate use try keep move wait hold know think want need like love "
    "hate see hear feel mean work works live lives come comes went came said told asked got made "
    "thought saw knew gave took left felt kept wants needs likes goes says makes looks seems "
    "sounds toss convert multiply divide subtract guess choose thank"
)
_DIGITS = _set(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety hundred double triple"
)
_PART: Final = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_HANGING: Final = re.compile(r"(?:\.\.\.|…|[,;:–—-])\s*$")
_ENDED: Final = re.compile(r"[.!?。！？]['\"”’)]*\s*$")
_TELLING: Final = re.compile(
    r"\b(?:number|code|pin|card|phone|zip|postcode|account|password|name|email|address|spelled|"
    r"spell)\b.*\b(?:is|it|me|at|spelled)$"
)


def judge(heard: Heard) -> Verdict:
    """Return whether what was heard so far is a finished utterance."""
    text = heard.text.strip()
    words = [word.lower().replace("’", "'") for word in _PART.findall(text)]
    if not words:
        return Verdict.UNSURE
    verdict = _by_end(words, text)
    if verdict is None:
        is_sure = heard.is_certain or bool(_ENDED.search(text))
        verdict = Verdict.FINISHED if is_sure or _is_sentence(words) else Verdict.UNSURE
    is_weak = not heard.is_certain and heard.confidence < WEAK
    return Verdict.UNSURE if is_weak and verdict is Verdict.FINISHED else verdict


def _by_end(words: list[str], text: str) -> Verdict | None:
    """Return what the last words say; None: nothing."""
    last, before = words[-1], words[:-1]
    if text.endswith(("?", "？")):
        return Verdict.FINISHED
    if all(word in _ANSWERS for word in words):
        return Verdict.FINISHED
    if last in _FILLERS or _HANGING.search(text) or _TELLING.search(" ".join(words)):
        return Verdict.UNFINISHED
    if told := _told(words):
        return told
    if before and last in _STRANDED and words[0] in _WH and len(words) >= 4:
        return Verdict.UNSURE
    if last in _PARTICLES and len(words) >= 3 and words[0] in ("turn", "switch", "put", "come"):
        return None
    if len(words) == 2 and words[0] in _AUXILIARIES and last in _SUBJECTS:
        return Verdict.UNFINISHED
    if last in _AUXILIARIES:
        is_answer = before and before[-1] in _SUBJECTS and len(words) <= 4
        return None if is_answer else Verdict.UNFINISHED
    is_wanting = last in _WANTING and before and before[-1] in (*_SUBJECTS, "i'm", "i'd", "would")
    return Verdict.UNFINISHED if last in _OPEN or is_wanting else None


def _told(words: list[str]) -> Verdict | None:
    """Judge digits or letters that are told one by one."""
    count = 0
    for word in reversed(words):
        if word not in _DIGITS and not (len(word) == 1 and word not in ("i", "a")):
            break
        count += 1
    digits = sum(len(word) for word in words[-1:] if word.isdigit())
    count = max(count, digits)
    if count < 2 or (digits and len(words) > 1 and digits < 3):
        return None
    if count >= _LONGEST_NUMBER:
        return Verdict.FINISHED
    if count in _COMMON_LENGTHS:
        return Verdict.UNSURE
    # "twenty five" and "one hundred" are numbers, not digits on their way.
    is_number = count <= 2 and any(
        word.endswith(("ty", "hundred", "teen")) for word in words[-count:]
    )
    return None if is_number else Verdict.UNFINISHED


def _is_sentence(words: list[str]) -> bool:
    """Whether it has what a sentence or an order needs: a verb, and something besides."""
    if len(words) < 2:
        return False
    has_verb = any(word in _VERBS or word.partition("'")[2] in ("s", "re", "m") for word in words)
    return has_verb and (words[0] in _VERBS or "'" in words[0] or len(words) >= 3)
