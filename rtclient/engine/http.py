"""Plain HTTP on the port of the WebSockets.

`websockets` parses GET without a body and nothing else. `Front` looks at the first bytes of each
connection: GET goes on to `websockets`, anything else to h11 and `Api`. One request for each
connection, with strict limits: 16 KiB of headers, 1 MiB of body, `OPEN_S` until all of it is here.
Without h11, which comes with the extra `engine`, requests that are no GET get a 501 that says so.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from rtclient.engine.asking import Asked, Reply, refusal

if TYPE_CHECKING:
    import h11

MAX_HEADER_BYTES: Final = 16 * 1024
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PIECES: Final = 4096
"""Of a body: each costs time, however short it is."""
OPEN_S: Final = 10.0
"""How long a client may take to send its request."""
TAKE_S: Final = 3.0
"""How long it may take to read the answer and go."""
_GET: Final = b"GET "
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

log = logging.getLogger("rtclient.engine")

Answer = Callable[[Asked, bytes, bool], Awaitable[Reply]]
"""(request, body, whether it comes from this machine) → what to answer."""


def response_of(reply: Reply, *, is_head: bool = False) -> Response:
    """Return an answer as `websockets` sends it; the connection ends with it.

    `is_head`: to a HEAD, which has no body.
    """
    body = reply.body
    headers = Headers(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    for name, value in reply.headers:
        headers[name] = value
    reason = http.client.responses.get(reply.status, "")
    return Response(reply.status, reason, headers, b"" if is_head else body)


def asked_of(request: Request) -> Asked:
    """Return a request that `websockets` parsed."""
    return Asked(request.method, request.path, tuple(request.headers.raw_items()))


class Reading:
    """One request, read bit by bit. Pure but for h11's state.

    `asked` and `body` are there when it is over, or `wrong` when it cannot be read.
    """

    def __init__(self, connection: h11.Connection | None) -> None:
        """Begin with h11's server side; None when h11 is not installed."""
        self._h11 = connection
        self.asked: Asked | None = None
        self._body = bytearray()
        self._pieces = 0
        self.wrong: Reply | None = None
        self.is_over = False

    @property
    def body(self) -> bytes:
        """What came of the body."""
        return bytes(self._body)

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what must be sent at once ("100 Continue")."""
        if self.is_over:
            return b""
        if self._h11 is None:
            self.refuse(
                501,
                "not_implemented",
                "This engine answers GET only. Install rtclient[engine] for the rest.",
            )
            return b""
        import h11

        try:
            self._h11.receive_data(data)
            while not self.is_over:
                event = self._h11.next_event()
                if event is h11.NEED_DATA:
                    return self._go_on()
                self._take(event)
        except h11.RemoteProtocolError as exc:
            is_large = exc.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            message = "The request is not valid HTTP/1.1, or its headers are too large."
            self.refuse(431 if is_large else 400, "invalid_request", message)
        return b""

    def _go_on(self) -> bytes:
        assert self._h11 is not None
        if not self._h11.they_are_waiting_for_100_continue:
            return b""
        import h11

        return self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or _CONTINUE

    def _take(self, event: Any) -> None:
        import h11

        if isinstance(event, h11.Request):
            # h11 bounds what is incomplete; a request that came at once is bounded here.
            if sum(len(name) + len(value) for name, value in event.headers) > MAX_HEADER_BYTES:
                self.refuse(431, "headers_too_large", "The headers are too large.")
                return
            self.asked = Asked(
                event.method.decode("ascii"),
                event.target.decode("latin-1"),
                tuple((k.decode("ascii"), v.decode("latin-1")) for k, v in event.headers),
            )
        elif isinstance(event, h11.Data):
            self._body += event.data
            self._pieces += 1
            if self._pieces > MAX_PIECES:
                message = f"The body comes in more than {MAX_PIECES} pieces. Send larger ones."
                self.refuse(413, "body_too_large", message)
            if len(self._body) > MAX_BODY_BYTES:
                message = f"The body is larger than {MAX_BODY_BYTES} bytes."
                self.refuse(413, "body_too_large", message)
        elif isinstance(event, h11.EndOfMessage):
            self.is_over = True
        else:  # h11.ConnectionClosed, before the end of the request
            self.refuse(400, "invalid_request", "The request is not complete.")

    def refuse(self, status: int, code: str, message: str) -> None:
        """End it: `wrong` says why."""
        self.wrong = refusal(status, code, message)
        self.is_over = True


def _server_side() -> h11.Connection | None:
    try:
        import h11
    except ImportError:  # the base install: scripted senses need none of the extra
        return None
    return h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)


class Front(ServerConnection):
    """A connection whose first bytes say whether it may become a WebSocket."""

    def __init__(self, *args: Any, answer: Answer, opening: set[Front], **options: Any) -> None:
        """As `ServerConnection`.

        Args:
            args: as `ServerConnection` has them; `options` too.
            answer: is asked about requests that are no GET.
            opening: where it stands as long as its handshake lasts.
        """
        super().__init__(*args, **options)
        self._answer = answer
        self._opening = opening
        self._head_bytes = 0
        self._first: bytes | None = b""
        """What came while it is not decided; None: it is a GET."""
        self._reading: Reading | None = None
        self._is_read: asyncio.Future[None] = self.loop.create_future()

    @property
    def is_local(self) -> bool:
        """Whether the client is on this machine."""
        host = (self.remote_address or ("",))[0]
        try:
            address = ip_address(str(host).partition("%")[0])
        except ValueError:
            return False
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback

    def data_received(self, data: bytes) -> None:
        """Pass on what came to whom it is for."""
        if self._reading is not None:
            self._read(data)
        elif self._first is None:
            self._pass_on(data)
        else:
            self._first += data
            start = self._first[: len(_GET)]
            if start == _GET:
                data, self._first = self._first, None
                self._pass_on(data)
            elif not _GET.startswith(start):
                self._reading = Reading(_server_side())
                self._read(self._first)

    def _pass_on(self, data: bytes) -> None:
        super().data_received(data)
        if self.request is None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES:
                self._reading = Reading(None)
                self._reading.refuse(431, "headers_too_large", "The headers are too large.")
                self._is_read.set_result(None)

    def _read(self, data: bytes) -> None:
        assert self._reading is not None
        if at_once := self._reading.feed(data):
            self.transport.write(at_once)
        if self._reading.is_over and not self._is_read.done():
            self._is_read.set_result(None)

    async def handshake(self, *args: Any, **options: Any) -> None:
        """Answer a request that is no GET, or open the WebSocket."""
        self._opening.add(self)
        try:
            if not self.server.is_serving():
                self.transport.abort()
                return
            async with asyncio.timeout(OPEN_S):
                waited_for = (self.request_rcvd, self._is_read, self.connection_lost_waiter)
                await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
                if self._reading is None:
                    await super().handshake(*args, **options)
                    return
            if self.connection_lost_waiter.done():
                return
            response = await self._response(self._reading)  # moving a manual clock takes its time
            async with asyncio.timeout(TAKE_S):
                self.transport.write(response.serialize())
                if self.transport.can_write_eof():
                    # To close while it still sends would reset the connection, answer and all.
                    self.transport.write_eof()
                else:
                    self.transport.close()
                await asyncio.wait([self.connection_lost_waiter])
        finally:
            self._opening.discard(self)

    async def _response(self, reading: Reading) -> Response:
        if reading.wrong is not None:
            return response_of(reading.wrong)
        assert reading.asked is not None
        try:
            reply = await self._answer(reading.asked, reading.body, self.is_local)
        except Exception:
            log.exception("a request could not be answered")
            message = "The engine failed; its log says more."
            error = {"type": "server_error", "code": "server_error", "message": message}
            reply = Reply(500, {"error": error})
        return response_of(reply, is_head=reading.asked.method == "HEAD")
