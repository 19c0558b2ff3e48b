"""The composition root: settings in, the wired application out. Nothing here is global.

Order of what a request passes: security headers (on every answer) → errors → Host, Origin and
credential → routes.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

import rtclient
from rtclient.engine.client_secrets import ClientSecrets
from rtclient.engine.phrases import PHRASES
from rtclient.protocol.session import VOICES
from server.gateway.session import Offer
from server.limits import SessionLimits
from server.profiles import PROFILES, session_update
from server.relay.pump import STALL_S
from server.routes.answers import http_error
from server.routes.client_secrets import client_secret_routes
from server.routes.drop_in import drop_in_routes
from server.routes.gateway import gateway_routes
from server.routes.guard import Guard, SecurityHeaders
from server.routes.pages import page_routes, public_files
from server.routes.ws import socket_routes
from server.security import make_gate
from server.sessions import Sessions
from server.settings import Settings
from server.upstreams import Upstream, create_upstream, create_upstreams
from server.upstreams.engine import EngineUpstream

PUBLIC = Path(__file__).resolve().parent.parent / "public"
TAPPABLE_PHRASES = 6


class Application(FastAPI):
    """FastAPI with the security headers around everything, its own error answers too."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the ASGI application with all middleware."""
        return SecurityHeaders(super().build_middleware_stack())


def create_app(
    settings: Settings,
    *,
    upstream: Upstream | None = None,
    others: Sequence[Upstream] | None = None,
    clock: Callable[[], float] = time.monotonic,
    unix_clock: Callable[[], float] = time.time,
    stall_s: float = STALL_S,
    public: Path = PUBLIC,
) -> FastAPI:
    """Return the application.

    Args:
        settings: What the operator wants.
        upstream: What to dial instead of what the settings say.
        others: What clients of /realtime may choose besides, instead of what the settings say.
        clock: Monotonic, in seconds.
        unix_clock: Unix time in seconds, for `expires_at` only.
        stall_s: How long a leg may take nothing before its session ends.
        public: The folder of the page.
    """
    peer = upstream if upstream is not None else create_upstream(settings)
    if others is None:
        others = create_upstreams(settings)[1:]
    peers = (peer, *others)
    token = settings.access_token
    gate = make_gate(
        host=settings.host,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        access_token=token.get_secret_value() if token is not None else None,
    )
    session = session_update(settings, peer.kind)
    sessions = Sessions(
        peer,
        session,
        SessionLimits(settings.max_sessions),
        others={other.kind: other for other in others},
        offers={each.kind: _offer(settings.for_service(each.kind), each) for each in peers},
        voice=settings.azure_openai_voice,
        is_strict=settings.strict_models,
        profiles=tuple(PROFILES),
        session_limit_s=settings.session_limit_s,
        idle_limit_s=settings.idle_limit_s,
        stall_s=stall_s,
        clock=clock,
        unix_clock=unix_clock,
    )

    if isinstance(peer, EngineUpstream):
        peer.on_queue = sessions.on_queue

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as started:
            for each in peers:
                started.push_async_callback(each.close)
                await each.start()  # returns at once: the page is served before the engine is ready
            yield

    app = Application(
        title="Parley",
        version=rtclient.__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    client_secrets = ClientSecrets(
        sessions.new_id, secrets.token_urlsafe, model=peer.model, is_strict=False
    )
    app.add_middleware(
        Guard, gate=gate, find_secret=lambda value: client_secrets.find(value, unix_clock())
    )
    app.add_exception_handler(HTTPException, http_error)
    app.include_router(client_secret_routes(client_secrets, sessions, unix_clock))
    app.include_router(drop_in_routes(sessions, since=int(unix_clock())))
    app.include_router(gateway_routes(sessions))
    app.include_router(socket_routes(sessions))
    app.include_router(
        page_routes(gate, lambda: _health(peer), lambda: _config(settings, peer, session))
    )
    app.mount("/", public_files(public))
    return app


def _offer(settings: Settings, upstream: Upstream) -> Offer:
    return Offer(
        upstream.kind,
        upstream.model,
        upstream.voices,
        settings.azure_openai_voice,
        settings.transcription,
        takes_temperature=upstream.dialect == "preview",
    )


def _health(upstream: Upstream) -> tuple[int, Mapping[str, Any]]:
    body = {"status": "ok", "version": rtclient.__version__, "upstream": upstream.kind}
    if upstream.kind != "engine":
        return 200, body
    state = upstream.state()
    if state != "failed":
        queue_ms = getattr(upstream, "queue_ms", 0)
        return 200, body | {"engine": state, "engine_queue_ms": queue_ms}
    return 503, body | {"status": "failed", "engine": state}


def _config(
    settings: Settings, upstream: Upstream, session: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what the page must know; no secret and no address of the upstream."""
    is_engine = upstream.kind == "engine"
    models = settings.local_models()
    # Words that only our own ears or our own brain know are no advice beside other ones.
    phrases = () if {"ears", "brain"} <= models.keys() else PHRASES
    engine = {
        "state": upstream.state(),
        "models": models,
        "phrases": list(phrases[:TAPPABLE_PHRASES]),
        "all_phrases": list(phrases),
        "notes": list(getattr(upstream, "notes", ())),
    }
    audio = session.get("audio", {})
    return {
        "version": rtclient.__version__,
        "upstream": {"kind": upstream.kind, "label": upstream.label, "model": upstream.model},
        "engine": engine if is_engine else None,
        "voices": list(VOICES),
        "voice": audio.get("output", {}).get("voice", VOICES[0]),
        "session": {
            "instructions_editable": True,
            "turn_detection": audio.get("input", {}).get("turn_detection"),
        },
        "greeting": is_engine,
        "limits": {
            "session_limit_s": settings.session_limit_s,
            "idle_limit_s": settings.idle_limit_s,
        },
        "warnings": settings.warnings(),
    }
