"""A WebSocket client for tests: sends events, waits for events, keeps all that came."""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


class Talker:
    """One open connection. `texts` has every message as it came, `events` the parsed ones."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.texts: list[str | bytes] = []
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def send_raw(self, data: str | bytes) -> None:
        """Send a text (str) or binary (bytes) message as it is."""
        await self.connection.send(data)

    async def next(self) -> dict[str, Any]:
        """The next event."""
        text = await self.connection.recv()
        self.texts.append(text)
        event: dict[str, Any] = json.loads(text)
        self.events.append(event)
        return event

    async def until(
        self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next event of this type (for which `where` holds); others are kept in `events`.

        Raises AssertionError with what came instead when the connection ends first.
        """
        while True:
            try:
                event = await self.next()
            except ConnectionClosed as closed:
                seen = [e["type"] for e in self.events]
                errors = [e["error"] for e in self.events if e["type"] == "error"]
                raise AssertionError(f"no {kind}, but {seen} {errors} and {closed}") from closed
            if event["type"] == kind and where(event):
                return event

    async def closed(self) -> tuple[int | None, str | None]:
        """Read to the end; return the close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.connection.close_code, self.connection.close_reason

    def errors(self) -> list[dict[str, Any]]:
        """The `error` objects that came so far."""
        return [event["error"] for event in self.events if event["type"] == "error"]


@contextlib.asynccontextmanager
async def talking(
    port: int,
    path: str = "/ws",
    *,
    subprotocols: Sequence[str] = (),
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Talker]:
    """Dial `ws://127.0.0.1:PORT/PATH`, with `tls` as wss; closes when the block ends."""
    async with connect(
        f"{'wss' if tls else 'ws'}://127.0.0.1:{port}{path}",
        ssl=tls,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        additional_headers=headers,
        compression=None,
        proxy=None,
        **{"max_size": None, "ping_interval": None, **options},
    ) as connection:
        yield Talker(connection)
