"""`python -m server` serves the app; `python -m server check` tries the voice service.

With `--tls` it speaks https and wss, with a certificate of its own when none is set.

Exit codes: 0 ended as wished, 1 it did not work, 2 the settings are wrong.
"""

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import ChangeReload

import rtclient
from server.app import create_app
from server.check import check
from server.hardening import ClientConnection, HttpConnection
from server.local_authority import Identity, LocalAuthorityError
from server.logs import Redactor, configure_logs
from server.settings import Settings, SettingsError, hand_down, load_settings
from server.tls import identity_of, trust_lines
from server.upstreams import Upstream, create_upstream, create_upstreams, described

_GRACE_S = 5
"""How long requests may take to end when the server stops."""

_LISTEN_ADVICE = {
    errno.EADDRINUSE: "Stop the other program, or set another PORT.",
    errno.EACCES: "Set a PORT above 1023.",
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="python -m server",
        description="Parley: talk with a realtime speech model in the browser.",
        epilog="Settings come from the environment and from .env; see .env.example.",
    )
    result.add_argument("--version", action="version", version=f"Parley {rtclient.__version__}")
    result.add_argument(
        "--reload", action="store_true", help="start anew when a file changes (for development)"
    )
    result.add_argument(
        "--tls",
        action="store_true",
        help="speak https and wss: with TLS_CERT and TLS_KEY, else with a certificate made here",
    )
    result.add_argument(
        "command",
        nargs="?",
        choices=("serve", "check"),
        default="serve",
        help="serve (default), or check: dial the voice service once, spending nothing",
    )
    return result


def uvicorn_config(
    app: FastAPI | str,
    settings: Settings,
    identity: Identity | None = None,
    *,
    ping_interval_s: float = 10.0,
    ping_timeout_s: float = 10.0,
    reload: bool = False,
) -> uvicorn.Config:
    """Return how uvicorn serves the app; over TLS with an `identity`."""
    return uvicorn.Config(
        app,
        ssl_certfile=identity.certificate if identity else None,
        ssl_keyfile=identity.key if identity else None,
        host=settings.host,
        port=settings.port,
        lifespan="on",
        http=HttpConnection,  # with h11, the parser that bounds headers
        ws=ClientConnection,
        ws_max_size=16 * 1024 * 1024,
        ws_ping_interval=ping_interval_s,
        ws_ping_timeout=ping_timeout_s,
        ws_per_message_deflate=False,  # sound in base64 does not shrink; small frames can inflate
        log_config=None,
        access_log=False,  # it would have the login link's token
        server_header=False,
        proxy_headers=False,  # whoever connects is who the socket says
        timeout_graceful_shutdown=_GRACE_S,
        reload=reload,
    )


def start_lines(
    settings: Settings, label: str, port: int, identity: Identity | None = None
) -> list[str]:
    """Return what is printed when the server listens on `port`; over TLS with an `identity`."""
    scheme = "https" if identity else "http"
    address = f"{scheme}://{_shown_host(settings.host)}:{port}"
    lines = [f"Parley {rtclient.__version__}", f"  Open      {address}"]
    listening = _bracketed(settings.host)
    if listening != _shown_host(settings.host):
        lines[-1] += f"   (listening on {scheme}://{listening}:{port})"
    if settings.access_token is not None:
        # A token of the operator's own is a secret that the operator knows; ours must be told.
        token = settings.access_token.get_secret_value()
        shown = token if settings.access_token_is_new else "<your ACCESS_TOKEN>"
        lines.append(f"  Login     {address}/login?token={shown}")
    lines += trust_lines(identity, address) if identity else []
    lines.append(f"  Settings  {settings.env_file or 'no .env file found; all defaults'}")
    lines.append(f"  Upstream  {label}")
    if settings.upstream == "engine":
        lines.append(
            "            For a real model put AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and"
            " AZURE_OPENAI_DEPLOYMENT (or OPENAI_API_KEY) into .env."
        )
    lines += [f"  Warning   {warning}" for warning in settings.warnings()]
    if settings.services != ("engine",) and not settings.tls_verify:
        bar = "!" * 72
        lines += [bar, "!! TLS VERIFICATION IS OFF: the key can be read on its way. !!", bar]
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    options = parser().parse_args(argv)
    try:
        settings = load_settings()
    except SettingsError as exc:
        print(f"Parley cannot start. {exc}", file=sys.stderr)
        return 2
    redactor = Redactor(settings.secret_values())
    configure_logs(settings.log_level, redactor)
    if options.command == "check":
        return _check(settings, redactor)
    try:
        identity = identity_of(settings, is_wanted=options.tls)
    except LocalAuthorityError as exc:
        print(f"Parley cannot start. {exc}", file=sys.stderr)
        return 1
    if options.reload:
        return _serve_reloading(settings, identity)
    upstreams = create_upstreams(settings)
    for upstream in upstreams:
        redactor.add(_credentials(upstream))
    return _serve(settings, upstreams, identity)


