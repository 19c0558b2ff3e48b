"""A recording's transcript as it comes, piece by piece, in order. Pure.

Pieces are sent ahead, so that the service always has work, but only some: a long file does not
pile up. Their transcriptions may end in any order; lines are given in that of the recording.

Source: Realtime API, transcription sessions; `input_audio_buffer.committed` names the item that a
commit made, and its transcription carries that item's id.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rtclient.commands.cutting import Piece
from rtclient.protocol.audio import ms_to_bytes, to_base64
from rtclient.service.causes import words_of_event

MOST_OPEN: Final = 4
"""How many pieces may wait for their transcription at once."""

_APPEND_BYTES: Final = ms_to_bytes(1000)
_PREFIX: Final = "conversation.item.input_audio_transcription."


@dataclass(frozen=True, slots=True)
class Words:
    """What is heard so far of the piece that comes next: more of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of the recording, transcribed."""

    start_ms: int
    end_ms: int
    text: str | None
    """None: its transcription failed."""
    said: tuple[str, ...] = ()
    """Codes of the service, when it failed."""


@dataclass(slots=True)
class _Open:
    piece: Piece
    item_id: str | None = None
    heard: list[str] = field(default_factory=list)
    line: Line | None = None


class Transcript:
    """What was sent, what came back, and what is still open."""

    def __init__(self) -> None:
        self._open: deque[_Open] = deque()

    @property
    def is_full(self) -> bool:
        """Whether to wait before the next piece is sent."""
        return len(self._open) >= MOST_OPEN

    @property
    def is_done(self) -> bool:
        """Whether nothing that was sent is still open."""
        return not self._open

    def send(self, piece: Piece) -> list[dict[str, Any]]:
        """Return the client events that send a piece."""
        self._open.append(_Open(piece))
        return [*_appends(piece), {"type": "input_audio_buffer.commit"}]

    def on_event(self, event: Mapping[str, Any]) -> list[Words | Line]:
        """Return what a server event (GA) adds to the transcript."""
        kind = str(event.get("type"))
        if kind == "input_audio_buffer.committed":
            self._committed(str(event.get("item_id")))
        elif kind == f"{_PREFIX}delta":
            return self._heard(event)
        elif kind == f"{_PREFIX}completed":
            return self._ended(event, str(event.get("transcript") or "").strip())
        elif kind == f"{_PREFIX}failed":
            return self._ended(event, None)
        elif kind == "error":
            # A commit that made no item: the service found nothing in it.
            waiting = next((each for each in self._open if each.item_id is None), None)
            if waiting is not None:
                waiting.line = _line(waiting.piece, None, event)
                return self._lines()
        return []

    def lost(self) -> list[dict[str, Any]]:
        """Return the client events that send again what a new connection does not know of."""
        found: list[dict[str, Any]] = []
        for each in self._open:
            if each.line is None:
                each.item_id, each.heard = None, []
                found += [*_appends(each.piece), {"type": "input_audio_buffer.commit"}]
        return found

    def _committed(self, item_id: str) -> None:
        for each in self._open:
            if each.item_id is None and each.line is None:
                each.item_id = item_id
                return

    def _heard(self, event: Mapping[str, Any]) -> list[Words | Line]:
        found, delta = self._of(event), str(event.get("delta") or "")
        if found is None or not delta:
            return []
        found.heard.append(delta)
        return [Words(delta)] if found is self._open[0] else []

    def _ended(self, event: Mapping[str, Any], text: str | None) -> list[Words | Line]:
        found = self._of(event)
        if found is None:
            return []
        found.line = _line(found.piece, text, event)
        return self._lines()

    def _lines(self) -> list[Words | Line]:
        found: list[Words | Line] = []
        while self._open and (line := self._open[0].line) is not None:
            found.append(line)
            self._open.popleft()
        if found and self._open and self._open[0].heard:
            found.append(Words("".join(self._open[0].heard)))
        return found

    def _of(self, event: Mapping[str, Any]) -> _Open | None:
        item_id = event.get("item_id")
        return next((each for each in self._open if each.item_id == item_id), None)


def _line(piece: Piece, text: str | None, event: Mapping[str, Any]) -> Line:
    said = () if text is not None else words_of_event(event)
    return Line(piece.start_ms, piece.end_ms, text, said)


def _appends(piece: Piece) -> list[dict[str, Any]]:
    return [
        {
            "type": "input_audio_buffer.append",
            "audio": to_base64(piece.pcm[begin : begin + _APPEND_BYTES]),
        }
        for begin in range(0, len(piece.pcm), _APPEND_BYTES)
    ]
