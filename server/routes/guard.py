"""The ASGI faces of `server/security.py`: checks before every route, headers on every response."""

from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import FAULTS
from server.routes.answers import deny, refusal
from server.security import SECURITY_HEADERS, Gate, Request

_RESPONSE_STARTS = ("http.response.start", "websocket.http.response.start")
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NO_STORE = (b"cache-control", b"no-store")


class SecurityHeaders:
    """Adds the security headers to every response, those of errors and refused sockets too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _RESPONSE_STARTS:
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                missing = [pair for pair in (*_HEADERS, _NO_STORE) if pair[0] not in present]
                message = {**message, "headers": headers + missing}
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Guard:
    """Refuses requests whose Host, Origin or credential is not right, before any route."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = request_of(scope)
        code = self._gate.refusal(request)
        if code is None:
            await self._app(scope, receive, send)
            return
        accept = ",".join(request.headers.get("accept", ()))
        is_http = scope["type"] == "http"
        response = refusal(FAULTS[code], wants_html=is_http and "text/html" in accept)
        await (response(scope, receive, send) if is_http else deny(scope, receive, send, response))


def request_of(scope: Scope) -> Request:
    """Return what the checks look at."""
    headers: dict[str, list[str]] = {}
    pairs: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in pairs:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    is_secure = scope["scheme"] in ("https", "wss")
    subprotocols: Any = scope.get("subprotocols", ())
    return Request("https" if is_secure else "http", scope["path"], headers, subprotocols)
