"""`python -m server check`: dial once, say what is wrong, spend nothing.

A session is opened and configured as for a person, then closed: no sound, no text and no response,
so no tokens. Whether transcription works shows only when somebody speaks.
"""

import time
from dataclasses import dataclass

from rtclient.service.causes import words_of
from rtclient.service.probe import Probe, SessionRefused
from rtclient.transport import Transport
from server.errors import FaultError, fault_of, fault_of_cause
from server.profiles import session_update
from server.settings import Settings
from server.upstreams import Upstream, create_upstream, described


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
    probe = Probe(transport, peer.dialect, secrets=peer.secrets)
    try:
        await probe.created()
        lines = [f"Connected in {opened_ms} ms; the session was created."]
        lines += [f"Note: {note}" for note in getattr(peer, "notes", ())]
        await probe.configure(session_update(settings, peer.kind))
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


def _explain(exc: Exception) -> list[str]:
    if isinstance(exc, SessionRefused):
        fault, said = fault_of_cause(exc.cause), exc.said
    else:
        fault, said = fault_of(exc), words_of(exc)
    lines = [f"Failed: {fault.message}", f"What to do: {fault.advice}"]
    if said:
        lines.append(f"The service said: {', '.join(said)}")
    return [*lines, f"Code: {fault.code}"]
