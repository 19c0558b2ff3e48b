"""Words of the phrases' slots: numbers as they are said, letters, and words that can be spelled.

Rules of the file: pure; it knows how numbers are said and how they are written.
"""

import re
import string

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"

UNITS: tuple[str, ...] = tuple(_UNITS.split())
TENS: tuple[str, ...] = tuple(_TENS.split())

NUMBER_WORDS: tuple[str, ...] = (
    *UNITS,
    *TENS,
    *(f"{ten} {unit}" for ten in TENS for unit in UNITS[1:10]),
    "one hundred",
    "a hundred",
)
"""Every number that a spoken phrase may hold: 0 to 100."""

_SPELLABLE = (
    "apple banana orange elephant giraffe penguin butterfly dinosaur rabbit tiger monkey "
    "computer keyboard telephone rainbow mountain island ocean river garden flower chocolate "
    "umbrella guitar piano orchestra library hospital university airplane bicycle rocket planet "
    "universe rhythm necessary beautiful wonderful knowledge wednesday february mississippi "
    "restaurant dictionary psychology"
)
SPELLABLE: tuple[str, ...] = tuple(_SPELLABLE.split())
"""Words that the phrase "spell …" understands when it is spoken; typed, any word is spelled."""

DIGITS: tuple[str, ...] = (*UNITS[:10], "oh")
LETTERS: tuple[str, ...] = tuple(f"{letter}." for letter in string.ascii_lowercase)
"""The letters as the pronouncing dictionary names them: "a." is not the word "a"."""

NUMBER_SLOTS: dict[str, tuple[str, ...]] = {
    "<digit>": DIGITS,
    "<digits>": ("<digit> <digit> <digit>+",),
    "<letter>": LETTERS,
    "<letters>": ("<letter> <letter>+",),
    "<unit>": UNITS[1:10],
    "<ten>": TENS,
    "<below>": ("<unit>", *UNITS[10:], "<ten> <unit>?"),
    "<large>": (
        "<unit> hundred and? <below>?",
        "<below> thousand <unit>? hundred? and? <below>?",
    ),
}
"""Spelled letters, digits in a row (three and more), and numbers from 100 to 99 999."""

CONFUSABLE: dict[str, str] = {
    "thirteen": "thirty", "fourteen": "forty", "fifteen": "fifty", "sixteen": "sixty",
    "seventeen": "seventy", "eighteen": "eighty", "nineteen": "ninety",
}  # fmt: skip
"""Numbers that sound alike, in noise above all."""
CONFUSABLE |= {tens: teen for teen, tens in CONFUSABLE.items()}

_SMALL = {word: value for value, word in enumerate(UNITS)} | {
    word: 10 * value for value, word in enumerate(TENS, 2)
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_TOKEN = re.compile(r"[a-z]+|\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\S")


def with_digits(text: str) -> str:
    """Return `text` in lower case with every number in words written in digits.

    >>> with_digits("Twenty one plus a hundred and five")
    '21 plus 105'
    """
    tokens = [match.group() for match in _TOKEN.finditer(text.lower())]
    out: list[str] = []
    at = 0
    while at < len(tokens):
        value, used = _number(tokens, at)
        out.append(str(value) if used else tokens[at].replace(",", "") or ",")
        at += used or 1
    return re.sub(r"\s+([,.?!:;'])", r"\1", " ".join(out)).replace(" ' ", "'")


def _number(tokens: list[str], at: int) -> tuple[int, int]:
    """Read a number in words; return (value, how many tokens): (0, 0) when there is none."""
    total, group, used, seen_unit = 0, 0, 0, False
    while at + used < len(tokens):
        token = tokens[at + used]
        following = tokens[at + used + 1] if at + used + 1 < len(tokens) else ""
        if token in _SMALL and not (seen_unit and not _fits(group, _SMALL[token])):
            group += _SMALL[token]
            seen_unit = True
        elif token in _LARGE and used:
            group = max(group, 1) * _LARGE[token]
            if _LARGE[token] > 100:
                total, group, seen_unit = total + group, 0, False
        elif token == "a" and not used and following in _LARGE:
            group = 1
        elif not (token in ("and", "-") and used and _continues(tokens, at + used, total + group)):
            break
        used += 1
    return total + group, used


def _fits(group: int, value: int) -> bool:
    """Whether a small number continues the group: "twenty" + "one", "hundred" + "five"."""
    tail = group % 100
    return (value < 10 and tail >= 20 and tail % 10 == 0) or (tail == 0 and group >= 100)


def _continues(tokens: list[str], at: int, value: int) -> bool:
    """Whether "and" or "-" joins a number: "hundred and five", "twenty-one"."""
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following not in _SMALL:
        return False
    if tokens[at] == "-":
        return value % 100 >= 20 and value % 10 == 0 and _SMALL[following] < 10
    return tokens[at - 1] in _LARGE


def with_figures(words: str) -> str:
    """Return words with numbers in figures, thousands apart.

    >>> with_figures("i want twenty three thousand")
    'i want 23,000'
    """
    return re.sub(r"\d{4,}", lambda found: f"{int(found[0]):,}", with_digits(words))


def digit_of(word: str) -> str:
    """Return the figure of a digit's word; zero may be called "oh"."""
    return "0" if word == "oh" else str(UNITS.index(word))
