"""Whose turn it is to answer: responses under way and the `response.create` that wait. Pure.

Rules of the file:
- one response at a time writes to the conversation; out-of-band ones (`conversation: "none"`) pass;
- a bare create says "answer now"; several that wait are one, and one is left out when what it asks
  for is being answered already (`is_redundant`);
- a create with options of its own is never left out;
- whatever is waited for, the wait has an end.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.relay.input_audio import InputAudio
from server.relay.session_view import SessionView, ticks_per_byte

MAX_WAITING = 16
MAX_WAITING_CHARS = 1024 * 1024
MAX_TRIES = 20
"""An upstream that refuses as often has another reason than a response that is under way."""
ANSWER_S = 10.0
"""How long `response.created` or an error may take; also the upstream's own answer to a turn."""
TOOLS_S = 5.0
"""How long a bare create waits for the outputs of function calls."""
SPEECH_S = 5.0
"""How long a create for more than what is being said waits for somebody to stop speaking."""
BUSY_S = 60.0
"""How long a create waits for the response before it."""
RETRY_S = 0.5
"""The pause before another try when no response is known that could be waited for."""
_MAX_CALLS = 128
_MAX_OPEN = 64


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A response that has begun and is not over."""

    writes: bool
    """It writes to the conversation."""
    output_ticks: int
    """Ticks in a byte of its audio."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One `response.create` of the client."""

    text: str
    is_bare: bool
    """It has no options that differ from the session's."""
    since: float
    has_news: bool
    """The client added something to the conversation that it is to answer."""
    after_commit: bool = False
    """It follows a commit that is or was not passed on."""
    not_before: float = 0.0
    tries: int = 0
    is_cancelled: bool = False


