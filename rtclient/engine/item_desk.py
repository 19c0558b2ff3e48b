"""What clients do to the items of the conversation: create, retrieve, delete, truncate.

Rules of the file: each method answers with the events of success or returns a fault and has changed
nothing. Audio of a client becomes pcm16 here and goes back in the format that the session has; what
must be resampled for that is worked off in slices, so that one client cannot hold the others.

Source: Realtime API reference, conversation.item.*.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from rtclient.engine.actions import Outbox, Stop
from rtclient.engine.items import ROOT, Conversation, Item
from rtclient.engine.listener import Guide
from rtclient.engine.pcm import pcm_ms
from rtclient.engine.shapes import Fault
from rtclient.engine.slices import Decoding, Retrieval, Work, begin_hearing
from rtclient.engine.telephony import FromWire
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import PCM16, AudioFormat, from_base64

MAX_TELEPHONY_MS = 60_000
"""Longest G.711 audio of one created item."""


def audio_of(text: str, param: str, form: AudioFormat) -> bytes | Fault:
    """Return the bytes of a client's base64 audio."""
    try:
        return from_base64(text, param)
    except RemoteProtocolError:
        kind = "mono PCM16 at 24kHz" if form is PCM16 else f"{form.type} at 8kHz"
        return Fault(
            "invalid_value",
            f"Invalid '{param}'. Expected base64-encoded audio bytes ({kind}) "
            "but got an invalid value.",
            param,
        )


