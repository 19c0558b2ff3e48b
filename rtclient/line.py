"""`Line`: one dial and the connection that comes of it, for `rtclient.low_level_client`.

It speaks GA to its owner whatever the far end speaks, and tells it everything by four calls.
"""

import asyncio
import contextlib
import inspect
import logging
import ssl
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict

from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectError, RemoteProtocolError, RTError
from rtclient.protocol.bridge import PreviewUpstream
from rtclient.protocol.codec import MAX_SERVER_BYTES, decode, encode
from rtclient.resumption.policy import FIRST_CONNECTION, LOST_CONNECTION, ReconnectPolicy

if TYPE_CHECKING:
    from rtclient.transport import Transport

EndpointSource = Endpoint | Callable[[], Awaitable[Endpoint]]
"""Where to dial, or a function that is asked before each dial (a token may be a new one)."""

MAX_QUEUED_CHARS: Final = 1024 * 1024
"""Text that waits to be written; beyond it `drained` waits."""
_CLOSING_S = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client connects, and how long it tries."""

    ssl_context: ssl.SSLContext | None = None
    """For `wss://`; None makes one of `rtclient.transport.client_ssl_context`."""
    proxy: str | None = field(default=None, repr=False)
    """URL of an HTTP proxy; None dials directly. It may hold a password."""
    connect_policy: ReconnectPolicy = FIRST_CONNECTION
    """How long the first connection is tried."""
    reconnect_policy: ReconnectPolicy = LOST_CONNECTION
    """How long a lost one is; `ReconnectPolicy(max_attempts=0)` makes a loss the end, and nothing
    is renewed."""
    open_timeout_s: float = 5.0
    """For each dial until the 101, and then for the server's first event."""
    ping_interval_s: float | None = 10.0
    """Seconds between pings; None sends none."""
    ping_timeout_s: float | None = 8.0
    """Seconds without a pong after which the connection counts as lost: with the interval, a line
    that went silent is noticed within 18 s."""
    log_content: bool = False
    """Write whole events to the log, at DEBUG: words and sound are in them."""

    def __post_init__(self) -> None:
        """Refuse what would fail only while a connection is made."""
        for policy in (self.connect_policy, self.reconnect_policy):
            if not isinstance(policy, ReconnectPolicy):
                raise TypeError(f"a policy is a ReconnectPolicy, not {type(policy).__name__}")
        for seconds in (self.open_timeout_s, self.ping_interval_s or 0, self.ping_timeout_s or 0):
            if not isinstance(seconds, int | float):
                raise TypeError(f"a time is a number of seconds, not {type(seconds).__name__}")


class Options(TypedDict, total=False):
    """The fields of `ClientOptions` as keywords."""

    ssl_context: ssl.SSLContext | None
    proxy: str | None
    connect_policy: ReconnectPolicy
    reconnect_policy: ReconnectPolicy
    open_timeout_s: float
    ping_interval_s: float | None
    ping_timeout_s: float | None
    log_content: bool


class Owner(Protocol):
    """Who has lines. None of the calls may wait, but `room`."""

    def line_opened(self, line: "Line", endpoint: Endpoint) -> None:
        """The dial succeeded."""

    def line_failed(self, line: "Line", error: RTError) -> None:
        """The dial failed."""

    def line_received(self, line: "Line", event: dict[str, Any]) -> None:
        """An event came."""

    def line_refused(self, line: "Line", error: RemoteProtocolError) -> None:
        """Something came that is no event; the connection goes on."""

    def line_lost(self, line: "Line", error: RTError) -> None:
        """The connection ended."""

    async def room(self, line: "Line") -> None:
        """Wait until there is room for another event of this line."""


