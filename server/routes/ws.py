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

from server.errors import FAULTS, fault_of
from server.routes.answers import json_refusal, refusal
from server.routes.guard import request_of
from server.routes.sockets import ClientConnection, accept, refuse, turn_away, upgrade_required
from server.security import is_from_this_machine
from server.sessions import Sessions

_log = logging.getLogger("server.relay")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def socket_routes(sessions: Sessions) -> APIRouter:
    """Return the routes of the WebSocket paths."""
    router = APIRouter()

    @router.websocket("/ws")
    async def page_socket(websocket: WebSocket) -> None:
        fault = _query_fault(websocket, {"profile": sessions.profiles})
        if fault is not None:
            await refuse(websocket, fault)
            return
        await accept(websocket)
        client = ClientConnection(websocket)
        if not sessions.limits.admit():
            await turn_away(client, sessions)
            return
        try:
            await sessions.run(sessions.page_plan(), client, lambda _: sessions.upstream.dial())
        finally:
            sessions.limits.release()

    @router.websocket("/v1/realtime")
    async def drop_in_socket(websocket: WebSocket) -> None:
        peer = websocket.client.host if websocket.client else ""
        if not is_from_this_machine(peer, request_of(websocket.scope)):
            message = "This path is for programs on the same machine. Connect to it by 127.0.0.1."
            await refuse(websocket, json_refusal(403, "loopback_only", message))
            return
        fault = _query_fault(websocket, {"model": _MODEL})
        if fault is not None:
            await refuse(websocket, fault)
            return
        if not sessions.limits.admit():
            await refuse(websocket, refusal(FAULTS["too_many_sessions"], wants_html=False))
            return
        try:
            await _relay_drop_in(websocket, sessions)
        finally:
            sessions.limits.release()

    @router.api_route("/ws", methods=["GET", "HEAD"])
    async def page_socket_by_http() -> Response:
        return upgrade_required(": the page at / does it for you")

    @router.api_route("/v1/realtime", methods=["GET", "HEAD"])
    async def drop_in_socket_by_http() -> Response:
        return upgrade_required(", such as an OpenAI SDK with its base URL set to this server")

    @router.websocket("/{path:path}")
    async def unknown_socket(websocket: WebSocket, path: str) -> None:
        message = "There is no WebSocket at this path. Use /ws or /v1/realtime."
        await refuse(websocket, json_refusal(404, "not_found", message))

    return router


async def _relay_drop_in(websocket: WebSocket, sessions: Sessions) -> None:
    try:
        upstream = await sessions.upstream.dial()
    except Exception as exc:
        fault = fault_of(exc)
        if fault.code == "internal_error":
            _log.exception("dial failed")
        await refuse(websocket, refusal(fault, wants_html=False))
        return

    async def dialled(_target: str) -> Any:
        return upstream

    try:
        await accept(websocket)
        await sessions.run(sessions.drop_in_plan(), ClientConnection(websocket), dialled)
    finally:
        await upstream.close()


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
