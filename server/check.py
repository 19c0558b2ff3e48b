"""`python -m server check`: dial once, say what is wrong, spend nothing.

A session is opened and configured as for a person, then closed: no sound, no text and no response,
so no tokens. Whether transcription works shows only when somebody speaks.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtclient.errors import AuthError, ConnectError, HandshakeRejected, RemoteProtocolError
from rtclient.protocol.bridge import PreviewUpstream
from rtclient.protocol.codec import decode, encode
from rtclient.protocol.dialects import session_dialect
from rtclient.transport import MAX_FRAME_BYTES, Transport
from server.errors import FAULTS, Fault, FaultError, fault_of, fault_of_event
from server.profiles import session_update
from server.settings import Settings
from server.upstreams import Upstream, create_upstream, described

_EVENT_ID = "parley_check"
_ANSWER_TIMEOUT_S = 10.0
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,63}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out."""

    is_ok: bool
    lines: tuple[str, ...]
    """For people, in order."""


async def check(settings: Settings, upstream: Upstream | None = None) -> Verdict:
    """Dial the configured voice service once and return the verdict."""
    peer = upstream if upstream is not None else create_upstream(settings)
    lines = [f"Upstream: {described(peer)}"]
    lines += [f"Warning: {warning}" for warning in settings.warnings()]
    await peer.start()
    try:
        lines += await _try(settings, peer)
    except Exception as exc:
        return Verdict(False, (*lines, *_explain(exc)))
    finally:
        await peer.close()
    return Verdict(True, (*lines, "All is well. Start the server with ./start.sh."))


async def _try(settings: Settings, peer: Upstream) -> list[str]:
    started_at = time.monotonic()
    transport = await _dial(peer)
    opened_ms = round((time.monotonic() - started_at) * 1000)
    try:
        first = await _next(transport)
        if first["type"] == "error":
            raise _Refused(fault_of_event(first), first, peer.secrets)
        if first["type"] != "session.created":
            raise FaultError("upstream_bad_data")
        if session_dialect(first.get("session")) not in (peer.dialect, None):
            raise FaultError("upstream_dialect_mismatch")
        lines = [f"Connected in {opened_ms} ms; the session was created."]
        lines += [f"Note: {note}" for note in getattr(peer, "notes", ())]
        session = session_update(settings, peer.kind)
        update = encode({"type": "session.update", "event_id": _EVENT_ID, "session": session})
        texts = PreviewUpstream().to_outer(update).texts if peer.dialect == "preview" else (update,)
        for text in texts:
            await transport.send(text)
        while (answer := await _next(transport))["type"] != "session.updated":
            if answer["type"] == "error":
                raise _Refused(FAULTS["session_defaults_rejected"], answer, peer.secrets)
        return [*lines, "The session settings were accepted. No tokens were spent."]
    finally:
        await transport.close()


async def _dial(peer: Upstream) -> Transport:
    """Dial; an engine that is still starting is waited for."""
    while True:
        try:
            return await peer.dial()
        except FaultError as exc:
            if exc.fault.code != "engine_starting" or peer.state() != "starting":
                raise


async def _next(transport: Transport) -> dict[str, Any]:
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        return decode(await transport.recv(), max_bytes=MAX_FRAME_BYTES)


class _Refused(Exception):
    """The service answered with an `error` event."""

    def __init__(self, fault: Fault, event: Mapping[str, Any], secrets: tuple[str, ...]) -> None:
        super().__init__(fault.code)
        self.fault = fault
        body = event.get("error")
        error: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        self.said = [
            word
            for name in ("code", "param")
            if (word := str(error.get(name) or "")) and _is_shown(word, secrets)
        ]


def _explain(exc: Exception) -> list[str]:
    fault = exc.fault if isinstance(exc, _Refused) else fault_of(exc)
    lines = [f"Failed: {fault.message}", f"What to do: {fault.advice}"]
    said = list(exc.said) if isinstance(exc, _Refused) else []
    if isinstance(exc, ConnectError) and exc.status is not None:
        said.insert(0, f"HTTP {exc.status}")
    if isinstance(exc, AuthError | HandshakeRejected):
        said += _code_in(exc.body)
    if isinstance(exc, ConnectError) and exc.kind == "tls" and exc.detail:
        said.append(exc.detail)
    if said:
        lines.append(f"The service said: {', '.join(said)}")
    return [*lines, f"Code: {fault.code}"]


def _code_in(body: str) -> list[str]:
    """Return the error code in a refusal's JSON body when it is a plain word."""
    try:
        found = decode('{"type":"body","body":' + body + "}")["body"]
    except RemoteProtocolError:
        return []
    error = found.get("error", found) if isinstance(found, dict) else {}
    code = error.get("code") if isinstance(error, dict) else None
    return [code] if isinstance(code, str) and _is_shown(code, ()) else []


def _is_shown(word: str, secrets: tuple[str, ...]) -> bool:
    """Whether a word of the service is a code and not, say, our key repeated."""
    plain = word.replace(".", "_")
    return _WORD.fullmatch(plain) is not None and not any(s in word for s in secrets)
