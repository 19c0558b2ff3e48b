"""Watches all events of one session and says what a faithful server would never send.

Shape: each event is one of `openai.types.realtime.RealtimeServerEvent`, without fields that the
models do not know (`KNOWN_BESIDES`). Order: what is opened is closed once and in order; a response
has one `created` and one `done`; ids are unique; `previous_item_id` always names the item before.
Sums: the deltas of a part are its text, the audio of a retrieved item is that of its deltas, usage
adds up.

    judge = Judge()
    judge.see(event)    # for each event, in order; raises AssertionError
    judge.end()         # after the last one: nothing is left open
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter

from tests.support.judged_response import Event, JudgedResponse

_BY_TYPE: Any = Annotated[get_args(RealtimeServerEvent)[0], Field(discriminator="type")]
_MODEL: TypeAdapter[Any] = TypeAdapter(_BY_TYPE)
"""The client's models, told apart by `type` as the client does; pydantic alone would try each."""

KNOWN_BESIDES = frozenset(
    f"{event}.session.{key}"
    for event in ("session.created", "session.updated")
    for key in ("id", "object", "expires_at")
)
"""Fields that the service sends and the models of the `openai` package do not have."""

_BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}


def unknown_fields(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of what the models of the `openai` package do not know."""
    if isinstance(value, BaseModel):
        extra = value.model_extra or {}
        yield from (f"{path}.{key}" for key in extra)
        for key in value.model_fields_set - extra.keys():
            yield from unknown_fields(getattr(value, key), f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from unknown_fields(one, f"{path}[]")


@dataclass
class Sound:
    """What went out of an assistant's speech."""

    form: str
    data: bytearray = field(default_factory=bytearray)
    cut_ms: int | None = None

    @property
    def length_ms(self) -> int:
        """What a truncation may name at most."""
        sent_ms = len(self.data) // _BYTES_PER_MS[self.form]
        return sent_ms if self.cut_ms is None else min(sent_ms, self.cut_ms)


class Judge:
    """One session as a careful client sees it. Read its attributes, call `see` and `end`."""

    def __init__(self) -> None:
        self.session: Event = {}
        self.order: list[str] = []
        """The ids of the conversation's items."""
        self.items: dict[str, Event] = {}
        """Id → the item as it was last shown; deleted ones are gone."""
        self.sounds: dict[str, Sound] = {}
        """Assistant items in the conversation that speak."""
        self.responses: dict[str, JudgedResponse] = {}
        self.has_spoken = False
        self.speaking_item: str | None = None
        self.count = 0
        self.seen: dict[str, int] = {}
        """Event type → how often it came."""
        self._event_ids: set[str] = set()
        self._item_ids: set[str] = set()
        self._response_ids: set[str] = set()
        self._must_follow: tuple[str, str] | None = None
        """Type and item id of the event that must come next."""
        self._last_ms = 0
        self._unfinished: set[str] = set()
        """Items that were added and are not done."""
        self._hearing: dict[str, str] = {}
        """Item whose transcription is owed → what its deltas said so far."""
        self._owed_limits = 0

    @property
    def active(self) -> JudgedResponse | None:
        """The response that writes to the conversation."""
        return next((r for r in self.responses.values() if r.is_in_conversation), None)

    @property
    def is_waiting(self) -> bool:
        """Whether more must come without anything from the client."""
        return bool(self.responses or self._must_follow or self._owed_limits or self._hearing)

    @property
    def _detection(self) -> Event | None:
        detection: Event | None = self.session["audio"]["input"]["turn_detection"]
        return detection

    def see(self, event: Event) -> None:
        """Judge the next event; AssertionError says what is wrong with it."""
        try:
            self._see(event)
        except (KeyError, IndexError, TypeError, ValueError) as exc:
            raise AssertionError(f"{exc!r} in {event}") from exc

    def end(self) -> None:
        """Say that no more events come."""
        assert not self.responses, f"still open: {list(self.responses)}"
        assert self._must_follow is None, f"never came: {self._must_follow}"
        assert self._owed_limits == 0, f"{self._owed_limits} rate_limits.updated are missing"
        assert not self._hearing, f"never transcribed: {list(self._hearing)}"
        assert not self._unfinished, f"never done: {self._unfinished}"

    # ------------------------------------------------------------ any event

    def _see(self, event: Event) -> None:
        kind = event["type"]
        typed = _MODEL.validate_python(event, strict=True)
        assert typed.type == kind, event
        extra = set(unknown_fields(typed, kind)) - KNOWN_BESIDES
        assert not extra, f"fields that the models do not know: {sorted(extra)}"
        assert event["event_id"] not in self._event_ids, f"used twice: {event['event_id']}"
        self._event_ids.add(event["event_id"])
        assert (self.count == 0) == (kind == "session.created") or kind == "error", event
        self.count += 1
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if self._must_follow is not None:
            wanted, self._must_follow = self._must_follow, None
            item_id = event.get("item_id") or event.get("item", {}).get("id")
            assert (kind, item_id) == wanted, f"{event} instead of {wanted}"
        area = kind.split(".")[0]
        if area == "response":
            self._in_response(kind, event)
        elif kind in ("session.created", "session.updated"):
            self._configure(event["session"])
        elif kind == "rate_limits.updated":
            self._owed_limits -= 1
            assert self._owed_limits >= 0, "rate_limits.updated without a response"
        elif kind.startswith("conversation.item.input_audio_transcription"):
            self._transcribe(kind.rsplit(".", 1)[1], event)
        elif area == "conversation":
            self._in_conversation(kind, event)
        elif area == "input_audio_buffer":
            self._in_buffer(kind, event)
        else:
            assert kind == "error", event
            assert event["error"]["message"], event

    def _configure(self, session: Event) -> None:
        assert self.session.get("id", session["id"]) == session["id"], "the session's id changed"
        if self.session and self._detection is None:
            self.speaking_item = None  # who began to speak before detection went off is forgotten
        self.session = session

    # ------------------------------------------------------------ the conversation

    def _before(self, item_id: str) -> str | None:
        index = self.order.index(item_id)
        return self.order[index - 1] if index else None

    def _in_conversation(self, kind: str, event: Event) -> None:
        if kind == "conversation.item.added":
            self._add(event)
        elif kind == "conversation.item.done":
            item = event["item"]
            self._unfinished.remove(item["id"])
            assert event["previous_item_id"] == self._before(item["id"]), event
            assert item["status"] != "in_progress", event
            self.items[item["id"]] = item
        elif kind == "conversation.item.deleted":
            self.order.remove(event["item_id"])
            del self.items[event["item_id"]]
            self.sounds.pop(event["item_id"], None)
            self._hearing.pop(event["item_id"], None)
            self._unfinished.discard(event["item_id"])
        elif kind == "conversation.item.truncated":
            self.sounds[event["item_id"]].cut_ms = event["audio_end_ms"]
        else:
            assert kind == "conversation.item.retrieved", event
            self._compare(event["item"])

    def _add(self, event: Event) -> None:
        item, before = event["item"], event["previous_item_id"]
        item_id = item["id"]
        assert item_id not in self.items, f"added twice: {item_id}"
        self.order.insert(0 if before is None else self.order.index(before) + 1, item_id)
        self.items[item_id] = item
        self._unfinished.add(item_id)
        if item["status"] != "in_progress":
            self._must_follow = ("conversation.item.done", item_id)

    def _compare(self, item: Event) -> None:
        assert item["id"] in self.items, item
        sound = self.sounds.get(item["id"])
        if sound is None or sound.form != self.session["audio"]["output"]["format"]["type"]:
            return
        audio = base64.b64decode(item["content"][0].get("audio", ""))
        sent = bytes(sound.data)
        if sound.cut_ms is not None:
            rate = _BYTES_PER_MS[sound.form]
            assert abs(len(audio) - sound.cut_ms * rate) < rate, "the cut is elsewhere"
            sent = sent[: len(audio)]
        assert audio == sent, f"{len(audio)} bytes of audio, {len(sent)} were sent"

    # ------------------------------------------------------------ the microphone

    def _in_buffer(self, kind: str, event: Event) -> None:
        match kind.removeprefix("input_audio_buffer."):
            case "speech_started":
                assert self.speaking_item is None, "somebody speaks already"
                self.speaking_item = event["item_id"]
                assert event["audio_start_ms"] >= 0
                self._last_ms = event["audio_start_ms"]
            case "speech_stopped":
                assert event["item_id"] == self.speaking_item, event
                self.speaking_item = None
                assert event["audio_end_ms"] >= self._last_ms, event
                self._must_follow = ("input_audio_buffer.committed", event["item_id"])
            case "committed":
                assert event["previous_item_id"] == (self.order[-1] if self.order else None), event
                self.speaking_item = None
                if self.session["audio"]["input"]["transcription"] is not None:
                    self._hearing[event["item_id"]] = ""
                self._must_follow = ("conversation.item.added", event["item_id"])
            case "cleared":
                self.speaking_item = None
            case "timeout_triggered":
                assert event["audio_end_ms"] >= event["audio_start_ms"], event
                self._must_follow = ("input_audio_buffer.committed", event["item_id"])
            case _:
                raise AssertionError(event)

    def _transcribe(self, kind: str, event: Event) -> None:
        item_id = event["item_id"]
        if kind == "delta":
            self._hearing[item_id] += event["delta"]
            return
        said = self._hearing.pop(item_id)
        if kind == "completed":
            assert event["transcript"] == said, event
        else:
            assert kind == "failed", event
            assert not said, event

    # ------------------------------------------------------------ responses

    def _in_response(self, kind: str, event: Event) -> None:
        if kind == "response.created":
            response = JudgedResponse(event["response"])
            assert not (response.is_in_conversation and self.active), "two write to it"
            assert event["response"]["id"] not in self._response_ids, f"created twice: {event}"
            self._response_ids.add(event["response"]["id"])
            self.responses[event["response"]["id"]] = response
        elif kind == "response.done":
            self.responses.pop(event["response"]["id"]).see(event)
            self._owed_limits += 1
        else:
            item_id = event.get("item_id") or event["item"]["id"]
            sound = self.sounds.get(item_id)
            response = self.responses[event["response_id"]]
            response.see(event, is_cut=sound is not None and sound.cut_ms is not None)
            self._mirror(kind, event, item_id, response)

    def _mirror(self, kind: str, event: Event, item_id: str, response: JudgedResponse) -> None:
        """Follow what a response does to the conversation."""
        if kind == "response.output_item.added":
            assert item_id not in self._item_ids, f"used twice: {item_id}"
            self._item_ids.add(item_id)
            if response.is_in_conversation:
                self._must_follow = ("conversation.item.added", item_id)
        elif kind == "response.output_item.done" and response.is_in_conversation:
            if item_id in self.items:
                self._must_follow = ("conversation.item.done", item_id)
        elif kind == "response.content_part.added" and item_id in self.items:
            if event["part"]["type"] == "audio":
                form = response.wire["audio"]["output"]["format"]["type"]
                self.sounds[item_id] = Sound(form)
        elif kind == "response.output_audio.delta" and response.is_in_conversation:
            self.has_spoken = True
            if item_id in self.sounds:
                self.sounds[item_id].data += base64.b64decode(event["delta"])