def _serve(settings: Settings, upstreams: Sequence[Upstream], identity: Identity | None) -> int:
    listener = _listen(settings)
    if listener is None:
        return 1
    port = listener.getsockname()[1]
    server = _Server(
        uvicorn_config(
            create_app(settings, upstream=upstreams[0], others=upstreams[1:]), settings, identity
        ),
        lambda: print(
            "\n".join(start_lines(settings, _named(upstreams), port, identity)), flush=True
        ),
    )
    try:
        with _ending_by_sigterm(), listener:
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 1


@contextlib.contextmanager
def _ending_by_sigterm() -> Iterator[None]:
    """Take SIGTERM for a wish, like Ctrl-C: uvicorn ends in order, then raises it once more."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _serve_reloading(settings: Settings, identity: Identity | None) -> int:
    hand_down(settings)
    listener = _listen(settings)
    if listener is None:
        return 1
    port, label = listener.getsockname()[1], _named(create_upstreams(settings))
    print("\n".join(start_lines(settings, label, port, identity)), flush=True)
    config = uvicorn_config("server.main:app", settings, identity, reload=True)
    with listener:
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    return 0


def _check(settings: Settings, redactor: Redactor) -> int:
    async def run() -> int:
        upstream = create_upstream(settings)
        redactor.add(_credentials(upstream))
        verdict = await check(settings, upstream)
        print(redactor.redact("\n".join(verdict.lines)), flush=True)
        return 0 if verdict.is_ok else 1

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return 1


class _Server(uvicorn.Server):
    """Calls `announce` when it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def _listen(settings: Settings) -> socket.socket | None:
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        is_any_ipv6 = family == socket.AF_INET6 and host == "::"
        return socket.create_server(
            address[:2],
            family=family,
            backlog=2048,
            dualstack_ipv6=is_any_ipv6 and socket.has_dualstack_ipv6(),
        )
    except (OSError, UnicodeError) as exc:
        number = getattr(exc, "errno", 0) or 0
        reason = os.strerror(number) if number > 0 else "no such address"
        advice = _LISTEN_ADVICE.get(
            number, "Set HOST to an address of this machine, such as 127.0.0.1."
        )
        print(f"Parley cannot listen on {host}, port {port}: {reason}. {advice}", file=sys.stderr)
        return None


def _named(upstreams: Sequence[Upstream]) -> str:
    first, *others = map(described, upstreams)
    return f"{first}; for clients of /realtime also {', '.join(others)}" if others else first


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::", "127.0.0.1"):
        return "localhost"
    return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _credentials(upstream: Upstream) -> tuple[str, ...]:
    # Without the host, which is among an upstream's secrets too: the operator may read it.
    return tuple(secret for secret in upstream.secrets if "." not in secret)


if __name__ == "__main__":
    sys.exit(main())
