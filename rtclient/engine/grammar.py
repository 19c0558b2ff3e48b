"""The phrases as a grammar that a recogniser can search (JSGF), and back to readable text.

Rules of the file: pure; a phrase is lower-case words and slots such as `<number>`.

Source: JSpeech Grammar Format, W3C Note of 5 June 2000.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

Slots = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"<\w+>")
_QUESTIONS = ("what", "who", "how", "are", "when", "where", "why", "can", "is", "do")


def jsgf(phrases: Sequence[str], slots: Slots, *, without: Collection[str] = ()) -> str:
    """Return the grammar of all phrases.

    `without`: words that the recogniser cannot pronounce; what needs one of them is left out.
    """
    lost = set(without)
    lines = ["#JSGF V1.0;", "grammar phrases;"]
    for slot, fillings in slots.items():
        kept = [filling for filling in fillings if not lost & set(filling.split())]
        lines.append(f"{slot} = {' | '.join(kept)};")
    kept = [phrase for phrase in phrases if not lost & set(phrase.split())]
    lines.append(f"public <phrase> = {' | '.join(kept)};")
    return "\n".join(lines) + "\n"


def pronounceable(phrase: str, slots: Slots) -> Iterator[str]:
    """Yield every word that a phrase can have, those of its slots included."""
    for word in phrase.split():
        if word in slots:
            for filling in slots[word]:
                yield from filling.split()
        else:
            yield word


def pattern_of(phrase: str, slots: Slots) -> re.Pattern[str]:
    """Return what matches exactly the texts that a phrase generates."""
    pieces = []
    for word in phrase.split():
        if word in slots:
            # Longest first, so that "twenty one" is not read as "twenty".
            fillings = sorted(slots[word], key=len, reverse=True)
            pieces.append(f"(?:{'|'.join(map(re.escape, fillings))})")
        else:
            pieces.append(re.escape(word))
    return re.compile(" ".join(pieces))


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

    def __call__(self, words: str) -> str:
        """Return the readable form of a phrase's words."""
        if words in self._exact:
            return self._exact[words]
        text = sentence(words)
        for pattern, shown in self._patterns:
            if pattern.fullmatch(words):
                return text + ("?" if shown.endswith("?") else "")
        return text + ("?" if words.startswith(_QUESTIONS) else "")


def sentence(words: str) -> str:
    """Return words with a capital letter at their start and for "I"."""
    text = re.sub(r"\bi\b", "I", words)
    return text[:1].upper() + text[1:]
