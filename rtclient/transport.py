"""One WebSocket connection to a realtime API: the contract and its adapter to `websockets`.

Rules of the file:
- `websockets` is named here (and in `testing.py`, `engine/serve.py`) only; its exceptions become
  those of `rtclient.errors` in `_connect_error` and `_lost`;
- redirects are never followed: the library would take the `api-key` header along to another host;
- compression is off (audio as base64 does not shrink, and a small frame could inflate);
- its logger has no DEBUG: at that level it prints request headers, and with them the key.
"""

import asyncio
import logging
import socket
import ssl
from typing import Protocol, cast

import certifi
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.typing import Subprotocol

from rtclient.endpoints import Endpoint
from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
)
from rtclient.version import __version__

MAX_FRAME_BYTES = 64 * 1024 * 1024
_MAX_REASON_BYTES = 123
_MAX_BODY_CHARS = 4096

USER_AGENT = f"rtclient/{__version__}"


class Transport(Protocol):
    """An open connection that carries events as text. Closing twice is allowed."""

    async def send(self, text: str) -> None:
        """Send one event; waits while the peer takes nothing. Raises `ConnectionLost`."""

    async def recv(self) -> str:
        """Return the next event's text; what came before the end comes first.

        Cancelling it loses nothing. Raises `ConnectionLost`, or `RemoteProtocolError` for a frame
        that is too large, broken, or binary and not UTF-8.
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close politely; a peer that takes or answers nothing is cut off after some seconds.

        Cancelling it cuts off at once.
        """

    def abort(self) -> None:
        """Cut the connection off at once."""

    @property
    def close_code(self) -> int | None:
        """The close code once closed (1006 without a close frame), else None."""

    @property
    def close_reason(self) -> str | None:
        """The peer's close reason once closed, else None."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""
        ...


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose DEBUG cannot be turned on."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


_ANSWERS_WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
_NEEDS_PLAIN = "it was ended while TLS began; a server without TLS needs http:// or ws://"
_LOGGER = _QuietLogger(logging.getLogger("rtclient.transport"), {})


class _Connection(ClientConnection):
    """A connection whose keepalive does not blame a peer that we do not read.

    While our reader is paused (back-pressure) the pong waits unread behind the data, so a missing
    pong says nothing; the ping timeout counts only over time in which we were reading.
    """

    async def keepalive(self) -> None:
        assert self.ping_interval is not None
        latency_s = 0.0
        try:
            while True:
                await asyncio.sleep(max(0.0, self.ping_interval - latency_s))
                pong = cast("asyncio.Future[float]", await self.ping())
                if self.ping_timeout is None:
                    continue
                slice_s = self.ping_timeout / 8
                waited_s = 0.0
                while not (await asyncio.wait([pong], timeout=slice_s))[0]:
                    waited_s = 0.0 if self.recv_messages.paused else waited_s + slice_s
                    if waited_s >= self.ping_timeout:
                        # Nobody is there to answer a close; waiting for that costs seconds.
                        self.transport.abort()
                        return
                latency_s = pong.result()
        except ConnectionClosed:
            pass


class _Connect(connect):
    """A dial that takes any redirect for what it is: a refusal."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketTransport:
    """`Transport` over `websockets`. Made by `dial` only."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send one event; waits while the peer takes nothing."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as exc:
            raise _lost(exc) from None

    async def recv(self) -> str:
        """Return the next event's text."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed as exc:
            if _is_our_refusal(exc):
                raise RemoteProtocolError(
                    "The peer sent a frame that is too large or broken.", code="invalid_event"
                ) from None
            raise _lost(exc) from None
        if isinstance(data, str):
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise RemoteProtocolError(
                "A binary frame is not UTF-8 text.", code="invalid_json"
            ) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close politely; cut off after the close timeout."""
        try:
            # The library bounds the wait for the answer, not the one for room to send the frame.
            async with asyncio.timeout(self._connection.close_timeout):
                await self._connection.close(code, clip_reason(reason))
        except TimeoutError:
            self.abort()
            await self._connection.wait_closed()
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """Cut the connection off at once."""
        self._connection.transport.abort()

    @property
    def close_code(self) -> int | None:
        """The close code once closed, else None."""
        return self._connection.close_code

    @property
    def close_reason(self) -> str | None:
        """The close reason once closed, else None."""
        return self._connection.close_reason

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""
        return self._connection.transport.get_write_buffer_size()


def client_ssl_context(*, extra_ca_file: str | None = None, verify: bool = True) -> ssl.SSLContext:
    """Return the context for all dials of a program; making one costs tens of milliseconds.

    Trusts the authorities of certifi, the same on every system, and those in `extra_ca_file` (PEM).
    `verify=False` accepts any certificate: whoever sits between can read the key.

    Raises:
        OSError: `extra_ca_file` cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra_ca_file is not None:
        context.load_verify_locations(cafile=extra_ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def dial(
    endpoint: Endpoint,
    *,
    ssl_context: ssl.SSLContext | None = None,
    open_timeout_s: float = 5.0,
    close_timeout_s: float = 2.0,
    ping_interval_s: float | None = 10.0,
    ping_timeout_s: float | None = 10.0,
    max_size: int = MAX_FRAME_BYTES,
    proxy: str | None = None,
) -> WebSocketTransport:
    """Open a connection to `endpoint`. Cancelling it leaves nothing behind.

    Args:
        endpoint: Where and with which headers, from `rtclient.endpoints`.
        ssl_context: For `wss://`; None makes one of `client_ssl_context`.
        open_timeout_s: For everything until the 101, proxy and TLS included.
        close_timeout_s: How long a close waits for the peer's answer.
        ping_interval_s: Seconds between pings; None sends none.
        ping_timeout_s: Seconds without a pong, while we read, after which the peer counts as gone.
        max_size: The largest message taken, in bytes; a larger one closes with 1009.
        proxy: URL of an HTTP proxy; None dials directly (the environment is not asked).

    Raises:
        ConnectError: with its subclasses `AuthError` (401, 403) and `HandshakeRejected`.
    """
    is_secure = endpoint.url.startswith("wss://")
    try:
        connection = await _Connect(
            endpoint.url,
            additional_headers=dict(endpoint.headers),
            subprotocols=[Subprotocol(name) for name in endpoint.subprotocols] or None,
            user_agent_header=USER_AGENT,
            compression=None,
            ssl=(ssl_context or client_ssl_context()) if is_secure else None,
            proxy=proxy,
            open_timeout=open_timeout_s,
            close_timeout=close_timeout_s,
            ping_interval=ping_interval_s,
            ping_timeout=ping_timeout_s,
            max_size=max_size,
            logger=_LOGGER,
            create_connection=_Connection,
        )
    except (InvalidHandshake, InvalidProxy, InvalidURI, OSError, EOFError, ValueError) as exc:
        error = _connect_error(exc, endpoint.host, is_secure=is_secure)
        # `from None`: what a hostile peer answered, and URLs, are in the texts of these exceptions.
        raise error from None
    return WebSocketTransport(connection)


def clip_reason(reason: str) -> str:
    """Return the longest start of `reason` that fits a close frame (123 bytes of UTF-8)."""
    return reason.encode(errors="replace")[:_MAX_REASON_BYTES].decode(errors="ignore")


def _connect_error(exc: Exception, host: str, *, is_secure: bool) -> ConnectError:
    match exc:
        case InvalidStatus():
            return _refusal(exc, host)
        case ProxyError() | InvalidProxy():
            return ConnectError("proxy", host=host)
        case InvalidHandshake() | EOFError():
            return ConnectError("handshake", host=host)
        case InvalidURI() | ValueError() if not isinstance(exc, OSError):
            return ConnectError("url", host=host)
        case TimeoutError():
            return ConnectError("timeout", host=host)
        case ssl.SSLCertVerificationError():
            return ConnectError("tls", host=host, detail=exc.verify_message)
        case ssl.SSLError() if exc.reason in _ANSWERS_WITHOUT_TLS:
            return ConnectError("tls", host=host, detail=_NEEDS_PLAIN)
        case ConnectionResetError() if is_secure:
            return ConnectError("refused", host=host, detail=_NEEDS_PLAIN)
        case ssl.SSLError():
            return ConnectError("tls", host=host, detail=exc.reason or "")
        case socket.gaierror():
            return ConnectError("dns", host=host)
        case _:
            return ConnectError("refused", host=host)


def _refusal(exc: InvalidStatus, host: str) -> ConnectError:
    response = exc.response
    status = response.status_code
    body = bytes(response.body or b"").decode(errors="replace")[:_MAX_BODY_CHARS]
    error: ConnectError
    if status in (401, 403):
        error = AuthError(status, host=host, body=body)
    elif 300 <= status < 400:
        error = ConnectError("redirect", host=host, status=status)
    else:
        retry_after_s = _retry_after_s(response.headers)
        error = HandshakeRejected(status, host=host, body=body, retry_after_s=retry_after_s)
    error.headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return error


def _retry_after_s(headers: object) -> float | None:
    get = getattr(headers, "get", None)
    if get is None:
        return None
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(get(name)) * unit_s
        except (TypeError, ValueError, LookupError):
            continue  # absent, repeated, or an HTTP date
        if 0 <= seconds < 86_400:
            return seconds
    return None


def _lost(exc: ConnectionClosed) -> ConnectionLost:
    if exc.rcvd is not None:
        return ConnectionLost(exc.rcvd.code, exc.rcvd.reason)
    return ConnectionLost(1006)


def _is_our_refusal(exc: ConnectionClosed) -> bool:
    """Whether the connection ended because of what the peer sent."""
    return exc.sent is not None and not exc.rcvd_then_sent and exc.sent.code in (1002, 1007, 1009)
