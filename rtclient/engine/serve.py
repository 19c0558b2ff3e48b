"""The engine's server: its door, and a session for each client that comes in.

Nothing of a client's credential is logged.
"""

import asyncio
import contextlib
import logging
import math
import random
import secrets
import socket
import ssl
import string
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from rtclient.engine.actions import Emit, Outbox
from rtclient.engine.api import Api
from rtclient.engine.asking import SUBPROTOCOL, Asked, Refusal, Reply
from rtclient.engine.client_secrets import ClientSecrets, Secret
from rtclient.engine.connection import Connection
from rtclient.engine.core import Session
from rtclient.engine.door import Admission, DoorRules, Rate, admit, refusal_of
from rtclient.engine.http import OPEN_S, Front, asked_of, response_of
from rtclient.engine.preview import PreviewFace
from rtclient.engine.profiles import on_purpose
from rtclient.engine.senses import Senses
from rtclient.engine.shapes import Fault
from rtclient.engine.stage import Stage
from rtclient.protocol.codec import encode

MAX_FRAME_BYTES = 16 * 1024 * 1024
PING_S = 10.0
MAX_WAITING_FRAMES = 4
"""Frames of a client that wait to be worked off; more stay with the client."""
CLOSE_TIMEOUT_S = 3.0
_ID_CHARS = string.digits + string.ascii_letters
_ID_LENGTH = 21
_SECRET_BYTES = 24


def new_id(prefix: str) -> str:
    """Return an id as the real service makes them."""
    return f"{prefix}_{''.join(random.choices(_ID_CHARS, k=_ID_LENGTH))}"


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


async def _turn_away(client: ServerConnection, fault: Fault, close_code: int) -> None:
    """Say no after the upgrade: one `error` event, then the close."""
    out = Outbox(new_id)
    out.error(fault)
    with contextlib.suppress(ConnectionClosed):
        for action in out.take():
            if isinstance(action, Emit):
                await client.send(encode(action.event))
    await client.close(close_code, f"{fault.type}.{fault.code}")


class SessionServer:
    """Lets clients in and serves them; what the sockets of one engine have in common."""

    def __init__(self, senses: Senses, rules: DoorRules, session_s: float, stage: Stage) -> None:
        self._senses = senses
        self._stage = stage
        self._rules = rules
        self._session_s = session_s
        self._admitted: dict[ServerConnection, tuple[Admission, int]] = {}
        """Who was let in and is not gone yet, and the number of the handshake."""
        self._secrets = ClientSecrets(
            new_id, partial(secrets.token_hex, _SECRET_BYTES), model=rules.model
        )
        per_minute = rules.most_per_minute
        self._rate = Rate(per_minute) if per_minute is not None else None
        self._api = Api(
            rules,
            self._secrets,
            wall=stage.clock.wall,
            health=self.health,
            control=stage.answer if stage.is_controlled else None,
        )

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        for gone in [client for client in self._admitted if client.state is State.CLOSED]:
            del self._admitted[gone]  # it went before its handshake was over
        # Who is told after the upgrade why there is no session has none.
        return sum(found.first_error is None for found, _ in self._admitted.values())

    def health(self) -> Mapping[str, Any]:
        """Return what `/healthz` shows: names and figures, nothing of a client."""
        return {
            "profile": self._rules.profile.name,
            "sessions": self.sessions,
            "max_sessions": self._rules.max_sessions,
            "senses": dict(self._senses.names),
            "load": self._senses.load(),
            "tasks": len(asyncio.all_tasks()),
        }

    async def answer(self, asked: Asked, body: bytes, is_local: bool) -> Reply:
        """Answer a request that does not want to be a WebSocket."""
        return await self._api.answer(asked, body, is_local=is_local)

    async def judge(self, client: ServerConnection, request: Request) -> Response | None:
        """Return the answer to a GET, or None when it becomes a connection."""
        asked = asked_of(request)
        if not asked.wants_upgrade:
            is_local = isinstance(client, Front) and client.is_local
            return response_of(await self.answer(asked, b"", is_local))
        found = admit(
            self._rules,
            asked,
            self._find_secret,
            open_sessions=self.sessions,
            rate=self._rate,
            now=self._stage.clock.now(),
        )
        if isinstance(found, Refusal):
            return response_of(found)
        number = self._stage.admit()
        if refused := self._stage.refusal(number):
            wait_s = math.ceil(refused.retry_after_s or 0)
            wanted = on_purpose(self._rules.profile, refused.status, wait_s)
            return response_of(refusal_of(wanted))
        self._admitted[client] = found, number
        return None

    async def serve(self, client: ServerConnection) -> None:
        """Serve a client that was let in, until either side ends."""
        try:
            admission, number = self._admitted[client]
            if admission.first_error is None:
                await self._converse(client, admission, number)
            else:
                await _turn_away(client, admission.first_error, admission.close_code)
        finally:
            self._admitted.pop(client, None)

    async def _converse(self, client: ServerConnection, admission: Admission, number: int) -> None:
        stage, session_s = self._stage, self._session_s
        transcribers = self._rules.transcription_deployments
        session = Session(
            self._senses.vad(),
            stage.new_id(number),
            model=admission.model,
            is_model_fixed=admission.is_model_fixed,
            expires_at=int(stage.clock.wall() + session_s),
            session_s=session_s,
            kind=admission.kind,
            preset=admission.preset,
            transcription_models=frozenset(transcribers) if transcribers else None,
        )
        face = PreviewFace(admission.kind) if admission.dialect == "preview" else None
        connection = Connection(
            client, session, self._senses, stage=stage, number=number, face=face
        )
        await connection.run(is_beta=admission.is_beta)

    def _find_secret(self, value: str) -> Secret | None:
        return self._secrets.find(value, self._stage.clock.wall())


