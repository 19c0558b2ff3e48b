"""`Conversation`: what is known of a session, from the events of both sides. Pure; GA names.

It mirrors what the server holds: the effective session, the items in their order, the responses and
what was used. From it a lost session is made again, recordings and captions are written.

Rules of the file:
- events are values in the order in which they passed; an event nobody knows changes nothing, and a
  field that is missing or of the wrong type never raises;
- the server's word counts: what the program sent changes the mirror only when the server says so;
- what goes out is frozen. Sound is measured, not kept; see `source` for what programs created.

`public/js/reducers.js` is its twin for the page; both are tested on
tests/fixtures/conversation_*.jsonl.

Source: Realtime API reference, client and server events (GA).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rtclient.protocol.audio import bytes_to_ms
from rtclient.protocol.created_items import CreatedItems
from rtclient.protocol.items import (
    Item,
    Part,
    PartType,
    Transcription,
    merged,
    part_at,
    part_type,
    with_part,
)
from rtclient.protocol.reading import decoded_bytes, index_of, mapping_of, text_of, value_at
from rtclient.protocol.responses import Response, Responses
from rtclient.protocol.session import merge, sound_format
from rtclient.protocol.sound_lengths import SoundLengths
from rtclient.protocol.usage import SessionUsage

Event = Mapping[str, Any]

_RACES: Final = frozenset(
    {
        "response_cancel_not_active",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
        "unsupported_content_type",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """What one event was about, as it is after the event; None where it was about no such thing."""

    item: Item | None = None
    """Of `conversation.item.deleted`: as it was last."""
    response: Response | None = None


_NOTHING = Change()


class Conversation:
    """A mirror of one session; feed it every event with `apply` and `sent`.

    After `sent({"type": "response.create"})` a response `is_awaiting`; when the server says
    `response.created`, `apply` returns it in a `Change`, and it is the `active_response`.
    """

    def __init__(self) -> None:
        self.session: dict[str, Any] = {}
        """The effective settings, as the server last confirmed them; {} before that."""
        self.usage = SessionUsage()
        """Totals of all responses and transcriptions so far."""
        self.is_user_speaking = False
        """Whether the server hears speech right now."""
        self.is_awaiting = False
        """Whether a turn has ended, or a response was asked for, and none has begun."""
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._responses = Responses()
        self._lengths = SoundLengths()
        self._created = CreatedItems()

    # What is known ----------------------------------------------------------------------------

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the conversation in their order.

        Speech that is not yet committed is among them with the status `pending`; what a response
        outside the conversation makes is not, see `item`.
        """
        found = (self._items[item_id] for item_id in self._order)
        return tuple(item for item in found if not item.is_out_of_band)

    def item(self, item_id: str) -> Item | None:
        """Return one item, also of a response outside the conversation; None if there is none."""
        return self._items.get(item_id)

    def source(self, item_id: str, content_index: int) -> Mapping[str, Any] | None:
        """Return a part of sound or an image as the program created it.

        None when the program created it without an id for the item, or when it was too much to
        keep (`created_items.KEPT_CHARS`).
        """
        return self._created.part(item_id, content_index)

    @property
    def responses(self) -> tuple[Response, ...]:
        """The responses in the order in which they began; the oldest of very many are forgotten."""
        return self._responses.all

    def response(self, response_id: str) -> Response | None:
        """Return one response; None if there is none."""
        return self._responses.get(response_id)

    @property
    def active_response(self) -> Response | None:
        """The response that is being made inside the conversation; None while there is none."""
        return self._responses.active

    # What happens -----------------------------------------------------------------------------

    def apply(self, event: Event) -> Change:
        """Note a server event and return what it was about."""
        method = _APPLY.get(text_of(event, "type"))
        return _NOTHING if method is None else method(self, event)

    def sent(self, event: Event) -> None:
        """Note a client event that goes out."""
        match event.get("type"):
            case "input_audio_buffer.append":
                self._lengths.appended(event.get("audio"))
            case "input_audio_buffer.commit":
                self._lengths.commit_sent(sound_format(self.session, "input"))
            case "input_audio_buffer.clear":
                self._lengths.cleared()
            case "conversation.item.create":
                self._created.note(event)
            case "response.create":
                self.is_awaiting = True

    # The session ------------------------------------------------------------------------------

    def _on_session_created(self, event: Event) -> Change:
        self.session = merge({}, mapping_of(event.get("session")))
        return _NOTHING

    def _on_session_updated(self, event: Event) -> Change:
        # Compatible services answer with what was changed only.
        self.session = merge(self.session, mapping_of(event.get("session")))
        return _NOTHING

    def _on_error(self, event: Event) -> Change:
        error = event.get("error")
        code = text_of(mapping_of(error), "code")
        if not is_benign(error) or code == "conversation_already_has_active_response":
            self.is_awaiting = False
        if code == "input_audio_buffer_commit_empty":
            self._lengths.commit_ended()
        return _NOTHING

    # Items ------------------------------------------------------------------------------------

    def _on_item_arrived(self, event: Event) -> Change:
        is_placed = text_of(mapping_of(event.get("item")), "id") in self._items
        item = self._merge(event.get("item"))
        if item is None:
            return _NOTHING
        # What stood before it when it began says nothing of where it stands at its end.
        if event.get("type") == "conversation.item.added" or not is_placed:
            self._place(item.id, event.get("previous_item_id"))
        return Change(self._keep(replace(item, is_out_of_band=False)))

    def _on_item_retrieved(self, event: Event) -> Change:
        return Change(self._merge(event.get("item")))

    def _on_item_deleted(self, event: Event) -> Change:
        return Change(self._remove(text_of(event, "item_id")))

    def _on_item_truncated(self, event: Event) -> Change:
        item = self._items.get(text_of(event, "item_id"))
        end_ms = event.get("audio_end_ms")
        if item is None or type(end_ms) is not int:
            return Change(item)
        cut = with_part(item, index_of(event), "audio", heard_ms=end_ms)
        return Change(self._keep(replace(cut, is_interrupted=True)))

    def _on_transcription_delta(self, event: Event) -> Change:
        item = self._user_item(event)
        if item is None:
            return _NOTHING
        part = part_at(item, index_of(event))
        words = (part.transcript if part else "") + text_of(event, "delta")
        item = with_part(item, index_of(event), "audio", transcript=words)
        state = item.transcription or Transcription()
        return Change(self._keep(replace(item, transcription=state)))

    def _on_transcription_completed(self, event: Event) -> Change:
        self.usage = self.usage.with_transcription(event.get("usage"))
        item = self._user_item(event)
        if item is None:
            return _NOTHING
        words = text_of(event, "transcript")
        item = with_part(item, index_of(event), "audio", transcript=words)
        done = Transcription("done", confidence(event.get("logprobs")))
        return Change(self._keep(replace(item, transcription=done)))

    def _on_transcription_failed(self, event: Event) -> Change:
        item = self._user_item(event)
        if item is None:
            return _NOTHING
        failed = Transcription("failed", error=dict(mapping_of(event.get("error"))))
        return Change(self._keep(replace(item, transcription=failed)))

    # What the user says -----------------------------------------------------------------------

    def _on_speech_started(self, event: Event) -> Change:
        self.is_user_speaking, self.is_awaiting = True, False
        item = self._user_item(event, status="pending")
        if item is not None:
            self._lengths.speech_started(item.id, event.get("audio_start_ms"))
        return Change(item)

    def _on_speech_stopped(self, event: Event) -> Change:
        self.is_user_speaking, self.is_awaiting = False, self._answers_turns()
        item_id = text_of(event, "item_id")
        item = self._items.get(item_id)
        audio_ms = self._lengths.speech_stopped(item_id, event.get("audio_end_ms"))
        if item is None or audio_ms is None:
            return Change(item)
        return Change(self._keep(with_part(item, 0, "audio", audio_ms=audio_ms)))

    def _on_committed(self, event: Event) -> Change:
        self.is_user_speaking = False
        was_announced = text_of(event, "item_id") in self._items
        item = self._user_item(event, status="pending")
        if item is None:
            return _NOTHING
        if not was_announced:
            # Nobody heard speech begin: it is what the program committed itself.
            item = self._keep(with_part(item, 0, "audio", audio_ms=self._lengths.commit_ended()))
        self._place(item.id, event.get("previous_item_id"))
        return Change(item)

    def _on_cleared(self, _event: Event) -> Change:
        self.is_user_speaking = self.is_awaiting = False
        for item in tuple(self._items.values()):
            if item.status == "pending":
                self._remove(item.id)
        return _NOTHING

    # Responses --------------------------------------------------------------------------------

    def _on_response_created(self, event: Event) -> Change:
        self.is_awaiting = False
        return Change(response=self._responses.begin(mapping_of(event.get("response"))))

    def _on_response_done(self, event: Event) -> Change:
        self.is_awaiting = False
        wire = mapping_of(event.get("response"))
        self.usage = self.usage.with_response(wire.get("usage"))
        response = self._responses.end(wire)
        if response is None:
            return _NOTHING
        status = "completed" if response.status == "completed" else "incomplete"
        for item_id in response.item_ids:
            item = self._items.get(item_id)
            if item is not None and item.status != "completed":
                was_cut = item.is_interrupted or response.status == "cancelled"
                self._keep(replace(item, status=status, is_interrupted=was_cut))
        return Change(response=response)

    def _on_output_item(self, event: Event) -> Change:
        wire = mapping_of(event.get("item"))
        self._output_item(wire.get("id"), event)
        return Change(self._merge(wire), self._response_of(event))

    def _on_part_added(self, event: Event) -> Change:
        part = mapping_of(event.get("part"))
        kind = part_type(part)
        return self._say(event, kind, lambda old: old or text_of(part, _words_of(kind)))

    def _on_text_delta(self, event: Event) -> Change:
        return self._say(event, "text", lambda old: old + text_of(event, "delta"))

    def _on_text_done(self, event: Event) -> Change:
        return self._say(event, "text", lambda old: text_of(event, "text") or old)

    def _on_spoken_delta(self, event: Event) -> Change:
        return self._say(event, "audio", lambda old: old + text_of(event, "delta"))

    def _on_spoken_done(self, event: Event) -> Change:
        return self._say(event, "audio", lambda old: text_of(event, "transcript") or old)

    def _on_audio_delta(self, event: Event) -> Change:
        item = self._said_item(event)
        if item is None:
            return _NOTHING
        index, spoken = index_of(event), sound_format(self.session, "output")
        audio_ms = self._lengths.received(item.id, index, event.get("delta"), spoken)
        item = self._keep(with_part(item, index, "audio", audio_ms=audio_ms))
        return Change(item, self._response_of(event))

    def _on_arguments_delta(self, event: Event) -> Change:
        return self._call(event, lambda old: old + text_of(event, "delta"))

    def _on_arguments_done(self, event: Event) -> Change:
        return self._call(event, lambda old: text_of(event, "arguments") or old)

    # Parts of the above -----------------------------------------------------------------------

    def _keep(self, item: Item) -> Item:
        if item.id not in self._items:
            self._order.append(item.id)
        self._items[item.id] = item
        return item

    def _remove(self, item_id: str) -> Item | None:
        item = self._items.pop(item_id, None)
        if item is not None:
            self._order.remove(item_id)
            self._created.forget(item_id, len(item.parts))
            self._lengths.forget(item_id, len(item.parts))
        return item

    def _place(self, item_id: str, previous_id: object) -> None:
        """Move an item behind another; without one, or one nobody knows, new items come last."""
        if previous_id is None and self._created.is_at_root(item_id):
            self._order.remove(item_id)
            self._order.insert(0, item_id)
        elif isinstance(previous_id, str) and previous_id != item_id and previous_id in self._items:
            self._order.remove(item_id)
            self._order.insert(self._order.index(previous_id) + 1, item_id)

    def _merge(self, wire: object) -> Item | None:
        """Take over the server's view of an item; None when it has no id."""
        view = mapping_of(wire)
        item_id = view.get("id")
        if not isinstance(item_id, str):
            return None
        item = merged(self._items.get(item_id) or Item(item_id), view)
        for index, part in enumerate(item.parts):
            created = self._created.part(item_id, index) if part.type == "audio" else None
            if created is not None:
                size = decoded_bytes(created.get("audio"))
                audio_ms = bytes_to_ms(size, sound_format(self.session, "input"))
                item = with_part(item, index, "audio", audio_ms=audio_ms)
        if item.type == "function_call_output":
            self._answer_call(item)
        return self._keep(item)

    def _answer_call(self, answer: Item) -> None:
        for item in self._items.values():
            if item.type == "function_call" and item.call_id == answer.call_id:
                self._items[item.id] = replace(item, output=answer.output)
                return

    def _user_item(self, event: Event, status: str = "in_progress") -> Item | None:
        item_id = event.get("item_id")
        if not isinstance(item_id, str):
            return None
        new = Item(item_id, role="user", status=status, parts=(Part("audio"),))
        known = self._items.get(item_id)
        return known or self._keep(replace(new, transcription=Transcription()))

    def _response_of(self, event: Event) -> Response | None:
        return self._responses.get(event.get("response_id"))

    def _output_item(self, item_id: object, event: Event) -> Item | None:
        """Return the item that an event's response makes; it is made here when it is unknown."""
        if not isinstance(item_id, str):
            return None
        item = self._items.get(item_id) or Item(item_id)
        if item.response_id is None:
            response = self._responses.add_item(event.get("response_id"), item_id)
            if response is not None:
                outside = response.is_out_of_band
                item = replace(item, response_id=response.id, is_out_of_band=outside)
        return self._keep(item)

    def _said_item(self, event: Event) -> Item | None:
        item = self._output_item(event.get("item_id"), event)
        return replace(item, role="assistant") if item and item.role is None else item

    def _say(self, event: Event, kind: PartType, change: Callable[[str], str]) -> Change:
        item = self._said_item(event)
        if item is None:
            return _NOTHING
        index, field = index_of(event), _words_of(kind)
        part = part_at(item, index)
        words = change(getattr(part, field) if part else "")
        item = self._keep(with_part(item, index, kind, **{field: words}))
        return Change(item, self._response_of(event))

    def _call(self, event: Event, change: Callable[[str], str]) -> Change:
        item = self._output_item(event.get("item_id"), event)
        if item is None:
            return _NOTHING
        item = replace(
            item,
            type="function_call" if item.type == "message" else item.type,
            name=item.name or text_of(event, "name") or None,
            call_id=item.call_id or text_of(event, "call_id") or None,
            arguments=change(item.arguments or ""),
        )
        return Change(self._keep(item), self._response_of(event))

    def _answers_turns(self) -> bool:
        if self.session.get("type") == "transcription":
            return False
        answers = value_at(self.session, "audio", "input", "turn_detection", "create_response")
        return answers is not False


