"""`POST …/realtime/client_secrets`: short-lived keys for browsers and apps of others.

`POST …/realtime/sessions` is what the preview dialect had in its place.
"""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from rtclient.endpoints import SessionKind
from rtclient.engine.client_secrets import ClientSecrets
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode_object
from server.client_secrets import mint, mint_preview
from server.drop_in import Family, Refused, family_of
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
        def answer(body: dict[str, Any], family: Family) -> dict[str, Any] | Refused:
            return mint(secrets, body, unix_clock(), models, family)

        return await _answered(request, answer)

    async def make_preview(request: Request) -> Response:
        def answer(body: dict[str, Any], family: Family) -> dict[str, Any] | Refused:
            is_realtime = request.scope["path"].endswith("/realtime/sessions")
            kind: SessionKind = "realtime" if is_realtime else "transcription"
            lost: list[str] = []
            made = mint_preview(
                secrets,
                body,
                unix_clock(),
                models,
                family,
                kind=kind,
                keeps_preview_only=sessions.upstream.dialect == "preview",
                lost=lost,
            )
            for name in lost:
                sessions.note(Note("field_lost", f"A client secret cannot carry `{name}`."))
            return made

        return await _answered(request, answer)

    for path in ("/v1/realtime", "/openai/v1/realtime"):
        router.add_api_route(f"{path}/client_secrets", make, methods=["POST"])
    for path in ("/v1/realtime", "/openai/realtime"):
        router.add_api_route(f"{path}/sessions", make_preview, methods=["POST"])
        router.add_api_route(f"{path}/transcription_sessions", make_preview, methods=["POST"])
    return router


async def _answered(
    request: Request, answer: Callable[[dict[str, Any], Family], dict[str, Any] | Refused]
) -> Response:
    family = family_of(request.scope["path"]) or "openai"
    try:
        body = decode_object(await _body(request) or b"{}", max_bytes=MAX_BODY_BYTES)
    except RemoteProtocolError as exc:
        status = 413 if exc.code == "event_too_large" else 400
        message = "The body cannot be used. Send one strict JSON object of at most 1 MiB."
        return refused(Refused(status, "invalid_json", message), family)
    made = answer(body, family)
    return refused(made, family) if isinstance(made, Refused) else JSONResponse(made)


async def _body(request: Request) -> bytes:
    """Return what is sent, and of what is too large only so much that this shows."""
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)
