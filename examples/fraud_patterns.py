"""Score the transcript of a call for patterns of telephone fraud, while it runs.

Text in, an `Alert` out as soon as the score reaches the limit. Each rule counts once; what tells a
victim what to do counts most. A score is a reason to look, never a proof.
"""

import re
from dataclasses import dataclass

LIMIT = 60
_KEPT_CHARS = 2000

RULES = (
    ("claims to be an authority", 15, r"""
        (?:this\ is|from|behalf\ of)\ (?:\w+\ ){0,3}
        (?:bank|police|tax\ office|irs|fraud\ department|microsoft|customs|social\ security)"""),
    ("asks for a code or a password", 40, r"""
        (?:tell|read|give|send|confirm|need|what\ is|what's)\ (?:\w+\ ){0,5}
        (?:code|pin|password|passcode|cvv|tan)"""),
    ("wants a payment that nobody can take back", 40, r"""
        gift\ cards?|bitcoins?|crypto\w*|wire\ transfer|western\ union|safe\ account
        |(?:courier|colleague|officer)\ (?:will|to)\ (?:come\ and\ )?(?:collect|pick\ up)"""),
    ("wants to control the computer", 30, r"any\ ?desk|team\ ?viewer|remote\ access"),
    ("demands secrecy", 30, r"""
        (?:not|n't|never)\ (?:tell|talk\ to|inform|speak\ to|mention)\ (?:any|your|the|this|it)\w*
        |keep\ (?:this|it)\ (?:secret|between\ us|to\ yourself)|stay\ on\ the\ (?:line|phone)"""),
    ("threatens", 20, r"""
        arrest(?:ed)?|warrant|prosecut\w+|legal\ action|go\ to\ (?:jail|prison)
        |account\ (?:\w+\ ){0,3}(?:blocked|closed|suspended|frozen|compromised|hacked)"""),
    ("hurries", 10, r"""
        immediately|right\ now|at\ once|urgent(?:ly)?|within\ the\ (?:next\ )?hour|last\ chance"""),
    ("speaks as a relative in sudden need", 40, r"""
        (?:it's\ me|your\ (?:grand)?(?:son|daughter)|new\ number)\b.{0,80}\b
        (?:accident|hospital|bail|lost\ my\ phone|need\ (?:some\ )?money)"""),
)  # fmt: skip
_PATTERNS = [
    (reason, points, re.compile(rf"\b(?:{pattern})\b", re.I | re.X | re.S))
    for reason, points, pattern in RULES
]
# An honest bank says this: "we will never ask you for your PIN".
_WARNING = re.compile(
    r"\b(?:never|not|n't|nobody will) (?:ask|request|share|give|reveal|need)\b[^.!?]*", re.I
)


@dataclass(frozen=True)
class Alert:
    """What was found so far."""

    score: int
    reasons: tuple[str, ...]
    """The strongest first."""


class FraudWatch:
    """Listens to one call."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._text = ""
        self._found: dict[str, int] = {}

    def hear(self, text: str) -> Alert | None:
        """Take what was said next; return an alert when this made it one, or made it worse."""
        self._text = f"{self._text} {text}"[-_KEPT_CHARS:]
        said = _WARNING.sub("", self._text)
        new = {reason: points for reason, points, rule in _PATTERNS if rule.search(said)}
        is_worse = bool(new.keys() - self._found.keys())
        self._found |= new
        return self.alert() if is_worse and self.alert().score >= self._limit else None

    def alert(self) -> Alert:
        """Return the score so far, whatever it is."""
        reasons = sorted(self._found, key=lambda reason: -self._found[reason])
        return Alert(sum(self._found.values()), tuple(reasons))
