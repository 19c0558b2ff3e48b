"""A client that does anything: a seeded random walk over what the Realtime API lets one do.

It looks at the session through its `Judge`, chooses the next act and says what must come of it.

    for act in Wanderer(seed, judge).turn():   # one turn of a talk, piece by piece
        ...                                    # an `Ask`, a `Wait`

Mostly valid, sometimes faulty; typed, spoken and manual turns, barge-ins, cancels, truncations,
tool rounds, out-of-band responses, updates of the session, deletions, other formats.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.client_faults import FAULTS
from tests.support.judge import Judge
from tests.support.judged_response import Event
from tests.support.quick_senses import LOUD, sound

_SUCCESS = {
    "session.update": "session.updated",
    "input_audio_buffer.commit": "input_audio_buffer.committed",
    "input_audio_buffer.clear": "input_audio_buffer.cleared",
    "conversation.item.create": "conversation.item.added",
    "conversation.item.retrieve": "conversation.item.retrieved",
    "conversation.item.delete": "conversation.item.deleted",
    "conversation.item.truncate": "conversation.item.truncated",
    "response.create": "response.created",
    "response.cancel": "response.done",
}
STATE_CODES = frozenset(
    {
        "cannot_update_voice",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "item_create_duplicate_item_id",
        "response_cancel_not_active",
    }
)
"""Errors that depend on the moment: over a network the moment may be another one."""
MOST_ITEMS = 24
"""More items than this, and some are deleted: every prompt holds all of them."""
PIECE_MS = 100
PCM = {"type": "audio/pcm", "rate": 24000}
RETAINED = {
    "type": "retention_ratio",
    "retention_ratio": 0.5,
    "token_limits": {"post_instructions": 60},
}
TOOLS = tuple(
    {
        "type": "function",
        "name": name,
        "description": f"The {name} of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    for name in ("weather", "traffic")
)
WORDS = (
    "good morning",
    "weather in Oslo",
    "traffic in Rome",
    "two calls please",
    "one moment",
    "break now",
    "trouble now",
    "tell me a long story about the sea",
    "",
)
"""What the user says; `answers` has a row for some of them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this event. `answer`: the type that must come at once, `error:CODE`, or anything."""

    event: Event
    answer: str = ""

    @property
    def id(self) -> str:
        """The event's id, by which an error names it."""
        return str(self.event["event_id"])

    @property
    def error(self) -> str:
        """The code of the one error that must come; empty: none."""
        return self.answer.removeprefix("error:") if self.answer.startswith("error:") else ""

    @property
    def success(self) -> str:
        """The type that answers an event of this kind when there is no fault; empty: none does."""
        return _SUCCESS.get(self.event["type"], "")


@dataclass(frozen=True, slots=True)
class Wait:
    """Let the other side do this many pieces of work; None: all of it."""

    works: int | None = None


Act = Ask | Wait


