"""Which object of `rtclient.items` an event of the server begins, fills or ends. Nothing waits.

It is the one place that writes to those objects, by their methods and attributes with underscores.
"""

from collections.abc import Mapping
from typing import Any

from rtclient.errors import ConnectionLost, ServerError
from rtclient.items import (
    RTAudioContent,
    RTFunctionCallItem,
    RTInputAudioItem,
    RTMessageContent,
    RTMessageItem,
    RTOutputItem,
    RTResponse,
    RTTextContent,
    RTTurn,
    SendEvent,
)
from rtclient.models import Response, ResponseItem
from rtclient.models.items import read_item
from rtclient.protocol.dialects import Dialect, item_to_preview, response_to_preview
from rtclient.requests import as_exception
from rtclient.streams import Stream

MAX_UNREAD_EVENTS = 16
"""Turns and responses that wait for a program that does not iterate over `events()`."""

_MAX_INPUTS = 1000


class Router:
    """Makes these objects from the server's GA events and fills them. Nothing in it waits."""

    def __init__(self, dialect: Dialect, send: SendEvent) -> None:
        """Begin.

        Args:
            dialect: The words of the program, in what `Response` and `ResponseItem` show.
            send: How a response says that it shall be cancelled.
        """
        self._in_preview = dialect == "preview"
        self._send = send
        self.has_transcription = False
        """Whether the session transcribes what the person says."""
        self.events: Stream[RTTurn] = Stream(MAX_UNREAD_EVENTS)
        self._inputs: dict[str, RTInputAudioItem] = {}
        self._responses: dict[str, RTResponse] = {}
        self._items: dict[str, RTOutputItem] = {}
        self._parts: dict[tuple[str, int], RTMessageContent] = {}

    def item(self, raw: Any) -> ResponseItem:
        """Return an item of the conversation in the program's words."""
        item: ResponseItem = read_item(item_to_preview(raw) if self._in_preview else raw)
        return item

    def response(self, raw: Any) -> Response:
        """Return a response in the program's words."""
        return Response.from_dict(response_to_preview(raw, []) if self._in_preview else raw)

    def see(self, event: Mapping[str, Any]) -> RTTurn | None:
        """Take in a GA event; return the turn that it begins or commits, or the response."""
        kind: str = event["type"]
        if kind.startswith("response."):
            return self._see_response(kind, event)
        if kind in ("session.created", "session.updated"):
            audio = event["session"].get("audio") or {}
            self.has_transcription = bool((audio.get("input") or {}).get("transcription"))
        elif kind == "conversation.item.added":
            self._added(event)
        elif kind == "conversation.item.deleted":
            if (turn := self._inputs.get(event["item_id"])) is not None:
                self._finish(turn)  # nobody transcribes it any more
        elif kind.startswith(("input_audio_buffer.", "conversation.item.input_audio_")):
            return self._see_input(kind, event)
        return None

    def offer(self, begun: RTTurn, *, is_awaited: bool) -> None:
        """Give it to who iterates over `events`, unless a call has it or it was given before."""
        if not begun._is_given:
            begun._is_given = True
            if not is_awaited:
                self.events.put(begun)

    def end(self, error: Exception | None) -> None:
        """Say that nothing more comes; `error` is why, unless it was meant to end."""
        for one in (*self._parts.values(), *self._items.values(), *self._responses.values()):
            one._end(error)
        lost = error or ConnectionLost(1000)
        for turn in self._inputs.values():
            turn._complete.set(lost)
        self.events.end(error)

    def restored(self) -> None:
        """Say that another connection goes on: it has nothing of turns that were begun before."""
        for turn in tuple(self._inputs.values()):
            self._finish(turn)

    # The person.

    def _see_input(self, kind: str, event: Mapping[str, Any]) -> RTInputAudioItem | None:
        if kind == "input_audio_buffer.cleared":
            # What was begun will not become an item.
            for begun in [one for one in self._inputs.values() if one.audio_end_ms is None]:
                self._finish(begun)
            return None
        item_id = event.get("item_id")
        if not isinstance(item_id, str):
            return None
        turn = self._inputs.get(item_id)
        match kind:
            case "input_audio_buffer.speech_started" | "input_audio_buffer.committed":
                return turn or self._begin(item_id, event.get("audio_start_ms"))
            case "input_audio_buffer.speech_stopped" if turn:
                turn.audio_end_ms = event.get("audio_end_ms")
            case "conversation.item.input_audio_transcription.completed" if turn:
                turn.transcript = event.get("transcript")
                self._finish(turn)
            case "conversation.item.input_audio_transcription.failed" if turn:
                self._finish(turn, as_exception(event.get("error")))
        return None

    def _begin(self, item_id: str, audio_start_ms: int | None) -> RTInputAudioItem:
        turn = RTInputAudioItem(item_id, audio_start_ms, self.has_transcription)
        self._inputs[item_id] = turn
        if len(self._inputs) > _MAX_INPUTS:  # of a server that never transcribes
            self._finish(next(iter(self._inputs.values())))
        return turn

    def _finish(self, turn: RTInputAudioItem, error: ServerError | None = None) -> None:
        del self._inputs[turn.id]
        turn._complete.set(error)

    # The model.

    def _added(self, event: Mapping[str, Any]) -> None:
        item_id = event["item"]["id"]
        if (turn := self._inputs.get(item_id)) is not None and not turn._has_transcription:
            self._finish(turn)
        elif (item := self._items.get(item_id)) is not None:
            item.previous_id = event.get("previous_item_id")
            self._show(item)

    def _show(self, item: RTOutputItem) -> None:
        # Not earlier: its place in the conversation comes right after its begin, if it has one.
        if not item._is_shown:
            item._is_shown = True
            self._responses[item.response_id]._items.put(item)

    def _see_response(self, kind: str, event: Mapping[str, Any]) -> RTResponse | None:
        if kind == "response.created":
            response = RTResponse(self.response(event["response"]), self._send)
            self._responses[response.id] = response
            return response
        if kind == "response.done":
            self._done(event["response"])
        elif event.get("response_id") in self._responses:
            self._see_item(kind, event)
        return None

    def _done(self, raw: Mapping[str, Any]) -> None:
        response = self._responses.get(raw["id"])
        if response is None:
            return
        response._response = self.response(raw)
        for item in [one for one in self._items.values() if one.response_id == response.id]:
            self._item_done(item)
        del self._responses[response.id]
        response._end()

    def _see_item(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind == "response.output_item.added":
            raw = self.item(event["item"])
            if raw.type in ("message", "function_call"):
                make = RTMessageItem if raw.type == "message" else RTFunctionCallItem
                self._items[raw.id] = make(event["response_id"], raw)
            return
        item_id = event["item"]["id"] if "item" in event else event["item_id"]
        if (item := self._items.get(item_id)) is None:
            return
        self._show(item)
        if kind == "response.output_item.done":
            item._item = self.item(event["item"])
            self._item_done(item)
        elif isinstance(item, RTMessageItem):
            self._see_part(kind, event, item)
        elif kind == "response.function_call_arguments.delta":
            item._arguments += event["delta"]
            item._chunks.put(event["delta"])
        elif kind == "response.function_call_arguments.done":
            item._arguments = event["arguments"]

    def _see_part(self, kind: str, event: Mapping[str, Any], item: RTMessageItem) -> None:
        place = (item.id, event["content_index"])
        if kind == "response.content_part.added":
            is_spoken = "audio" in event["part"]["type"]
            part = (RTAudioContent if is_spoken else RTTextContent)(*place)
            self._parts[place] = part
            item._parts.put(part)
        elif (known := self._parts.get(place)) is not None:
            known._see(event)
            if kind == "response.content_part.done":
                del self._parts[place]
                known._end()

    def _item_done(self, item: RTOutputItem) -> None:
        self._show(item)
        for place in [place for place in self._parts if place[0] == item.id]:
            self._parts.pop(place)._end()
        if isinstance(item, RTFunctionCallItem):
            item._arguments = item._call.arguments or item._arguments
        del self._items[item.id]
        item._end()
