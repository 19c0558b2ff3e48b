"""Numbers as people say them, and arithmetic on them.

Rules of the file: pure; no `eval`; results that are too large are refused, not computed.
"""

import math
import re
from collections.abc import Iterator

from rtclient.engine.words import with_digits

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LIMIT = 1e15

_SAID = (
    (re.compile(r"\bmultiplied by\b|\btimes\b|[×·]|(?<=[\d)])\s*x\s*(?=[\d(-])"), " * "),
    (re.compile(r"\bdivided by\b|\bover\b|÷"), " / "),
    (re.compile(r"\bplus\b|\band\b"), " + "),
    (re.compile(r"\bminus\b|\bless\b|[−–]"), " - "),
    (re.compile(r"\bto the power of\b|\*\*"), " ^ "),
    (re.compile(r"\bsquared\b|²"), " ^ 2 "),
    (re.compile(r"\bcubed\b|³"), " ^ 3 "),
    (re.compile(r"\bmodulo\b|\bmod\b"), " % "),
    (re.compile(r"(?:\bpercent\b|%) of\b"), " pct "),
    (re.compile(r"\b(?:the )?square root of\b|√"), " sqrt "),
)
_EXPRESSION = re.compile(r"\d+(?:\.\d+)?|sqrt|pct|[-+*/^%()]")


class ArithmeticFault(ValueError):
    """A sum that has no answer; the text says why, in words to speak."""


def numbers_in(text: str) -> Iterator[float]:
    """Yield the numbers of `text`, in words or digits, in order."""
    for match in _NUMBER.finditer(with_digits(text)):
        yield number_of(match.group())


def number_of(digits: str) -> float:
    """Return the int or float that `digits` write."""
    return float(digits) if "." in digits else int(digits)


def sum_in(text: str) -> str | None:
    """Return the expression that `text` asks to compute, or None when it holds none.

    >>> sum_in("What is twenty one plus four?")
    '21 + 4'
    """
    rest = with_digits(text)
    for pattern, sign in _SAID:
        rest = pattern.sub(sign, rest)
    words = re.sub(
        r"\b(what|is|are|how|much|many|calculate|compute|please|tell|me|the|result|of|does|make|"
        r"equals?|s|sum|can|you|and|whats)\b|[?=,!.](?!\d)|'",
        " ",
        rest,
    )
    if re.sub(r"\s|" + _EXPRESSION.pattern, "", words):
        return None
    tokens = _EXPRESSION.findall(words)
    has_number = any(token[0].isdigit() for token in tokens)
    has_sign = any(token in "+*/^%" or token in ("-", "sqrt", "pct") for token in tokens)
    return " ".join(tokens) if has_number and has_sign else None


def compute(expression: str) -> float:
    """Return the value of an expression of `sum_in`. Raises `ArithmeticFault`."""
    tokens = expression.split()
    value, at = _terms(tokens, 0, 0)
    if at != len(tokens):
        raise ArithmeticFault("I cannot read that sum.")
    return value


_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "pct": 2, "^": 4}


def _terms(tokens: list[str], at: int, least: int) -> tuple[float, int]:
    """Read an expression whose signs bind at least as tightly as `least`."""
    if len(tokens) > 64:
        raise ArithmeticFault("That sum is too long for me.")
    value, at = _atom(tokens, at)
    while at < len(tokens) and _BINDING.get(tokens[at], 0) > least:
        sign = tokens[at]
        # "^" groups to the right, the others to the left.
        other, at = _terms(tokens, at + 1, _BINDING[sign] - (sign == "^"))
        value = _apply(sign, value, other)
    return value, at


def _atom(tokens: list[str], at: int) -> tuple[float, int]:
    if at >= len(tokens):
        raise ArithmeticFault("That sum ends too early.")
    token = tokens[at]
    if token == "-":
        value, at = _terms(tokens, at + 1, 3)
        return -value, at
    if token == "sqrt":
        value, at = _atom(tokens, at + 1)
        if value < 0:
            raise ArithmeticFault("A negative number has no real square root.")
        return math.sqrt(value), at
    if token == "(":
        value, at = _terms(tokens, at + 1, 0)
        if at >= len(tokens) or tokens[at] != ")":
            raise ArithmeticFault("A bracket is missing.")
        return value, at + 1
    if not token[0].isdigit() or len(token) > 16:
        raise ArithmeticFault("I cannot read that sum.")
    return number_of(token), at + 1


def _apply(sign: str, a: float, b: float) -> float:
    if sign in "/%" and b == 0:
        raise ArithmeticFault("One cannot divide by zero, not even offline.")
    if sign == "^" and (abs(b) > 64 or (a == 0 and b < 0) or (a < 0 and b != int(b))):
        raise ArithmeticFault("That power is too much for me.")
    value: float
    match sign:
        case "+":
            value = a + b
        case "-":
            value = a - b
        case "*":
            value = a * b
        case "/":
            value = a / b
        case "%":
            value = a % b
        case "pct":
            value = a * b / 100
        case _:
            value = a**b
    if abs(value) > _LIMIT:
        raise ArithmeticFault("That number is too large for me.")
    return value


def written(value: float) -> str:
    """Return a number as it is read out: at most four decimals, thousands apart."""
    rounded = round(value, 4)
    if rounded == int(rounded):
        return f"{int(rounded):,}"
    return f"{rounded:,}"


def spoken(expression: str) -> str:
    """Return an expression in words: "7 plus 5"."""
    said = {
        "+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of",
        "%": "modulo", "pct": "percent of", "sqrt": "the square root of",
    }  # fmt: skip
    if "(" in expression:
        return "that"  # brackets cannot be heard
    return " ".join(said.get(token, token) for token in expression.split())
