"""`/realtime`, the gateway's socket, and what there is to read about it."""

from datetime import UTC, datetime

from fastapi import APIRouter, WebSocket
from starlette.responses import JSONResponse, Response

from rtclient.errors import ConnectionLost
from rtclient.protocol.codec import encode
from server.errors import FAULTS
from server.gateway.catalog import catalog
from server.gateway.faults import error_of
from server.gateway.schema import schema
from server.routes.answers import json_refusal
from server.routes.sockets import ClientConnection, accept, refuse, upgrade_required
from server.sessions import Sessions

_READING = ["GET", "HEAD"]
_NOT_THE_API = (
    "This is the gateway, which has messages of its own. For a client of the Realtime API let the"
    " base URL end in /v1: it then connects to /v1/realtime."
)


def gateway_routes(sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.websocket("/realtime")
    async def gateway_socket(websocket: WebSocket) -> None:
        if _is_for_the_api(websocket):
            await refuse(websocket, json_refusal(400, "not_the_api", _NOT_THE_API))
            return
        await accept(websocket)
        client = ClientConnection(websocket)
        if not sessions.limits.admit():
            await _turn_away(client)
            return
        session_id = sessions.new_id("sess")
        try:
            await sessions.run(
                sessions.gateway_plan(session_id),
                client,
                lambda target: sessions.upstream_of(target).dial(),
                above=[sessions.gateway(session_id)],
                below_of=sessions.below_of,
            )
        finally:
            sessions.limits.release()

    @router.api_route("/realtime", methods=_READING)
    async def gateway_socket_by_http() -> Response:
        return upgrade_required("/realtime", "; the messages are at /realtime/schema.json")

    @router.api_route("/realtime/schema.json", methods=_READING)
    async def gateway_schema() -> Response:
        return JSONResponse(schema(), media_type="application/schema+json")

    @router.api_route("/realtime/models", methods=_READING)
    async def gateway_models() -> Response:
        today = datetime.fromtimestamp(sessions.unix_clock(), UTC).date()
        return JSONResponse(catalog(sessions.offers, sessions.upstream.kind, today))

    return router


def _is_for_the_api(websocket: WebSocket) -> bool:
    """Whether a client of the Realtime API came here; it would wait for ever for its events."""
    asked = websocket.query_params.keys() & {"model", "deployment", "api-version", "intent"}
    return bool(asked) or "openai-beta" in websocket.headers


async def _turn_away(client: ClientConnection) -> None:
    """Tell a client that all places are taken, and close."""
    fault = FAULTS["too_many_sessions"]
    try:
        await client.send(encode(error_of(fault).model_dump()))
    except ConnectionLost:
        return
    await client.close(fault.close_code or 1013, fault.code)
