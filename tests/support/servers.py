"""Start the real server: inside this process on port 0, or as a child process by its own command.

The one inside is for tests that look at tasks and memory or need shorter intervals; the child is
the program as a person starts it. Both stop when their `async with` block ends.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(rb"https?://(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)")


class ReadyServer(uvicorn.Server):
    """A uvicorn server that says when it listens, leaves the signals alone and stops at once.

    uvicorn looks every 100 ms whether to stop and then waits 100 ms more; a test run has no time.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Keep the signal handlers of the test run."""
        yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        await self.on_tick(0)
        await self.stopping.wait()

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Ask all connections to end, wait for them, end the application."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self.until_idle()
        await self.lifespan.shutdown()

    async def until_idle(self) -> None:
        """Wait until no connection and no request is left: everything of all sessions is freed."""
        while self.server_state.tasks or self.server_state.connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()  # uvicorn tells nobody when a connection is gone

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(config: uvicorn.Config) -> AsyncIterator[ReadyServer]:
    """Serve this configuration in the running loop until the block ends.

    Raises RuntimeError when the server ends before it listens (its start failed).
    """
    server = ReadyServer(config)
    serving = asyncio.create_task(server.serve())
    listening = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not server.listening.is_set():
            serving.result()
            raise RuntimeError("the server ended before it listened")
        yield server
    finally:
        listening.cancel()
        server.stopping.set()
        await serving


@dataclass
class Child:
    """A child process with everything that it wrote so far."""

    process: asyncio.subprocess.Process
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    pumps: list[asyncio.Task[None]] = field(default_factory=list)

    async def pump(self, stream: asyncio.StreamReader, into: bytearray) -> None:
        """Move a pipe into `into` until it ends."""
        while data := await stream.read(65536):
            async with self.changed:
                into += data
                self.changed.notify_all()
        async with self.changed:
            self.changed.notify_all()

    async def until_printed(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Wait until stdout or stderr has this; raises RuntimeError when the child ends first."""

        def found() -> re.Match[bytes] | None:
            return pattern.search(self.stdout) or pattern.search(self.stderr)

        async with self.changed:
            await self.changed.wait_for(lambda: found() or all(p.done() for p in self.pumps))
        match = found()
        if match is None:
            text = (self.stdout + self.stderr).decode(errors="replace")
            raise RuntimeError(f"the child ended without printing {pattern.pattern!r}:\n{text}")
        return match

    async def ended(self) -> int:
        """Wait for the end; return the exit code. All output has been read then."""
        code = await self.process.wait()
        await asyncio.gather(*self.pumps)
        return code

    async def stop(self, grace_s: float = 5.0) -> int:
        """SIGTERM (SIGKILL after `grace_s`), then wait."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
                self.process.terminate()
            try:
                async with asyncio.timeout(grace_s):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
        return await self.ended()


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without what could configure the app, plus `extra`."""
    app = re.compile(
        r"(AZURE_|OPENAI_|PARLEY_|RTCLIENT_|LOCAL_|TLS_)|(HOST|PORT|UPSTREAM|WORKERS|ACCESS_TOKEN|EXTRA_CA_FILE"
        r"|MAX_SESSIONS|STRICT_MODELS|SESSION_LIMIT_S|IDLE_LIMIT_S|TRANSCRIPTION_MODEL)$|https?_proxy$",
        re.IGNORECASE,
    )
    kept = {name: value for name, value in os.environ.items() if not app.match(name)}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **extra}


@contextlib.asynccontextmanager
async def child(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    program: str | Path = sys.executable,
) -> AsyncIterator[Child]:
    """Run `PROGRAM ARGUMENTS` in `folder` (default: the project) until the block ends."""
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        cwd=folder or ROOT,
        env=clean_environment(environment or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    kid = Child(process)
    kid.pumps = [
        asyncio.create_task(kid.pump(process.stdout, kid.stdout)),
        asyncio.create_task(kid.pump(process.stderr, kid.stderr)),
    ]
    try:
        yield kid
    finally:
        await kid.stop()


@contextlib.contextmanager
def scripted_engine(*options: str) -> Iterator[str]:
    """Run an engine whose senses are tables as a child; gives its address until the block ends."""
    command = (sys.executable, "-m", "rtclient", "engine", "--port", "0", "--senses", "scripted")
    with subprocess.Popen(
        [*command, "--watch-stdin", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment({}),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield f"http://127.0.0.1:{ready['port']}"
        process.stdin.close()


@contextlib.asynccontextmanager
async def child_server(
    environment: Mapping[str, str], *, folder: Path
) -> AsyncIterator[tuple[Child, int]]:
    """Run `python -m server` on a free port in `folder`; gives the child and its port.

    `folder` should be empty: the server looks for `.env` from its working directory upward.
    """
    environment = {"HOST": "127.0.0.1", "PORT": "0", **environment}
    async with child("-m", "server", environment=environment, folder=folder) as kid:
        match = await kid.until_printed(ADDRESS)
        yield kid, int(match.group(1))
