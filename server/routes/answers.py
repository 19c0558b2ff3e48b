"""Refusals as HTTP: a readable page for people, the API's error shape for programs."""

from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from server.drop_in import Refused, family_of
from server.errors import Fault, error_event

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><main><h1>{title}</h1><p>{text}</p><p><a href="/">{link}</a></p></main></body></html>
"""
# A link, not a redirect: a browser that came from elsewhere sends its cookie only then.

_BY_STATUS = {
    404: ("not_found", "There is nothing at this address.", "The page is at /."),
    405: ("method_not_allowed", "This address does not take this method.", "Use GET."),
}


def json_refusal(status: int, code: str, message: str, *, param: str | None = None) -> Response:
    """Return a refusal that is not in the table of faults, for a program."""
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
    return JSONResponse({"error": error}, status)


def refusal(fault: Fault, *, wants_html: bool) -> Response:
    """Return a fault as HTTP."""
    if not wants_html:
        return JSONResponse({"error": error_event(fault)["error"]}, fault.http_status)
    return page(fault.http_status, fault.message, fault.advice)


def refused(why: Refused, path: str) -> Response:
    """Return a refusal on a drop-in path in the shape that its programs know."""
    return JSONResponse(why.body(family_of(path) or "openai"), why.status)


def page(status: int, title: str, text: str, *, link: str = "Try again") -> Response:
    """Return a small page that says what happened and what to do, with a link to the start."""
    html = _PAGE.format(title=escape(title), text=escape(text), link=escape(link))
    return HTMLResponse(html, status)


def nothing_there() -> Response:
    """Return the answer to an address that no route can have."""
    code, message, advice = _BY_STATUS[404]
    return json_refusal(404, code, f"{message} {advice}")


async def http_error(request: Request, exc: Exception) -> Response:
    """Answer what no route takes: nothing there, or not with this method."""
    assert isinstance(exc, HTTPException)
    code, message, advice = _BY_STATUS.get(
        exc.status_code, ("invalid_request", "The request cannot be answered.", exc.detail)
    )
    if "text/html" in request.headers.get("accept", ""):
        response = page(exc.status_code, message, advice, link="Open the page")
    else:
        response = json_refusal(exc.status_code, code, f"{message} {advice}")
    response.headers.update(exc.headers or {})
    return response


async def deny(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer a WebSocket handshake with `response`."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
