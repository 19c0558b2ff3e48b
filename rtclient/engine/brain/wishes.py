"""What words ask for: a table of patterns from plain text to wishes.

Typed text is understood more broadly than speech: a pattern looks for the heart of a wish
anywhere in the sentence. Spoken phrases are among what the patterns match (a test checks it).

Rules of the file: pure; the first row that matches wins, so narrow ones stand before broad ones.
"""

import re
from dataclasses import dataclass
from typing import Final

from rtclient.engine.brain.numbers import numbers_in, sum_in
from rtclient.engine.words import with_digits


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants, and what about."""

    name: str
    about: str = ""


_CONTRACTIONS: Final = (
    (re.compile(r"[’‘`]"), "'"),
    (re.compile(r"(?<=\d),(?=\d{3})"), ""),
    (re.compile(r"\b(what|where|who|how|that|it|there|here)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"\byou're\b"), "you are"),
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(whats)\b"), "what is"),
)

_POLITE: Final = re.compile(
    r"\b(please|could you|can you|would you|will you) (?=tell|say|count|spell|speak|sing|flip|roll|"
    r"pick|give|change|repeat|stop|help|turn|calculate)"
)

_TABLE: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^(please )?(stop|quiet|silence|shut up|be quiet|enough|pause|cancel)( now| please)?$",
         "stop"),
        (r"\bstop (talking|speaking|it)\b|\bbe quiet\b", "stop"),
        (r"^(yes|yeah|yep|sure|ok(ay)?|right|correct|exactly|yes please|please do|do it|"
         r"(yes )?that is (right|correct))$", "yes"),
        (r"^(no|nope|nah|no thank you|no thanks|never mind|wrong|"
         r"(no )?that is (wrong|not right))$", "no"),
        (r"\b(off|stop|end|leave|exit|disable)\b.*\becho\b|\becho( mode)? off\b", "echo off"),
        (r"\b(off|stop|end|leave|exit|disable)\b.*\breplay\b|\breplay( mode)? off\b",
         "replay off"),
        (r"\becho( mode)?\b", "echo"),
        (r"\b(instant )?replay\b|\bplay back\b|\bplay me back\b", "replay"),
        (r"\bcount (down|backwards)\b(?P<about>.*)", "count down"),
        (r"\bcount\b(?P<about>.*)", "count"),
        (r"\bspell( the word| out)?\b:? (?P<about>.+)|^how do (you|i) spell (?P<about2>.+)",
         "spell"),
        (r"(?P<about>\b(change|switch|use|try|another|different|other)\b.*\bvoice\b.*)|"
         r"\bvoice (?P<about2>\w+)$", "voice"),
        (r"\b(speak|talk|say it|be|go)?\b ?(much |a bit |a little )?(louder|volume up)\b|"
         r"\bspeak up\b|\bturn (it|the volume) up\b", "louder"),
        (r"\b(quieter|softer|more (quietly|softly)|quietly|softly|volume down)\b|"
         r"\bturn (it|the volume) down\b|\b(speak|talk|be) .*less loud", "quieter"),
        (r"\b(slower|more slowly|slowly|slow down|less fast|too fast)\b", "slower"),
        (r"\b(speak|talk|go|say it)\b.*\b(faster|quicker|more quickly)\b|^(faster|quicker)$|"
         r"\bspeed up\b|\btoo slow\b", "faster"),
        (r"\bspeak normal|\bnormal(ly)?( again| speed| voice| volume)?$|\breset (the )?voice\b",
         "normal"),
        (r"\bwhat did i (just )?say\b|\bwhat have i said\b", "my words"),
        (r"\b(say|repeat)( (that|it|yourself|this|please))?( once more| again)\b|"
         r"^(please )?repeat( (that|it))?( please)?$|^(again|pardon|come again|what)$|"
         r"\bwhat did you say\b|\bsay that again\b", "again"),
        (r"\b(capabilities|what (can|could) (you|i) (do|say|ask)|what do you "
         r"(do|know|understand)|how (do|can) i use)\b|^help|\bhelp me\b$|\bhelp( me)? please$",
         "help"),
        (r"\bthe answer\b|\b(solution|solve it|i give up|give up)\b", "answer"),
        (r"\briddle|\bpuzzle", "riddle"),
        (r"\bjoke|\bfunny\b|\bmake me laugh\b|\bpun\b", "joke"),
        (r"\btongue ?twister", "twister"),
        (r"\bstory\b|\btale\b", "story"),
        (r"\bfacts?\b|\btrivia\b|\bsomething interesting\b", "fact"),
        (r"\bsing\b|\bsong\b", "song"),
        (r"\b(flip|toss|throw)\b.*\bcoin\b|\bheads or tails\b|^coin$", "coin"),
        (r"\b(roll|throw|toss|cast)\b.*\b(die|dice|(?P<about>d\d+))\b|^(die|dice)$", "die"),
        (r"\brandom number\b(?P<about>.*)|\b(pick|choose|think of)( me)? a number\b(?P<about2>.*)",
         "number"),
        (r"\bhow (many days|long)( is it)? (until|till|to|before) (?P<about>.+)", "days until"),
        (r"\bwhat (time|hour)\b|\bthe (exact |current )?time\b|^time$", "time"),
        (r"\bwhat year\b|\bwhich year\b|\bcurrent year\b", "year"),
        (r"\bwhat month\b|\bwhich month\b", "month"),
        (r"\b(what|which) (day|weekday)\b|\bday of the week\b", "day"),
        (r"\b(the|current|todays?|what) date\b|^date$|\bwhat is today\b|\btoday's date\b", "date"),
        (r"\byour name\b|\bwho are you\b|\bwhat are you\b|\bintroduce yourself\b|"
         r"\b(tell me )?about yourself\b", "who"),
        (r"\bare you (a |an )?(real|human|alive|person|robot|machine|computer|bot|ai)\b", "real"),
        (r"\b(my name is spelled|it is spelled|i spell it) (?P<about>[a-z](?:[ -][a-z])*)$",
         "spelled"),
        (r"^the (first|second) one$", "which"),
        (r"\bmy name is (?P<about>[\w' -]+)|\bcall me (?P<about2>[\w' -]+)", "my name"),
        (r"\bwhat is my name\b|\bwho am i\b", "whose name"),
        (r"\bhow are you|\bhow do you do\b|\bhow is it going\b|\bare you (ok|okay|well|fine)\b",
         "how"),
        (r"\bthank(s| you)|\bcheers\b|\bmuch appreciated\b", "thanks"),
        (r"\b(goodbye|good bye|bye|see you|farewell|so long)\b|\bgood night\b", "bye"),
        (r"\bgood (morning|afternoon|evening|day)\b", "greet by time"),
        (r"^(hi|hello|hey|hiya|howdy|greetings|hallo)\b|^is (any|some)(body|one) there", "hello"),
        (r"^(please )?(say|repeat after me|repeat)\b:? (?P<about>.+)", "say"),
    )
)  # fmt: skip

_NUMBER: Final = re.compile(
    r"(?:(?:the number|my number|my phone number|it) is |i want )?(?P<digits>\d[\d ]*)"
)


def plain(text: str) -> str:
    """Return text in lower case without punctuation and contractions, signs of sums kept."""
    text = text.lower()
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    text = re.sub(r"[^\w\s'+*/^%().-]|(?<=\w)[.](?=\s|$)|[.]+$", " ", text)
    text = _POLITE.sub("", text)
    return re.sub(r"\s+", " ", text).strip()


def wish_in(text: str) -> Wish | None:
    """Return what `text` asks for, or None when it is nothing of the table."""
    words = plain(text)
    if not words:
        return None
    if expression := sum_in(words):
        return Wish("sum", expression)
    for pattern, name in _TABLE:
        if match := pattern.search(words):
            groups = match.groupdict()
            about = groups.get("about") or groups.get("about2") or ""
            return Wish(name, about.strip(" .'"))
    if match := _NUMBER.fullmatch(with_digits(words)):
        return Wish("a number", match["digits"].replace(" ", ""))
    return None


def first_number(about: str, default: int) -> int:
    """Return the first number of `about` as an int, or `default`."""
    return int(next(iter(numbers_in(about)), default))
