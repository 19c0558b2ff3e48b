"""The phrases as a grammar that a recogniser can search (JSGF), and back to readable text.

Rules of the file: pure; a phrase is lower-case words and slots such as `<number>`; `<digit>+` is
one or more of a slot, `and?` may be left out; a slot's fillings are phrases, too. A letter that
is spelled is "s.".

Source: JSpeech Grammar Format, W3C Note of 5 June 2000.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from rtclient.engine.words import CONFUSABLE, DIGITS, UNITS, digit_of, with_figures

Slots = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"<\w+>")
_QUESTIONS = ("what", "who", "how", "are", "when", "where", "why", "can", "is", "do")
_MAY_MISS = re.compile(r"(\S+)\?")
_LETTERS = re.compile(r"\b[a-z]\.(?: [a-z]\.)*")
_RUN = re.compile(rf"\b(?:{'|'.join(DIGITS)})(?: (?:{'|'.join(DIGITS)})){{2,}}\b")
_LARGE = re.compile(r"\b(?:hundred|thousand)\b")


def jsgf(phrases: Sequence[str], slots: Slots, *, without: Collection[str] = ()) -> str:
    """Return the grammar of all phrases.

    `without`: words that the recogniser cannot pronounce; what needs one of them is left out, and
    so is a phrase whose slot has nothing left.
    """
    lost = set(without)
    lines = ["#JSGF V1.0;", "grammar phrases;"]
    for slot, fillings in slots.items():
        kept = [filling for filling in fillings if not lost & _parts(filling)]
        if kept:
            lines.append(f"{slot} = {' | '.join(map(_optional, kept))};")
        else:
            lost.add(slot)
    kept = [phrase for phrase in phrases if not lost & _parts(phrase)]
    lines.append(f"public <phrase> = {' | '.join(map(_optional, kept))};")
    return "\n".join(lines) + "\n"


def pronounceable(phrase: str, slots: Slots) -> Iterator[str]:
    """Yield every word that a phrase can have, those of its slots included."""
    for part in phrase.split():
        name = part.rstrip("+?")
        if name in slots:
            for filling in slots[name]:
                yield from pronounceable(filling, slots)
        else:
            yield name


def pattern_of(phrase: str, slots: Slots) -> re.Pattern[str]:
    """Return what matches exactly the texts that a phrase generates."""
    return re.compile(_expression(phrase, slots))


def _parts(phrase: str) -> set[str]:
    return {part.rstrip("+?") for part in phrase.split()}


def _optional(phrase: str) -> str:
    return _MAY_MISS.sub(r"[\1]", phrase)


def _expression(phrase: str, slots: Slots) -> str:
    pieces = []
    for part in phrase.split():
        name = part.rstrip("+?")
        if name in slots:
            # Longest first, so that "twenty one" is not read as "twenty".
            fillings = sorted(slots[name], key=len, reverse=True)
            one = f"(?:{'|'.join(_expression(filling, slots) for filling in fillings)})"
        else:
            one = f"(?:(?:^| ){re.escape(name)})"
        pieces.append(f"{one}{part[-1]}" if part[-1] in "+?" else one)
    return "".join(pieces)


class Readable:
    """Turns recognised words into the text that people read: "What is six times nine?"."""

    def __init__(
        self, patterns: Sequence[tuple[str, str]], also: Sequence[str], slots: Slots
    ) -> None:
        self._exact = {spoken: shown for shown, spoken in patterns if not _SLOT.search(spoken)}
        self._patterns = [
            (pattern_of(spoken, slots), shown) for shown, spoken in patterns if _SLOT.search(spoken)
        ]
        self._also = set(also)

    def __call__(self, words: str, hints: Sequence[str] = ()) -> str:
        """Return the readable form of a phrase's words; `hints` are written as they are given."""
        if words in self._exact:
            return self._exact[words]
        text = sentence(in_figures(words))
        for hint in hints:
            if hint != hint.lower():
                text = re.sub(rf"\b{re.escape(hint)}\b", hint, text, flags=re.IGNORECASE)
        for pattern, shown in self._patterns:
            if pattern.fullmatch(words):
                return text + ("?" if shown.endswith("?") else "")
        return text + ("?" if words.startswith(_QUESTIONS) else "")


def in_figures(words: str) -> str:
    """Return words with spelled letters as "S-A-M", large numbers and digits in figures.

    >>> in_figures("my name is spelled s. a. m.")
    'my name is spelled S-A-M'
    """
    if _LARGE.search(words):
        return with_figures(words)
    words = _LETTERS.sub(lambda found: found[0].replace(". ", "-").rstrip(".").upper(), words)
    return _RUN.sub(lambda found: "".join(map(digit_of, found[0].split())), words)


def rivals_of(words: str) -> Iterator[str]:
    """Yield the texts that sound like `words` but for one number: "fourteen" for "forty"."""
    parts = words.split()
    for at, word in enumerate(parts):
        after = parts[at + 1] if at + 1 < len(parts) else ""
        # "forty two" has no rival: nobody says "fourteen two".
        if word in CONFUSABLE and not (word.endswith("ty") and after in UNITS[1:10]):
            yield " ".join([*parts[:at], CONFUSABLE[word], *parts[at + 1 :]])


def sentence(words: str) -> str:
    """Return words with a capital letter at their start and for "I"."""
    text = re.sub(r"\bi\b", "I", words)
    return text[:1].upper() + text[1:]
