"""The engine as a program: `python -m rtclient.engine`, `rtclient engine`.

When it listens and its senses are ready it prints one JSON line on stdout, and one whenever turns
begin or end to wait for the ears (`load`); everything else goes to stderr. It ends on SIGTERM,
SIGINT or, with `--watch-stdin`, when stdin closes (its parent died).
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
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

from rtclient.engine import scripted
from rtclient.engine.brain import Persona
from rtclient.engine.clock import ManualClock
from rtclient.engine.load import QueueWatch
from rtclient.engine.options import Settled, parser, settled
from rtclient.engine.remote.settings import servers_of
from rtclient.engine.senses import Senses
from rtclient.engine.serve import EngineServer, serve
from rtclient.engine.stage import Stage
from rtclient.environment import ENGINE_KEY, engine_key, local_settings

log = logging.getLogger("rtclient.engine")

LOOK_S: Final = 0.5
"""How often the queue of the ears is looked at."""


def _senses(options: argparse.Namespace) -> Senses:
    if options.senses == "scripted":
        return scripted.senses()
    values, path = local_settings()
    if path is not None:
        log.info("settings are taken from %s", path)
    servers = servers_of(values)
    # Imported late: it pulls in numpy, and the scripted engine starts without it.
    from rtclient.engine.defaults import senses

    return senses(ear_workers=options.ear_workers, servers=servers)


def _make_repeatable(options: argparse.Namespace, stage: Stage, senses: Senses) -> None:
    """Put in the senses that a test asked for; once they started, for that may replace some."""
    if options.voice_kind == "tone":
        senses.voice = scripted.LetterVoice()
        senses.names = {**senses.names, "voice": "letters"}
    if not isinstance(senses.brain, Persona):
        return
    if isinstance(stage.clock, ManualClock):
        senses.brain = Persona(chance=stage.chance("persona"), clock=stage.local_time)
    elif options.seed is not None:
        senses.brain = Persona(chance=stage.chance("persona"))


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


def _say(line: Mapping[str, Any]) -> None:
    """Print one line for whoever started this program."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _ready(server: EngineServer, senses: Senses, settings: Settled) -> Mapping[str, Any]:
    host, port = server.address
    rules = settings.rules
    if rules.key is None and not ip_address(host).is_loopback:
        log.warning("anybody who reaches %s:%s may use it; set %s", host, port, ENGINE_KEY)
    return {
        "event": "ready",
        "host": host,
        "port": port,
        "tls": settings.tls is not None,
        "profile": rules.profile.name,
        "max_sessions": rules.max_sessions,
        "senses": dict(senses.names),
        "notes": list(senses.notes),
    }


async def _tell_load(
    server: EngineServer,
    senses: Senses,
    *,
    say: Callable[[Mapping[str, Any]], None] = _say,
    every_s: float = LOOK_S,
) -> None:
    """Say it whenever the queue of the ears begins or ends to matter."""
    watch = QueueWatch()
    while True:
        await asyncio.sleep(every_s)
        if line := watch.look(senses.load(), server.sessions):
            say(line)


async def _run(options: argparse.Namespace, settings: Settled) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt ends it
            loop.add_signal_handler(number, stop.set)
    if options.watch_stdin:
        _watch_stdin(loop, stop)
    try:
        senses = _senses(options)
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
        _make_repeatable(options, settings.stage, senses)
        async with serve(
            senses,
            host=options.host,
            port=options.port,
            rules=settings.rules,
            session_s=settings.session_s,
            tls=settings.tls,
            stage=settings.stage,
        ) as server:
            _say(_ready(server, senses, settings))
            telling = asyncio.create_task(_tell_load(server, senses))
            await stop.wait()
            telling.cancel()
    except OSError as exc:
        log.error("cannot listen on %s:%s: %s", options.host, options.port, exc.strerror)
        return 1
    finally:
        await senses.close()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the engine; return the exit code."""
    line = parser()
    options = line.parse_args(argv)
    try:
        settings = settled(options, engine_key())
    except ValueError as exc:
        line.error(str(exc))
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return asyncio.run(_run(options, settings))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
