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
from server.routes.sockets import ClientConnection, accept, upgrade_required
from server.sessions import Sessions

_READING = ["GET", "HEAD"]


def gateway_routes(sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.websocket("/realtime")
    async def gateway_socket(websocket: WebSocket) -> None:
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
        return upgrade_required("; the messages are at /realtime/schema.json")

    @router.api_route("/realtime/schema.json", methods=_READING)
    async def gateway_schema() -> Response:
        return JSONResponse(schema(), media_type="application/schema+json")

    @router.api_route("/realtime/models", methods=_READING)
    async def gateway_models() -> Response:
        today = datetime.fromtimestamp(sessions.unix_clock(), UTC).date()
        return JSONResponse(catalog(sessions.offers, sessions.upstream.kind, today))

    return router


async def _turn_away(client: ClientConnection) -> None:
    """Tell a client that all places are taken, and close."""
    fault = FAULTS["too_many_sessions"]
    try:
        await client.send(encode(error_of(fault).model_dump()))
    except ConnectionLost:
        return
    await client.close(fault.close_code or 1013, fault.code)
