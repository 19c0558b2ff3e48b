"""Drives the engine's core without sockets or an event loop: values in, events out, manual clock.

driver = Driver(hears=["what time is it"])
driver.send("session.update", session={...})
driver.speak(400)          # loud audio for 400 ms, then `driver.quiet(300)`
driver.settle()            # let the senses and the clock run until nothing more happens
driver.types               # the event types emitted so far
"""

import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from rtclient.engine.actions import (
    Action,
    Close,
    Continued,
    Emit,
    Hear,
    Input,
    Opened,
    Received,
    SenseFailed,
    Speak,
    Speaking,
    SpeakingEnded,
    Stop,
    Think,
    Thinking,
    ThinkingEnded,
    TurnHeard,
    WakeAt,
    Woke,
)
from rtclient.engine.core import Session
from rtclient.engine.scripted import (
    LetterVoice,
    LoudnessVad,
    TableBrain,
    TableEars,
    TableListening,
    tone,
)
from rtclient.engine.senses import Heard, Thought, Vad
from rtclient.protocol.audio import to_base64

EXPIRES_AT = 4_000_000_000


def drain(stream: AsyncIterator[Any]) -> Sequence[Any]:
    """Return what an iterator yields that never really waits; an exception is the last element."""
    results: list[Any] = []
    while True:
        step = anext(stream).__await__()
        try:
            while True:
                next(step)
        except StopIteration as found:
            results.append(found.value)
        except StopAsyncIteration:
            return results
        except Exception as exc:
            return [*results, exc]


class Driver:
    """A session's core with scripted senses."""

    def __init__(
        self,
        *hears: str | Heard | Exception,
        answers: Mapping[str, Sequence[Thought | Exception]] | None = None,
        vad: Vad | None = None,
        breaks_on: str = "",
        is_beta: bool = False,
        **options: Any,
    ) -> None:
        """`hears`: turn by turn; `answers`: words in lower case → thoughts."""
        self._counts: dict[str, itertools.count[int]] = {}
        self.core = Session(
            vad or LoudnessVad(),
            self._new_id,
            **{"model": "scripted", "expires_at": EXPIRES_AT, **options},
        )
        self.ears = TableEars(*hears)
        self.brain = TableBrain(answers)
        self.voice = LetterVoice(breaks_on)
        self.now = 100.0
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.closed: Close | None = None
        self.wake: float | None = None
        self.work: list[tuple[str, Hear | Think | Speak]] = []
        self.listenings: dict[str, TableListening] = {}
        self.stopped: list[str] = []
        self.feed(Opened(is_beta))

    def _new_id(self, prefix: str) -> str:
        count = self._counts.setdefault(prefix, itertools.count(1))
        return f"{prefix}_{next(count)}"

    # ------------------------------------------------------------ in

    def feed(self, happened: Input) -> list[Action]:
        """Feed the core and do what costs nothing."""
        actions = self.core.feed(happened, self.now)
        for action in actions:
            self._do(action)
        return actions

    def _do(self, action: Action) -> None:
        match action:
            case Emit(event):
                self.events.append(json.loads(json.dumps(event)))
                self.times.append(self.now)
            case Hear(work_id, pcm, is_last):
                if work_id not in self.listenings:
                    self.listenings[work_id] = self.ears.listen("sess")
                self.listenings[work_id].feed(pcm)
                if is_last:
                    self.work.append((work_id, action))
            case Think(work_id) | Speak(work_id):
                self.work.append((work_id, action))
            case Stop(work_id):
                self.stopped.append(work_id)
                if work_id in self.listenings:
                    self.listenings[work_id].cancel()
                self.work = [one for one in self.work if one[0] != work_id]
            case WakeAt(at):
                self.wake = at
            case Close():
                self.closed = action

    def send(self, event_type: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a client event; return the events that it caused at once."""
        return self.send_raw(json.dumps({"type": event_type, **fields}))

    def send_raw(self, data: str | bytes) -> list[dict[str, Any]]:
        """Send a frame; return the events that it caused at once."""
        before = len(self.events)
        self.feed(Received(data))
        while self.core.has_backlog:
            self.feed(Continued())
        return self.events[before:]

    def append(self, pcm: bytes, piece_ms: int = 40) -> list[dict[str, Any]]:
        """Append pcm16 in pieces."""
        before = len(self.events)
        for at in range(0, len(pcm), piece_ms * 48):
            piece = pcm[at : at + piece_ms * 48]
            self.send("input_audio_buffer.append", audio=to_base64(piece))
        return self.events[before:]

    def speak(self, length_ms: int) -> list[dict[str, Any]]:
        """Append loud audio."""
        return self.append(tone(300, length_ms))

    def quiet(self, length_ms: int) -> list[dict[str, Any]]:
        """Append silence."""
        return self.append(bytes(48 * length_ms))

    def say(self, text: str) -> list[dict[str, Any]]:
        """Create a user's text item."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        return self.send("conversation.item.create", item=item)

    # ------------------------------------------------------------ senses and time

    def do_work(self) -> bool:
        """Let a sense do the oldest work; False when there is none."""
        if not self.work:
            return False
        work_id, action = self.work.pop(0)
        match action:
            case Hear():
                heard = self.listenings[work_id].heard
                self.feed(
                    SenseFailed(work_id)
                    if isinstance(heard, Exception)
                    else TurnHeard(work_id, heard)
                )
            case Think():
                self._results(work_id, drain(self.brain.think(action.prompt)), Thinking)
            case Speak():
                spoken = self.voice.speak(
                    action.text, voice=action.voice, speed=action.speed, volume=action.volume
                )
                self._results(work_id, drain(spoken), Speaking)
        return True

    def _results(
        self, work_id: str, results: Sequence[Any], kind: type[Thinking] | type[Speaking]
    ) -> None:
        for result in results:
            if work_id in self.stopped:
                return
            if isinstance(result, Exception):
                self.feed(SenseFailed(work_id))
                return
            self.feed(kind(work_id, result))
        if work_id not in self.stopped:
            ended = ThinkingEnded if kind is Thinking else SpeakingEnded
            self.feed(ended(work_id))

    def tick(self) -> bool:
        """Go to the next wake within a minute; False when there is none."""
        if self.wake is None or self.wake > self.now + 60:
            return False
        self.now = max(self.now, self.wake)
        self.wake = None
        self.feed(Woke())
        return True

    def settle(self) -> list[dict[str, Any]]:
        """Let senses and clock run until nothing more happens; return the events of that."""
        before = len(self.events)
        while self.do_work() or self.tick():
            pass
        return self.events[before:]

    # ------------------------------------------------------------ out

    @property
    def types(self) -> list[str]:
        """The types of all events so far."""
        return [event["type"] for event in self.events]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """Return the events of a type."""
        return [event for event in self.events if event["type"] == event_type]

    def last(self, event_type: str) -> dict[str, Any]:
        """Return the newest event of a type."""
        return self.of(event_type)[-1]

    def error(self) -> dict[str, Any]:
        """Return the newest error's object."""
        found: dict[str, Any] = self.last("error")["error"]
        return found


def shape(types: Sequence[str]) -> list[str]:
    """Return event types with runs of deltas folded, the two kinds of an audio reply as one."""
    folded: list[str] = []
    for name in types:
        if name in ("response.output_audio.delta", "response.output_audio_transcript.delta"):
            name = "response.audio+transcript.delta"
        if not (name.endswith(".delta") and folded and folded[-1] == name):
            folded.append(name)
    return folded
