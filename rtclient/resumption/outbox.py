"""What a program sent and the server has not confirmed: it is sent again to a new session. Pure.

Rules of the file:
- what the server confirmed leaves the outbox, so that nothing is done twice: items by their id,
  other requests in their order, refused ones by the id of their event;
- sound stays until it is a turn. Then it is kept as the sound of that turn until there is a
  transcript, because a session that is restored needs one of both;
- everything is bounded, see the constants.

Source: Realtime API reference: which event answers which.
"""

import base64
import binascii
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtclient.errors import LocalProtocolError
from rtclient.protocol.answering import ANSWERS, begins, is_refused, item_id_of
from rtclient.protocol.codec import encode

Event = dict[str, Any]

MAX_SPEECH_S: Final = 15.0
"""Of sound that is no turn yet, while the server finds the turns."""
MAX_CHARS: Final = 16 * 1024 * 1024
"""Of all events together, and of sound while the program makes the turns."""
MAX_EVENTS: Final = 1000
"""Events other than sound."""
MAX_SOUNDS_CHARS: Final = 8 * 1024 * 1024
"""Base64 of turns without a transcript; the oldest are let go."""

_APPEND = "input_audio_buffer.append"
_COMMIT = "input_audio_buffer.commit"
_CLEAR = "input_audio_buffer.clear"


@dataclass(slots=True, eq=False)
class _Sent:
    event: Event
    chars: int
    start_ms: float = 0.0
    """Of sound: where it begins in the session's sound."""
    end_ms: float = 0.0

    @property
    def kind(self) -> str:
        return str(self.event["type"])


