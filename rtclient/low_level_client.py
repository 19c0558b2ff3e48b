"""`RTLowLevelClient`: one session with a realtime API, event by event.

What connects, restores and renews is `rtclient.resumption`; here are the sockets and the clock.

    program (GA or preview) ⇄ PreviewClient ⇄ SessionKeeper (GA) ⇄ Line ⇄ service

Log lines have states, event types and ids. What is said stays out of them unless the client was
made with `log_content=True`.

Source: the constructor and the methods are those of Microsoft's rtclient 0.5; the wire is GA.
"""

import asyncio
import logging
import random
import secrets
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Self, TypeVar, Unpack

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.errors import (
    ConnectError,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    RTError,
)
from rtclient.line import ClientOptions, EndpointSource, Line, Options
from rtclient.models import Model, create_message_from_dict
from rtclient.protocol.bridge import PreviewClient
from rtclient.protocol.codec import MAX_SERVER_BYTES, decode, encode
from rtclient.protocol.dialects import Dialect, check_dialect
from rtclient.resumption.actions import (
    ClientState,
    Close,
    Deliver,
    Dial,
    Ended,
    Output,
    Restoration,
    Restored,
    Send,
    StateChanged,
    WakeAt,
)
from rtclient.resumption.keeper import SessionKeeper
from rtclient.resumption.policy import ReconnectPolicy
from rtclient.service.entra import token_of

__all__ = [
    "ClientOptions",
    "ClientState",
    "ConnectionError",
    "EndpointSource",
    "Options",
    "RTLowLevelClient",
    "ReconnectPolicy",
    "Restoration",
]

ConnectionError = ConnectError
"""What Microsoft's rtclient calls it, in this module."""

MAX_UNREAD: Final = 512
"""Events that wait for `recv`; beyond it the connection is not read."""

_LIFE_S: Final = {"azure": 30 * 60.0}
_OTHER_LIFE_S: Final = 60 * 60.0

_OVER = (ClientState.CLOSED, ClientState.FAILED)

_log = logging.getLogger(__name__)

_State = TypeVar("_State", bound=Callable[[ClientState], object])
_OnRestored = TypeVar("_OnRestored", bound=Callable[[Restoration], object])


