"""The engine's WebSocket server: who is let in, and a session for each.

Nothing of a client's credential is logged.
"""

import hmac
import json
import logging
import random
import string
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qs

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from rtclient.engine.connection import Connection
from rtclient.engine.core import SESSION_S, Session
from rtclient.engine.senses import Senses

PATHS = ("/v1/realtime", "/openai/v1/realtime")
SUBPROTOCOL = Subprotocol("realtime")
KEY_SUBPROTOCOL = "openai-insecure-api-key."
DEFAULT_MODEL = "parley-engine"
MAX_FRAME_BYTES = 16 * 1024 * 1024
PING_S = 10.0
MAX_WAITING_FRAMES = 4
"""Frames of a client that wait to be worked off; more stay with the client."""
CLOSE_TIMEOUT_S = 3.0
_ID_CHARS = string.digits + string.ascii_letters
_ID_LENGTH = 21


def new_id(prefix: str) -> str:
    """Return an id as the real service makes them."""
    return f"{prefix}_{''.join(random.choices(_ID_CHARS, k=_ID_LENGTH))}"


# ---------------------------------------------------------------- the door


def _refusal(status: HTTPStatus, code: str, message: str) -> Response:
    body = json.dumps(
        {"error": {"type": "invalid_request_error", "code": code, "message": message}}
    ).encode()
    headers = Headers(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    if status is HTTPStatus.UPGRADE_REQUIRED:
        headers["Upgrade"] = "websocket"
    return Response(status.value, status.phrase, headers, body)


def _protocols(headers: Headers) -> list[str]:
    offered = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
    return [name.strip() for name in offered.split(",") if name.strip()]


def _credentials(headers: Headers) -> list[str]:
    found = list(headers.get_all("api-key"))
    for value in headers.get_all("Authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(token.strip())
    found += [
        name.removeprefix(KEY_SUBPROTOCOL)
        for name in _protocols(headers)
        if name.startswith(KEY_SUBPROTOCOL)
    ]
    return found


def refusal(
    request: Request, *, key: str | None, allowed_origins: Sequence[str] = ()
) -> Response | None:
    """Return why a request may not become a connection, or None."""
    path, _, query_text = request.path.partition("?")  # urlsplit raises on odd brackets
    if path.rstrip("/") not in PATHS:
        return _refusal(
            HTTPStatus.NOT_FOUND, "not_found", f"Connect to one of: {', '.join(PATHS)}."
        )
    origins = request.headers.get_all("Origin")
    if any(origin not in allowed_origins for origin in origins):
        return _refusal(
            HTTPStatus.FORBIDDEN,
            "origin_not_allowed",
            "Web pages may not connect to this engine. Start it with --allow-origin to let one in.",
        )
    if key is not None and not any(
        hmac.compare_digest(key.encode(), given.encode()) for given in _credentials(request.headers)
    ):
        return _refusal(
            HTTPStatus.UNAUTHORIZED,
            "invalid_api_key",
            "Incorrect API key provided. Send the value of RTCLIENT_ENGINE_KEY as "
            "'Authorization: Bearer …' or 'api-key'.",
        )
    if "websocket" not in ",".join(request.headers.get_all("Upgrade")).lower():
        return _refusal(
            HTTPStatus.UPGRADE_REQUIRED, "upgrade_required", "This is a WebSocket address."
        )
    query = parse_qs(query_text)
    for name in ("intent", "call_id"):
        if name in query:
            return _refusal(
                HTTPStatus.BAD_REQUEST,
                "invalid_value",
                f"The embedded engine does not know '{name}'. Leave it out.",
            )
    return None


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


@asynccontextmanager
async def serve(
    senses: Senses,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    key: str | None = None,
    model: str = DEFAULT_MODEL,
    allowed_origins: Sequence[str] = (),
    session_s: float = SESSION_S,
) -> AsyncIterator[Server]:
    """Serve the engine while the context lasts; leaving it closes every connection with 1001.

    The senses must have been started; who started them closes them.

    Args:
        senses: what hears, thinks and speaks, shared by all connections.
        host: the address to listen on.
        port: 0 for a free one (`server.sockets[0].getsockname()[1]`).
        key: what clients must present; None lets everybody in.
        model: what `session.model` says when the client names none.
        allowed_origins: web pages that may connect.
        session_s: seconds until a session expires.
    """

    async def handle(socket: ServerConnection) -> None:
        request = socket.request
        if request is None:
            return
        asked = parse_qs(request.path.partition("?")[2]).get("model", [""])[0][:256]
        session = Session(
            senses.vad(),
            new_id,
            model=asked or model,
            is_model_fixed=bool(asked) and asked != model,
            expires_at=int(time.time() + session_s),
            session_s=session_s,
        )
        is_beta = "realtime=v1" in ",".join(request.headers.get_all("OpenAI-Beta")) or (
            "openai-beta.realtime-v1" in _protocols(request.headers)
        )
        await Connection(socket, session, senses).run(is_beta=is_beta)

    def door(_: ServerConnection, request: Request) -> Response | None:
        return refusal(request, key=key, allowed_origins=allowed_origins)

    wire_log = logging.getLogger("rtclient.engine.wire")
    wire_log.setLevel(logging.WARNING)  # below, websockets logs headers and with them the key
    server = await serve_websockets(
        handle,
        host,
        port,
        process_request=door,
        select_subprotocol=_subprotocol,
        compression=None,
        max_size=MAX_FRAME_BYTES,
        max_queue=MAX_WAITING_FRAMES,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        close_timeout=CLOSE_TIMEOUT_S,
        logger=wire_log,
        server_header=None,
    )
    try:
        yield server
    finally:
        server.close()
        await server.wait_closed()
