"""`POST …/realtime/client_secrets`: short-lived keys for browsers and apps of others.

`POST …/realtime/sessions` is what the preview dialect had in its place.
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from rtclient.engine.client_secrets import ClientSecrets
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode_object
from server.client_secrets import PATHS, PREVIEW_PATHS, mint, mint_preview
from server.drop_in import Refused
from server.relay.actions import Note
from server.routes.answers import refused
from server.sessions import Sessions

MAX_BODY_BYTES = 1024 * 1024


def client_secret_routes(
    secrets: ClientSecrets, sessions: Sessions, unix_clock: Callable[[], float]
) -> APIRouter:
    """Return the routes. Who may connect may make secrets; the guard sees to that."""
    router = APIRouter()
    models = sessions.models

    async def make(request: Request) -> Response:
        path = request.scope["path"]
        try:
            body = decode_object(await _body(request) or b"{}", max_bytes=MAX_BODY_BYTES)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except RemoteProtocolError as exc:
            status = 413 if exc.code == "event_too_large" else 400
            message = "The body cannot be used. Send one strict JSON object of at most 1 MiB."
            return refused(Refused(status, "invalid_json", message), path)
        lost: list[str] = []
        if path in PREVIEW_PATHS:
            made = mint_preview(
                secrets,
                body,
                unix_clock(),
                models,
                path,
                keeps_preview_only=sessions.upstream.dialect == "preview",
                lost=lost,
            )
        else:
            made = mint(secrets, body, unix_clock(), models, path)
        for name in lost:
            sessions.note(Note("field_lost", f"A client secret cannot carry `{name}`."))
        return refused(made, path) if isinstance(made, Refused) else JSONResponse(made)

    for path in (*PATHS, *PREVIEW_PATHS):
        router.add_api_route(path, make, methods=["POST"])
    return router


async def _body(request: Request) -> bytes:
    """Return what is sent, and of what is too large only so much that this shows."""
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)
