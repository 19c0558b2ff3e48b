"""Wait for a child to be ready to talk."""

import asyncio
import contextlib
import json
import re
from typing import Any

import httpx

from tests.support.servers import Child

READY = re.compile(rb'^\{"event": ?"ready".*\}$', re.MULTILINE)


async def ready_line(engine: Child) -> dict[str, Any]:
    """The line that `rtclient engine` prints when it listens and all senses are there."""
    match = await engine.until_printed(READY)
    line: dict[str, Any] = json.loads(match.group(0))
    return line


async def engine_ready(port: int) -> None:
    """Ask a server's `/healthz` until its engine is ready; AssertionError when it failed."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        while (state := (await http.get("/healthz")).json()["engine"]) != "ready":
            assert state != "failed"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.Event().wait()  # nobody tells us; ask again a little later
