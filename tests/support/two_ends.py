"""A client and the engine's core, with the sequencer between them and messages in flight both ways.

world = World(Random(7), longest_s=0.2)          # or sequencer=False: nothing in between
world.send({"type": "response.create"})
world.passes(0.3)
world.rests()

Everything runs on a clock of its own: nothing waits, and the same numbers give the same run.
"""

import heapq
import itertools
import json
from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any

from rtclient.engine.actions import Continued, Received, Woke
from rtclient.engine.senses import Call, Say
from server.relay.actions import Action, Count, Notice, ToClient, ToUpstream, WakeAt
from server.relay.sequencer import Sequencer
from tests.support.engine_driver import Driver
from tests.support.quick_senses import LOUD, PeekVad, QuickVoice, sound

PREVENTED = frozenset(
    {
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "response_cancel_not_active",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
        "unsupported_content_type",
    }
)
SHORTER = "is already shorter than"
LONGEST_REST_S = 600.0
TOOLS = [
    {"type": "function", "name": name, "description": name, "parameters": {"type": "object"}}
    for name in ("weather", "traffic")
]
ANSWERS: dict[str, list[Any]] = {
    "two calls": [Say("Both."), Call("weather", "{}"), Call("traffic", "{}")],
    "a long story": [Say("The sea is wide and blue. " * 12)],
}


def is_prevented(event: dict[str, Any]) -> bool:
    """Whether an event is an error of those that the sequencer exists for."""
    error = event.get("error") if event["type"] == "error" else None
    if not isinstance(error, dict):
        return False
    return error["code"] in PREVENTED or SHORTER in error["message"]


class World:
    """One session, its two ends and what is on its way between them."""

    def __init__(self, random: Random, *, longest_s: float = 0.0, sequencer: bool = True) -> None:
        """`longest_s`: of a message's way; `sequencer`: whether there is one."""
        self.random = random
        self.now = 100.0
        self.layer = Sequencer() if sequencer else None
        self.engine = Driver(answers=ANSWERS, vad=PeekVad(), session_s=1e9)
        self.engine.voice = QuickVoice()  # type: ignore[assignment]
        self.received: list[dict[str, Any]] = []
        """What the client got."""
        self.sent: list[dict[str, Any]] = []
        """What the client sent."""
        self._longest_s = longest_s
        self._happenings: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ready: deque[Callable[[], None]] = deque()
        """What arrives at once."""
        self._arrivals = {"up": 0.0, "down": 0.0}
        self._told = 0
        self._works = False
        self._engine_wake: float | None = None
        self._layer_wake: float | None = None
        self._look()
        self._deliver()

    # Time.

    def _at(self, moment: float, happening: Callable[[], None]) -> None:
        heapq.heappush(self._happenings, (moment, next(self._order), happening))

    def _send_along(self, way: str, deliver: Callable[[], None]) -> None:
        """Deliver after a delay, in order, but at once when messages take no time."""
        if self._longest_s == 0:
            self._ready.append(deliver)
            return
        arrival = self.now + self.random.random() * self._longest_s
        self._arrivals[way] = arrival = max(arrival, self._arrivals[way])
        self._at(arrival, deliver)

    def _deliver(self) -> None:
        while self._ready:
            self._ready.popleft()()

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._happenings and self._happenings[0][0] <= end:
            moment, _, happening = heapq.heappop(self._happenings)
            self.now = max(self.now, moment)
            happening()
            self._deliver()
        self.now = end

    def rests(self) -> None:
        """Let time pass until nothing is to come but the end of the session."""
        end = self.now + LONGEST_REST_S
        while self._happenings and self._happenings[0][0] <= end:
            self.passes(max(0.0, self._happenings[0][0] - self.now))

    # The client.

    def send(self, event: dict[str, Any]) -> None:
        """The client sends an event."""
        self.sent.append(event)
        text = json.dumps(event)
        if self.layer is None:
            self._up(text)
        else:
            self._do(self.layer.on_client(text, self.now))
        self._deliver()

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case ToUpstream(text):
                    self._up(text)
                case ToClient(data):
                    self.received.append(json.loads(data))
                case WakeAt(at):
                    self._layer_wake = at
                    self._at(at, self._wake_layer)
                case Notice() | Count():
                    pass
                case _:
                    raise AssertionError(action)

    def _wake_layer(self) -> None:
        if self.layer is not None and self._layer_wake is not None and self._layer_wake <= self.now:
            self._layer_wake = None  # one that was replaced wakes nobody
            self._do(self.layer.on_time(self.now))

    # The engine.

    def _up(self, text: str) -> None:
        self._send_along("up", lambda: self._arrive(text))

    def _arrive(self, text: str) -> None:
        self._feed(Received(text))

    def _feed(self, happened: Any) -> None:
        self.engine.now = self.now
        self.engine.feed(happened)
        while self.engine.core.has_backlog:
            self.engine.feed(Continued())
        self._look()

    def _look(self) -> None:
        """Send what the engine said, and see to its senses and its alarm."""
        new, self._told = self.engine.events[self._told :], len(self.engine.events)
        if self.engine.work and not self._works:
            self._works = True
            self._at(self.now + self.random.random() * 0.3, self._work)
        wake = self.engine.wake
        if wake is not None and wake != self._engine_wake and wake < self.now + LONGEST_REST_S:
            self._engine_wake = wake
            self._at(wake, self._wake_engine)
        for event in new:
            self._down(json.dumps(event))

    def _work(self) -> None:
        self._works = False
        self.engine.now = self.now
        self.engine.do_work()
        self._look()

    def _wake_engine(self) -> None:
        if self.engine.wake is not None and self.engine.wake <= self.now:
            self.engine.wake = self._engine_wake = None
            self._feed(Woke())

    def _down(self, text: str) -> None:
        def arrive() -> None:
            if self.layer is None:
                self.received.append(json.loads(text))
            else:
                self._do(self.layer.on_upstream(text, self.now))

        self._send_along("down", arrive)

    # What came of it.

    def prevented(self, *, upstream: bool) -> Counter[str]:
        """Count the errors that are to be prevented: said by the upstream, or seen by the client.

        What the upstream says about its own answer to a turn is no answer to the client.
        """
        events = self.engine.events if upstream else self.received
        found: Counter[str] = Counter()
        for event in events:
            is_own = upstream and event["type"] == "error" and event["error"]["event_id"] is None
            if is_prevented(event) and not (is_own and self.layer is not None):
                found[event["error"]["code"] or SHORTER] += 1
        return found


