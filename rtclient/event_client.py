"""`EventClient`: what an `RTClient` is beneath its methods: a connection whose events are shared.

One task reads the connection. Each event goes to the conversation, then to the listeners in their
order, then to the calls and iterations that wait for it.
"""

import asyncio
import contextlib
import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self, Unpack

from rtclient.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError
from rtclient.items import RTTurn
from rtclient.low_level_client import (
    ClientState,
    EndpointSource,
    Options,
    Restoration,
    RTLowLevelClient,
)
from rtclient.models import Session
from rtclient.protocol.answering import ANSWERS
from rtclient.protocol.conversation import Conversation, is_benign
from rtclient.protocol.dialects import Dialect, check_dialect
from rtclient.protocol.usage import SessionUsage
from rtclient.requests import Answered, Requests, as_exception, new_id
from rtclient.routing import Router
from rtclient.streams import Signal

if TYPE_CHECKING:
    from rtclient.recording.recorder import Recorder

NOT_CONNECTED: Final = "this client is not connected: use `async with client`"

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Something that is told every event, such as a recorder. It must not wait."""

    def on_server_event(self, event: dict[str, Any]) -> None:
        """Take in a GA event of the server, which the conversation has already."""

    def on_client_event(self, event: dict[str, Any]) -> None:
        """Take in a GA event of this client, which the conversation has already."""


class EventClient:
    """A connection, the conversation on it, and who is told its events."""

    def __init__(
        self,
        url: str | None = None,
        token_credential: Any = None,
        key_credential: Any = None,
        model: str | None = None,
        azure_deployment: str | None = None,
        *,
        dialect: Dialect = "preview",
        **options: Unpack[Options],
    ) -> None:
        """Prepare, in the form of Microsoft's client; `connect` or `async with` dials.

        Args:
            url: Of Azure OpenAI (with `azure_deployment`) or of any server that speaks the API;
                None is OpenAI.
            token_credential: Anything with `get_token(scope)`, which may be asynchronous.
            key_credential: Anything with `.key`.
            model: For OpenAI and servers like it.
            azure_deployment: The name of the deployment on Azure.
            dialect: Whose words items and responses use (`text` or `output_text`). The session
                shows both.
            options: The fields of `ClientOptions`: trust, proxy, policies, time limits, log.
        """
        low = RTLowLevelClient(
            url,
            token_credential,
            key_credential,
            model,
            azure_deployment,
            dialect="ga",
            **options,
        )
        self._prepare(low, dialect)

    @classmethod
    def to(
        cls, endpoint: EndpointSource, *, dialect: Dialect = "ga", **options: Unpack[Options]
    ) -> Self:
        """Return a client for an address of `rtclient.endpoints`, or a function that gives one.

        The function is asked before each dial, so that it can give a new token. The other arguments
        are those of the constructor.
        """
        self = cls.__new__(cls)
        self._prepare(RTLowLevelClient.to(endpoint, dialect="ga", **options), dialect)
        return self

    @classmethod
    def from_env(
        cls, upstream: str | None = None, *, dialect: Dialect = "ga", **options: Unpack[Options]
    ) -> Self:
        """Return a client for the service that the environment and the nearest `.env` name.

        Azure or OpenAI, where there are settings for one of them; else the built-in engine, which
        then runs as a child process while the client is connected.

        Args:
            upstream: `azure`, `openai` or `engine`, whatever the settings say.
            dialect: As for the constructor.
            options: As for the constructor; they win over the environment.

        Raises:
            SettingsError: The settings do not lead to a service; the text says what to set.
        """
        # Late: a program that gives its address needs none of it.
        from rtclient.environment import service_settings
        from rtclient.service.opening import OpenedOnDial, ssl_context

        settings = service_settings(upstream)
        service = OpenedOnDial(settings)
        if options.get("ssl_context") is None:
            options["ssl_context"] = ssl_context(settings)
        options.setdefault("proxy", settings.proxy)
        self = cls.to(service, dialect=dialect, **options)
        self._resources.push_async_callback(service.close)
        return self

    def _prepare(self, low: RTLowLevelClient, dialect: Dialect) -> None:
        check_dialect(dialect)
        self._low = low
        low.on_restored(self._on_restored)
        self._requests = Requests()
        self._router = Router(dialect, self.send_event)
        self._listeners: list[Listener] = []
        self._reader: asyncio.Task[None] | None = None
        self._resources = contextlib.AsyncExitStack()
        self._greeting = Signal()
        self.conversation = Conversation()
        """What was said so far; a mirror of what the server has."""
        self.session: Session | None = None
        """The settings in force; None before the connection."""

    # Life ---------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """Where the connection is in its life."""
        return self._low.state

    @property
    def request_id(self) -> uuid.UUID | None:
        """What the last dial is called in Azure's logs; None before it."""
        return self._low.request_id

    @property
    def usage(self) -> SessionUsage:
        """The tokens used so far."""
        return self.conversation.usage

    async def connect(self) -> None:
        """Dial, and wait until the session has begun.

        Raises:
            ConnectError: There is no connection; the text says why.
            RealtimeException: The server refused the session.
        """
        if self.state is not ClientState.IDLE:
            raise RuntimeError("this client was connected before: make a new one")
        try:
            await self._low.connect()
            self._reader = asyncio.create_task(self._read(), name="RTClient")
            await self._greeting.wait()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close politely. What is iterated over ends. Safe to call twice."""
        await self._low.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    # Events -------------------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        """Tell `listener` every event from now on, behind those that were attached before."""
        self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Tell `listener` nothing more."""
        self._listeners.remove(listener)

    def record(self, folder: str | Path) -> "Recorder":
        """Write the conversation to a folder while it goes on, until the client is closed.

        There will be `conversation.wav` (the user left, the model right), `conversation.json` and
        `conversation.md`, brought up to date after each turn.

        Args:
            folder: Made when it is missing.

        Raises:
            FileExistsError: The folder holds a recording already.
            OSError: The folder cannot be written.
        """
        from rtclient.recording.recorder import Recorder  # late: most programs record nothing

        if self._low.closed:
            raise RuntimeError("this client is closed: record before, or with a new one")
        recorder = Recorder(folder, self.conversation)
        self.attach(recorder)
        self._resources.callback(recorder.close)
        return recorder

    async def send_event(self, event: dict[str, Any]) -> None:
        """Send a GA event as it is, without waiting for an answer.

        Waits while the connection takes nothing. An event with an answer gets an `event_id`, if it
        has none.
        """
        if not isinstance(event, dict):
            raise TypeError(f"an event is a dict in the words of GA, not {type(event).__name__}")
        await self._send(event)

    async def request(self, event: dict[str, Any]) -> Any:
        """Send a GA event and wait for what answers it.

        Args:
            event: Of a type that the server answers: `session.update`, `input_audio_buffer.commit`
                and `.clear`, `conversation.item.create`, `.delete`, `.truncate` and `.retrieve`,
                `response.create`.

        Returns:
            The event that answers; for a commit the `RTInputAudioItem`, for `response.create` the
            `RTResponse`.
        """
        if (kind := event.get("type")) not in ANSWERS:
            raise LocalProtocolError(f"The server does not answer {kind}.")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # Looked at by us in any case: a call that gave up leaves no complaint about it.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())

        def answered(value: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        sent = await self._send(event, answered)
        try:
            return await answer
        finally:
            self._requests.forget(sent)

    async def _send(
        self, event: dict[str, Any], answered: Answered | None = None
    ) -> dict[str, Any]:
        if self._reader is None:
            raise RuntimeError(NOT_CONNECTED)
        if self._reader.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError(
                "this client belongs to another event loop: from another thread call it by"
                " asyncio.run_coroutine_threadsafe"
            )
        if event.get("type") in ANSWERS and not event.get("event_id"):
            event = {"event_id": new_id("event"), **event}
        # Noted before it leaves: its answer must not come first.
        self._requests.sent(event, answered)
        self.conversation.sent(event)
        self._tell("on_client_event", event)
        try:
            await self._low.send(event)
        except asyncio.CancelledError:  # while it waited for room; it is sent all the same
            self._requests.forget(event)
            raise
        except Exception:
            self._requests.withdraw(event)
            raise
        return event

    # Reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        error: Exception | None = None
        try:
            while (event := await self._next()) is not None:
                self._take(event)
        except Exception as exc:
            error = exc
        finally:
            self._end(error)

    async def _next(self) -> dict[str, Any] | None:
        while True:
            try:
                return await self._low.recv_event()
            except RemoteProtocolError as error:
                _log.warning("Something that is no event was passed over: %s", error)

    def _on_restored(self, _restoration: Restoration) -> None:
        # Behind the events of the old connection that wait to be read.
        asyncio.get_running_loop().call_soon(self._router.restored)

    def _end(self, error: Exception | None) -> None:
        """Say to all that wait that nothing more comes."""
        self._requests.end(error or ConnectionLost(1000))
        self._greeting.set(error or ConnectionLost(1000))
        self._router.end(error)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        begun: RTTurn | None = None
        answer: dict[str, Any] | RemoteProtocolError = event
        try:
            self.conversation.apply(event)
            begun = self._router.see(event)
            if kind in ("session.created", "session.updated"):
                self.session = Session.from_dict(event["session"])
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            # Of a server that is not the service: one odd event must not end the conversation.
            _log.warning("An event %.40s has an odd shape (%s).", kind, type(exc).__name__)
            answer = RemoteProtocolError("The server's answer has an odd shape.", event_type=kind)
        self._tell("on_server_event", event)
        is_awaited = self._requests.see(event, begun or answer)
        if kind == "error":
            error = as_exception(event.get("error"))
            self._greeting.set(error)
            if not is_awaited and not is_benign(event.get("error")):
                _log.warning("The server reports an error: %.80s %.80s", error.type, error.code)
        elif kind == "session.created":
            self._greeting.set()
        if begun is not None:
            self._router.offer(begun, is_awaited=is_awaited)

    def _tell(
        self, what: Literal["on_server_event", "on_client_event"], event: dict[str, Any]
    ) -> None:
        for listener in tuple(self._listeners):
            try:
                getattr(listener, what)(event)
            except Exception:
                # One that fails must not take the others or the conversation with it.
                _log.exception("%s failed in %s", type(listener).__name__, what)
