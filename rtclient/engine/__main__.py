"""The engine as a program: `python -m rtclient.engine`, `rtclient engine`.

When it listens and its senses are ready it prints one JSON line on stdout; everything else goes to
stderr. It ends on SIGTERM, SIGINT or, with `--watch-stdin`, when stdin closes (its parent died).
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from rtclient.engine import scripted
from rtclient.engine.remote.settings import servers_of
from rtclient.engine.senses import Senses
from rtclient.engine.serve import DEFAULT_MODEL, serve
from rtclient.environment import ENGINE_KEY, engine_key, local_settings

log = logging.getLogger("rtclient.engine")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 65535")
    return number


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="rtclient engine",
        description="Serve the OpenAI Realtime API (GA) from this machine, without an account.",
        epilog=f"Clients must present the value of {ENGINE_KEY} when it is set. LOCAL_STT_URL, "
        "LOCAL_CHAT_URL and LOCAL_TTS_URL, in the environment or in a file .env, name servers of "
        "your own models to hear, think and speak with.",
    )
    result.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    result.add_argument(
        "--port", type=_port, default=8080, help="port, 0 for a free one (default: %(default)s)"
    )
    result.add_argument("--model", default=DEFAULT_MODEL, help="what session.model says")
    result.add_argument(
        "--senses",
        choices=("default", "scripted"),
        default="default",
        help="scripted: tables and tones for tests, byte-stable, no dependencies",
    )
    result.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin connect (repeatable)",
    )
    result.add_argument(
        "--watch-stdin", action="store_true", help="end when stdin closes (for supervisors)"
    )
    result.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING"))
    return result


def _senses(name: str) -> Senses:
    if name == "scripted":
        return scripted.senses()
    values, path = local_settings()
    if path is not None:
        log.info("settings are taken from %s", path)
    servers = servers_of(values)
    # Imported late: it pulls in numpy, and the scripted engine starts without it.
    from rtclient.engine.defaults import senses

    return senses(servers=servers)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def watch() -> None:
        # os.read: a buffered reader's lock, held by a daemon thread, would abort the exit.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


async def _start(senses: Senses, stop: asyncio.Event) -> bool:
    """Start the senses; False when the end came first. Raises what `Senses.start` raises."""
    starting = asyncio.create_task(senses.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return False
    await starting
    return True


async def _run(options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt ends it
            loop.add_signal_handler(number, stop.set)
    if options.watch_stdin:
        _watch_stdin(loop, stop)
    try:
        senses = _senses(options.senses)
    except ValueError as exc:
        log.error("the settings are not right:\n%s", exc)
        return 2
    try:
        try:
            if not await _start(senses, stop):
                return 0
        except (RuntimeError, OSError) as exc:
            log.error("the senses cannot start: %s", exc)
            return 1
        async with serve(
            senses,
            host=options.host,
            port=options.port,
            key=engine_key(),
            model=options.model,
            allowed_origins=options.allow_origin,
        ) as server:
            host, port = next(iter(server.sockets)).getsockname()[:2]
            ready = {
                "event": "ready",
                "host": host,
                "port": port,
                "senses": dict(senses.names),
                "notes": list(senses.notes),
            }
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            if engine_key() is None and not ip_address(host).is_loopback:
                log.warning(
                    "anybody who reaches %s:%s may use it; set RTCLIENT_ENGINE_KEY", host, port
                )
            await stop.wait()
    except OSError as exc:
        log.error("cannot listen on %s:%s: %s", options.host, options.port, exc.strerror)
        return 1
    finally:
        await senses.close()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the engine; return the exit code."""
    options = parser().parse_args(argv)
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return asyncio.run(_run(options))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
