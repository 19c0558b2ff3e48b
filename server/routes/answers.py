"""Refusals as HTTP: a readable page for people, the API's error shape for programs."""

from html import escape

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from server.errors import Fault, error_event

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><main><h1>{title}</h1><p>{text}</p>{more}</main></body></html>
"""


def json_refusal(status: int, code: str, message: str, *, param: str | None = None) -> Response:
    """Return a refusal that is not in the table of faults, for a program."""
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
    return JSONResponse({"error": error}, status)


def refusal(fault: Fault, *, wants_html: bool) -> Response:
    """Return a fault as HTTP."""
    if not wants_html:
        return JSONResponse({"error": error_event(fault)["error"]}, fault.http_status)
    return page(fault.http_status, fault.message, fault.advice)


def page(status: int, title: str, text: str, *, retry: bool = True) -> Response:
    """Return a small page that says what happened and what to do."""
    # A link, not a redirect: a browser that came from elsewhere sends its cookie only then.
    more = '<p><a href="/">Try again</a></p>' if retry else ""
    html = _PAGE.format(title=escape(title), text=escape(text), more=more)
    return HTMLResponse(html, status)


async def deny(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer a WebSocket handshake with `response`."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
