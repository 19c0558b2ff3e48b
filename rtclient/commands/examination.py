"""The steps of `rtclient doctor`: each looks at one thing and says what it found."""

import asyncio
import base64
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from rtclient import advice
from rtclient.commands import findings
from rtclient.commands.findings import Finding, skipped
from rtclient.commands.upstream import Choice
from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectError, RTError
from rtclient.protocol.audio import PCM16
from rtclient.service.causes import words_of_event
from rtclient.service.probe import Probe, SessionRefused
from rtclient.service.retirements import azure_retirement, retirement, transcription_warning
from rtclient.transport import Transport, client_ssl_context, dial

STEP_TIMEOUT_S: Final = 10.0
_SILENCE_MS: Final = 500
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription."


class Examination:
    """What is looked at, in order; a step whose ground failed is skipped and says so."""

    def __init__(
        self,
        choice: Choice,
        found: Callable[[Finding], None],
        *,
        today: date,
        with_transcription: bool = True,
        with_devices: bool = True,
        step_timeout_s: float = STEP_TIMEOUT_S,
    ) -> None:
        """Prepare.

        Args:
            choice: The voice service to look at.
            found: Is told what is found, each as soon as it is known.
            today: For days that are near.
            with_transcription: Whether half a second of silence is transcribed.
            with_devices: Whether microphone and loudspeaker are opened.
            step_timeout_s: How long a step may take, in seconds.
        """
        self._choice = choice
        self._found = found
        self._today = today
        self._with_transcription = with_transcription
        self._with_devices = with_devices
        self._step_timeout_s = step_timeout_s

    async def run(self) -> None:
        """Look at everything."""
        self._tell(self._settings())
        try:
            await self._service()
        except ConnectError as exc:
            self._tell(self._refused(exc))
        if self._with_devices:
            self._tell(await asyncio.to_thread(devices))

    def _tell(self, found: Iterable[Finding]) -> None:
        for finding in found:
            self._found(finding)

    def _settings(self) -> list[Finding]:
        choice, endpoint = self._choice, self._choice.endpoint
        source = choice.settings.source or "no .env file; the environment and defaults"
        warnings = () if endpoint is None else endpoint.warnings
        return [
            Finding("settings", "ok", f"{choice.label}; from {source}"),
            *(Finding("settings", "warn", warning.rstrip(".")) for warning in warnings),
        ]

    async def _service(self) -> None:
        options = self._choice.client_options()
        if self._choice.endpoint is not None:
            self._tell(await self._network(self._choice.endpoint, options))
        else:
            self._tell(skipped(step, "the engine runs on this machine") for step in ("dns", "tls"))
        async with self._choice.opened() as source:
            endpoint = source if isinstance(source, Endpoint) else await source()
            began = time.monotonic()
            transport = await dial(endpoint, **options)
            self._found(Finding("handshake", "ok", f"open after {_ms_since(began)} ms"))
            try:
                await self._session(transport, endpoint)
            finally:
                await transport.close()

    async def _network(self, endpoint: Endpoint, options: Any) -> list[Finding]:
        parts = urlsplit(endpoint.url)
        is_secure = parts.scheme == "wss"
        if options.get("proxy"):
            why = "a proxy is set, which does it"
            return [skipped("dns", why), skipped("tls", why)]
        port = parts.port or (443 if is_secure else 80)
        dns = await _resolved(endpoint.host, port)
        if dns.verdict == "fail":
            return [dns, skipped("tls", "not reached: dns failed")]
        if not is_secure:
            return [dns, skipped("tls", "the address is http:// or ws://")]
        context = options["ssl_context"] or client_ssl_context()
        return [dns, await self._certificate(endpoint.host, port, context)]

    async def _certificate(self, host: str, port: int, context: ssl.SSLContext) -> Finding:
        try:
            async with asyncio.timeout(self._step_timeout_s):
                _, writer = await asyncio.open_connection(host, port, ssl=context)
        except ssl.SSLCertVerificationError as exc:
            trouble = ConnectError("tls", host=host, detail=exc.verify_message)
        except ssl.SSLError as exc:
            trouble = ConnectError("tls", host=host, detail=exc.reason or "")
        except TimeoutError:
            trouble = ConnectError("timeout", host=host)
        except OSError:
            trouble = ConnectError("refused", host=host)
        else:
            connection = writer.get_extra_info("ssl_object")
            ends = (connection.getpeercert() or {}).get("notAfter")
            last_day = None
            if ends is not None:
                last_day = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC).date()
            found = findings.of_certificate(connection.version() or "TLS", last_day, self._today)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return found
        said = advice.of_exception(trouble, self._choice.service)
        assert said is not None
        return findings.of_advice("tls", said)

    async def _session(self, transport: Transport, endpoint: Endpoint) -> None:
        probe = Probe(transport, endpoint.dialect, secrets=endpoint.secrets)
        try:
            session = await probe.created()
            began = time.monotonic()
            await probe.configure(self._update())
        except (RTError, TimeoutError) as exc:
            self._tell(self._refused(exc)[1:])  # the handshake was told
            return
        model = str(session.get("model") or "")
        self._found(Finding("key", "ok", "accepted" if endpoint.headers else "none was sent"))
        self._found(Finding("model", "ok", f"the session is with {model or endpoint.model}"))
        if endpoint.kind == "engine":  # those of other services were told with the settings
            self._tell(Finding("model", "warn", note.rstrip(".")) for note in endpoint.warnings)
        self._found(Finding("session", "ok", f"settings accepted after {_ms_since(began)} ms"))
        self._found(await self._transcription(probe))
        self._tell(self._retirements(endpoint, model))

    def _retirements(self, endpoint: Endpoint, model: str) -> list[Finding]:
        if endpoint.kind == "engine":
            return [skipped("retirement", "the engine runs on this machine")]
        find = azure_retirement if endpoint.kind == "azure" else retirement
        found = [findings.of_retirement(model, find(model), self._today)]
        transcription = self._choice.settings.transcription
        if transcription and (endpoint.kind == "azure" or endpoint.is_openai):
            warning = transcription_warning(endpoint.kind, transcription, self._today)
            if warning is not None:
                found.append(Finding("retirement", "warn", warning.rstrip(".")))
        return found

    def _update(self) -> dict[str, Any]:
        """Return a session as a conversation has it, with turns that nobody detects."""
        settings = self._choice.settings
        transcription = {"model": settings.transcription} if settings.transcription else None
        return {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": PCM16.to_wire(),
                    "turn_detection": None,
                    "transcription": transcription,
                },
                "output": {"format": PCM16.to_wire(), "voice": settings.voice},
            },
        }

    async def _transcription(self, probe: Probe) -> Finding:
        service, model = self._choice.service, self._choice.settings.transcription
        if model is None:
            return findings.of_advice(
                "transcription",
                advice.transcription_absent(service, is_configured=False, after_s=0),
                "warn",
            )
        if not self._with_transcription:
            return skipped("transcription", "left out by --no-transcription")
        silence = base64.b64encode(bytes(PCM16.rate_hz * _SILENCE_MS // 1000 * 2)).decode()
        await probe.send({"type": "input_audio_buffer.append", "audio": silence})
        await probe.send({"type": "input_audio_buffer.commit"})
        try:
            async with asyncio.timeout(self._step_timeout_s):
                event = await probe.next()
                while event["type"] not in (
                    f"{_TRANSCRIBED}completed",
                    f"{_TRANSCRIBED}failed",
                    "error",
                ):
                    event = await probe.next()
        except (RTError, TimeoutError):
            absent = advice.transcription_absent(
                service,
                is_configured=True,
                after_s=self._step_timeout_s,
                in_conversation=False,
            )
            return findings.of_advice("transcription", absent, "warn")
        if event["type"] != f"{_TRANSCRIBED}completed":
            return findings.of_advice(
                "transcription",
                advice.transcription_failed(service, words_of_event(event), in_conversation=False),
            )
        return Finding("transcription", "ok", f"{model} answers")

    def _refused(self, exc: BaseException) -> list[Finding]:
        service, secrets = self._choice.service, self._choice.secrets
        if isinstance(exc, SessionRefused):
            found = advice.of_cause(exc.cause, service, exc.said)
        else:
            said = advice.of_exception(exc, service, secrets)
            if said is None:
                raise exc
            found = said
        return [
            *findings.of_failed_connection(found),
            *(skipped(step, "not reached") for step in ("transcription", "retirement")),
        ]


async def _resolved(host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(STEP_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
    except (OSError, UnicodeError, TimeoutError):
        return Finding(
            "dns",
            "fail",
            f"{host} has no address",
            "Check the name for a typing error, and that this machine is on the network.",
        )
    count = len({address[0] for *_, address in found})
    return Finding("dns", "ok", f"{host} has {count} address{'es' if count > 1 else ''}")


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def devices() -> list[Finding]:
    """Open the system's microphone and loudspeaker for a moment."""
    from rtclient.talk.devices import probe  # late: it needs packages of an extra

    return [findings.of_device(each.kind, each.name, each.rate_hz, each.advice) for each in probe()]
