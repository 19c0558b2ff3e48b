"""The ASGI faces of `server/security.py`: checks before every route, headers on every response."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtclient.engine.client_secrets import Secret
from server.drop_in import family_of, refused_by
from server.errors import FAULTS
from server.routes.answers import deny, nothing_there, refusal, refused
from server.security import SECURITY_HEADERS, Gate, Request, credentials

_RESPONSE_STARTS = ("http.response.start", "websocket.http.response.start")
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NO_STORE = (b"cache-control", b"no-store")

SECRET = "parley.secret"
"""Where the scope has the client secret that came with a request; None: there was none."""


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

    def __init__(
        self, app: ASGIApp, gate: Gate, find_secret: Callable[[str], Secret | None]
    ) -> None:
        """`find_secret`: returns the client secret with this value unless it is over."""
        self._app = app
        self._gate = gate
        self._find_secret = find_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = request_of(scope)
        secret = next(filter(None, map(self._find_secret, credentials(request))), None)
        scope[SECRET] = secret
        code = self._gate.refusal(request, has_secret=secret is not None)
        # A route's pattern takes a line feed behind its path; whoever compares paths does not.
        if code is None and request.path.isprintable():
            await self._app(scope, receive, send)
            return
        is_http = scope["type"] == "http"
        if code is None:
            response = nothing_there()
        elif family := family_of(request.path):
            response = refused(refused_by(FAULTS[code], family), request.path)
        else:
            accept = ",".join(request.headers.get("accept", ()))
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
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(
        "https" if is_secure else "http",
        scope["path"],
        headers,
        subprotocols,
        parse_qsl(query, keep_blank_values=True),
        (scope.get("client") or ("",))[0],
    )