class ItemDesk:
    """Changes one conversation as its client asks."""

    def __init__(self, outbox: Outbox, conversation: Conversation) -> None:
        """`conversation` is shared with the rest of the session."""
        self._out = outbox
        self._conversation = conversation
        self.guide = Guide()
        """What the ears are told with the audio of a created item."""
        self._work: deque[Work] = deque()
        self._hearing: dict[str, Item] = {}
        """Work of the ears → the item that waits for it."""

    def create(
        self, event: dict[str, Any], form: AudioFormat, *, reserved_id: str | None = None
    ) -> Fault | None:
        """Add the item of a `conversation.item.create`.

        Args:
            event: the client event, valid by its shape.
            form: the format of audio in it.
            reserved_id: an id that is promised to a turn which is not over yet.
        """
        given = event["item"]
        item_id = given.get("id") or self._out.new_id("item")
        if item_id in self._conversation or item_id == reserved_id:
            return Fault(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item_id}' already exists.",
                "item.id",
            )
        after = event.get("previous_item_id")
        if after is not None and after != ROOT and after not in self._conversation:
            return Fault(
                "item_create_invalid_previous_item_id",
                f"Error adding item: the previous item with id '{after}' does not exist.",
                "previous_item_id",
            )
        if given["type"] == "function_call_output" and not self._has_call(given["call_id"]):
            return Fault(
                "invalid_tool_call_id",
                f"Tool call ID '{given['call_id'][:64]}' not found in conversation.",
            )
        item = self._item_of(given, item_id, "item", form)
        if isinstance(item, Fault):
            return item
        self.add(item, after)
        self.hear(item, form)
        return None

    def hear(self, item: Item, form: AudioFormat) -> None:
        """Give audio of a client, in `form`, to the ears, if the item has any that nobody heard."""
        if not item.is_hearing or item.work_id:
            return
        item.work_id = self._out.new_id("hearing")
        self._hearing[item.work_id] = item
        begin_hearing(self._out, item, self.guide)
        if item.raw:
            raw, item.raw = item.raw, {}
            self._work.append(Decoding(item, sorted(raw.items()), form))
            self.work()

    def _has_call(self, call_id: str) -> bool:
        return any(
            item.wire["type"] == "function_call" and item.wire.get("call_id") == call_id
            for item in self._conversation
        )

    def _item_of(
        self, given: dict[str, Any], item_id: str, path: str, form: AudioFormat
    ) -> Item | Fault:
        """Make an item of a valid `item` of a client."""
        wire: dict[str, Any] = {"id": item_id, "type": given["type"], "status": "completed"}
        wire.update({k: v for k, v in given.items() if k not in ("id", "object", "status")})
        item = Item(wire)
        if wire["type"] == "function_call" and wire.get("call_id") is None:
            wire["call_id"] = self._out.new_id("call")
        if wire["type"] != "message":
            return item
        content = []
        for index, part in enumerate(wire["content"]):
            if part["type"] == "input_audio":
                param = f"{path}.content[{index}].audio"
                data = audio_of(part["audio"], param, form)
                if isinstance(data, Fault):
                    return data
                if form is not PCM16 and len(data) * 1000 > MAX_TELEPHONY_MS * form.bytes_per_s:
                    return Fault(
                        "invalid_value",
                        f"Invalid '{param}': the embedded engine takes at most "
                        f"{MAX_TELEPHONY_MS // 1000} s of {form.type} in one item. Use "
                        "input_audio_buffer.append for more.",
                        param,
                    )
                if form is PCM16:
                    item.audio[index] = FromWire(form).feed(data)
                else:
                    item.raw[index] = data
                item.is_hearing = True
                part = {"type": "input_audio", "transcript": part.get("transcript")}
            content.append(dict(part))
        wire["content"] = content
        return item

    def add(self, item: Item, after: str | None = None) -> None:
        """Put an item into the conversation and say so."""
        self._conversation.add(item, after)
        if item.work_id:
            self._hearing[item.work_id] = item
        previous = self._conversation.previous_id(item)
        for event_type in ("conversation.item.added", "conversation.item.done"):
            self._out.emit(event_type, previous_item_id=previous, item=item.public())

    def take_heard(self, work_id: str) -> Item | None:
        """Return the item that waits for this work, which is over; None: nobody waits for it."""
        item = self._hearing.pop(work_id, None)
        if item is not None:
            item.is_hearing = False
        return item

    def retrieve(self, item_id: str, form_of: Callable[[str], AudioFormat]) -> Fault | None:
        """Send an item with its audio, perhaps after some `work`.

        `form_of`: the session's format of `input` or `output`.
        """
        item = self._conversation.get(item_id)
        if item is None:
            return _no_item("retrieve", item_id)
        side = "output" if item.wire.get("role") == "assistant" else "input"
        self._work.append(Retrieval(item, form_of(side)))
        self.work()
        return None

    @property
    def has_backlog(self) -> bool:
        """Whether `work` has something left to do."""
        return bool(self._work)

    def work(self) -> None:
        """Do the next slice of what takes long."""
        if self._work and self._work[0].work(self._out):
            self._work.popleft()

    def delete(self, item_id: str) -> Fault | None:
        """Take an item out of the conversation."""
        item = self._conversation.get(item_id)
        if item is None:
            return _no_item("delete", item_id)
        self._conversation.remove(item)
        self._out.emit("conversation.item.deleted", item_id=item.id)
        if self.take_heard(item.work_id) is not None:
            self._out.do(Stop(item.work_id))
        return None

    def truncate(self, item_id: str, content_index: int, end_ms: int) -> Fault | None:
        """Cut an assistant's speech to its first `end_ms` milliseconds."""
        item = self._conversation.get(item_id)
        if item is None:
            return _no_item("truncate", item_id)
        if not item.is_assistant_audio or end_ms == 0:
            return Fault(
                "unsupported_content_type",
                "Only model output audio messages can be truncated.",
                "item_id" if end_ms else "audio_end_ms",
            )
        if content_index != 0:
            return Fault(
                "invalid_value",
                f"Invalid 'content_index': the item has no content at {content_index}.",
                "content_index",
            )
        length_ms = int(pcm_ms(item.audio.get(0, b"")))
        if end_ms > length_ms:
            return Fault(
                "invalid_value",
                f"Audio content of {length_ms}ms is already shorter than {end_ms}ms",
                "audio_end_ms",
            )
        item.truncate(end_ms)
        self._out.emit(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=end_ms,
        )
        return None

    def context(
        self, given: list[dict[str, Any]] | None, form: AudioFormat
    ) -> list[Item] | Fault | None:
        """Return the items of a `response.create`'s `input`, which enter no conversation.

        `form`: of audio in them, which is not heard before `hear`.
        """
        if given is None:
            return None
        context: list[Item] = []
        for index, wire in enumerate(given):
            path = f"response.input[{index}]"
            if wire["type"] == "item_reference":
                found = self._conversation.get(wire["id"])
                if found is None:
                    message = f"Item with id '{wire['id']}' not found in the conversation."
                    return Fault("invalid_value", message, f"{path}.id")
            else:
                made = self._item_of(wire, wire.get("id") or self._out.new_id("item"), path, form)
                if isinstance(made, Fault):
                    return made
                found = made
            context.append(found)
        return context


def _no_item(verb: str, item_id: str) -> Fault:
    doing = {"retrieve": "retrieving", "delete": "deleting", "truncate": "truncating"}[verb]
    return Fault(
        f"item_{verb}_invalid_item_id",
        f"Error {doing} item: the item with id '{item_id[:64]}' does not exist.",
        "item_id",
    )
