"""Captions of what is said, and how much of the assistant's sound was heard. Pure.

The voice service sends sound several times faster than it sounds. This side sees only when it was
sent on; what was heard is estimated from that, as if the client played it at once and in order.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from rtclient.protocol.turns import RATE_HZ, SAMPLES_PER_MS, Playback, truncation

PARTIAL_CHARS: Final = 24
"""So many new characters make a partial caption even where no sentence ends."""
MAX_OPEN: Final = 64
"""How many items may be half told."""

_SENTENCE_END = re.compile(r"[.!?…。！？]\s*\Z")


class Captions:
    """What was said so far, by item.

    Each partial caption has all words so far, up to the end of a sentence or of a word, so that a
    program that prints every one of them stays readable; the last words come with the final one.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._shown: dict[str, int] = {}

    def add(self, item_id: str, delta: str) -> str | None:
        """Take more words; return a partial caption when one is due."""
        text = self._texts.get(item_id, "")
        partial = text if self._is_due(item_id, text, delta) else None
        if partial is not None:
            self._shown[item_id] = len(text)
        self._texts[item_id] = text + delta
        if len(self._texts) > MAX_OPEN:
            oldest, _ = self._texts.popitem(last=False)
            self._shown.pop(oldest, None)
        return partial

    def _is_due(self, item_id: str, text: str, delta: str) -> bool:
        new = len(text) - self._shown.get(item_id, 0)
        if not text.strip() or not new:
            return False
        is_between_words = text[-1].isspace() or delta[:1].isspace()
        return bool(_SENTENCE_END.search(text)) or (new >= PARTIAL_CHARS and is_between_words)

    def finish(self, item_id: str, text: str | None = None) -> str:
        """Return the final caption and forget the item. `text`: the whole, where it is known."""
        told = self._texts.pop(item_id, "")
        self._shown.pop(item_id, None)
        return told if text is None else text

    def is_open(self, item_id: str) -> bool:
        """Whether the item has no final caption yet."""
        return item_id in self._texts


@dataclass(slots=True)
class _Part:
    """One stretch of sound."""

    item_id: str
    content_index: int
    starts_at: float
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was playing when it was stopped."""

    item_id: str = ""
    """Empty: nothing was."""
    sent_ms: int = 0
    heard_ms: int = 0
    events: tuple[dict[str, Any], ...] = ()
    """The events that cut the conversation to what was heard."""


class Speaker:
    """What the client's loudspeaker has to play. Times: monotonic seconds."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._ends_at = 0.0

    def forget_played(self, now: float) -> None:
        """Another response begins: what was heard whole cannot be cut any more."""
        self._parts = [part for part in self._parts if _end(part) > now]

    def add(self, item_id: str, content_index: int, samples: int, now: float) -> None:
        """Sound was sent to the client."""
        starts_at = max(self._ends_at, now)
        last = self._parts[-1] if self._parts else None
        if last is None or (last.item_id, last.content_index) != (item_id, content_index):
            last = _Part(item_id, content_index, starts_at)
            self._parts.append(last)
        elif starts_at == now:
            # It ran dry: what follows sounds later than if there had been no gap.
            last.starts_at = now - last.samples / RATE_HZ
        last.samples += samples
        self._ends_at = starts_at + samples / RATE_HZ

    def is_playing(self, now: float) -> bool:
        """Whether there is still something to hear."""
        return self._ends_at > now

    def stop(self, now: float) -> Stopped:
        """Everything that was not heard is thrown away."""
        parts, self._parts, self._ends_at = self._parts, [], 0.0
        playing = [part for part in parts if _end(part) > now]
        if not playing:
            if not parts:
                return Stopped()
            sent_ms = parts[-1].samples // SAMPLES_PER_MS
            return Stopped(parts[-1].item_id, sent_ms, sent_ms)
        cuts = [(part, truncation(_playback(part, now))) for part in playing]
        first, cut = cuts[0]
        return Stopped(
            first.item_id,
            first.samples // SAMPLES_PER_MS,
            cut.heard_ms,
            tuple(cut.event for _, cut in cuts if cut.event is not None),
        )


def _end(part: _Part) -> float:
    return part.starts_at + part.samples / RATE_HZ


def _playback(part: _Part, now: float) -> Playback:
    played = max(0, min(part.samples, round((now - part.starts_at) * RATE_HZ)))
    return Playback(part.item_id, part.content_index, played, part.samples)
