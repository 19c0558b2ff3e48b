"""The page and what it asks over HTTP: static files, `/healthz`, `/config.json`, `/login`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from fastapi import APIRouter, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Scope

from server.errors import FAULTS
from server.routes.answers import refusal
from server.security import Gate, cookie_header

_COMPRESSED_FROM_BYTES = 512
_READING = ["GET", "HEAD"]

_MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    # By hand: some systems register .js as text/plain, and then no module and no worklet loads.
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".wav": "audio/wav",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",  # types of gateway-client.js
}


class PublicFiles(StaticFiles):
    """The files under `public/`, with media types of our own; browsers ask whether they changed."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 when the browser has it."""
        suffix = PurePath(full_path).suffix.lower()
        response = FileResponse(
            full_path,
            status_code,
            headers={"Cache-Control": "no-cache"},
            media_type=_MEDIA_TYPES.get(suffix, "application/octet-stream"),
            stat_result=stat_result,
        )
        request = Request(scope)
        if self.is_not_modified(response.headers, request.headers):
            return NotModifiedResponse(response.headers)
        return response


def public_files(directory: Path) -> ASGIApp:
    """Return the application that serves the page's files, compressed where that pays."""
    return GZipMiddleware(
        PublicFiles(directory=directory, html=True),
        minimum_size=_COMPRESSED_FROM_BYTES,
        compresslevel=6,
    )


def page_routes(
    gate: Gate,
    health: Callable[[], tuple[int, Mapping[str, Any]]],
    config: Callable[[], Mapping[str, Any]],
) -> APIRouter:
    """Return the HTTP routes. `health` returns (status, body)."""
    router = APIRouter()

    @router.api_route("/healthz", methods=_READING)
    async def healthz() -> Response:
        status, body = health()
        return JSONResponse(dict(body), status)

    @router.api_route("/config.json", methods=_READING)
    async def config_json() -> Response:
        return JSONResponse(dict(config()))

    @router.api_route("/login", methods=_READING)
    async def login(request: Request, token: str = "") -> Response:
        if gate.access_token is None:
            return RedirectResponse("/", 303)
        if not gate.is_token(token):
            wants_html = "text/html" in request.headers.get("accept", "")
            return refusal(FAULTS["unauthorized"], wants_html=wants_html)
        response = RedirectResponse("/", 303)
        is_secure = request.url.scheme == "https"
        response.headers["Set-Cookie"] = cookie_header(gate.access_token, is_secure=is_secure)
        return response

    return router