class Outbox:
    """The events of the program that a new session would need again."""

    def __init__(self) -> None:
        self.sounds: dict[str, str] = {}
        """Item id → base64 of what was said, for turns without a transcript."""
        self._sent: list[_Sent] = []
        """Requests, and the sound of those that ask for a turn, in order."""
        self._speech: deque[_Sent] = deque()
        """The sound after them, which nobody has asked to be a turn."""
        self._speech_chars = 0
        self._appended_ms = 0.0
        self._dropped_ms = 0.0
        self._cut_ms = 0.0
        """Of what is being said, how much was let go at its begin."""
        self._starts_ms: dict[str, float] = {}
        self._ends_ms: dict[str, float] = {}

    @property
    def has_requests(self) -> bool:
        """Whether an event besides sound waits for its answer."""
        return bool(self._sent)

    @property
    def has_sound(self) -> bool:
        """Whether there is sound that nobody has asked to be a turn."""
        return bool(self._speech)

    @property
    def dropped_s(self) -> float:
        """Seconds of sound that a new session would miss, because there was no room for it."""
        return (self._dropped_ms + self._cut_ms) / 1000

    def waiting(self, kind: str) -> list[Event]:
        """Return the events of this type that wait for their answer."""
        return [one.event for one in self._sent if one.kind == kind]

    def add(self, event: Event, *, bytes_per_s: int, finds_turns: bool, is_held: bool) -> None:
        """Take in an event that the program sends.

        Args:
            event: A GA client event; anything that the server answers needs an `event_id`.
            bytes_per_s: Of sound in the session's input format.
            finds_turns: Whether the server finds the turns (turn detection is on).
            is_held: Whether there is no connection that it goes out to now.

        Raises:
            LocalProtocolError: `send_buffer_full`: there is no connection and no more room.
        """
        kind = event["type"]
        if kind == _APPEND:
            self._append(event, bytes_per_s, finds_turns, is_held)
        elif kind in ANSWERS or is_held:
            new = _Sent(event, len(encode(event)))
            self._make_room(new, is_held)
            if kind == _COMMIT:
                self._sent += self._speech
            if kind in (_COMMIT, _CLEAR):
                self._speech.clear()
                self._speech_chars = 0
                self._cut_ms = 0.0
            self._sent.append(new)

    def see(self, event: Mapping[str, Any]) -> None:
        """Look at a server event: what it confirms or refuses goes."""
        kind = event["type"]
        item_id = str(event.get("item_id"))
        if kind == "error":
            self._refused(event.get("error"))
        elif kind == "input_audio_buffer.speech_started":
            self._starts_ms[item_id] = _number(event.get("audio_start_ms"))
        elif kind == "input_audio_buffer.speech_stopped":
            self._ends_ms[item_id] = _number(event.get("audio_end_ms"))
        elif kind == "input_audio_buffer.timeout_triggered":
            self._starts_ms[item_id] = _number(event.get("audio_start_ms"))
            self._ends_ms[item_id] = _number(event.get("audio_end_ms"))
        elif kind == "input_audio_buffer.committed":
            self._committed(item_id)
        elif kind == "conversation.item.input_audio_transcription.completed":
            self.sounds.pop(item_id, None)
        elif kind == "conversation.item.deleted":
            self.sounds.pop(item_id, None)
            self._confirm(kind, item_id)
        elif kind == "input_audio_buffer.cleared":
            self._starts_ms.clear()
            self._confirm(kind, item_id)
        elif kind == "response.created":
            self._response_began(event.get("response"))
        elif kind in _CONFIRMING:
            name = "conversation.item.added" if kind == "conversation.item.done" else kind
            self._confirm(name, item_id_of(event))

    def restart(self, *, tail_s: float | None = None) -> list[Event]:
        """Return what a new session is sent; the count of its sound begins again.

        Args:
            tail_s: Of sound that nobody asked to be a turn, only these last seconds; None is all.
        """
        if tail_s is not None:
            from_ms = self._appended_ms - tail_s * 1000
            while self._speech and self._speech[0].end_ms <= from_ms:
                self._drop_oldest()
        self._appended_ms = self._dropped_ms = self._cut_ms = 0.0
        self._starts_ms.clear()
        self._ends_ms.clear()
        everything = [*self._sent, *self._speech]
        for one in everything:
            length_ms = one.end_ms - one.start_ms
            one.start_ms, one.end_ms = self._appended_ms, self._appended_ms + length_ms
            self._appended_ms = one.end_ms
        self._sent = [one for one in self._sent if one.kind == _APPEND or one.kind in ANSWERS]
        return [one.event for one in everything]

    # Sound --------------------------------------------------------------------------------

    def _append(self, event: Event, bytes_per_s: int, finds_turns: bool, is_held: bool) -> None:
        audio = event.get("audio")
        chars = len(audio) if isinstance(audio, str) else 0
        start_ms = self._appended_ms
        self._appended_ms += chars * 0.75 * 1000 / bytes_per_s
        self._speech.append(_Sent(event, chars, start_ms, self._appended_ms))
        self._speech_chars += chars
        max_ms = MAX_SPEECH_S * 1000 if finds_turns else math.inf
        while (
            self._appended_ms - self._speech[0].start_ms > max_ms or self._speech_chars > MAX_CHARS
        ) and len(self._speech) > 1:
            oldest = self._drop_oldest()
            length_ms = oldest.end_ms - oldest.start_ms
            if is_held:
                self._dropped_ms += length_ms
            elif not finds_turns or oldest.end_ms > min(self._starts_ms.values(), default=math.inf):
                self._cut_ms += length_ms

    def _drop_oldest(self) -> _Sent:
        oldest = self._speech.popleft()
        self._speech_chars -= oldest.chars
        return oldest

    def _committed(self, item_id: str) -> None:
        self._cut_ms = 0.0
        end_ms = self._ends_ms.pop(item_id, None)
        start_ms = self._starts_ms.pop(item_id, 0.0)
        commit = next((i for i, one in enumerate(self._sent) if one.kind == _COMMIT), None)
        if end_ms is not None or commit is None:
            # A server that does not say where the turn ends has all of it.
            end_ms = math.inf if end_ms is None else end_ms
            turn = [one for one in self._sent if one.kind == _APPEND and one.start_ms < end_ms]
            self._sent = [one for one in self._sent if one not in turn]
            while self._speech and self._speech[0].start_ms < end_ms:
                turn.append(self._drop_oldest())
            turn = [one for one in turn if one.end_ms > start_ms]
        else:
            turn = [one for one in self._sent[:commit] if one.kind == _APPEND]
            before = [one for one in self._sent[:commit] if one.kind != _APPEND]
            self._sent[: commit + 1] = before
        self.sounds[item_id] = _joined(one.event.get("audio") for one in turn)
        while sum(map(len, self.sounds.values())) > MAX_SOUNDS_CHARS:
            del self.sounds[next(iter(self.sounds))]

    # Requests -----------------------------------------------------------------------------

    def _make_room(self, new: _Sent, is_held: bool) -> None:
        others = [one for one in self._sent if one.kind != _APPEND]
        chars = sum(one.chars for one in others) + new.chars
        if is_held and new.kind == _COMMIT:  # the sound of the turns before it waits, too
            chars += sum(one.chars for one in self._sent if one.kind == _APPEND)
        if chars <= MAX_CHARS and len(others) < MAX_EVENTS:
            return
        if is_held:
            raise LocalProtocolError(
                "There is no connection, and what waits for one has no more room: wait for the"
                " state CONNECTED before you send more.",
                code="send_buffer_full",
                event_type=new.kind,
            )
        if others:  # a server that never answers must not cost memory for ever
            self._remove(others[0])

    def _confirm(self, kind: str, item_id: object) -> None:
        for one in self._sent:
            if ANSWERS.get(one.kind) == kind and item_id_of(one.event) in (None, item_id):
                self._sent.remove(one)
                return

    def _response_began(self, response: object) -> None:
        for one in self._sent:
            if one.kind == "response.create" and begins(one.event, response):
                self._sent.remove(one)
                return

    def _refused(self, error: object) -> None:
        requests = [one for one in self._sent if one.kind != _APPEND]
        for place, one in enumerate(requests):
            if is_refused(one.event, error, is_oldest=place == 0):
                self._remove(one)

    def _remove(self, request: _Sent) -> None:
        place = self._sent.index(request)
        del self._sent[place]
        if request.kind != _COMMIT:
            return
        # The sound that did not become a turn is still the server's.
        previous = (i for i in range(place - 1, -1, -1) if self._sent[i].kind == _COMMIT)
        begin = next(previous, -1) + 1
        speech = [one for one in self._sent[begin:place] if one.kind == _APPEND]
        self._sent[begin:place] = [one for one in self._sent[begin:place] if one.kind != _APPEND]
        self._speech.extendleft(reversed(speech))
        self._speech_chars += sum(one.chars for one in speech)


_CONFIRMING: Final = frozenset({*ANSWERS.values(), "conversation.item.done"})


def _joined(pieces: Any) -> str:
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except (binascii.Error, TypeError, ValueError):
        return ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
