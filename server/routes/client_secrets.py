"""`POST …/realtime/client_secrets`: short-lived keys for browsers and apps of others."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from rtclient.engine.client_secrets import ClientSecrets
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode_object
from server.client_secrets import mint
from server.drop_in import Models, Refused, family_of
from server.routes.answers import refused

MAX_BODY_BYTES = 1024 * 1024


def client_secret_routes(
    secrets: ClientSecrets, models: Models, unix_clock: Callable[[], float]
) -> APIRouter:
    """Return the routes. Who may connect may make secrets; the guard sees to that."""
    router = APIRouter()

    async def make(request: Request) -> Response:
        family = family_of(request.scope["path"]) or "openai"
        try:
            body = decode_object(await _body(request) or b"{}", max_bytes=MAX_BODY_BYTES)
        except RemoteProtocolError as exc:
            status = 413 if exc.code == "event_too_large" else 400
            message = "The body cannot be used. Send one strict JSON object of at most 1 MiB."
            return refused(Refused(status, "invalid_json", message), family)
        made = mint(secrets, body, unix_clock(), models, family)
        return refused(made, family) if isinstance(made, Refused) else JSONResponse(made)

    for path in ("/v1/realtime", "/openai/v1/realtime"):
        router.add_api_route(f"{path}/client_secrets", make, methods=["POST"])
    return router


async def _body(request: Request) -> bytes:
    """Return what is sent, and of what is too large only so much that this shows."""
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)