class RTLowLevelClient:
    """A session with a realtime API that carries events and survives its connections.

    A lost connection is made again, with the settings and the conversation, and a session that is
    about to reach the service's limit is renewed; the program goes on sending and receiving.
    """

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
        """Prepare, in the form of Microsoft's client; nothing is dialled before `connect`.

        Args:
            url: Of Azure OpenAI (with `azure_deployment`) or of any server that speaks the API;
                None is OpenAI.
            token_credential: Anything with `get_token(scope)`, which may be asynchronous.
            key_credential: Anything with `.key`.
            model: For OpenAI and servers like it.
            azure_deployment: The name of the deployment on Azure.
            dialect: What the program speaks; Microsoft's programs speak `preview`.
            options: The fields of `ClientOptions`: trust, proxy, policies, time limits, log.
        """
        _check_credentials(token_credential, key_credential)
        source = _microsoft(url, token_credential, key_credential, model, azure_deployment)
        self._prepare(source, dialect, ClientOptions(**options))

    @classmethod
    def to(
        cls,
        endpoint: EndpointSource,
        *,
        dialect: Dialect = "ga",
        **options: Unpack[Options],
    ) -> Self:
        """Return a client for an address of `rtclient.endpoints`, or a function that gives one.

        The function is asked before each dial, so that it can give a new token. The other arguments
        are those of the constructor; `ClientOptions` says what the options are.
        """
        self = cls.__new__(cls)
        self._prepare(endpoint, dialect, ClientOptions(**options))
        return self

    def _prepare(self, source: EndpointSource, dialect: Dialect, options: ClientOptions) -> None:
        if not isinstance(source, Endpoint) and not callable(source):
            raise TypeError(
                "the address must be one of rtclient.endpoints, such as endpoints.parley(url), or a"
                f" function that gives one, not {type(source).__name__}"
            )
        check_dialect(dialect)
        self._source = source
        self._options = options
        self._bridge = PreviewClient() if dialect == "preview" else None
        self._keeper = SessionKeeper(
            connect_policy=options.connect_policy,
            reconnect_policy=options.reconnect_policy,
            greeting_s=options.open_timeout_s,
            new_id=lambda: secrets.token_hex(10),
            random=random.random,
            has_fresh_tokens=not isinstance(source, Endpoint),
        )
        self._lines: dict[int, Line] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._unread: deque[dict[str, Any] | RemoteProtocolError] = deque()
        self._news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._error: RTError | None = None
        self._state_changed = asyncio.Event()
        self._state_callbacks: list[Callable[[ClientState], object]] = []
        self._restored_callbacks: list[Callable[[Restoration], object]] = []
        self.state = ClientState.IDLE
        """Where the client is in its life."""
        self.request_id: uuid.UUID | None = None
        """What the last dial is called in Azure's logs; None before it."""

    # Life ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Dial, and wait until the session has begun.

        Raises:
            ConnectError: There is no connection; the text says why.
            Exception: What the function raised that gives the address or the token.
        """
        if self.state is not ClientState.IDLE:
            raise RuntimeError("this client was connected before: make a new one")
        if self._options.ssl_context is None and _is_secure(self._source):
            # Once for all dials: it costs tens of milliseconds.
            from rtclient.transport import client_ssl_context

            self._options = replace(self._options, ssl_context=client_ssl_context())
        self._do(self._keeper.start(self._now(), time.time()))
        try:
            await self.wait_for(ClientState.CONNECTED)
        except ConnectError as error:
            if error.kind == "endpoint" and error.__cause__ is not None:
                raise error.__cause__ from None
            raise
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close politely; what was sent is written first. Safe to call twice."""
        self._do(self._keeper.close(self._now()))
        while self._closing:
            await asyncio.wait(self._closing)

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self.state in _OVER

    async def wait_for(self, *states: ClientState) -> ClientState:
        """Wait until the client is in one of these states, and return which.

        Raises:
            RTError: The session is over and will not get there; it says why it ended.
        """
        while self.state not in states:
            if self.state in _OVER:
                raise self._error or ConnectionLost(1000)
            self._state_changed.clear()
            await self._state_changed.wait()
        return self.state

    def on_state(self, callback: _State) -> _State:
        """Call `callback(state)` at every change of the state; may be used as a decorator."""
        self._state_callbacks.append(callback)
        return callback

    def on_restored(self, callback: _OnRestored) -> _OnRestored:
        """Call `callback(restoration)` when another connection has the conversation.

        It says whether everything is there, and what was lost. May be used as a decorator.
        """
        self._restored_callbacks.append(callback)
        return callback

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    # Events -------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        """Send one event; waits while the connection takes nothing.

        While there is no connection the event is kept for the next one, up to a bound.

        Args:
            message: A message of `rtclient.models`, or a mapping.

        Raises:
            LocalProtocolError: It is no event, or there is no room to keep it.
            ConnectionLost: The session is over.
        """
        self._check_was_connected()
        if self.closed or self.state is ClientState.CLOSING:
            raise self._error or ConnectionLost(1000)
        if not isinstance(message, Mapping | Model):
            raise TypeError(
                f"an event is a message of rtclient.models or a dict, not {type(message).__name__}"
            )
        text = encode(message.to_dict() if isinstance(message, Model) else message)
        for inner in self._bridge.to_inner(text).texts if self._bridge else (text,):
            event = _checked(inner)
            self._note("sends", event)
            self._do(self._keeper.sent(event, self._now()))
        live = self._lines.get(self._keeper.live or 0)
        if live is not None:
            await live.drained()

    async def recv_event(self) -> dict[str, Any] | None:
        """Return the next event as a dict in the program's dialect; None after a clean end.

        Raises:
            ConnectionLost: The session is over, and could not be made again.
            RemoteProtocolError: The server sent something that is no event. The session goes on.
        """
        self._check_was_connected()
        while not self._unread:
            if self.closed:
                if self._error is not None:
                    raise self._error
                return None
            self._news.clear()
            await self._news.wait()
        event = self._unread.popleft()
        self._has_room.set()
        if isinstance(event, RemoteProtocolError):
            raise event
        return event

    async def recv(self) -> Any:
        """Return the next event as a message of `rtclient.models`; None after a clean end.

        Raises:
            ConnectionLost: The session is over, and could not be made again.
        """
        event = await self.recv_event()
        return None if event is None else create_message_from_dict(event)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the events until the session ends."""
        while (message := await self.recv()) is not None:
            yield message

    def _check_was_connected(self) -> None:
        if self.state is ClientState.IDLE:
            raise RuntimeError("this client is not connected: call connect() first")

    # What lines tell ----------------------------------------------------------------------

    def line_opened(self, line: Line, endpoint: Endpoint) -> None:
        """Pass it to the keeper."""
        life_s = _LIFE_S.get(endpoint.kind, _OTHER_LIFE_S)
        self._do(self._keeper.opened(line.generation, self._now(), life_s))

    def line_failed(self, line: Line, error: RTError) -> None:
        """Pass it to the keeper."""
        _log.info("Dial %d failed: %s", line.generation, error)
        self._do(self._keeper.dial_failed(line.generation, error, self._now()))

    def line_received(self, line: Line, event: dict[str, Any]) -> None:
        """Pass it to the keeper."""
        self._note("gets", event)
        self._do(self._keeper.received(line.generation, event, self._now()))

    def line_refused(self, line: Line, error: RemoteProtocolError) -> None:
        """Give it to the program at its place among the events."""
        if line.generation == self._keeper.live:
            self._put(error)

    def line_lost(self, line: Line, error: RTError) -> None:
        """Pass it to the keeper."""
        if line.generation in self._lines:
            _log.info("Connection %d ended: %s", line.generation, error)
        self._do(self._keeper.lost(line.generation, error, self._now()))
        self._close(line.generation)

    async def room(self, line: Line) -> None:
        """Wait while the program has much to read; a connection in preparation never waits."""
        while len(self._unread) >= MAX_UNREAD and line.generation == self._keeper.live:
            self._has_room.clear()
            await self._has_room.wait()

    # What the keeper wants ----------------------------------------------------------------

    def _do(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Deliver(event):
                    self._deliver(event)
                case Send(generation, event):
                    self._lines[generation].send(event)
                case WakeAt(at):
                    self._wake_at(at)
                case Dial(generation):
                    line = self._lines[generation] = Line(generation, self)
                    self.request_id = line.request_id
                    line.start(self._source, self._options)
                case Close(generation):
                    self._close(generation)
                case StateChanged(state):
                    _log.info("The client is %s.", state)
                    self.state = state
                    self._state_changed.set()
                    self._call(self._state_callbacks, state)
                case Restored(restoration):
                    _log.info("The session is %s: %s", restoration.kind, restoration)
                    self._call(self._restored_callbacks, restoration)
                case Ended(error):
                    self._error = error
                    self._news.set()
                    self._has_room.set()

    def _deliver(self, event: dict[str, Any]) -> None:
        if self._bridge is None:
            self._put(event)
            return
        for text in self._bridge.to_outer(encode(event)).texts:
            self._put(decode(text, max_bytes=MAX_SERVER_BYTES))

    def _put(self, event: dict[str, Any] | RemoteProtocolError) -> None:
        self._unread.append(event)
        self._news.set()

    def _wake_at(self, at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if at is None else loop.call_at(at, self._wake)

    def _wake(self) -> None:
        self._do(self._keeper.woke(self._now()))

    def _close(self, generation: int) -> None:
        line = self._lines.pop(generation, None)
        if line is not None:
            self._has_room.set()
            task = asyncio.create_task(line.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _call(self, callbacks: list[Callable[[Any], object]], value: object) -> None:
        for callback in tuple(callbacks):
            try:
                callback(value)
            except Exception:
                _log.exception("A callback of the program failed.")

    def _note(self, verb: str, event: dict[str, Any]) -> None:
        if not _log.isEnabledFor(logging.DEBUG):
            return
        if self._options.log_content:
            _log.debug("The client %s %s", verb, encode(event))
        else:
            _log.debug("The client %s %s %s", verb, event["type"], event.get("event_id", ""))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _checked(text: str) -> dict[str, Any]:
    """Return the event that a program sends. Raises `LocalProtocolError`."""
    try:
        return decode(text)
    except RemoteProtocolError as exc:
        raise LocalProtocolError(exc.message, code=exc.code, param=exc.param) from None


def _is_secure(source: EndpointSource) -> bool:
    return not isinstance(source, Endpoint) or source.url.startswith("wss://")


def _check_credentials(token_credential: Any, key_credential: Any) -> None:
    if key_credential is not None and not hasattr(key_credential, "key"):
        raise TypeError(
            'key_credential must have the key in .key, as AzureKeyCredential("…") has; a key alone'
            " goes to RTClient.to(endpoints.openai(key=…)), or endpoints.azure"
        )
    if token_credential is not None and not hasattr(token_credential, "get_token"):
        raise TypeError("token_credential must have get_token, as those of azure-identity have")


def _microsoft(
    url: str | None,
    token_credential: Any,
    key_credential: Any,
    model: str | None,
    azure_deployment: str | None,
) -> EndpointSource:
    key = getattr(key_credential, "key", None)
    if azure_deployment is None:
        return endpoints.openai(url, model, key=key)
    if token_credential is None:
        return endpoints.azure(url or "", azure_deployment, key=key)

    async def with_token() -> Endpoint:
        token = await token_of(token_credential)
        return endpoints.azure(url or "", azure_deployment, token=token)

    return with_token
