"""An upstream that misbehaves by name: raw bytes on a real socket, one fault per connection.

The faults echo the credential that they were sent wherever a careless (or hostile) peer could: in
bodies, headers, close reasons, events. `rtclient.testing` cannot play them, because most of them
break the protocol on purpose.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8
_TLS_HANDSHAKE = b"\x16"
_PLAIN_ON_TLS = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Wire:
    """One accepted connection after its request head."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: dict[str, str]
    redirect_to: str

    @property
    def key(self) -> str:
        """The credential that came with the request: what a fault echoes."""
        return self.head.get("api-key") or self.head.get("authorization", "").removeprefix(
            "Bearer "
        )

    def raw(self, data: bytes) -> None:
        """Write these bytes as they are."""
        self.writer.write(data)

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        """An HTTP response; `_` in header names stands for `-`."""
        content = body.encode()
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status != 529 else 'Overloaded'}"
        ]
        fields = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self.raw("\r\n".join([*lines, "", ""]).encode() + content)

    def upgrade(self, accept: str | None = None, **headers: str) -> None:
        """101; `accept` overrides the computed Sec-WebSocket-Accept."""
        nonce = self.head["sec-websocket-key"].encode()
        right = base64.b64encode(hashlib.sha1(nonce + _MAGIC).digest()).decode()
        fields = {"Upgrade": "websocket", "Connection": "Upgrade"}
        fields["Sec-WebSocket-Accept"] = right if accept is None else accept
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items()]
        self.raw("\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode())

    def frame(self, opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> None:
        """One unmasked WebSocket frame, right or wrong."""
        first = (0x80 if fin else 0) | (rsv << 4) | opcode
        size = len(payload)
        if size < 126:
            head = bytes([first, size])
        elif size < 65536:
            head = bytes([first, 126]) + struct.pack("!H", size)
        else:
            head = bytes([first, 127]) + struct.pack("!Q", size)
        self.raw(head + payload)

    def event(self, kind: str, **fields: Any) -> None:
        """One event as a text frame."""
        self.frame(TEXT, json.dumps({"type": kind, "event_id": "event_f", **fields}).encode())

    def error(self, code: str, message: str) -> None:
        """An `error` event."""
        error = {"type": "server_error", "code": code, "message": message, "param": None}
        self.event("error", error={**error, "event_id": None})

    def created(self, **session: Any) -> None:
        """A `session.created` with the few fields that matter here."""
        base = {"object": "realtime.session", "type": "realtime", "id": "sess_f", "model": "m"}
        self.event("session.created", session={**base, **session})

    def close(self, code: int, reason: str = "") -> None:
        """A close frame."""
        self.frame(CLOSE, struct.pack("!H", code) + reason.encode()[:123])

    def reset(self) -> None:
        """RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def heard(self) -> None:
        """Wait for one read's worth of bytes from the client (its session.update)."""
        await self.reader.read(65536)

    async def gone(self) -> None:
        """Wait until the client has left, or says that it wants to: a close frame comes alone."""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                if data[0] == 0x80 | CLOSE:
                    return


Play = Callable[[Wire], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """A misbehaviour with a name."""

    name: str
    play: Play = field(repr=False)


class FaultPeer:
    """Accepts connections and plays one queued fault on each; without one it closes at once.

    `requests` counts what arrived, `heads` keeps the request heads.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, redirect_to: str = "") -> None:
        self.queue: deque[Fault] = deque()
        self.played: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.redirect_to = redirect_to
        self.connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def endpoint(self) -> str:
        """Its http(s) address."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    async def __aenter__(self) -> "FaultPeer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        if hasattr(self._server, "close_clients"):  # Python >= 3.13
            self._server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._play(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == _TLS_HANDSHAKE and self._tls is None:
            writer.write(_PLAIN_ON_TLS)
            return
        rest = await reader.readuntil(b"\r\n\r\n")
        lines = (first + rest).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        head = {name.lower(): value.strip() for name, _, value in pairs}
        self.heads.append({":path": lines[0].split(" ")[1], **head})
        if not self.queue:
            return
        fault = self.queue.popleft()
        self.played.append(fault.name)
        await fault.play(Wire(reader, writer, head, self.redirect_to))
        if not writer.is_closing():
            await writer.drain()


def _then(*steps: Callable[[Wire], None], heard: bool = False, linger: bool = True) -> Play:
    """A fault made of plain steps. `heard`: wait for client data before the last step."""

    async def play(wire: Wire) -> None:
        for step in steps[:-1]:
            step(wire)
        if heard:
            await wire.heard()
        steps[-1](wire)
        if linger and not wire.writer.is_closing():
            await wire.writer.drain()
            await wire.gone()

    return play


def _body(wire: Wire) -> str:
    return json.dumps({"error": {"code": "x", "message": f"Bad key {wire.key} for this resource."}})


def _status(status: int, **headers: str) -> Fault:
    def step(wire: Wire) -> None:
        wire.answer(status, _body(wire), X_Echo=wire.key, **headers)

    return Fault(f"http {status}", _then(step, linger=False))


def _redirect(status: int) -> Fault:
    def step(wire: Wire) -> None:
        wire.answer(status, Location=f"{wire.redirect_to}?api-key={wire.key}")

    return Fault(f"redirect {status}", _then(step, linger=False))


def _closing(code: int) -> Fault:
    return Fault(
        f"close {code} with the key as reason",
        _then(Wire.upgrade, Wire.created, lambda w: w.close(code, f"bad key {w.key}"), heard=True),
    )


def handshake_faults() -> list[Fault]:
    """Everything that can go wrong before a session stands, on plain TCP or inside TLS."""
    statuses = (400, 401, 403, 404, 407, 408, 409, 426, 431, 500, 502, 503, 504, 529)
    return [
        *(_status(status) for status in statuses),
        _status(429, Retry_After="8"),
        _status(200),
        *(_redirect(status) for status in (301, 302, 303, 307, 308)),
        Fault("upgrade with a wrong accept", _then(lambda w: w.upgrade(accept="bm9wZQ=="))),
        Fault(
            "upgrade with an extension",
            _then(lambda w: w.upgrade(Sec_WebSocket_Extensions="permessage-deflate")),
        ),
        Fault(
            "upgrade with a subprotocol of the key",
            _then(lambda w: w.upgrade(Sec_WebSocket_Protocol=f"p.{w.key}")),
        ),
        Fault(
            "garbage instead of http",
            _then(lambda w: w.raw(f"220 hello {w.key}\r\n\r\n".encode()), linger=False),
        ),
        Fault(
            "half a response head",
            _then(
                lambda w: w.raw(f"HTTP/1.1 101 Switching\r\nX-Key: {w.key}\r\n".encode()),
                linger=False,
            ),
        ),
        Fault(
            "endless response head",
            _then(
                lambda w: w.raw(b"HTTP/1.1 101 S\r\n" + f"X: {w.key}\r\n".encode() * 5000),
                linger=False,
            ),
        ),
        Fault("end before any answer", _then(lambda w: w.raw(b""), linger=False)),
        Fault("reset before any answer", _then(Wire.reset)),
        Fault("end right after the upgrade", _then(Wire.upgrade, linger=False)),
        Fault("reset right after the upgrade", _then(Wire.upgrade, Wire.reset)),
    ]


def session_faults() -> list[Fault]:
    """Everything that can go wrong on an upgraded connection."""
    opening = (Wire.upgrade, Wire.created)
    key = "key {} was seen".format
    return [
        Fault(
            "first event is an error",
            _then(Wire.upgrade, lambda w: w.error("invalid_api_key", key(w.key))),
        ),
        Fault(
            "first event is an error, then close",
            _then(
                Wire.upgrade,
                lambda w: w.error("insufficient_quota", key(w.key)),
                lambda w: w.close(1008, key(w.key)),
            ),
        ),
        Fault(
            "first text is no JSON",
            _then(Wire.upgrade, lambda w: w.frame(TEXT, key(w.key).encode())),
        ),
        Fault(
            "first text is a list",
            _then(Wire.upgrade, lambda w: w.frame(TEXT, json.dumps([w.key]).encode())),
        ),
        Fault(
            "first text is not UTF-8",
            _then(Wire.upgrade, lambda w: w.frame(TEXT, b"\xff\xfe" + w.key.encode())),
        ),
        Fault(
            "first message is binary",
            _then(Wire.upgrade, lambda w: w.frame(BINARY, w.key.encode())),
        ),
        Fault(
            "first event is unknown", _then(Wire.upgrade, lambda w: w.event("x.y", note=key(w.key)))
        ),
        Fault(
            "defaults rejected with the key",
            _then(*opening, lambda w: w.error("unknown_parameter", key(w.key)), heard=True),
        ),
        Fault(
            "session.created holds the key",
            _then(Wire.upgrade, lambda w: w.created(instructions=key(w.key))),
        ),
        Fault(
            "error in mid-session", _then(*opening, lambda w: w.error("server_error", key(w.key)))
        ),
        Fault(
            "failed response",
            _then(
                *opening,
                lambda w: w.event(
                    "response.done",
                    response={
                        "id": "resp_f",
                        "status": "failed",
                        "output": [],
                        "status_details": {"type": "failed", "error": {"message": key(w.key)}},
                    },
                ),
            ),
        ),
        Fault(
            "failed transcription",
            _then(
                *opening,
                lambda w: w.event(
                    "conversation.item.input_audio_transcription.failed",
                    item_id="item_f",
                    content_index=0,
                    error={"type": "server_error", "message": key(w.key)},
                ),
            ),
        ),
        Fault(
            "text that is no JSON in mid-session",
            _then(*opening, lambda w: w.frame(TEXT, key(w.key).encode())),
        ),
        Fault("binary in mid-session", _then(*opening, lambda w: w.frame(BINARY, w.key.encode()))),
        Fault("reserved opcode", _then(*opening, lambda w: w.frame(0x3, w.key.encode()))),
        Fault("reserved bits", _then(*opening, lambda w: w.frame(TEXT, b"{}", rsv=7))),
        Fault("continuation of nothing", _then(*opening, lambda w: w.frame(0x0, w.key.encode()))),
        Fault(
            "frame of 2^62 bytes announced",
            _then(
                *opening, lambda w: w.raw(b"\x81\x7f" + struct.pack("!Q", 2**62) + w.key.encode())
            ),
        ),
        Fault(
            "frame cut in the middle",
            _then(*opening, lambda w: w.raw(b"\x81\x7e\xff\xff" + w.key.encode()), linger=False),
        ),
        Fault("end without a close frame", _then(*opening, linger=False)),
        Fault("reset in mid-session", _then(*opening, Wire.reset, heard=True)),
        Fault("close without a code", _then(*opening, lambda w: w.frame(CLOSE, b""))),
        Fault("close with an illegal code", _then(*opening, lambda w: w.close(1005, w.key))),
        *(_closing(code) for code in (1000, 1001, 1008, 1011, 1013, 4000)),
    ]


def by_name(faults: Iterable[Fault]) -> dict[str, Fault]:
    """The faults under their names; raises ValueError for two of one name."""
    table: dict[str, Fault] = {}
    for fault in faults:
        if fault.name in table:
            raise ValueError(f"two faults are named {fault.name!r}")
        table[fault.name] = fault
    return table
