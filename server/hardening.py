"""uvicorn's connections, with what ASGI cannot say.

- A client that does not read can still be closed: the close frame goes into the write buffer at
  once, and what is not gone `close_timeout_s` later is aborted.
- A keepalive ping that cannot be answered because *we* stopped reading (back-pressure), or because
  the answer waits behind much else that the client sent, is no sign of a dead client; it is sent
  again.
- The application may ask how many bytes wait for the client: the function at
  `scope["extensions"]["parley.pending"]`. So a slow client can be told from a stuck one.
- A handshake that was refused with an HTTP answer is done; uvicorn would log an error for each, and
  so let anybody fill the log.
- A client that speaks TLS to a port without it is told of in the log, once, with the way out: to
  the client it looks like a broken server.

It reaches into uvicorn's classes; `tests/integration/test_hardening.py` shows what it relies on.
"""

import asyncio
import logging
import weakref
from typing import Any, ClassVar

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_log = logging.getLogger(__name__)
_TLS_HANDSHAKE = b"\x16\x03"


class HttpConnection(H11Protocol):
    """One client's HTTP connection; `uvicorn.Config(http=HttpConnection)`."""

    _told: ClassVar[weakref.WeakSet[Config]] = weakref.WeakSet()
    """The servers whose log knows already: such clients come again and again."""

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; a TLS handshake is no request."""
        if data.startswith(_TLS_HANDSHAKE) and self.conn.their_state is h11.IDLE:
            if self.config not in self._told:
                self._told.add(self.config)
                _log.warning(
                    "a client spoke TLS (https or wss) to this port, which has none: start the"
                    " server with --tls, or give the client an address with http or ws"
                )
            self.transport.close()
            return
        super().data_received(data)


class ClientConnection(WebSocketsSansIOProtocol):
    """One client's connection; `uvicorn.Config(ws=ClientConnection)`."""

    close_timeout_s: ClassVar[float] = 5.0
    """How long a client may take to read what is left and to answer the close frame."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = self.close_timeout_s
        self.heard_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; whoever sends is alive."""
        self.heard_at = self.loop.time()
        super().data_received(data)

    async def run_asgi(self) -> None:
        """Run the application, then see to it that the connection goes away."""
        extensions = self.scope.get("extensions")
        if extensions is not None:
            extensions["parley.pending"] = self._pending_bytes  # type: ignore[assignment]  # not a mapping
        try:
            await super().run_asgi()
        finally:
            if not self.disconnected:
                # After uvicorn's own timer, which closes and so waits for the buffer.
                asyncio.get_running_loop().call_later(self.close_timeout, self._abort)

    async def send(self, message: ASGISendEvent) -> None:
        """Send one ASGI message; closing does not wait for the client to read."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.writable.set()
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def keepalive_timeout(self) -> None:
        """Close a client that did not answer a ping, unless the answer may lie unread."""
        if self.close_sent:
            return
        if self.read_paused or self.heard_at > self.ping_sent_at:
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        # uvicorn would tell the application when the buffer is flushed: never, for a dead client.
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": ""})
        asyncio.get_running_loop().call_later(self.close_timeout, self._abort)

    def _pending_bytes(self) -> int:
        return 0 if self.disconnected else self.transport.get_write_buffer_size()

    def _abort(self) -> None:
        if not self.disconnected:
            self.transport.abort()