@dataclass(frozen=True, slots=True)
class EngineServer:
    """A running engine."""

    sockets: Sequence[socket.socket]
    _handler: SessionServer

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first socket."""
        host, port = self.sockets[0].getsockname()[:2]
        return host, port

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return self._handler.sessions


@contextlib.asynccontextmanager
async def serve(
    senses: Senses,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    rules: DoorRules | None = None,
    session_s: float | None = None,
    tls: ssl.SSLContext | None = None,
    stage: Stage | None = None,
) -> AsyncIterator[EngineServer]:
    """Serve the engine while the context lasts; leaving it closes every connection with 1001.

    The senses must have been started; who started them closes them.

    Args:
        senses: what hears, thinks and speaks, shared by all connections.
        host: the address to listen on.
        port: 0 for a free one (`EngineServer.address`).
        rules: who is let in, and how others are refused; None lets everybody in.
        session_s: seconds until a session expires; None: as the profile has it.
        tls: the certificate to serve with; None: without TLS.
        stage: clock, chance, faults and scenario for tests; None: a plain one.
    """
    rules = rules or DoorRules()
    lasts_s = session_s or rules.profile.session_minutes * 60
    handler = SessionServer(senses, rules, lasts_s, stage or Stage())
    opening: set[Front] = set()
    wire_log = logging.getLogger("rtclient.engine.wire")
    wire_log.setLevel(logging.WARNING)  # below, websockets logs headers and with them the key
    server = await serve_websockets(
        handler.serve,
        host,
        port,
        process_request=handler.judge,
        select_subprotocol=_subprotocol,
        create_connection=cast(
            "type[ServerConnection]", partial(Front, answer=handler.answer, opening=opening)
        ),
        compression=None,
        max_size=MAX_FRAME_BYTES,
        max_queue=MAX_WAITING_FRAMES,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        close_timeout=CLOSE_TIMEOUT_S,
        logger=wire_log,
        server_header=None,
        open_timeout=None,  # `Front` has its own
        ssl=tls,
        ssl_handshake_timeout=None if tls is None else OPEN_S,
    )
    try:
        yield EngineServer(tuple(server.sockets), handler)
    finally:
        server.close()
        for front in list(opening):  # nothing is promised to them yet; sessions get their 1001
            front.transport.abort()
        await server.wait_closed()
