"""The sockets: `/ws` for the page, `/v1/realtime` for programs that speak the API.

`/ws` accepts first and tells in events, because a browser cannot read why a handshake failed.
`/v1/realtime` dials first and refuses with HTTP in the API's error shape, as the API does.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from rtclient.errors import ConnectionLost
from rtclient.protocol.codec import encode
from server.errors import FAULTS, error_event, fault_of
from server.routes.answers import deny, json_refusal, refusal
from server.routes.guard import request_of
from server.security import is_from_this_machine
from server.sessions import Sessions

SUBPROTOCOL = "realtime"
_log = logging.getLogger("server.relay")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_UPGRADE_ADVICE = "This is a WebSocket address. Connect to it with a WebSocket client{}."


class ClientConnection:
    """The client's leg as the relay wants it, over Starlette's WebSocket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._pending = (websocket.scope.get("extensions") or {}).get("parley.pending")

    async def send(self, text: str) -> None:
        """Send one text message; waits while the client takes nothing."""
        try:
            await self._websocket.send({"type": "websocket.send", "text": text})
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


def socket_routes(sessions: Sessions) -> APIRouter:
    """Return the routes of the WebSocket paths."""
    router = APIRouter()

    @router.websocket("/ws")
    async def page_socket(websocket: WebSocket) -> None:
        fault = _query_fault(websocket, {"profile": sessions.profiles})
        if fault is not None:
            await _deny(websocket, fault)
            return
        await _accept(websocket)
        client = ClientConnection(websocket)
        if not sessions.limits.admit():
            await _turn_away(client, sessions)
            return
        try:
            await sessions.run(sessions.page_plan(), client, sessions.upstream.dial)
        finally:
            sessions.limits.release()

    @router.websocket("/v1/realtime")
    async def drop_in_socket(websocket: WebSocket) -> None:
        peer = websocket.client.host if websocket.client else ""
        if not is_from_this_machine(peer, request_of(websocket.scope)):
            message = "This path is for programs on the same machine. Connect to it by 127.0.0.1."
            await _deny(websocket, json_refusal(403, "loopback_only", message))
            return
        fault = _query_fault(websocket, {"model": _MODEL})
        if fault is not None:
            await _deny(websocket, fault)
            return
        if not sessions.limits.admit():
            await _deny(websocket, refusal(FAULTS["too_many_sessions"], wants_html=False))
            return
        try:
            await _relay_drop_in(websocket, sessions)
        finally:
            sessions.limits.release()

    @router.api_route("/ws", methods=["GET", "HEAD"])
    async def page_socket_by_http() -> Response:
        return _upgrade_required(": the page at / does it for you")

    @router.api_route("/v1/realtime", methods=["GET", "HEAD"])
    async def drop_in_socket_by_http() -> Response:
        return _upgrade_required(", such as an OpenAI SDK with its base URL set to this server")

    @router.websocket("/{path:path}")
    async def unknown_socket(websocket: WebSocket, path: str) -> None:
        message = "There is no WebSocket at this path. Use /ws or /v1/realtime."
        await _deny(websocket, json_refusal(404, "not_found", message))

    return router


async def _relay_drop_in(websocket: WebSocket, sessions: Sessions) -> None:
    try:
        upstream = await sessions.upstream.dial()
    except Exception as exc:
        fault = fault_of(exc)
        if fault.code == "internal_error":
            _log.exception("dial failed")
        await _deny(websocket, refusal(fault, wants_html=False))
        return

    async def dialled() -> Any:
        return upstream

    try:
        await _accept(websocket)
        await sessions.run(sessions.drop_in_plan(), ClientConnection(websocket), dialled)
    finally:
        await upstream.close()


async def _accept(websocket: WebSocket) -> None:
    """Accept; a browser fails the connection unless one of the names it offered is chosen."""
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def _turn_away(client: ClientConnection, sessions: Sessions) -> None:
    fault = FAULTS["too_many_sessions"]
    try:
        await client.send(encode(error_event(fault, sessions.new_id("event"))))
    except ConnectionLost:
        return
    await client.close(fault.close_code or 1013, fault.code)


def _query_fault(websocket: WebSocket, known: Mapping[str, Any]) -> Response | None:
    """Return a refusal unless each key is known, stands once and has a sensible value."""
    seen: set[str] = set()
    for key, value in websocket.query_params.multi_items():
        if key not in known or key in seen:
            names = " and ".join(f"`?{name}=`" for name in known)
            message = f"The address may have {names}, once, and nothing else. Remove the rest."
            return json_refusal(400, "unknown_parameter", message, param=key[:64])
        allowed = known[key]
        is_right = allowed.fullmatch(value) if isinstance(allowed, re.Pattern) else value in allowed
        if not is_right:
            hint = "" if isinstance(allowed, re.Pattern) else f" Known: {', '.join(allowed)}."
            message = f"The value of `?{key}=` is not known here.{hint} Leave it out."
            return json_refusal(400, "invalid_value", message, param=key)
        seen.add(key)
    return None


def _upgrade_required(advice: str) -> Response:
    response = json_refusal(426, "upgrade_required", _UPGRADE_ADVICE.format(advice))
    response.headers["Upgrade"] = "websocket"
    response.headers["Connection"] = "Upgrade"
    return response


async def _deny(websocket: WebSocket, response: Response) -> None:
    await deny(websocket.scope, websocket.receive, websocket.send, response)
