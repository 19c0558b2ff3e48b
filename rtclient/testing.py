"""For tests of programs that talk to a realtime API: no account, no network, no chance.

`engine()` is a whole service that hears, answers and speaks by a script. It runs in the test's own
event loop and is there in some milliseconds:

    async with engine({"turns": [{"answer": "It is ten."}]}) as endpoint:
        async with RTClient.to(endpoint) as client:
            ...

`ScriptedPeer` is a bare WebSocket server that plays exactly what a test tells it, event by event:

    async with ScriptedPeer() as peer:
        transport = await dial(peer.endpoint)
        session = await peer.session()
        await session.expect("response.create")
        await session.send({"type": "response.created", "event_id": "event_1", "response": {}})

Without a script of its own a session begins with `session.created`, and nothing else happens by
itself. A refusal before the upgrade is scripted by `status`.
"""

import asyncio
import contextlib
import http.client
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.protocol.session import default_session

Script = Callable[["PeerSession"], Awaitable[None]]
"""What a session does from its begin; when it returns the session stays open."""

EXPIRES_AT = 4_102_444_800
"""The far end of a scripted session, in Unix seconds, unless a test says otherwise."""


@contextlib.asynccontextmanager
async def engine(
    scenario: Mapping[str, Any] | None = None,
    *,
    faults: Iterable[str] = (),
    session_s: float = 3600.0,
    seed: int = 1,
) -> AsyncIterator[Endpoint]:
    """Run Parley's engine with scripted senses until the block ends; gives its address.

    It keeps every rule of the API: order of events, error codes, turn detection, barge-in, function
    calls, usage. But it really hears and understands nothing: loud sound is speech (`speech`), what
    was said and what is answered stand in `scenario`, and the voice is tones. Without a script it
    hears "turn 1", "turn 2" …, answers "You said: …", and calls a function whose name is among the
    words.

    A program that blocks its thread needs an engine outside of it: `rtclient.engine_process`.

    Args:
        scenario: What is heard and answered, as in a scenario file of `rtclient engine`:
            `{"turns": [{"hear": "what time is it", "answer": "It is ten."}]}`.
        faults: What goes wrong, as for `rtclient engine --fault`:
            `"close:1011@response.output_audio.delta#2,session=1"`.
        session_s: Seconds after which a session expires.
        seed: Makes ids and chance the same in every run.

    Raises:
        ValueError: The scenario or a fault cannot be read; the text says where and why.
    """
    # Imported late: programs that only want a ScriptedPeer need no engine.
    from rtclient.engine import scripted
    from rtclient.engine.faults import parse
    from rtclient.engine.scenario import read_scenario
    from rtclient.engine.serve import serve
    from rtclient.engine.stage import Stage

    played = read_scenario(json.dumps(scenario), "scenario") if scenario else None
    stage = Stage(seed=seed, faults=[parse(text) for text in faults], scenario=played)
    async with serve(scripted.senses(), session_s=session_s, stage=stage) as server:
        host, port = server.address
        yield endpoints.engine(f"ws://{host}:{port}")


def speech(length_ms: int) -> bytes:
    """Return sound that `engine` hears as speech: pcm16, mono, 24 000 Hz."""
    from rtclient.engine.scripted import tone

    return tone(220, length_ms)


def silence(length_ms: int) -> bytes:
    """Return sound that ends a turn where the server detects turns: pcm16, mono, 24 000 Hz."""
    return bytes(length_ms * 48)


def session_created(
    *,
    model: str = "scripted",
    session_id: str = "sess_1",
    expires_at: int = EXPIRES_AT,
    **fields: Any,
) -> dict[str, Any]:
    """Return a `session.created` as the real service sends it; `fields` change the session."""
    session = {**default_session(model, session_id, expires_at), **fields}
    return {"type": "session.created", "event_id": "event_created", "session": session}


async def greet(session: "PeerSession") -> None:
    """Begin as the real service does: with `session.created`. The default script."""
    await session.send(session_created(session_id=f"sess_{session.number}"))


