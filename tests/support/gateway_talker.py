"""A client of the gateway for tests: sends messages and sound, waits for messages, keeps all."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rtclient.engine import scripted
from server.gateway.schema import schema

VOICE = scripted.tone(300, 400)
"""What sounds like speech to the scripted senses."""
SILENCE = bytes(48 * 900)
"""What ends a turn."""
_FRAME_BYTES = 9600


class GatewayTalker:
    """One open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.came: list[dict[str, Any] | bytes] = []
        """Everything in order: messages and sound."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages that came."""
        return [each for each in self.came if isinstance(each, dict)]

    @property
    def sound(self) -> bytes:
        """All sound that came."""
        return b"".join(each for each in self.came if isinstance(each, bytes))

    @property
    def notices(self) -> set[str]:
        """The codes of the notices that came."""
        return {each["code"] for each in self.messages if each["type"] == "notice"}

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def speak(self, pcm: bytes = VOICE + SILENCE) -> None:
        """Send sound in frames of 200 ms."""
        for at in range(0, len(pcm), _FRAME_BYTES):
            await self.connection.send(pcm[at : at + _FRAME_BYTES])

    async def next(self) -> dict[str, Any] | bytes:
        """The next message or sound; a message must be one of the schema."""
        data = await self.connection.recv()
        if isinstance(data, bytes):
            self.came.append(data)
            return data
        message: dict[str, Any] = json.loads(data)
        assert message["type"] in KNOWN, message
        assert set(message) == KNOWN[message["type"]], message
        self.came.append(message)
        return message

    async def until(
        self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next message of this type for which `where` holds.

        Raises AssertionError with what came instead when the connection ends first.
        """
        while True:
            try:
                each = await self.next()
            except ConnectionClosed as closed:
                raise AssertionError(f"no {kind}, but {self.messages} and {closed}") from closed
            if isinstance(each, dict) and each["type"] == kind and where(each):
                return each

    async def until_sound(self, n_bytes: int = 1) -> bytes:
        """Wait for so much more sound."""
        found = b""
        while len(found) < n_bytes:
            each = await self.next()
            found += each if isinstance(each, bytes) else b""
        return found

    async def closed(self) -> tuple[int | None, str | None]:
        """Read to the end; return the close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.connection.close_code, self.connection.close_reason


def _known() -> dict[str, set[str]]:
    definitions = schema()["$defs"]
    names = [each["$ref"].rpartition("/")[2] for each in definitions["ServerMessage"]["oneOf"]]
    shapes = [definitions[name]["properties"] for name in names]
    return {shape["type"]["const"]: set(shape) for shape in shapes}


KNOWN = _known()
"""Each message's fields, by its type."""


@contextlib.asynccontextmanager
async def talking_simply(
    port: int, query: str = "", **options: Any
) -> AsyncIterator[GatewayTalker]:
    """Dial `ws://127.0.0.1:PORT/realtime`; closes when the block ends."""
    url = f"ws://127.0.0.1:{port}/realtime{query}"
    async with connect(url, compression=None, proxy=None, **options) as connection:
        yield GatewayTalker(connection)
