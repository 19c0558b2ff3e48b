"""Sees what passes between the server under test and its upstream, without touching it."""

import json
from collections.abc import Callable
from typing import Any

from rtclient.endpoints import SessionKind
from rtclient.transport import Transport
from server.upstreams import Upstream


class _Tapped:
    """Something that is another thing in all but a few methods."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _TappedTransport(_Tapped):
    def __init__(self, inner: Transport, line: "Line") -> None:
        super().__init__(inner)
        self._line = line

    async def send(self, text: str) -> None:
        self._line.sent.append(json.loads(text))
        await self._inner.send(text)

    async def recv(self) -> str:
        text: str = await self._inner.recv()
        self._line.received.append(json.loads(text))
        return text


class _TappedUpstream(_Tapped):
    def __init__(self, inner: Upstream, on_dial: Callable[[], "Line"]) -> None:
        super().__init__(inner)
        self._on_dial = on_dial

    async def dial(self, kind: SessionKind = "realtime") -> Any:
        return _TappedTransport(await self._inner.dial(kind), self._on_dial())


class Line:
    """What passed on one connection, in order."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []


class Tap:
    """The lines to an upstream, in the order of dialling."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def on(self, upstream: Upstream) -> Any:
        """Return the upstream with this tap on it."""
        return _TappedUpstream(upstream, self._new_line)

    def _new_line(self) -> Line:
        self.lines.append(Line())
        return self.lines[-1]