class PeerSession:
    """One connection to the scripted peer, from the peer's side."""

    def __init__(self, connection: ServerConnection, number: int) -> None:
        self.connection = connection
        self.number = number
        """Counts from 1 in the order of connecting."""
        self.texts: list[str | bytes] = []
        """Every frame received so far, as it came."""
        self.closed = asyncio.Event()
        """Set when the connection has ended."""
        self.failure: Exception | None = None
        """What went wrong in the script; raised when the peer is left."""
        self._unread: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()

    @property
    def path(self) -> str:
        """The path and query that were asked for."""
        return self._request.path

    @property
    def headers(self) -> Headers:
        """The headers of the handshake."""
        return self._request.headers

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event received so far."""
        return [json.loads(text) for text in self.texts]

    @property
    def close_code(self) -> int | None:
        """The close code once closed."""
        return self.connection.close_code

    @property
    def close_reason(self) -> str | None:
        """The close reason once closed."""
        return self.connection.close_reason

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event."""
        await self.send_text(json.dumps(event, ensure_ascii=False))

    async def send_text(self, text: str | bytes) -> None:
        """Send one frame as it is: text, or binary for bytes."""
        await self.connection.send(text)

    async def receive(self) -> dict[str, Any]:
        """Return the next event that no earlier call returned.

        Raises:
            ConnectionError: the connection ended first.
        """
        event = await self._unread.get()
        if event is None:
            self._unread.put_nowait(None)
            raise ConnectionError("the connection to the scripted peer ended")
        return event

    async def expect(self, event_type: str) -> dict[str, Any]:
        """Return the next event of this type; those before it are passed over."""
        while (event := await self.receive()).get("type") != event_type:
            pass
        return event

    def pause(self) -> None:
        """Stop reading, as a peer that is too slow does."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with this code and reason."""
        await self.connection.close(code, reason)

    def abort(self) -> None:
        """Vanish without a close frame."""
        self.connection.transport.abort()

    @property
    def _request(self) -> Request:
        assert self.connection.request is not None
        return self.connection.request

    async def _run(self, script: Script) -> None:
        playing = asyncio.create_task(self._play(script))
        try:
            while True:
                await self._reading.wait()
                text = await self.connection.recv()
                self.texts.append(text)
                self._unread.put_nowait(_event_of(text))
        except ConnectionClosed:
            pass
        finally:
            playing.cancel()
            (outcome,) = await asyncio.gather(playing, return_exceptions=True)
            if isinstance(outcome, Exception):
                self.failure = outcome
            self._unread.put_nowait(None)
            self.closed.set()

    async def _play(self, script: Script) -> None:
        with contextlib.suppress(ConnectionClosed, ConnectionError):
            await script(self)


class ScriptedPeer:
    """A server whose every session plays `on_connect`; use it as `async with`.

    Args:
        on_connect: What each session does; the default sends `session.created`.
        status: Refuse every handshake with this HTTP status instead.
        body: The body of that refusal.
        headers: Headers of that refusal (`Location`, `Retry-After` …).
        tls: A server-side SSLContext; the address becomes `wss://localhost:…`.
        subprotocols: What the peer chooses from when the client offers some.
        max_size: The largest frame it takes, in bytes.
        ping_interval_s: Seconds between its pings; None sends none.
    """

    def __init__(
        self,
        on_connect: Script = greet,
        *,
        status: int | None = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        subprotocols: tuple[str, ...] = ("realtime",),
        max_size: int = 64 * 1024 * 1024,
        ping_interval_s: float | None = None,
    ) -> None:
        self.sessions: list[PeerSession] = []
        """Every session so far, in the order of connecting."""
        self.requests: list[Request] = []
        """Every handshake so far, the refused ones too."""
        self._script = on_connect
        self._refusal = (status, body, dict(headers or {}))
        self._tls = tls
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._max_size = max_size
        self._ping_interval_s = ping_interval_s
        self._server: Server | None = None
        self._arrivals: asyncio.Queue[PeerSession] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            0,
            ssl=self._tls,
            process_request=self._process_request,
            select_subprotocol=self._select_subprotocol,
            compression=None,
            max_size=self._max_size,
            ping_interval=self._ping_interval_s,
            close_timeout=1,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        for session in self.sessions:
            session.resume()
        self._server.close()
        await self._server.wait_closed()
        failures = [session.failure for session in self.sessions if session.failure]
        if failures and exc is None:
            raise failures[0]

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """The address to dial; any path and query will do."""
        # By name under TLS: that is what test certificates are made for.
        return f"wss://localhost:{self.port}" if self._tls else f"ws://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> Endpoint:
        """The address for `RTClient.to`, `RTLowLevelClient.to` and `dial`."""
        return Endpoint(url=self.url, kind="openai", label="the scripted peer")

    async def session(self) -> PeerSession:
        """Return the next session that no earlier call returned, waiting for it."""
        return await self._arrivals.get()

    async def _handle(self, connection: ServerConnection) -> None:
        session = PeerSession(connection, len(self.sessions) + 1)
        self.sessions.append(session)
        self._arrivals.put_nowait(session)
        await session._run(self._script)

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        status, body, headers = self._refusal
        if status is None:
            return None
        data = body.encode()
        fields = {"Content-Length": str(len(data)), "Connection": "close", **headers}
        return Response(status, http.client.responses.get(status, "Refused"), Headers(fields), data)

    def _select_subprotocol(self, connection: ServerConnection, offered: Any) -> Subprotocol | None:
        return next((name for name in self._subprotocols if name in offered), None)


def _event_of(text: str | bytes) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError:
        return {"type": None, "unreadable": text}
    return event if isinstance(event, dict) else {"type": None, "unreadable": text}
