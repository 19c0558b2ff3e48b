"""`Registering`: a client on which functions are registered, as callbacks and as tools."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from rtclient.event_client import EventClient
from rtclient.low_level_client import ClientState, RTLowLevelClient
from rtclient.protocol.dialects import Dialect
from rtclient.protocol.responses import Response
from rtclient.protocol.usage import SessionUsage
from rtclient.requests import Answered
from rtclient.resumption.actions import Restoration
from rtclient.tools.rounds import ToolCall
from rtclient.tools.runner import TIMEOUT_S, Tools
from rtclient.turn_taking.callbacks import (
    AudioChunk,
    Callbacks,
    ErrorReport,
    EventName,
    SpeechEdge,
    Transcript,
)

R = TypeVar("R")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registers(Protocol[T]):
    """A decorator for functions that take a T; they stay what they are."""

    def __call__(self, callback: Callable[[T], R], /) -> Callable[[T], R]:
        """Register `callback` and return it."""
        ...


class Registering(EventClient):
    """Callbacks and tools of an `RTClient`."""

    def _prepare(self, low: RTLowLevelClient, dialect: Dialect) -> None:
        super()._prepare(low, dialect)
        self._callbacks = Callbacks(self.conversation)
        self._tools = Tools(
            self.conversation,
            super()._send,
            self._tool_failed,
        )
        # Callbacks before tools: a call is told before it runs.
        self.attach(self._callbacks)
        self.attach(self._tools)
        low.on_state(lambda state: self._callbacks.tell("state", state))
        low.on_restored(lambda restoration: self._callbacks.tell("restored", restoration))

    @overload
    def on(self, name: Literal["transcript"]) -> Registers[Transcript]: ...
    @overload
    def on(self, name: Literal["audio"]) -> Registers[AudioChunk]: ...
    @overload
    def on(self, name: Literal["speech_started", "speech_stopped"]) -> Registers[SpeechEdge]: ...
    @overload
    def on(self, name: Literal["response_started", "response_done"]) -> Registers[Response]: ...
    @overload
    def on(self, name: Literal["tool_call"]) -> Registers[ToolCall]: ...
    @overload
    def on(self, name: Literal["usage"]) -> Registers[SessionUsage]: ...
    @overload
    def on(self, name: Literal["error"]) -> Registers[ErrorReport]: ...
    @overload
    def on(self, name: Literal["state"]) -> Registers[ClientState]: ...
    @overload
    def on(self, name: Literal["restored"]) -> Registers[Restoration]: ...
    @overload
    def on(self, name: Literal["event"]) -> Registers[dict[str, Any]]: ...
    @overload
    def on(self, name: EventName, callback: F) -> F: ...
    def on(self, name: str, callback: Any = None) -> Any:
        """Call a function whenever something happens; as a decorator, or with the function.

            @client.on("transcript")
            def show(transcript: Transcript) -> None:
                print(transcript.text)

        A plain function is called at once and must be quick; a coroutine function gets one event
        after the other and may take its time. What it returns is ignored.

        Args:
            name: What it gets:
                `transcript`: `Transcript`, the words of both sides while they come, and final;
                `audio`: `AudioChunk`, the model's sound;
                `speech_started`, `speech_stopped`: `SpeechEdge`, the person;
                `response_started`, `response_done`: `rtclient.protocol.responses.Response`;
                `tool_call`: `ToolCall`, the model calls a function;
                `usage`: `SessionUsage`, the session's tokens so far;
                `error`: `ErrorReport`, something failed and the conversation goes on;
                `state`: `ClientState`, of the connection;
                `restored`: `Restoration`, the conversation goes on over another connection;
                `event`: every event of the server, as a GA dict.
            callback: The function; without one, `on` is a decorator.

        Raises:
            ValueError: There is no such name; the text lists them.
            TypeError: There is no name, or the function is none.
        """
        if not isinstance(name, str):
            raise TypeError('say what it is for, such as @client.on("transcript")')
        if callback is not None:
            if not callable(callback):
                raise TypeError(f"a callback is a function, not {type(callback).__name__}")
            self._callbacks.add(name, callback)
            return callback

        def register(function: F) -> F:
            self._callbacks.add(name, function)
            return function

        return register

    @overload
    def tool(self, function: F) -> F: ...
    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        timeout_s: float | None = TIMEOUT_S,
    ) -> Callable[[F], F]: ...
    def tool(
        self,
        function: Any = None,
        *,
        name: str | None = None,
        description: str | None = None,
        timeout_s: float | None = TIMEOUT_S,
    ) -> Any:
        """Let the model call a function; a decorator, with or without arguments.

            @client.tool
            def weather(city: str, days: int = 1) -> str:
                '''Tell the weather.

                Args:
                    city: Where, such as Oslo.
                '''
                return f"Sunny in {city}."

        Its type hints and docstring become the schema, see `rtclient.tools.schema`. It runs beside
        the conversation, a plain function in a thread of its own. What it returns goes to the
        model, text as it is and all else as JSON, and the model goes on: once for all calls that it
        made together. Raise `ToolError("…")` to tell the model what is wrong; of any other
        exception it hears only that the tool failed, and `on("error")` gets the exception.
        It must not await `ask` or `say`: an answer that calls it waits for it.

        Args:
            function: With a type hint on each parameter.
            name: What the model calls it, instead of the function's name.
            description: What it is for, instead of the docstring.
            timeout_s: How long it may take; None is for ever.

        Raises:
            TypeError: The function cannot be a tool; the text says what to change.
            ValueError: There is a tool of this name.
        """

        def register(given: F) -> F:
            self._tools.add(given, name, description, timeout_s)
            return given

        return register if function is None else register(function)

    def _tool_failed(self, message: str, exception: Exception | None) -> None:
        report = ErrorReport(message, code="tool_failed", exception=exception)
        self._callbacks.tell("error", report)

    async def close(self) -> None:
        """Close politely. What is iterated over ends, tools are cancelled. Safe to call twice."""
        try:
            await self._tools.end()
            await super().close()
        finally:
            await self._callbacks.end()

    async def _send(
        self, event: dict[str, Any], answered: Answered | None = None
    ) -> dict[str, Any]:
        # What is sent next finds the session with every tool that was registered before.
        await self._tools.flush()
        return await super()._send(event, answered)
