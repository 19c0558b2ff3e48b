"""What the terminal shows at one moment: `View`. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from rtclient.talk.captions import Line
from rtclient.talk.levels import SILENCE_DB

METER_FLOOR_DB: Final = -60.0
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class View:
    """The foot of the screen: what is still changing."""

    status: str
    """What is going on, such as `listening`."""
    live: tuple[Line, ...] = ()
    """What is being said."""
    you_db: float | None = SILENCE_DB
    """Level of the microphone; None: there is none."""
    model_db: float | None = SILENCE_DB
    """Level of the loudspeaker; None: there is none."""
    is_muted: bool = False
    """Whether the microphone is not listened to at the moment."""
    facts: tuple[str, ...] = ()
    """Time, delay, tokens, cost."""
    hint: str = ""
    """What can be done."""
    draft: str = ""
    """What is being typed."""


def bar(db: float, width: int) -> str:
    """Return a level as a bar of `width` characters, -60 dB to 0 dB."""
    share = min(1.0, max(0.0, 1 - db / METER_FLOOR_DB))
    eighths = math.floor(share * width * 8 + 0.5)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width, "░")


def clock(seconds: float) -> str:
    """Return a length of time as people write it: 0:07, 1:02:33."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
