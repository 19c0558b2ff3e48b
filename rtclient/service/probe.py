"""Try a voice service: open a session and configure it, step by step. Spends nothing.

For `rtclient doctor` and the server's own check, which say what came out in words of their own.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from rtclient.errors import RemoteProtocolError, RTError
from rtclient.protocol.bridge import PreviewUpstream
from rtclient.protocol.codec import decode, encode
from rtclient.protocol.dialects import Dialect, session_dialect
from rtclient.service.causes import Cause, cause_of_first_event, words_of_event
from rtclient.transport import MAX_FRAME_BYTES, Transport

ANSWER_TIMEOUT_S: Final = 10.0
_UPDATE_ID: Final = "parley_check"


class SessionRefused(RTError):
    """The connection is open, and the service refused the session."""

    def __init__(self, cause: Cause, said: tuple[str, ...] = ()) -> None:
        super().__init__(f"the session was refused: {cause}")
        self.cause: Cause = cause
        self.said = said
        """Codes of the service; safe to show."""


class Probe:
    """One session that is being tried; GA events in and out, whatever the service speaks."""

    def __init__(
        self,
        transport: Transport,
        dialect: Dialect = "ga",
        *,
        secrets: tuple[str, ...] = (),
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Take an open connection; whoever opened it closes it.

        Args:
            transport: The connection, from which nothing was read yet.
            dialect: What the service is said to speak.
            secrets: What is never shown, should the service repeat it.
            answer_timeout_s: How long each answer may take, in seconds.
        """
        self._transport = transport
        self._dialect = dialect
        self._bridge = PreviewUpstream() if dialect == "preview" else None
        self._secrets = secrets
        self._answer_timeout_s = answer_timeout_s
        self._received: list[str] = []

    async def created(self) -> dict[str, Any]:
        """Wait for `session.created`; return its session.

        Raises:
            SessionRefused: An `error` came instead, or the service speaks the other dialect.
            ConnectionLost, RemoteProtocolError, TimeoutError: No event came that could be read.
        """
        raw = await self._recv()
        event = decode(raw, max_bytes=MAX_FRAME_BYTES)
        if event["type"] == "error":
            raise SessionRefused(cause_of_first_event(event), words_of_event(event, self._secrets))
        if event["type"] != "session.created":
            raise RemoteProtocolError("The first event is not session.created.")
        if session_dialect(event.get("session")) not in (self._dialect, None):
            raise SessionRefused("dialect_mismatch")
        self._received = list(self._inward(raw))
        session = (await self.next()).get("session")
        return session if isinstance(session, dict) else {}

    async def configure(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Send a `session.update` with this GA session; return the session that came of it.

        Raises:
            SessionRefused: The service does not accept it (`settings_rejected`).
            ConnectionLost, RemoteProtocolError, TimeoutError: As for `created`.
        """
        await self.send({"type": "session.update", "event_id": _UPDATE_ID, "session": session})
        while (event := await self.next())["type"] != "session.updated":
            if event["type"] == "error":
                raise SessionRefused("settings_rejected", words_of_event(event, self._secrets))
        updated = event.get("session")
        return updated if isinstance(updated, dict) else {}

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one GA event."""
        text = encode(event)
        for out in (text,) if self._bridge is None else self._bridge.to_outer(text).texts:
            await self._transport.send(out)

    async def next(self) -> dict[str, Any]:
        """Return the next event, GA, waiting for it as long as an answer may take."""
        while not self._received:
            self._received.extend(self._inward(await self._recv()))
        return decode(self._received.pop(0), max_bytes=MAX_FRAME_BYTES)

    async def _recv(self) -> str:
        async with asyncio.timeout(self._answer_timeout_s):
            return await self._transport.recv()

    def _inward(self, text: str) -> tuple[str, ...]:
        return (text,) if self._bridge is None else self._bridge.to_inner(text).texts
