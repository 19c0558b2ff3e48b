"""A strict scripted Azure OpenAI Realtime peer on a real socket.

Refuses before the upgrade with the bodies and headers of the real service; after it, rejects
a whole `session.update` for one unknown field, transcribes only with deployments that exist, and
plays the event ladders of the GA dialect. It is a script: every answer is the same sentence.
"""

import asyncio
import base64
import json
import math
import ssl
import struct
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support import ladders
from tests.support.azure_rules import CLIENT_EVENTS, merged, refusal_of_update

KEY = "azure-test-key-0123456789"
REPLY = "Hello from the scripted deployment."
TONE = b"".join(
    struct.pack("<h", int(8000 * math.sin(2 * math.pi * 440 * n / 24000))) for n in range(24000)
)
"""One second of 440 Hz: pcm16 = little-endian signed 16-bit, mono, 24 000 Hz."""

NOT_COUNTED = frozenset(
    [
        "host",
        "upgrade",
        "connection",
        "user-agent",
        "api-key",
        "authorization",
        "accept",
        "accept-encoding",
        "origin",
    ]
)
"""Headers that do not count against Azure's limit of ten custom ones (sec-websocket-* neither)."""


@dataclass(frozen=True)
class Refusal:
    """An HTTP answer before the upgrade."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    def response(self) -> Response:
        """As an HTTP response with the JSON body of the service."""
        body = json.dumps({"error": {"code": self.code, "message": self.message}}).encode()
        headers = Headers(
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("apim-request-id", "00000000-0000-0000-0000-000000000000"),
                ("x-ms-region", "East US 2"),
                *self.headers,
            ]
        )
        return Response(self.status, HTTPStatus(self.status).phrase, headers, body)


UNAUTHORIZED = Refusal(
    401,
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource.",
)
FORBIDDEN_NETWORK = Refusal(403, "403", "Access denied due to Virtual Network/Firewall rules.")
FORBIDDEN_ROLE = Refusal(
    403,
    "PermissionDenied",
    "The principal lacks the required data action "
    "`Microsoft.CognitiveServices/accounts/OpenAI/deployments/realtime/action`.",
)
NOT_FOUND = Refusal(404, "404", "Resource not found")
NO_DEPLOYMENT = Refusal(
    404,
    "DeploymentNotFound",
    "The API deployment for this resource does not exist. If you created the deployment within the "
    "last 5 minutes, please wait a moment and try again.",
)
WRONG_MODEL = Refusal(
    400,
    "OpperationNotSupported",  # the service's own spelling
    "The realtime operation does not work with the specified model. Please choose different model "
    "and try again.",
)
TOO_MANY_HEADERS = Refusal(431, "431", "Request header fields too large")
RATE_LIMITED = Refusal(
    429,
    "429",
    "Requests to the Realtime Operation have exceeded call rate limit of your current pricing "
    "tier. Please retry after 8 seconds.",
    (("Retry-After", "8"),),
)


@dataclass
class Handshake:
    """One request that reached the peer."""

    path: str
    query: dict[str, list[str]]
    headers: Headers
    status: int


@dataclass
class Session:
    """One open session: what came in, and a way to send by hand."""

    connection: ServerConnection
    config: dict[str, Any]
    ids: ladders.Ids = field(default_factory=ladders.Ids)
    received: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str | bytes] = field(default_factory=list)
    last_item: str | None = None
    audio_ms: float = 0.0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one event with an id."""
        await self.send_all([{"type": kind, "event_id": self.ids.new("event"), **fields}])

    async def send_all(self, events: list[ladders.Event]) -> None:
        """Send ready events in order."""
        for event in events:
            await self.connection.send(json.dumps(event))

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait until `count` events of this type have come; return the last of them."""
        async with self.arrived:
            await self.arrived.wait_for(
                lambda: sum(e["type"] == kind for e in self.received) >= count
            )
        return [e for e in self.received if e["type"] == kind][count - 1]


class AzurePeer:
    """`async with AzurePeer() as peer:` serves until the block ends.

    `refusal`: answer every valid handshake with it instead of the upgrade.
    `redirect_to`: answer with 302 and this Location.
    `lifetime_s`: distance of the session's `expires_at` from now; the session ends with
    `session_expired` and 1001 when it is over.
    """

    def __init__(
        self,
        *,
        key: str = KEY,
        deployments: tuple[str, ...] = ("gpt-realtime",),
        transcription_deployments: tuple[str, ...] = ("whisper-1",),
        refusal: Refusal | None = None,
        redirect_to: str | None = None,
        lifetime_s: float = 3600.0,
        tls: ssl.SSLContext | None = None,
        ping_interval_s: float | None = 20.0,
    ) -> None:
        self.key = key
        self.deployments = deployments
        self.transcription_deployments = transcription_deployments
        self.refusal = refusal
        self.redirect_to = redirect_to
        self.lifetime_s = lifetime_s
        self.handshakes: list[Handshake] = []
        self.sessions: list[Session] = []
        self.opened = asyncio.Condition()
        self._tls = tls
        self._ping_interval_s = ping_interval_s
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def endpoint(self) -> str:
        """What a person would paste as AZURE_OPENAI_ENDPOINT."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    async def __aenter__(self) -> "AzurePeer":
        self._server = await serve(
            self._converse,
            "127.0.0.1",
            0,
            process_request=self._admit,
            ssl=self._tls,
            compression=None,
            max_size=16 * 1024 * 1024,
            ping_interval=self._ping_interval_s,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def session(self, number: int = 1) -> Session:
        """The `number`-th session that was opened; waits for it."""
        async with self.opened:
            await self.opened.wait_for(lambda: len(self.sessions) >= number)
        return self.sessions[number - 1]

    # -- before the upgrade -------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        refusal = self._verdict(parts.path, query, request.headers)
        status = 101 if refusal is None else refusal.status
        if refusal is None and self.redirect_to is not None:
            status = 302
            refusal = Refusal(302, "302", "Found", (("Location", self.redirect_to),))
        self.handshakes.append(Handshake(parts.path, query, request.headers, status))
        return None if refusal is None else refusal.response()

    def _verdict(self, path: str, query: dict[str, list[str]], headers: Headers) -> Refusal | None:
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        offered = [value for value in (headers.get("api-key", ""), bearer) if value]
        custom = [
            name
            for name, _ in headers.raw_items()
            if name.lower() not in NOT_COUNTED and not name.lower().startswith("sec-websocket-")
        ]
        if len(custom) > 10:
            return TOO_MANY_HEADERS
        if path != "/openai/v1/realtime":
            return NOT_FOUND
        if "api-version" in query or offered != [self.key]:
            return UNAUTHORIZED  # a dated api-version on the v1 path shows as 401, too
        if self.refusal is not None:
            return self.refusal
        model = query.get("model", [""])[0]
        if model in self.transcription_deployments:
            return WRONG_MODEL
        if model not in self.deployments:
            return NO_DEPLOYMENT
        return None

    # -- after the upgrade --------------------------------------------------------------------

    async def _converse(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        model = parse_qs(urlsplit(request.path).query)["model"][0]
        session = Session(connection, _defaults(model, time.time() + self.lifetime_s))
        async with self.opened:
            self.sessions.append(session)
            self.opened.notify_all()
        if "OpenAI-Beta" in request.headers:
            await self._refuse(
                session,
                "beta_api_shape_disabled",
                "The Realtime Beta API is no longer supported.",
                None,
                None,
            )
            await connection.close(4000, "invalid_request_error.beta_api_shape_disabled")
            return
        try:
            await session.send("session.created", session=session.config)
            async with asyncio.timeout(self.lifetime_s):
                async for text in connection:
                    await self._hear(session, text)
        except TimeoutError:
            message = "Your session hit the maximum duration of 60 minutes."
            await self._refuse(session, "session_expired", message, None, None)
            await connection.close(1001, message)
        except ConnectionClosed:
            return

    async def _hear(self, session: Session, text: str | bytes) -> None:
        session.raw.append(text)
        event = json.loads(text)
        async with session.arrived:
            session.received.append(event)
            session.arrived.notify_all()
        kind, event_id = event.get("type"), event.get("event_id")
        if kind == "session.update":
            refusal = refusal_of_update(event.get("session"))
            if refusal is not None:
                await self._refuse(session, *refusal, event_id)
                return
            session.config = merged(session.config, event["session"])
            await session.send("session.updated", session=session.config)
        elif kind == "input_audio_buffer.append":
            session.audio_ms += len(base64.b64decode(event["audio"])) / 48
        elif kind == "input_audio_buffer.commit":
            await self._commit(session, event_id)
        elif kind == "conversation.item.create":
            await self._add_item(session, {"id": session.ids.new("item"), **event["item"]})
        elif kind == "response.create":
            await self._respond(session, event.get("response") or {})
        elif kind == "response.cancel":
            message = "Cancellation failed: no active response found"
            await self._refuse(session, "response_cancel_not_active", message, None, event_id)
        elif kind not in CLIENT_EVENTS:
            supported = ", ".join(f"'{name}'" for name in CLIENT_EVENTS)
            message = f"Invalid value: '{kind}'. Supported values are: {supported}."
            await self._refuse(session, "invalid_value", message, "type", event_id)

    async def _commit(self, session: Session, event_id: str | None) -> None:
        if session.audio_ms < 100:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
                f"audio, but buffer only has {session.audio_ms:.2f}ms of audio."
            )
            code = "input_audio_buffer_commit_empty"
            await self._refuse(session, code, message, None, event_id)
            return
        session.audio_ms = 0.0
        item_id, after = session.ids.new("item"), session.last_item
        await session.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=after)
        content = [{"type": "input_audio", "transcript": None}]
        await self._add_item(
            session, {"id": item_id, "type": "message", "role": "user", "content": content}
        )
        transcription = session.config["audio"]["input"].get("transcription")
        if not transcription:
            return
        kind, at = "conversation.item.input_audio_transcription.", {"item_id": item_id}
        if transcription.get("model") in self.transcription_deployments:
            await session.send(
                kind + "completed",
                **at,
                content_index=0,
                transcript="hello",
                usage={"type": "duration", "seconds": 1},
            )
            return
        error = {
            "type": "server_error",
            "code": None,
            "message": f"Input transcription failed for item '{item_id}'.",
            "param": None,
        }
        await session.send(kind + "failed", **at, content_index=0, error=error)

    async def _add_item(self, session: Session, item: dict[str, Any]) -> None:
        item = {**item, "status": "completed"}
        for kind in ("conversation.item.added", "conversation.item.done"):
            await session.send(kind, previous_item_id=session.last_item, item=item)
        session.last_item = item["id"]

    async def _respond(self, session: Session, asked: dict[str, Any]) -> None:
        modalities = asked.get("output_modalities") or session.config["output_modalities"]
        pcm = TONE if "audio" in modalities else None
        response_id, item_id = session.ids.new("resp"), session.ids.new("item")
        about: dict[str, Any] = {"after": session.last_item, "spoken": pcm is not None}
        ids = session.ids
        await session.send_all(ladders.response_opening(ids, response_id, item_id, **about))
        await session.send_all(ladders.response_deltas(ids, response_id, item_id, REPLY, pcm))
        await session.send_all(ladders.response_closing(ids, response_id, item_id, REPLY, **about))
        session.last_item = item_id

    async def _refuse(
        self, session: Session, code: str, message: str, param: str | None, event_id: str | None
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        }
        await session.send("error", error=error)


def _defaults(model: str, expires_at: float) -> dict[str, Any]:
    pcm = {"type": "audio/pcm", "rate": 24000}
    return {
        "object": "realtime.session",
        "type": "realtime",
        "id": f"sess_{int(expires_at * 1000):x}",
        "model": model,
        "expires_at": int(expires_at),
        "instructions": "Your knowledge cutoff is 2023-10. You are a helpful AI.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": pcm,
                "noise_reduction": None,
                "transcription": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": pcm, "voice": "alloy", "speed": 1.0},
        },
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
    }