class Caller:
    """A client of the real API that does what it is told, and knows what it was sent."""

    def __init__(self, world: World) -> None:
        """Begin with two tools."""
        self.world = world
        self.form = "audio/pcm"
        self.owed: set[str] = set()
        """What was typed and asked to be answered."""
        self._typed: set[str] = set()
        self._count = 0
        self.ask("session.update", session={"type": "realtime", "tools": TOOLS})

    def ask(self, event_type: str, **fields: Any) -> None:
        """Send an event, sometimes with an id."""
        self._count += 1
        if self.world.random.random() < 0.3:
            fields["event_id"] = f"client_{self._count}"
        self.world.send({"type": event_type, **fields})

    # What it knows.

    def _got(self, event_type: str) -> list[dict[str, Any]]:
        return [event for event in self.world.received if event["type"] == event_type]

    def _asked(self, event_type: str) -> list[dict[str, Any]]:
        return [event for event in self.world.sent if event["type"] == event_type]

    @property
    def items(self) -> list[str]:
        """Items that were added and not deleted, the newest first."""
        gone = {event["item_id"] for event in self._got("conversation.item.deleted")}
        gone |= {event["item_id"] for event in self._asked("conversation.item.delete")}
        added = [event["item"]["id"] for event in self._got("conversation.item.added")]
        return [one for one in reversed(added) if one not in gone]

    @property
    def calls(self) -> list[str]:
        """Function calls without an output, the oldest first."""
        items = [event["item"] for event in self._got("response.output_item.done")]
        done = [item for item in items if item["type"] == "function_call"]
        outputs = {
            event["item"].get("call_id") for event in self._asked("conversation.item.create")
        }
        kept = set(self.items)
        return [
            one["call_id"] for one in done if one["call_id"] not in outputs and one["id"] in kept
        ]

    # What it does.

    def types(self, words: str = "hello") -> None:
        """Add a message."""
        self._count += 1
        item_id = f"typed_{self._count}"
        part = {"type": "input_text", "text": words}
        item = {"id": item_id, "type": "message", "role": "user", "content": [part]}
        self.ask("conversation.item.create", item=item)
        self._typed.add(item_id)

    def creates(self) -> None:
        """Ask for a response."""
        self.ask("response.create")
        self.owed |= self._typed
        self._typed.clear()

    def creates_with_options(self) -> None:
        """Ask for a response of a certain kind."""
        self._count += 1
        number = f"n{self._count}"
        self.ask("response.create", response={"metadata": {"number": number}})
        self.owed.add(number)

    def creates_out_of_band(self) -> None:
        """Ask for a response that no conversation knows."""
        self.ask("response.create", response={"conversation": "none", "input": []})

    def speaks(self, pieces: int, *, is_live: bool = True) -> None:
        """Send 100 ms of a voice, so many times; live or all at once."""
        self._sounds(LOUD, pieces, is_live)

    def is_quiet(self, pieces: int, *, is_live: bool = True) -> None:
        """Send 100 ms of silence, so many times."""
        self._sounds(0, pieces, is_live)

    def _sounds(self, level: int, pieces: int, is_live: bool) -> None:
        for _ in range(pieces):
            self.world.send(
                {"type": "input_audio_buffer.append", "audio": sound(self.form, level, 100)}
            )
            if is_live:
                self.world.passes(0.1)

    def creates_when_heard(self) -> None:
        """Be quiet until the upstream says that speech has stopped; ask for a response then."""
        stopped = len(self._got("input_audio_buffer.speech_stopped"))
        for _ in range(20):
            self.is_quiet(1, is_live=False)
            if len(self._got("input_audio_buffer.speech_stopped")) > stopped:
                break
            self.world.passes(0.1)
        self.creates()

    def commits(self) -> None:
        """End a turn."""
        self.ask("input_audio_buffer.commit")

    def clears(self) -> None:
        """Forget what was not committed."""
        self.ask("input_audio_buffer.clear")

    def cancels(self) -> None:
        """Ask for quiet; what was asked for before is owed no more."""
        self.ask("response.cancel")
        self.owed.clear()
        self._typed.clear()

    def cancels_the_last(self) -> None:
        """Cancel the newest response by its id."""
        if created := self._got("response.created"):
            self.ask("response.cancel", response_id=created[-1]["response"]["id"])

    def truncates(self, end_ms: int, back: int = 0) -> None:
        """Cut an item, whatever it is; `back`: how many are newer."""
        items = self.items
        item_id = items[back] if back < len(items) else "item_that_never_was"
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
        self.ask("conversation.item.truncate", **cut)

    def deletes(self, back: int = 0) -> None:
        """Delete an item that is there and whole."""
        whole = {event["item"]["id"] for event in self._got("conversation.item.done")}
        items = [one for one in self.items if one in whole]
        if back < len(items):
            self.ask("conversation.item.delete", item_id=items[back])
            self.owed.discard(items[back])
            self._typed.discard(items[back])

    def retrieves(self, back: int = 0) -> None:
        """Look at an item that is there."""
        if back < len(self.items):
            self.ask("conversation.item.retrieve", item_id=self.items[back])

    def answers_calls(self, count: int = 2) -> None:
        """Give the output of calls, and ask for a response after each."""
        for call_id in self.calls[:count]:
            item = {"type": "function_call_output", "call_id": call_id, "output": "Fine."}
            self.ask("conversation.item.create", item=item)
            self.creates()

    def detects(self, detection: Any) -> None:
        """Say how turns are ended."""
        audio = {"input": {"turn_detection": detection}}
        self.ask("session.update", session={"type": "realtime", "audio": audio})

    def sends_as(self, form: str) -> None:
        """Say how audio is coded, both ways."""
        self.form = form
        wire = {"type": form, "rate": 24_000} if form == "audio/pcm" else {"type": form}
        audio = {"input": {"format": wire}, "output": {"format": wire}}
        self.ask("session.update", session={"type": "realtime", "audio": audio})

    # What must be true in the end.

    def unanswered(self) -> set[str]:
        """Return what is owed and has no response: a number, or an item that one could look at."""
        added: set[str] = set()
        answered: set[str] = set()
        for event in self.world.engine.events:
            if event["type"] == "conversation.item.added":
                added.add(event["item"]["id"])
            elif event["type"] == "response.created":
                answered.add((event["response"]["metadata"] or {}).get("number", ""))
                if event["response"]["conversation_id"] is not None:
                    answered |= added
        return self.owed - answered
