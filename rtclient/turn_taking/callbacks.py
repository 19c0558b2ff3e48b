"""`client.on(…)`: functions that are called when something happens, and what they get.

    @client.on("transcript")
    def show(transcript: Transcript) -> None:
        if transcript.is_final:
            print(transcript.role, transcript.text)

A plain function is called at once, by the task that reads the connection: it must be quick. A
coroutine function may take its time: it gets one event after the other, and the connection does not
wait for it. What a callback raises goes to the event loop's exception handler, which logs it unless
the program set another one; the conversation goes on.

Source of the names of server events: Realtime API reference.
"""

import asyncio
import base64
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from rtclient.protocol.conversation import Conversation, is_benign
from rtclient.streams import Stream
from rtclient.tools.rounds import call_in
from rtclient.tools.runner import was_cancelled

EventName = Literal[
    "transcript",
    "audio",
    "speech_started",
    "speech_stopped",
    "response_started",
    "response_done",
    "tool_call",
    "usage",
    "error",
    "state",
    "restored",
    "event",
]

MAX_UNREAD: Final = 10_000
"""Events that wait for a slow coroutine; the oldest are let go beyond it."""

DRAIN_S: Final = 5.0
"""How long a client that closes waits for coroutines that still work."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of one side: spoken, or written by the model."""

    role: Literal["user", "assistant"]
    text: str
    """All words of this part so far."""
    delta: str
    """What is new; "" in the final one, whose `text` may correct the earlier ones."""
    is_final: bool
    item_id: str
    content_index: int = 0


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Sound of the model, several times faster than it sounds."""

    audio: bytes = field(repr=False)
    """In the session's output format: pcm16, mono, 24 kHz by default."""
    item_id: str
    content_index: int
    response_id: str


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """The server hears that the person begins or stops speaking."""

    item_id: str
    """Of the message that this speech becomes."""
    audio_ms: int
    """Where, counted in the sound that was sent in this session."""


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Something went wrong and the conversation goes on."""

    message: str
    code: str | None = None
    """As the API names it; `tool_failed` when a function of `@client.tool` raised."""
    event_id: str | None = None
    """Of the client event that caused it."""
    exception: Exception | None = None
    """What a tool raised."""

    @property
    def is_benign(self) -> bool:
        """Whether it is part of a normal race, such as stopping what has just ended."""
        return is_benign({"code": self.code, "message": self.message})


Callback = Callable[[Any], object]


class Callbacks:
    """Who wants to know what. A listener of the client."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._wanted: dict[str, list[Callback]] = {}
        self._queues: list[Stream[Any]] = []
        self._workers: set[asyncio.Task[None]] = set()

    def add(self, name: str, callback: Callback) -> None:
        """Call `callback` whenever `name` happens.

        Raises:
            ValueError: Nothing has that name; the text lists the names.
        """
        if name not in get_args(EventName):
            raise ValueError(f"There is no event {name!r}. There are: {_NAMES}.")
        call = self._queued(callback) if _is_async(callback) else _guarded(callback)
        self._wanted.setdefault(name, []).append(call)

    def tell(self, name: EventName, payload: object) -> None:
        """Call those who want `name`."""
        for callback in tuple(self._wanted.get(name, ())):
            callback(payload)

    def on_server_event(self, event: Mapping[str, Any]) -> None:
        """Tell what an event of the server means."""
        self.tell("event", event)
        found = _READERS.get(str(event.get("type")))
        if found is not None and found[0] in self._wanted:
            name, read = found
            self.tell(name, read(event, self._conversation))
        if event.get("type") in _USES:
            self.tell("usage", self._conversation.usage)
        if "tool_call" in self._wanted and (call := call_in(event)) is not None:
            self.tell("tool_call", call)

    def on_client_event(self, event: Mapping[str, Any]) -> None:
        """Take no notice: callbacks are about the server."""

    async def end(self) -> None:
        """Let coroutines finish what they were told; those that take too long are cancelled."""
        for queue in self._queues:
            queue.end()
        others = self._workers - {asyncio.current_task()}
        if others:
            _, late = await asyncio.wait(others, timeout=DRAIN_S)
            for worker in late:
                worker.cancel()

    def _queued(self, callback: Callback) -> Callback:
        """Return what hands events to a coroutine function, one after the other."""
        queue: Stream[Any] = Stream(MAX_UNREAD)
        self._queues.append(queue)
        call = _guarded_async(callback)
        is_running = is_late = False

        async def work() -> None:
            async for payload in queue:
                await call(payload)

        def put(payload: object) -> None:
            nonlocal is_running, is_late
            if not is_running:
                is_running = True
                worker = asyncio.create_task(work(), name=f"on {_name_of(callback)}")
                self._workers.add(worker)
                worker.add_done_callback(self._workers.discard)
            if not queue.put(payload) and not is_late:
                is_late = True
                _log.warning(
                    "%s is too slow: it misses events older than the newest %d.",
                    _name_of(callback),
                    MAX_UNREAD,
                )

        return put


