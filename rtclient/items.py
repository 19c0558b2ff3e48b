"""What an `RTClient` hands out: the turns of the person and the responses of the model.

A response is an async iterator of its items, a message of its parts, a part of its chunks. Each can
also be awaited: then it is complete. Who reads late gets everything from the beginning, each value
once; who reads nothing costs bounded memory:

- `client.events()` keeps the newest 16 turns and responses for a program that does not iterate it;
- a part keeps 64 MiB of sound (23 minutes); what is older goes first;
- a response that nobody holds is gone when it is over.

Source: Realtime API reference, server events; the names are those of Microsoft's rtclient 0.5.
"""

import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any, Literal, Self, cast

from rtclient.models import (
    Response,
    ResponseFunctionCallItem,
    ResponseItem,
    ResponseMessageItem,
    ResponseStatus,
    ResponseStatusDetails,
    Usage,
)
from rtclient.streams import Signal, Stream

MAX_UNREAD_BYTES = 64 * 1024 * 1024

_log = logging.getLogger(__name__)

SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


class _Awaitable:
    """Something that is complete at some time."""

    def __init__(self) -> None:
        self._complete = Signal()
        self._is_given = False

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


RTTurn = RTInputAudioItem | RTResponse