class Wanderer:
    """Chooses what a client does next. The same seed and the same answers give the same walk."""

    def __init__(self, seed: int, judge: Judge) -> None:
        self.random = Random(seed)
        self.judge = judge
        self.turns = 0
        self._sent = 0

    def turn(self) -> Iterator[Act]:
        """Yield the acts of one turn and of what happens around it."""
        self.turns += 1
        if {self._form(side) for side in self.judge.session["audio"]} != {"audio/pcm"}:
            yield self._back_to_pcm()
        yield from self._around()
        yield from self._speak()
        if len(self.judge.order) > MOST_ITEMS:
            for item_id in self.random.sample(self.judge.order, MOST_ITEMS // 2):
                yield self._ask("conversation.item.deleted", "conversation.item.delete", item_id)

    def _speak(self) -> Iterator[Act]:
        spoken = self._pushed if self._detection is None else self._spoken
        yield from self.random.choice((self._typed, spoken))()
        yield from self._tool_outputs()

    @property
    def _detection(self) -> Event | None:
        detection: Event | None = self.judge.session["audio"]["input"]["turn_detection"]
        return detection

    def _doings(self) -> tuple[tuple[int, Callable[[], Iterator[Act]]], ...]:
        """Return what may happen between turns, with its weight."""
        return (
            (8, self._wait),
            (3, self._update),
            (3, self._fault),
            (2, self._cancel),
            (2, self._truncate),
            (2, self._retrieve),
            (1, self._out_of_band),
            (1, self._clear),
            (1, self._note),
            (1, self._delete),
        )

    def _around(self) -> Iterator[Act]:
        doings = self._doings()
        weights = [weight for weight, _ in doings]
        for _, doing in self.random.choices(doings, weights, k=self.random.randrange(4)):
            yield from doing()

    # ------------------------------------------------------------ small things

    def _ask(self, answer: str, event_type: str, item_id: str = "", /, **fields: Any) -> Ask:
        self._sent += 1
        if item_id:
            fields["item_id"] = item_id
        return Ask({"type": event_type, "event_id": f"sent_{self._sent}", **fields}, answer)

    def _is(self, probability: float) -> bool:
        return self.random.random() < probability

    def _wait(self) -> Iterator[Act]:
        yield Wait(None if self._is(0.3) else self.random.randrange(1, 12))

    def _an_item(self) -> str | None:
        return self.random.choice(self.judge.order) if self.judge.order else None

    def _clear(self) -> Iterator[Act]:
        yield self._ask("input_audio_buffer.cleared", "input_audio_buffer.clear")

    def _delete(self) -> Iterator[Act]:
        """Also what is being said at this moment."""
        if item_id := self._an_item():
            yield self._ask("conversation.item.deleted", "conversation.item.delete", item_id)

    def _cancel(self) -> Iterator[Act]:
        if self.judge.responses and self._is(0.3):
            response_id = self.random.choice(list(self.judge.responses))
            yield self._ask("response.done", "response.cancel", response_id=response_id)
            return
        is_active = self.judge.active is not None
        answer = "response.done" if is_active else "error:response_cancel_not_active"
        yield self._ask(answer, "response.cancel")

    def _retrieve(self) -> Iterator[Act]:
        if item_id := self._an_item():
            yield self._ask("conversation.item.retrieved", "conversation.item.retrieve", item_id)

    def _truncate(self) -> Iterator[Act]:
        if not self.judge.sounds:
            return
        item_id = self.random.choice(list(self.judge.sounds))
        length_ms = self.judge.sounds[item_id].length_ms
        end_ms = self.random.randrange(1, length_ms + 200)
        answer = "conversation.item.truncated" if end_ms <= length_ms else "error:invalid_value"
        place = {"content_index": 0, "audio_end_ms": end_ms}
        yield self._ask(answer, "conversation.item.truncate", item_id, **place)
        yield self._ask("conversation.item.retrieved", "conversation.item.retrieve", item_id)

    def _note(self) -> Iterator[Act]:
        """A system item, an image, or audio of a user as a whole."""
        part = self.random.choice(
            (
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
                {"type": "input_audio", "audio": sound(self._form("input"), LOUD, PIECE_MS)},
            )
        )
        user = {"type": "message", "role": "user", "content": [part]}
        text = {"type": "input_text", "text": "Be brief."}
        system = {"type": "message", "role": "system", "content": [text]}
        yield from self._create(self.random.choice((user, system)))

    def _create(self, item: Event) -> Iterator[Act]:
        where: Event = {}
        if self._is(0.3):
            item = {**item, "id": f"mine_{self._sent}"}
        if self._is(0.2):
            where = {"previous_item_id": self._an_item() or "root"}
        yield self._ask("conversation.item.added", "conversation.item.create", item=item, **where)

    # ------------------------------------------------------------ the session

    def _form(self, side: str) -> str:
        return str(self.judge.session["audio"][side]["format"]["type"])

    def _back_to_pcm(self) -> Ask:
        """End a turn in G.711: its resampling takes most of the time."""
        audio = {side: {"format": PCM} for side in self.judge.session["audio"]}
        session = {"type": self.judge.session["type"], "audio": audio}
        return self._ask("session.updated", "session.update", session=session)

    def _update(self) -> Iterator[Act]:
        pick = self.random.choice
        switches = {"create_response": self._is(0.9), "interrupt_response": self._is(0.8)}
        detection = pick(
            (
                None,
                {"type": "server_vad", "idle_timeout_ms": 5000, **switches},
                {
                    "type": "server_vad",
                    "silence_duration_ms": pick((0, 200, 400)),
                    "idle_timeout_ms": pick((None, 5000)),
                    **switches,
                },
                {"type": "semantic_vad", "eagerness": pick(("high", "auto")), **switches},
            )
        )
        form = pick(({"type": "audio/pcmu"}, {"type": "audio/pcma"}, PCM, PCM, PCM, PCM))
        sides: Event = {}
        sides["input"] = pick(
            (
                {"turn_detection": detection},
                {
                    "transcription": pick(
                        (None, {"model": "whisper-1"}, {"model": "gpt-4o-transcribe"})
                    )
                },
                {"noise_reduction": pick((None, {"type": "near_field"}))},
                {"format": form},
            )
        )
        sides["output"] = pick(({"format": form}, {"speed": pick((0.5, 1.0, 1.5))}, {}))
        general = pick(
            (
                {"instructions": pick(("Be brief.", ""))},
                {"output_modalities": pick((["audio"], ["audio"], ["text"]))},
                {"tools": list(TOOLS), "tool_choice": pick(("auto", "required", "none"))},
                {"tools": [], "tool_choice": "auto"},
                {"max_output_tokens": pick(("inf", 40, 4096))},
                {"include": pick((None, ["item.input_audio_transcription.logprobs"]))},
                {"truncation": pick(("auto", "disabled", RETAINED))},
                {"parallel_tool_calls": self._is(0.5)},
            )
        )
        session = {"type": "realtime", "audio": sides, **general}
        yield self._ask("session.updated", "session.update", session=session)
        voice = pick(("alloy", "cedar"))
        if self._is(0.1) and voice != self.judge.session["audio"]["output"]["voice"]:
            answer = "error:cannot_update_voice" if self.judge.has_spoken else "session.updated"
            session = {"type": "realtime", "audio": {"output": {"voice": voice}}}
            yield self._ask(answer, "session.update", session=session)

    # ------------------------------------------------------------ turns

    def _typed(self) -> Iterator[Act]:
        part = {"type": "input_text", "text": self.random.choice(WORDS)}
        yield from self._create({"type": "message", "role": "user", "content": [part]})
        yield from self._answered()

    def _answered(self) -> Iterator[Act]:
        if self.judge.active is not None and self._is(0.5):
            yield Wait()
        params: Event = self.random.choice(
            (
                {},
                {},
                {"output_modalities": ["text"]},
                {"instructions": "Be kind.", "metadata": {"turn": str(self.turns)}},
                {"max_output_tokens": 30},
                {"tools": list(TOOLS), "tool_choice": {"type": "function", "name": "weather"}},
                {"tool_choice": "none"},
            )
        )
        yield self._begin({"response": params} if params else {})

    def _begin(self, fields: Event) -> Ask:
        is_taken = self.judge.active is not None
        answer = (
            "error:conversation_already_has_active_response" if is_taken else "response.created"
        )
        return self._ask(answer, "response.create", **fields)

    def _out_of_band(self) -> Iterator[Act]:
        given: list[Event] = [{"type": "item_reference", "id": i} for i in self.judge.order[-2:]]
        text = {"type": "input_text", "text": self.random.choice(WORDS)}
        given.append({"type": "message", "role": "user", "content": [text]})
        fields: Event = {"conversation": "none", "metadata": {"kind": "aside"}}
        if self._is(0.7):
            fields["input"] = given
        if self._is(0.5):
            fields["output_modalities"] = ["text"]
        if len(self.judge.responses) < 8:
            yield self._ask("response.created", "response.create", response=fields)

    def _append(self, level: int, length_ms: int) -> Iterator[Act]:
        for _ in range(math.ceil(length_ms / PIECE_MS)):
            audio = sound(self._form("input"), level, PIECE_MS)
            yield self._ask("", "input_audio_buffer.append", audio=audio)

    def _spoken(self) -> Iterator[Act]:
        yield from self._append(LOUD, self.random.choice((200, 300, 500)))
        if self._is(0.3):  # a pause within the turn
            yield from self._append(0, 100)
            yield from self._append(LOUD, 200)
        if self._is(0.1):
            yield Wait(3)
        yield from self._append(0, self.random.choice((400, 800, 1500)))
        if self._is(0.1):
            yield self._ask("", "input_audio_buffer.commit")

    def _pushed(self) -> Iterator[Act]:
        if self._is(0.5):
            yield from self._clear()
        yield from self._append(LOUD, self.random.choice((100, 300)))
        yield self._ask("input_audio_buffer.committed", "input_audio_buffer.commit")
        too_small = "error:input_audio_buffer_commit_empty"
        if self._is(0.2):
            yield self._ask(too_small, "input_audio_buffer.commit")
        if self.judge.session["type"] == "realtime":
            yield from self._answered()

    def _tool_outputs(self) -> Iterator[Act]:
        items = self.judge.items.values()
        answered = {i["call_id"] for i in items if i["type"] == "function_call_output"}
        open_calls = [
            item["call_id"]
            for item in items
            if item["type"] == "function_call" and item["call_id"] not in answered
        ]
        if not open_calls or self._is(0.3):
            return
        yield Wait()
        for call_id in open_calls:
            output = json.dumps({"is": "fine"})
            yield from self._create(
                {"type": "function_call_output", "call_id": call_id, "output": output}
            )
        yield from self._answered()

    def _fault(self) -> Iterator[Act]:
        """Something that must be answered by one error and change nothing."""
        known = self._an_item()
        if known is not None and self._is(0.3):
            code = "error:item_create_duplicate_item_id"
            text = {"type": "input_text", "text": "hi"}
            item = {"id": known, "type": "message", "role": "user", "content": [text]}
            yield self._ask(code, "conversation.item.create", item=item)
        else:
            code, event_type, fields = self.random.choice(FAULTS)
            yield self._ask(f"error:{code}", event_type, **fields)


class Dictating(Wanderer):
    """Has what it says written down: a client of a transcription session."""

    def _speak(self) -> Iterator[Act]:
        yield from self._pushed() if self._detection is None else self._spoken()

    def _doings(self) -> tuple[tuple[int, Callable[[], Iterator[Act]]], ...]:
        return (
            (4, self._wait),
            (2, self._update),
            (2, self._fault),
            (2, self._retrieve),
            (1, self._clear),
            (1, self._delete),
        )

    def _update(self) -> Iterator[Act]:
        pick = self.random.choice
        change = pick(
            (
                {"turn_detection": pick((None, {"type": "server_vad"}))},
                {"transcription": {"model": pick(("whisper-1", "gpt-4o-transcribe"))}},
                {"noise_reduction": pick((None, {"type": "far_field"}))},
                {"format": pick(({"type": "audio/pcmu"}, PCM, PCM))},
            )
        )
        include = pick((None, ["item.input_audio_transcription.logprobs"]))
        session = {"type": "transcription", "include": include, "audio": {"input": change}}
        yield self._ask("session.updated", "session.update", session=session)

    def _fault(self) -> Iterator[Act]:
        code, event_type, fields = self.random.choice(
            (
                ("invalid_value", "response.create", {}),
                ("invalid_parameter", "session.update", {"session": {"type": "realtime"}}),
                ("unknown_parameter", "input_audio_buffer.commit", {"now": True}),
            )
        )
        yield self._ask(f"error:{code}", event_type, **fields)
