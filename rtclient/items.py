"""What an `RTClient` hands out: the turns of the person and the responses of the model.

A response is an async iterator of its items, a message of its parts, a part of its chunks. Each can
also be awaited: then it is complete. Who reads late gets everything from the beginning, each value
once; who reads nothing costs bounded memory:

- `client.events()` keeps the newest 32 turns and responses for a program that does not iterate it;
- a part keeps 64 MiB of sound (23 minutes); what is older goes first;
- a response that nobody holds is gone when it is over.

Source: Realtime API reference, server events; the names are those of Microsoft's rtclient 0.5.
"""

import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any, Literal, Self, cast

from rtclient.errors import ConnectionLost, ServerError
from rtclient.models import (
    Response,
    ResponseFunctionCallItem,
    ResponseItem,
    ResponseMessageItem,
    ResponseStatus,
    ResponseStatusDetails,
    Usage,
)
from rtclient.models.parts import read_item
from rtclient.protocol.dialects import Dialect, item_to_preview, response_to_preview
from rtclient.requests import as_exception
from rtclient.streams import Signal, Stream

MAX_UNREAD_EVENTS = 32
MAX_UNREAD_BYTES = 64 * 1024 * 1024

_MAX_INPUTS = 1000

_log = logging.getLogger(__name__)

SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