_NAMES: Final = ", ".join(get_args(EventName))

_USES: Final = ("response.done", "conversation.item.input_audio_transcription.completed")


def _is_async(callback: Callback) -> bool:
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(
        getattr(callback, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def _name_of(callback: Callback) -> str:
    return getattr(callback, "__qualname__", type(callback).__name__)


def _guarded(callback: Callback) -> Callback:
    def call(payload: object) -> None:
        try:
            callback(payload)
        except Exception as exc:
            _report(callback, exc)

    return call


def _guarded_async(callback: Callback) -> Callable[[Any], Any]:
    async def call(payload: object) -> None:
        try:
            returned: Any = callback(payload)
            await returned
        except (Exception, asyncio.CancelledError) as exc:
            if was_cancelled(exc):
                raise
            _report(callback, exc)

    return call


def _report(callback: Callback, exc: BaseException) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"{_name_of(callback)} failed", "exception": exc}
    )


# What server events mean ------------------------------------------------------------------------

Read = Callable[[Mapping[str, Any], Conversation], object]


def _transcript(event: Mapping[str, Any], conversation: Conversation) -> Transcript:
    kind: str = event["type"]
    item_id, index = str(event.get("item_id")), event.get("content_index") or 0
    item = conversation.item(item_id)
    part = item.parts[index] if item is not None and index < len(item.parts) else None
    is_final = not kind.endswith(".delta")
    return Transcript(
        role="assistant" if kind.startswith("response.") else "user",
        text=(part.transcript or part.text) if part is not None else "",
        delta="" if is_final else str(event.get("delta") or ""),
        is_final=is_final,
        item_id=item_id,
        content_index=index,
    )


def _audio(event: Mapping[str, Any], _conversation: Conversation) -> AudioChunk:
    return AudioChunk(
        base64.b64decode(event["delta"]),
        event["item_id"],
        event.get("content_index") or 0,
        event["response_id"],
    )


def _speech(event: Mapping[str, Any], _conversation: Conversation) -> SpeechEdge:
    at_ms = event.get("audio_start_ms", event.get("audio_end_ms"))
    return SpeechEdge(str(event.get("item_id")), at_ms or 0)


def _response(event: Mapping[str, Any], conversation: Conversation) -> object:
    return conversation.response(str(event["response"].get("id")))


def _error(event: Mapping[str, Any], _conversation: Conversation) -> ErrorReport:
    error = event.get("error")
    if not isinstance(error, Mapping):
        return ErrorReport(str(error))
    message = str(error.get("message") or "the server gave no reason")
    return ErrorReport(message, error.get("code"), error.get("event_id"))


_SAID: Final = "conversation.item.input_audio_transcription"

_READERS: Final[dict[str, tuple[EventName, Read]]] = {
    f"{_SAID}.delta": ("transcript", _transcript),
    f"{_SAID}.completed": ("transcript", _transcript),
    "response.output_audio_transcript.delta": ("transcript", _transcript),
    "response.output_audio_transcript.done": ("transcript", _transcript),
    "response.output_text.delta": ("transcript", _transcript),
    "response.output_text.done": ("transcript", _transcript),
    "response.output_audio.delta": ("audio", _audio),
    "input_audio_buffer.speech_started": ("speech_started", _speech),
    "input_audio_buffer.speech_stopped": ("speech_stopped", _speech),
    "response.created": ("response_started", _response),
    "response.done": ("response_done", _response),
    "error": ("error", _error),
}
