"""The drop-in paths, for programs that were written for OpenAI or Azure.

They are dialled first and refused with HTTP in the shape that those programs know.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from starlette.responses import JSONResponse, Response

from rtclient.engine.client_secrets import Secret
from rtclient.errors import ConnectionLost
from rtclient.protocol.codec import encode
from server.client_secrets import PATHS, PREVIEW_PATHS, preset_of
from server.drop_in import (
    FOREIGN,
    SOCKETS,
    Refused,
    Wish,
    family_of,
    foreign,
    not_served,
    refused_by,
    wish_of,
)
from server.errors import FAULTS, fault_of
from server.relay.actions import Note
from server.routes.answers import refused
from server.routes.guard import SECRET, request_of
from server.routes.sockets import ClientConnection, accept, refuse, upgrade_required
from server.sessions import Sessions

_log = logging.getLogger("server.relay")
_ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

_OTHER_MODEL = Note(
    "model_not_served",
    "A program named a model that is not configured; it is served by the configured one."
    " STRICT_MODELS=1 refuses such names.",
)
_ONLY_POST = Refused(405, "method_not_allowed", "Client secrets are made here. Use POST.")
_UNKNOWN_QUERY = Note(
    "query_ignored", "A program's address has a query that means nothing here; it is ignored."
)


def drop_in_routes(sessions: Sessions, *, since: int) -> APIRouter:
    """Return the routes; the last ones take every path of the services that no route before has.

    Args:
        sessions: Where sessions are opened.
        since: When the server started, in Unix seconds.
    """
    router = APIRouter()
    models = sessions.models

    async def socket(websocket: WebSocket) -> None:
        asked = request_of(websocket.scope)
        secret: Secret | None = websocket.scope[SECRET]
        wish = wish_of(
            asked.path,
            asked.query,
            models,
            secret.session if secret else None,
            subprotocols=asked.subprotocols,
            beta_header=",".join(asked.headers.get("openai-beta", ())),
        )
        if isinstance(wish, Refused):
            await _refuse(websocket, wish, sessions)
            return
        if wish.is_other_model:
            sessions.note(_OTHER_MODEL)
        if wish.has_unknown:
            sessions.note(_UNKNOWN_QUERY)
        if not sessions.limits.admit():
            await _refuse(websocket, refused_by(FAULTS["too_many_sessions"], wish.family), sessions)
            return
        try:
            await _relay(websocket, sessions, wish, preset_of(secret.session) if secret else None)
        finally:
            sessions.limits.release()

    async def socket_by_http(request: Request) -> Response:
        advice = ", such as an OpenAI SDK with its base URL set to this server"
        return upgrade_required(request.scope["path"], advice)

    async def elsewhere(request: Request) -> Response:
        path = request.scope["path"]
        return refused(foreign(path), path)

    async def socket_elsewhere(websocket: WebSocket) -> None:
        await _refuse(websocket, foreign(websocket.scope["path"]), sessions)

    async def nowhere(request: Request) -> Response:
        path = request.scope["path"]
        if path in PATHS or path in PREVIEW_PATHS:
            response = refused(_ONLY_POST, path)
            response.headers["Allow"] = "POST"
            return response
        return refused(not_served(family_of(path) or "openai"), path)

    async def socket_nowhere(websocket: WebSocket) -> None:
        family = family_of(websocket.scope["path"]) or "openai"
        await _refuse(websocket, not_served(family), sessions)

    async def list_models() -> Response:
        model = {"id": models.served, "object": "model", "created": since, "owned_by": "parley"}
        return JSONResponse({"object": "list", "data": [model]})

    for path in SOCKETS:
        router.add_api_websocket_route(path, socket)
        router.add_api_route(path, socket_by_http, methods=["GET", "HEAD"])
    for path in FOREIGN:
        router.add_api_websocket_route(path, socket_elsewhere)
        router.add_api_route(path, elsewhere, methods=_ANY)
    for path in ("/v1/models", "/openai/v1/models"):
        router.add_api_route(path, list_models, methods=["GET", "HEAD"])
    for path in ("/v1/{path:path}", "/openai/{path:path}"):
        router.add_api_websocket_route(path, socket_nowhere)
        router.add_api_route(path, nowhere, methods=_ANY)
    return router


async def _relay(
    websocket: WebSocket, sessions: Sessions, wish: Wish, preset: Mapping[str, Any] | None
) -> None:
    try:
        upstream = await sessions.upstream.dial(wish.kind)
    except Exception as exc:
        fault = fault_of(exc)
        if fault.code == "internal_error":
            _log.exception("dial failed")
        await _refuse(websocket, refused_by(fault, wish.family), sessions)
        return

    async def dialled(_target: str) -> Any:
        return upstream

    try:
        await accept(websocket)
        above, below = sessions.drop_in_layers(wish)
        client = ClientConnection(websocket)
        plan = sessions.drop_in_plan(websocket.scope["path"], preset)
        await sessions.run(plan, client, dialled, above=above, below=below)
    finally:
        await upstream.close()


async def _refuse(websocket: WebSocket, why: Refused, sessions: Sessions) -> None:
    """Say no as the service does: before the upgrade, or after it."""
    if why.close_code is None:
        await refuse(websocket, refused(why, websocket.scope["path"]))
        return
    await accept(websocket)
    client = ClientConnection(websocket)
    event = {"type": "error", "event_id": sessions.new_id("event"), **why.body("openai")}
    event["error"]["event_id"] = None
    try:
        await client.send(encode(event))
    except ConnectionLost:
        return
    await client.close(why.close_code, f"{why.type}.{why.code}")