class _Awaitable:
    """Something that is complete at some time."""

    def __init__(self) -> None:
        self._complete = Signal()

    async def _wait(self) -> Self:
        await self._complete.wait()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait until it is complete."""
        return self._wait().__await__()


class RTInputAudioItem(_Awaitable):
    """A turn of the person. `await item` waits for its transcript, when there is to be one.

    Awaiting it raises `RealtimeException` when the speech could not be transcribed.
    """

    def __init__(self, item_id: str, audio_start_ms: int | None, has_transcription: bool) -> None:
        super().__init__()
        self.type: Literal["input_audio"] = "input_audio"
        self.id = item_id
        self.audio_start_ms = audio_start_ms
        """Where the speech began, counted in the sound sent; None when the program committed it."""
        self.audio_end_ms: int | None = None
        self.transcript: str | None = None
        """None until it is complete, and without transcription."""
        self._has_transcription = has_transcription


class RTAudioContent(_Awaitable):
    """A part of an answer that is spoken."""

    def __init__(self, item_id: str, content_index: int) -> None:
        super().__init__()
        self.type: Literal["audio"] = "audio"
        self.item_id = item_id
        self.content_index = content_index
        self.transcript = ""
        """The words so far."""
        self._audio: Stream[bytes] = Stream(MAX_UNREAD_BYTES, len)
        self._words: Stream[str] = Stream()
        self._has_lost = False

    def audio_chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the sound as it comes, in the session's output format (pcm16 at 24 kHz)."""
        return self._audio

    def transcript_chunks(self) -> AsyncIterator[str]:
        """Iterate over the words as they come."""
        return self._words

    def _see(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "response.output_audio.delta":
                if not self._audio.put(base64.b64decode(event["delta"])) and not self._has_lost:
                    self._has_lost = True
                    _log.warning("Sound of %s is let go: nobody has read it.", self.item_id)
            case "response.output_audio_transcript.delta":
                self.transcript += event["delta"]
                self._words.put(event["delta"])
            case "response.content_part.done":
                self.transcript = event["part"].get("transcript") or self.transcript

    def _end(self, error: Exception | None = None) -> None:
        self._audio.end(error)
        self._words.end(error)
        self._complete.set(error)


class RTTextContent(_Awaitable):
    """A part of an answer that is written."""

    def __init__(self, item_id: str, content_index: int) -> None:
        super().__init__()
        self.type: Literal["text"] = "text"
        self.item_id = item_id
        self.content_index = content_index
        self.text = ""
        """What came so far."""
        self._words: Stream[str] = Stream()

    def text_chunks(self) -> AsyncIterator[str]:
        """Iterate over the text as it comes."""
        return self._words

    def _see(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "response.output_text.delta":
                self.text += event["delta"]
                self._words.put(event["delta"])
            case "response.content_part.done":
                self.text = event["part"].get("text") or self.text

    def _end(self, error: Exception | None = None) -> None:
        self._words.end(error)
        self._complete.set(error)


RTMessageContent = RTAudioContent | RTTextContent


class _OutputItem(_Awaitable):
    def __init__(self, response_id: str, item: ResponseItem) -> None:
        super().__init__()
        self.response_id = response_id
        self.previous_id: str | None = None
        """The item before it in the conversation."""
        self._item = item
        self._is_shown = False

    @property
    def id(self) -> str:
        """Its id in the conversation."""
        return self._item.id


class RTMessageItem(_OutputItem):
    """An answer in words. Iterate over it to get its parts."""

    type: Literal["message"] = "message"

    def __init__(self, response_id: str, item: ResponseItem) -> None:
        super().__init__(response_id, item)
        self._parts: Stream[RTMessageContent] = Stream()

    @property
    def status(self) -> str:
        """`in_progress`, then `completed`, or `incomplete` when it was cut short."""
        return cast(ResponseMessageItem, self._item).status

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RTMessageContent:
        return await anext(self._parts)

    def _end(self, error: Exception | None = None) -> None:
        self._parts.end(error)
        self._complete.set(error)


class RTFunctionCallItem(_OutputItem):
    """A call that the model asks for. Await it, or iterate over its arguments as they come."""

    type: Literal["function_call"] = "function_call"

    def __init__(self, response_id: str, item: ResponseItem) -> None:
        super().__init__(response_id, item)
        self._arguments = self._call.arguments or ""
        self._chunks: Stream[str] = Stream()

    @property
    def _call(self) -> ResponseFunctionCallItem:
        return cast(ResponseFunctionCallItem, self._item)

    @property
    def function_name(self) -> str:
        """Of the tool to call."""
        return self._call.name

    @property
    def call_id(self) -> str:
        """What the `FunctionCallOutputItem` must carry."""
        return self._call.call_id

    @property
    def arguments(self) -> str:
        """JSON; what came so far of it until the call is complete."""
        return self._arguments

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        return await anext(self._chunks)

    def _end(self, error: Exception | None = None) -> None:
        self._chunks.end(error)
        self._complete.set(error)


RTOutputItem = RTMessageItem | RTFunctionCallItem


class RTResponse(_Awaitable):
    """What the model makes of the conversation, once. Iterate over it to get its items."""

    def __init__(self, response: Response, send: SendEvent) -> None:
        super().__init__()
        self.type: Literal["response"] = "response"
        self._response = response
        self._send = send
        self._items: Stream[RTOutputItem] = Stream()

    @property
    def id(self) -> str:
        """Its id."""
        return self._response.id

    @property
    def status(self) -> ResponseStatus:
        """`in_progress`, then `completed`, `cancelled`, `incomplete` or `failed`."""
        return self._response.status

    @property
    def status_details(self) -> ResponseStatusDetails | None:
        """Why it ended as it did, unless it is complete."""
        return self._response.status_details

    @property
    def output(self) -> list[ResponseItem]:
        """Its items as they are at the end; empty before."""
        return self._response.output or []

    @property
    def usage(self) -> Usage | None:
        """Its tokens; None before the end."""
        return self._response.usage

    async def cancel(self) -> None:
        """Stop it, and wait for its end. What was not read of it by then is let go."""
        if not self._complete.is_set:
            await self._send({"type": "response.cancel", "response_id": self.id})
            await self._complete.wait()
        self._items.drop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RTOutputItem:
        return await anext(self._items)

    def _end(self, error: Exception | None = None) -> None:
        self._items.end(error)
        self._complete.set(error)


RTEvent = RTInputAudioItem | RTResponse


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
        self.events: Stream[RTEvent] = Stream(MAX_UNREAD_EVENTS)
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

    def see(self, event: Mapping[str, Any]) -> RTEvent | None:
        """Take in a GA event of the server; return the turn or response that begins with it."""
        kind: str = event["type"]
        if kind.startswith("response."):
            return self._see_response(kind, event)
        if kind in ("session.created", "session.updated"):
            audio = event["session"].get("audio") or {}
            self.has_transcription = bool((audio.get("input") or {}).get("transcription"))
        elif kind == "conversation.item.added":
            self._added(event)
        elif kind.startswith(("input_audio_buffer.", "conversation.item.input_audio_")):
            return self._see_input(kind, event)
        return None

    def end(self, error: Exception | None) -> None:
        """Say that nothing more comes; `error` is why, unless it was meant to end."""
        for one in (*self._parts.values(), *self._items.values(), *self._responses.values()):
            one._end(error)
        lost = error or ConnectionLost(1000)
        for turn in self._inputs.values():
            turn._complete.set(lost)
        self.events.end(error)

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
                if turn is None:
                    return self._begin(item_id, event.get("audio_start_ms"))
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
            item._arguments = (
                cast(ResponseFunctionCallItem, item._item).arguments or item._arguments
            )
        del self._items[item.id]
        item._end()
