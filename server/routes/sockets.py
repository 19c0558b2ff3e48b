"""What the routes of all WebSocket paths share: the client's connection, accepting, refusing."""

from fastapi import WebSocket
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from rtclient.errors import ConnectionLost
from rtclient.protocol.codec import encode
from server.drop_in import Refused
from server.errors import FAULTS, error_event
from server.routes.answers import deny, refused
from server.sessions import Sessions

SUBPROTOCOL = "realtime"
_UPGRADE_ADVICE = "This is a WebSocket address. Connect to it with a WebSocket client{}."


class ClientConnection:
    """The client's leg as the relay wants it, over Starlette's WebSocket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._pending = (websocket.scope.get("extensions") or {}).get("parley.pending")

    async def send(self, data: str | bytes) -> None:
        """Send one message; waits while the client takes nothing."""
        kind = "text" if isinstance(data, str) else "bytes"
        try:
            await self._websocket.send({"type": "websocket.send", kind: data})
        except (WebSocketDisconnect, RuntimeError, OSError):
            # RuntimeError: Starlette's or uvicorn's word for "closed already".
            raise ConnectionLost(1006) from None

    async def recv(self) -> str | bytes:
        """Return the next message."""
        try:
            message = await self._websocket.receive()
        except (WebSocketDisconnected, RuntimeError):
            raise ConnectionLost(1006) from None
        if message["type"] == "websocket.disconnect":
            raise ConnectionLost(message.get("code") or 1005, message.get("reason") or "")
        text = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; nothing happens when the connection is gone."""
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent, where the server can say (see `server/hardening.py`)."""
        return int(self._pending()) if self._pending is not None else 0


async def accept(websocket: WebSocket) -> None:
    """Accept; a browser fails the connection unless one of the names it offered is chosen."""
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def turn_away(client: ClientConnection, sessions: Sessions) -> None:
    """Tell an accepted client that all places are taken, and close."""
    fault = FAULTS["too_many_sessions"]
    try:
        await client.send(encode(error_event(fault, sessions.new_id("event"))))
    except ConnectionLost:
        return
    await client.close(fault.close_code or 1013, fault.code)


def upgrade_required(path: str, advice: str) -> Response:
    """Return the answer to a plain GET of a socket's path; `advice` ends the sentence."""
    why = Refused(426, "upgrade_required", _UPGRADE_ADVICE.format(advice))
    response = refused(why, path)
    response.headers["Upgrade"] = "websocket"
    response.headers["Connection"] = "Upgrade"
    return response


async def refuse(websocket: WebSocket, response: Response) -> None:
    """Answer a handshake with `response` instead of accepting it."""
    await deny(websocket.scope, websocket.receive, websocket.send, response)