class Line:
    """One connection, from the dial to the end."""

    def __init__(self, generation: int, owner: Owner) -> None:
        self.generation = generation
        self.request_id = uuid.uuid4()
        """What the dial is called in Azure's logs."""
        self._owner = owner
        self._transport: Transport | None = None
        self._bridge: PreviewUpstream | None = None
        self._unwritten: deque[str] = deque()
        self._unwritten_chars = 0
        self._is_closing = False
        self._is_written_to = True
        """Whether somebody takes what is to be written; not after a loss nobody has read of yet."""
        self._news = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._task: asyncio.Task[None] | None = None

    def start(self, source: EndpointSource, options: ClientOptions) -> None:
        """Begin to dial."""
        running = self._run(source, options)
        self._task = asyncio.create_task(running, name=f"rtclient line {self.generation}")

    def send(self, event: dict[str, Any]) -> None:
        """Write a GA event as soon as there is room.

        Raises:
            LocalProtocolError: The event is no JSON.
        """
        text = encode(event)
        if not self._is_written_to:
            return
        texts = self._bridge.to_outer(text).texts if self._bridge else (text,)
        self._unwritten.extend(texts)
        self._unwritten_chars += sum(map(len, texts))
        if self._unwritten_chars > MAX_QUEUED_CHARS:
            self._drained.clear()
        self._news.set()

    async def drained(self) -> None:
        """Wait until there is room to write, or nobody who takes it."""
        await self._drained.wait()

    async def close(self) -> None:
        """Write what is left, close politely, and wait for the end; a dial ends at once."""
        task = self._task
        if task is None:
            return
        self._is_closing = True
        self._news.set()
        if self._transport is None:
            task.cancel()
        await asyncio.wait([task], timeout=2 * _CLOSING_S)
        task.cancel()
        await asyncio.wait([task])

    async def _run(self, source: EndpointSource, options: ClientOptions) -> None:
        # Late: it takes as long to import as everything else, and nothing needs it before a dial.
        from rtclient.transport import dial

        try:
            endpoint = await _endpoint(source)
            if endpoint.kind == "azure":
                headers = {**endpoint.headers, "x-ms-client-request-id": str(self.request_id)}
                endpoint = replace(endpoint, headers=headers)
            self._bridge = PreviewUpstream() if endpoint.dialect == "preview" else None
            self._transport = await dial(
                endpoint,
                ssl_context=options.ssl_context,
                open_timeout_s=options.open_timeout_s,
                ping_interval_s=options.ping_interval_s,
                ping_timeout_s=options.ping_timeout_s,
                proxy=options.proxy,
            )
        except RTError as error:
            self._owner.line_failed(self, error)
            return
        except Exception as exc:
            # Such as a package that the proxy needs: whoever waits for the dial must hear of it.
            failed = ConnectError("endpoint", detail=type(exc).__name__)
            failed.__cause__ = exc
            self._owner.line_failed(self, failed)
            return
        writing = asyncio.create_task(self._write(self._transport))
        try:
            self._owner.line_opened(self, endpoint)
            await self._read(self._transport)
        except RTError as error:
            self._owner.line_lost(self, error)
        except Exception:
            # A fault of ours: whoever waits for an event must hear of it, too.
            _log.exception("Connection %d failed.", self.generation)
            self._owner.line_lost(self, RTError("the client failed; the log says where"))
        finally:
            self._drained.set()
            self._transport.abort()
            writing.cancel()
            await asyncio.wait([writing])

    async def _read(self, transport: "Transport") -> None:
        while True:
            if not self._is_closing:
                await self._owner.room(self)
            text = await transport.recv()
            for inner in self._bridge.to_inner(text).texts if self._bridge else (text,):
                try:
                    event = decode(inner, max_bytes=MAX_SERVER_BYTES)
                except RemoteProtocolError as error:
                    self._owner.line_refused(self, error)
                else:
                    self._owner.line_received(self, event)

    async def _write(self, transport: "Transport") -> None:
        # How the connection ended is the reader's to tell.
        with contextlib.suppress(RTError):
            while True:
                while self._unwritten:
                    text = self._unwritten.popleft()
                    await transport.send(text)
                    self._unwritten_chars -= len(text)
                    if self._unwritten_chars <= MAX_QUEUED_CHARS:
                        self._drained.set()
                if self._is_closing:
                    await transport.close()
                    return
                self._news.clear()
                await self._news.wait()
        # The reader may be waiting for the program, and the program for room to write.
        self._is_written_to = False
        self._unwritten.clear()
        self._drained.set()


async def _endpoint(source: EndpointSource) -> Endpoint:
    if isinstance(source, Endpoint):
        return source
    try:
        found = source()
        endpoint = await found if inspect.isawaitable(found) else found
        if not isinstance(endpoint, Endpoint):
            raise TypeError(f"the function gave {type(endpoint).__name__}, not an Endpoint")
    except RTError:
        raise
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled the dial: something inside the function was.
        raise ConnectError("endpoint", detail=type(exc).__name__) from None
    except Exception as exc:
        raise ConnectError("endpoint", detail=type(exc).__name__) from exc
    return endpoint
