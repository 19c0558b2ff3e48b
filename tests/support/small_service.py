"""A small honest service: what one session of the GA API holds and answers. Values in, values out.

For tests that must know exactly what a server has: it forgets everything with its connection, notes
every rule that a client breaks, and never says the same words twice.
"""

import base64
import itertools
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from rtclient.protocol.session import default_session, merge

Event = dict[str, Any]
SAMPLES_PER_MS = 24
PIECES = 4
"""Deltas of each answer."""
_SOUND = base64.b64encode(bytes(SAMPLES_PER_MS * 2 * 20)).decode()
_WRITTEN = {"user": "input_text", "system": "input_text", "assistant": "output_text"}


def spoken(*levels: int, ms: int = 20) -> bytes:
    """Return sound whose `transcript` names each of these levels and its length."""
    return b"".join(array("h", [level] * SAMPLES_PER_MS * ms).tobytes() for level in levels)


def transcript(pcm: bytes) -> str:
    """Return what is heard in the sound of `spoken`: nothing of it twice, nothing missing."""
    runs = ((level, len(list(run))) for level, run in groupby(array("h", pcm)))
    return " ".join(f"{level}:{count // SAMPLES_PER_MS}" for level, count in runs)


@dataclass
class SmallSession:
    """One session."""

    number: int
    """Of the connection, from 1."""
    words: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    """Numbers the answers; shared by all sessions of a service, so that none is said twice."""
    expires_at: int = 4_102_444_800
    items: dict[str, Event] = field(default_factory=dict)
    """In order, by id."""
    faults: list[str] = field(default_factory=list)
    """Rules that the client broke."""
    responses: int = 0
    _pcm: bytearray = field(default_factory=bytearray)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _making: set[str] = field(default_factory=set)
    _is_answering: bool = False

    def __post_init__(self) -> None:
        self.session = default_session("small", f"sess_{self.number}", self.expires_at)
        self.session = merge(
            self.session, {"audio": {"input": {"turn_detection": None}}, "instructions": ""}
        )

    @property
    def instructions(self) -> str:
        """The effective instructions."""
        return str(self.session["instructions"])

    def greeting(self) -> list[Event]:
        """Return what a session begins with."""
        return [self._event("session.created", session=self.session)]

    def receive(self, event: Mapping[str, Any]) -> list[Event]:
        """Return what is answered to a client event, at once."""
        method = {
            "session.update": self._update,
            "conversation.item.create": self._create,
            "conversation.item.delete": self._delete,
            "conversation.item.truncate": self._truncate,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "response.create": self._answer,
            "response.cancel": self._cancel,
        }.get(str(event.get("type")))
        if method is None:
            return [self._error(event, "unknown_event", f"Unknown: {event.get('type')}")]
        return method(event)

    # Settings and items -----------------------------------------------------------------------

    def _update(self, event: Mapping[str, Any]) -> list[Event]:
        for key in ("id", "object", "expires_at"):
            if key in event["session"]:
                return [self._error(event, "unknown_parameter", f"session.{key} is not settable")]
        self.session = merge(self.session, event["session"])
        return [self._event("session.updated", session=self.session)]

    def _create(self, event: Mapping[str, Any]) -> list[Event]:
        item = dict(event["item"])
        item_id = item.setdefault("id", self._new_id("item"))
        if item_id in self.items:
            return [self._error(event, "item_create_duplicate_item_id", f"{item_id} exists")]
        for part in item.get("content", ()):
            is_written = part["type"] == _WRITTEN.get(str(item.get("role")))
            if not is_written and (item["role"], part["type"]) != ("user", "input_audio"):
                return [self._error(event, "invalid_value", f"{part['type']} for {item['role']}")]
        if item["type"] == "function_call_output" and not any(
            other["type"] == "function_call" and other["call_id"] == item["call_id"]
            for other in self.items.values()
        ):
            return [self._error(event, "item_create_invalid_call_id", "there is no such call")]
        return self._arrive({"status": "completed", **item}, event.get("previous_item_id"))

    def _arrive(self, item: Event, previous: Any = None) -> list[Event]:
        ids = list(self.items)
        place = 0 if previous == "root" else len(ids)
        if previous in self.items:
            place = ids.index(previous) + 1
        ids.insert(place, item["id"])
        self.items[item["id"]] = item
        self.items = {item_id: self.items[item_id] for item_id in ids}
        fields = {"previous_item_id": ids[place - 1] if place else None, "item": _shown(item)}
        return [
            self._event("conversation.item.added", **fields),
            self._event("conversation.item.done", **fields),
        ]

    def _delete(self, event: Mapping[str, Any]) -> list[Event]:
        if self.items.pop(event["item_id"], None) is None:
            return [self._error(event, "item_delete_invalid_item_id", "no such item", is_race=True)]
        return [self._event("conversation.item.deleted", item_id=event["item_id"])]

    def _truncate(self, event: Mapping[str, Any]) -> list[Event]:
        if event["item_id"] not in self.items:
            code = "item_truncate_invalid_item_id"
            return [self._error(event, code, "no such item", is_race=True)]
        # As the service does: it knows no more which words were heard.
        item = self.items[event["item_id"]]
        part = {**item["content"][0], "transcript": None}
        self.items[event["item_id"]] = {**item, "content": [part]}
        return [
            self._event(
                "conversation.item.truncated",
                **{key: event[key] for key in ("item_id", "content_index", "audio_end_ms")},
            )
        ]

    # Sound ------------------------------------------------------------------------------------

    def _append(self, event: Mapping[str, Any]) -> list[Event]:
        self._pcm += base64.b64decode(event["audio"])
        return []

    def _clear(self, _event: Mapping[str, Any]) -> list[Event]:
        self._pcm.clear()
        return [self._event("input_audio_buffer.cleared")]

    def _commit(self, event: Mapping[str, Any]) -> list[Event]:
        if not self._pcm:
            return [self._error(event, "input_audio_buffer_commit_empty", "the buffer is empty")]
        words = transcript(bytes(self._pcm))
        self._pcm.clear()
        item_id = self._new_id("item")
        part = {"type": "input_audio", "transcript": words}
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
        previous = next(reversed(self.items), None)
        return [
            self._event("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous),
            *self._arrive({**item, "content": [part]}),
            self._event(
                "conversation.item.input_audio_transcription.completed",
                item_id=item_id,
                content_index=0,
                transcript=words,
                usage={"type": "duration", "seconds": 1},
            ),
        ]

    # Responses --------------------------------------------------------------------------------

    def _answer(self, event: Mapping[str, Any]) -> list[Event]:
        if self._is_answering:
            code = "conversation_already_has_active_response"
            return [self._error(event, code, "one is active")]
        self._is_answering = True
        self.responses += 1
        fields = event.get("response") or {}
        response_id = self._new_id("resp")
        response = {"object": "realtime.response", "id": response_id, "conversation_id": "conv"}
        created = {**response, "status": "in_progress", "output": []}
        if fields.get("tools"):
            said = self._calling(response_id, fields["tools"][0]["name"])
        else:
            said = self._speaking(response_id)
        done = {**response, "status": "completed", "usage": {"total_tokens": 1}}
        return [
            self._event("response.created", response=created),
            *said,
            self._event("response.done", response=done),
        ]

    def finished(self, event: Mapping[str, Any]) -> None:
        """Note that an event has left: an answer grows, and its end makes room for the next."""
        if event["type"] == "response.done":
            self._is_answering = False
        item = event.get("item", {})
        if event["type"].startswith("conversation.item.") and item.get("id") in self._making:
            self.items[item["id"]] = item

    def _speaking(self, response_id: str) -> list[Event]:
        item_id = self._new_id("item")
        said = f"{next(self.words):04} is the answer"
        item = {"id": item_id, "type": "message", "role": "assistant"}
        begun = {**item, "status": "in_progress", "content": []}
        part = {"type": "output_audio", "transcript": said}
        done = {**item, "status": "completed", "content": [part]}
        self._making.add(item_id)
        at: Event = {"response_id": response_id, "item_id": item_id}
        at |= {"output_index": 0, "content_index": 0}
        size = -(-len(said) // PIECES)
        events = self._begin(response_id, begun)
        for start in range(0, len(said), size):
            kind = "response.output_audio_transcript.delta"
            events.append(self._event(kind, **at, delta=said[start : start + size]))
            events.append(self._event("response.output_audio.delta", **at, delta=_SOUND))
        kind = "response.output_audio_transcript.done"
        events.append(self._event(kind, **at, transcript=said))
        return events + self._end(response_id, done)

    def _calling(self, response_id: str, name: str) -> list[Event]:
        item_id, number = self._new_id("item"), next(self.words)
        call = {"id": item_id, "type": "function_call", "name": name, "call_id": f"call_{number}"}
        done = {**call, "status": "completed", "arguments": f'{{"n":{number}}}'}
        self._making.add(item_id)
        kind = "response.function_call_arguments.done"
        at = {"response_id": response_id, "item_id": item_id, "output_index": 0}
        said = self._event(kind, **at, call_id=call["call_id"], arguments=done["arguments"])
        begun = {**call, "status": "in_progress", "arguments": ""}
        return [*self._begin(response_id, begun), said, *self._end(response_id, done)]

    def _begin(self, response_id: str, item: Event) -> list[Event]:
        at = {"response_id": response_id, "output_index": 0}
        previous = next(reversed(self.items), None)
        return [
            self._event("response.output_item.added", **at, item=item),
            self._event("conversation.item.added", previous_item_id=previous, item=item),
        ]

    def _end(self, response_id: str, item: Event) -> list[Event]:
        at = {"response_id": response_id, "output_index": 0}
        return [
            self._event("response.output_item.done", **at, item=item),
            self._event("conversation.item.done", previous_item_id=None, item=item),
        ]

    def _cancel(self, event: Mapping[str, Any]) -> list[Event]:
        return [self._error(event, "response_cancel_not_active", "none is active", is_race=True)]

    # Parts of the above -----------------------------------------------------------------------

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "event_id": self._new_id("event"), **fields}

    def _new_id(self, kind: str) -> str:
        return f"{kind}_{self.number}_{next(self._ids)}"

    def _error(
        self, event: Mapping[str, Any], code: str, message: str, *, is_race: bool = False
    ) -> Event:
        if not is_race:
            self.faults.append(f"session {self.number}: {event.get('type')}: {code}: {message}")
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        return self._event("error", error={**error, "event_id": event.get("event_id")})


def _shown(item: Event) -> Event:
    """Return an item as the service shows it: without its sound, before its transcript is there."""
    content = [
        {"type": part["type"], "transcript": None} if part["type"] == "input_audio" else part
        for part in item.get("content", ())
    ]
    return {**item, "content": content} if "content" in item else item


def words_of(item: Mapping[str, Any]) -> str:
    """Return the words of an item, of its sound too, or what a call and its output say."""
    if item["type"] != "message":
        return str(item.get("arguments") or item.get("output") or "")
    return " ".join(_words(part) for part in item.get("content", ()))


def _words(part: Mapping[str, Any]) -> str:
    sound = transcript(base64.b64decode(part.get("audio") or ""))
    return str(part.get("text") or part.get("transcript") or sound)