class Responses:
    """Responses of one session, and those that are asked for."""

    def __init__(self, view: SessionView, audio: InputAudio) -> None:
        self._view = view
        self._audio = audio
        self._open: dict[str, UnderWay] = {}
        self._waiting: deque[Waiting] = deque()
        self._pending: Waiting | None = None
        """Sent, and neither begun nor refused as far as is known."""
        self._pending_until = 0.0
        self._answer_until: float | None = None
        """The upstream is about to answer a turn by itself; at most until then."""
        self._out_of_band = 0
        self._calls: dict[str, str] = {}
        """Function calls without an output: call id → item id."""
        self._idle_since = 0.0
        self._has_news = False
        """The client added something since the last create."""
        self._is_covered = False
        """What is newest in the conversation has an answer that no create of its own asked for."""

    # What is known.

    @property
    def are_waiting(self) -> bool:
        """Whether a create waits for its moment."""
        return bool(self._waiting)

    def under_way(self, response_id: object) -> UnderWay | None:
        """Return what is known of a response; None: nothing, or it is over."""
        return self._open.get(response_id) if isinstance(response_id, str) else None

    def is_redundant(self, waiting: Waiting, now: float) -> bool:
        """Whether what is asked for is being answered, or was, without this."""
        if not waiting.is_bare or waiting.has_news or self._has_news:
            return False
        if self._is_covered and self.is_busy(now):
            return True
        is_turn_left_to_upstream = waiting.after_commit and self._view.answers_turns
        is_quiet = not self._audio.is_speaking and not self._audio.has_turn_ended
        is_listening = is_quiet and now < self._audio.pauses_at
        return is_turn_left_to_upstream and (self._is_covered or is_listening)

    def is_busy(self, now: float) -> bool:
        """Whether a response of the conversation is under way, or may be."""
        if self._pending is not None and now >= self._pending_until:
            self._pending = None
        if self._answer_until is not None and now >= self._answer_until:
            self._answer_until = None
        is_asked = self._pending is not None or self._answer_until is not None
        return is_asked or self._has_active

    @property
    def _has_active(self) -> bool:
        return any(one.writes for one in self._open.values())

    # What the client does.

    def new(self, event: Mapping[str, Any], text: str, now: float) -> Waiting:
        """Return what a `response.create` of the client asks for."""
        options = event.get("response")
        fields = options.items() if isinstance(options, Mapping) else ()
        is_bare = all(
            value is None
            or (key, value) == ("conversation", "auto")
            or self._view.says_already(key, value)
            for key, value in fields
        )
        return Waiting(text, is_bare and isinstance(options, Mapping | None), now, self._has_news)

    def has_room(self, waiting: Waiting) -> bool:
        """Whether one more may wait."""
        chars = sum(len(one.text) for one in self._waiting)
        is_full = len(self._waiting) >= MAX_WAITING or (
            chars > 0 and chars + len(waiting.text) > MAX_WAITING_CHARS
        )
        return self._joins(waiting) or not is_full

    def add(self, waiting: Waiting) -> bool:
        """Let it wait; return whether it became one with another that waits."""
        self._has_news = False
        if self._joins(waiting):
            last = self._waiting[-1]
            last.has_news |= waiting.has_news
            last.after_commit &= waiting.after_commit
            return True
        self._waiting.append(waiting)
        return False

    def _joins(self, waiting: Waiting) -> bool:
        return waiting.is_bare and bool(self._waiting) and self._waiting[-1].is_bare

    def on_item(self, item: Mapping[str, Any]) -> None:
        """The client added an item to the conversation."""
        self._has_news = True
        self._is_covered = False
        if item.get("type") == "function_call_output":
            self._calls.pop(str(item.get("call_id")), None)
        elif item.get("role") == "user":
            self._calls.clear()

    def on_out_of_band(self) -> None:
        """A create for no conversation was sent."""
        self._out_of_band += 1

    def on_committed(self) -> None:
        """The client's own commit was sent: what waits is about what it holds."""
        self._is_covered = False
        for waiting in self._waiting:
            waiting.after_commit = False

    def drop_all(self) -> int:
        """Forget what waits, because the client wants quiet; return how many there were."""
        if self._pending is not None:
            self._pending.is_cancelled = True
        count = len(self._waiting)
        self._waiting.clear()
        return count

    # What the upstream does.

    def on_speech_started(self) -> None:
        """Somebody speaks: a turn begins that is newer than anything that waits."""
        self._calls.clear()
        self._is_covered = False
        if self._view.answers_turns:
            self._has_news = False
            for waiting in self._waiting:
                waiting.has_news = False

    def on_turn_ended(self, now: float, *, is_answered: bool) -> None:
        """The upstream ended a turn by itself."""
        if is_answered:
            self._answer_until = now + ANSWER_S

    def on_created(self, response: Mapping[str, Any]) -> None:
        """A response began."""
        is_out_of_band = self._out_of_band > 0 and response.get("conversation_id") is None
        if len(self._open) < _MAX_OPEN:
            output = _mapping(_mapping(response.get("audio")).get("output"))
            audio_format = output.get("format")
            ticks = ticks_per_byte(audio_format) if audio_format else self._view.output_ticks
            self._open[str(response.get("id"))] = UnderWay(not is_out_of_band, ticks)
        if is_out_of_band:
            self._out_of_band -= 1
        elif self._answer_until is not None:
            self._answer_until = None
            self._is_covered = not self._has_news
        else:
            self._pending = None

    def on_done(self, response: Mapping[str, Any], now: float) -> None:
        """A response is over."""
        self._open.pop(str(response.get("id")), None)
        self._idle_since = now

    def on_call(self, call_id: str, item_id: str) -> None:
        """A response calls a function; the create after its output waits for all outputs."""
        self._calls[call_id] = item_id
        if len(self._calls) > _MAX_CALLS:
            del self._calls[next(iter(self._calls))]

    def on_item_gone(self, item_id: object) -> None:
        """An item left the conversation, or a call will not be finished."""
        for call_id in [one for one, item in self._calls.items() if item == item_id]:
            del self._calls[call_id]

    def on_own_answer_refused(self, now: float) -> None:
        """The upstream could not answer a turn, because a response was under way."""
        self._answer_until = None
        self.retry(self._pending or Waiting(_BARE, True, now, True), now)

    def on_failed(self, waiting: Waiting) -> None:
        """A create was refused for good."""
        if self._pending is waiting:
            self._pending = None

    def retry(self, waiting: Waiting, now: float) -> bool:
        """A response was under way after all: wait again; return whether it is worth it."""
        self.on_failed(waiting)
        waiting.tries += 1
        if waiting.tries > MAX_TRIES:
            return False
        waiting.since = now
        waiting.not_before = 0.0 if self.is_busy(now) else now + RETRY_S
        if self._waiting and self._waiting[0].is_bare and waiting.is_bare:
            self._waiting[0].has_news |= waiting.has_news
        else:
            self._waiting.appendleft(waiting)
        return True

    # Whose turn it is.

    def take_redundant(self, now: float) -> int:
        """Forget what is being answered already; return how many there were."""
        kept = [one for one in self._waiting if not self.is_redundant(one, now)]
        count = len(self._waiting) - len(kept)
        if count:
            self._waiting = deque(kept)
        return count

    def due(self, now: float) -> Iterator[Waiting]:
        """Yield what may be sent now."""
        while self._waiting and now >= self._waits_until(self._waiting[0], now):
            waiting = self._waiting.popleft()
            if self._must_wait_for_calls(waiting):
                self._calls.clear()  # they were waited for long enough
            self._pending, self._pending_until = waiting, now + ANSWER_S
            self._is_covered = self._has_news
            self._has_news = False
            yield waiting

    def next_due(self, now: float) -> float | None:
        """Return when there may be something to send although nothing happens until then."""
        return self._waits_until(self._waiting[0], now) if self._waiting else None

    def _waits_until(self, waiting: Waiting, now: float) -> float:
        moments = [waiting.since, waiting.not_before]
        if self.is_busy(now):
            ends = [waiting.since + BUSY_S]
            if not self._has_active:
                asked = (self._pending_until if self._pending else None, self._answer_until)
                ends += [max(end for end in asked if end is not None)]
            moments.append(min(ends))
        if self._must_wait_for_calls(waiting):
            moments.append(max(waiting.since, self._idle_since) + TOOLS_S)
        if self._audio.is_speaking and self._view.answers_turns:
            is_for_turn = waiting.is_bare and not waiting.has_news
            longest_s = BUSY_S if is_for_turn else SPEECH_S
            moments.append(min(self._audio.pauses_at, waiting.since + longest_s))
        return max(moments)

    def _must_wait_for_calls(self, waiting: Waiting) -> bool:
        return waiting.is_bare and bool(self._calls)


_BARE = '{"type":"response.create"}'


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
