"""Take card numbers, IBANs, phone numbers, e-mail addresses and names out of a transcript.

`Redactor` takes it in pieces and keeps back what may be the beginning of something secret.
"""

import re

_WORDS = "zero one two three four five six seven eight nine".split()
DIGITS = {"oh": "0", **{word: str(digit) for digit, word in enumerate(_WORDS)}}
_DIGIT = rf"(?:\d|\b(?:{'|'.join(DIGITS)})\b)"
_NUMBER = re.compile(rf"(?:\+ ?)?\(?{_DIGIT}(?:(?:, |[ ()/.-]{{0,3}}){_DIGIT}){{6,}}", re.I)
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}\b", re.I)
_SPOKEN = r"\b\w+(?: (?:dot|dash) \w+)* at \w+(?: dot \w+)+"
_EMAIL = re.compile(rf"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|{_SPOKEN}", re.I)
_NO_NAME = "a an the and or but is on in at not for it that this calling here speaking from with"
_ANY = rf"(?!(?:{_NO_NAME.replace(' ', '|')})\b)[^\W\d_][\w'’-]*"
_PROPER = r"[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}"
_NAME = re.compile(
    rf"\b((?i:my name is|my name's|call me|mister|mrs?\.?|ms\.?) )(?:{_PROPER}|{_ANY}(?: {_ANY})?)"
    rf"|\b((?i:i am|i'm|this is|doctor|dr\.?) ){_PROPER}"
)
# A word that may go on as one of these in the next piece.
_PART = re.compile(rf"\S*[\d@]\S*|[A-Z]{{2,4}}|(?:{'|'.join(DIGITS)}|dot|at)\W*", re.I)


def is_card(digits: str) -> bool:
    """Whether the digits can be a payment card's: their number, the first one, Luhn's sum."""
    each = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    luhn = sum(number - 9 * (number > 9) for number in each) % 10
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and not luhn


def is_iban(text: str) -> bool:
    """Whether the text has the check digits of an IBAN: a remainder of 1 modulo 97."""
    marks = text.replace(" ", "")
    return int("".join(str(int(mark, 36)) for mark in marks[4:] + marks[:4])) % 97 == 1


def redact(text: str) -> str:
    """Return the text with `[card]`, `[iban]`, `[phone]`, `[e-mail]` and `[name]` in it."""

    def iban(found: re.Match[str]) -> str:
        ends = [place.end() for place in re.finditer(r"\w+\b", found[0])]
        end = next((end for end in reversed(ends) if end > 14 and is_iban(found[0][:end])), 0)
        return "[iban]" * bool(end) + found[0][end:]  # words may follow it

    def number(found: re.Match[str]) -> str:
        if _DATE.fullmatch(found[0]):
            return found[0]
        marks = [mark[0] for mark in re.finditer(_DIGIT, found[0].lower())]
        digits = "".join(DIGITS.get(mark, mark) for mark in marks)
        return "[card]" if is_card(digits) else "[phone]" if len(digits) <= 15 else "[number]"

    text = _NUMBER.sub(number, _IBAN.sub(iban, _EMAIL.sub("[e-mail]", text)))
    return _NAME.sub(lambda found: f"{found[1] or found[2]}[name]", text)


class Redactor:
    """Redacts a text that arrives in pieces."""

    _kept = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what can be shown by now, redacted."""
        self._kept += piece
        words = list(re.finditer(r"\S+", self._kept))
        first = max(0, len(words) - 7)  # "my name is", three names, and half a word
        while first and _PART.fullmatch(words[first - 1][0]):
            first -= 1
        begin = words[first].start() if words else 0
        patterns = (_EMAIL, _IBAN, _NUMBER, _NAME)
        spans = [found.span() for pattern in patterns for found in pattern.finditer(self._kept)]
        begin = min([begin, *(start for start, end in spans if start < begin < end)])
        shown, self._kept = self._kept[:begin], self._kept[begin:]
        return redact(shown)

    def end(self) -> str:
        """Return the rest: nothing follows."""
        return redact(self._kept)
