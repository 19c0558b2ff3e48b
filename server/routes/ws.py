"""`/ws`, the page's socket, and the answer to a socket that nobody serves.

The page's is accepted first and told in events, because a browser cannot read why a handshake
failed.
"""

from collections.abc import Collection, Mapping
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.responses import Response

from rtclient.protocol.dialects import DIALECTS
from server.drop_in import SOCKETS
from server.routes.answers import json_refusal
from server.routes.sockets import ClientConnection, accept, refuse, turn_away, upgrade_required
from server.sessions import Sessions

QUERY: Final = ("profile", "dialect", "sequencer")
"""The query names of `/ws`."""


def socket_routes(sessions: Sessions) -> APIRouter:
    """Return the routes; the last one takes every socket that no route before has."""
    router = APIRouter()

    @router.websocket("/ws")
    async def page_socket(websocket: WebSocket) -> None:
        known = dict(zip(QUERY, (sessions.profiles, DIALECTS, ("0", "1")), strict=True))
        fault = _query_fault(websocket, known)
        if fault is not None:
            await refuse(websocket, fault)
            return
        await accept(websocket)
        client = ClientConnection(websocket)
        if not sessions.limits.admit():
            await turn_away(client, sessions)
            return
        try:
            asked = websocket.query_params
            above, below = sessions.page_layers(
                DIALECTS.get(asked.get("dialect", "")),
                uses_sequencer=asked.get("sequencer") != "0",
            )
            await sessions.run(
                sessions.page_plan(),
                client,
                lambda _: sessions.upstream.dial(),
                above=above,
                below=below,
            )
        finally:
            sessions.limits.release()

    @router.api_route("/ws", methods=["GET", "HEAD"])
    async def page_socket_by_http() -> Response:
        return upgrade_required("/ws", ": the page at / does it for you")

    @router.websocket("/{path:path}")
    async def unknown_socket(websocket: WebSocket, path: str) -> None:
        paths = ", ".join((*SOCKETS, "/realtime"))
        message = f"There is no WebSocket at this path. Use {paths} or /ws."
        await refuse(websocket, json_refusal(404, "not_found", message))

    return router


def _query_fault(websocket: WebSocket, known: Mapping[str, Collection[str]]) -> Response | None:
    """Return a refusal unless each key is known, stands once and has a known value."""
    seen: set[str] = set()
    for key, value in websocket.query_params.multi_items():
        if key not in known or key in seen:
            names = " and ".join(f"`?{name}=`" for name in known)
            message = f"The address may have {names}, once, and nothing else. Remove the rest."
            return json_refusal(400, "unknown_parameter", message, param=key[:64])
        if value not in known[key]:
            hint = f" Known: {', '.join(known[key])}."
            message = f"The value of `?{key}=` is not known here.{hint} Leave it out."
            return json_refusal(400, "invalid_value", message, param=key)
        seen.add(key)
    return None