def is_benign(error: object) -> bool:
    """Whether an `error` is part of a normal race: nothing is wrong and nothing is to be done."""
    body = mapping_of(error)
    # A truncation that lost a race against the end of the item has no code of its own.
    is_cut_already = "is already shorter than" in text_of(body, "message")
    return is_cut_already or text_of(body, "code") in _RACES


def confidence(logprobs: object) -> float | None:
    """Return the mean probability of a transcript's words, 0 to 1; None without any."""
    if not isinstance(logprobs, list) or not logprobs:
        return None
    values = [mapping_of(entry).get("logprob") for entry in logprobs]
    finite = [v if isinstance(v, int | float) and math.isfinite(v) else -10.0 for v in values]
    return math.exp(min(0.0, sum(finite) / len(finite)))


def _words_of(kind: PartType) -> str:
    return "transcript" if kind == "audio" else "text"


_APPLY: Final[dict[str, Callable[[Conversation, Event], Change]]] = {
    "session.created": Conversation._on_session_created,
    "session.updated": Conversation._on_session_updated,
    "error": Conversation._on_error,
    "conversation.item.added": Conversation._on_item_arrived,
    "conversation.item.done": Conversation._on_item_arrived,
    "conversation.item.retrieved": Conversation._on_item_retrieved,
    "conversation.item.deleted": Conversation._on_item_deleted,
    "conversation.item.truncated": Conversation._on_item_truncated,
    "conversation.item.input_audio_transcription.delta": Conversation._on_transcription_delta,
    "conversation.item.input_audio_transcription.completed": (
        Conversation._on_transcription_completed
    ),
    "conversation.item.input_audio_transcription.failed": Conversation._on_transcription_failed,
    "input_audio_buffer.speech_started": Conversation._on_speech_started,
    "input_audio_buffer.speech_stopped": Conversation._on_speech_stopped,
    "input_audio_buffer.committed": Conversation._on_committed,
    "input_audio_buffer.cleared": Conversation._on_cleared,
    "response.created": Conversation._on_response_created,
    "response.done": Conversation._on_response_done,
    "response.output_item.added": Conversation._on_output_item,
    "response.output_item.done": Conversation._on_output_item,
    "response.content_part.added": Conversation._on_part_added,
    "response.output_text.delta": Conversation._on_text_delta,
    "response.output_text.done": Conversation._on_text_done,
    "response.output_audio_transcript.delta": Conversation._on_spoken_delta,
    "response.output_audio_transcript.done": Conversation._on_spoken_done,
    "response.output_audio.delta": Conversation._on_audio_delta,
    "response.function_call_arguments.delta": Conversation._on_arguments_delta,
    "response.function_call_arguments.done": Conversation._on_arguments_done,
}
