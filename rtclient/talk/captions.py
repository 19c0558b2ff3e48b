"""What both sides say, as lines for people to read. Pure.

A line is *settled* when it will not change any more. Settled lines come in the order of the
conversation and once each; what is still being said or written down is *live*.

What comes from outside is made safe to show: a terminal would obey its control characters.
"""

from dataclasses import dataclass
from typing import Final, Literal

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.items import Item
from rtclient.protocol.turns import heard_chars
from rtclient.talk.playback import Playback

PATIENCE_S: Final = 10.0
"""How long later lines wait for the words of an earlier turn."""

SPOKEN: Final = "(spoken)"
"""Stands for words that nobody writes down."""

HEARING: Final = "…"
"""Stands for words that are to come."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one side says in one turn."""

    speaker: Literal["you", "model"]
    said: str
    """The words so far; of the model: those that were heard."""
    coming: str = ""
    """What follows at once: words of the model that the loudspeaker has not reached."""
    is_interrupted: bool = False
    """The rest was cut off."""


class Captions:
    """The lines of a conversation."""

    def __init__(self, conversation: Conversation, playback: Playback) -> None:
        self._conversation = conversation
        self._playback = playback
        self._shown: set[str] = set()
        self._waiting_since: dict[str, float] = {}
        self.has_transcription = True
        """Whether the words of the person are to be expected."""

    def settled(self, now_s: float) -> list[Line]:
        """Return the lines that are settled by now and were not returned before.

        Args:
            now_s: Seconds that only grow.
        """
        lines = []
        for item in self._open():
            line = self._line(item)
            if line is not None and not self._is_settled(item):
                since = self._waiting_since.setdefault(item.id, now_s)
                if item.role != "user" or now_s - since < PATIENCE_S:
                    break
                line = Line("you", line.said or SPOKEN)
            elif line is None and item.type == "message" and item.status == "in_progress":
                break
            self._shown.add(item.id)
            if line is not None and (line.said or line.is_interrupted):
                lines.append(line)
        return lines

    def live(self) -> list[Line]:
        """Return the lines that may change, in order.

        What the person says right now is `HEARING` until words of it are known; the model has no
        line before its first word.
        """
        lines = []
        for item in self._open():
            line = self._line(item)
            if line is not None and line.speaker == "you" and not line.said:
                line = Line("you", HEARING)
            if line is not None and (line.said or line.coming):
                lines.append(line)
        return lines

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing that `settled` has yet to return."""
        return not self._open()

    def _open(self) -> list[Item]:
        return [item for item in self._conversation.items if item.id not in self._shown]

    def _is_settled(self, item: Item) -> bool:
        if item.role == "user":
            if item.text or not item.has_audio:
                return True
            pending = item.transcription is not None and item.transcription.state == "pending"
            if not self.has_transcription:
                return item.status != "pending"
            return not pending
        if item.status == "in_progress":
            return False
        return all(
            part.type != "audio" or part.heard_ms is not None or self._is_silent(item.id, index)
            for index, part in enumerate(item.parts)
        )

    def _is_silent(self, item_id: str, index: int) -> bool:
        """Whether no more of a part will sound: of a lost connection's answer some still does."""
        heard_ms, received_ms = self._playback.heard(item_id, index)
        return heard_ms >= received_ms or self._playback.is_flushed(item_id)

    def _line(self, item: Item) -> Line | None:
        if item.type != "message" or item.role not in ("user", "assistant"):
            return None
        if item.role == "user":
            words = item.text or item.transcript
            if not words and self._is_settled(item) and item.status != "pending":
                words = SPOKEN
            return Line("you", printable(words))
        said, coming = [], []
        for index, part in enumerate(item.parts):
            words = part.transcript or part.text
            if part.heard_ms is not None:
                said.append(part.heard)
            elif part.type == "audio":
                heard_ms, received_ms = self._playback.heard(item.id, index)
                at = heard_chars(words, heard_ms, max(received_ms, part.audio_ms))
                # The last words belong to the last sound; until then some may be missing.
                said.append(words[:at])
                if not (item.is_interrupted and self._is_silent(item.id, index)):
                    coming.append(words[at:])
            else:
                said.append(words)
        heard, rest = " ".join(filter(None, said)), " ".join(filter(None, coming))
        # In scripts without spaces the cut may be within a word.
        is_within = heard and rest and not (heard[-1].isspace() or rest[0].isspace())
        gap = "" if is_within or not heard or not rest else " "
        return Line("model", printable(heard), gap + printable(rest), item.is_interrupted)


def printable(text: str) -> str:
    """Return text without anything that a terminal would obey, and in one line."""
    visible = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(visible.split())
