"""The app as `python -m server` configures it, in this process, with shorter limits."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx

from server.__main__ import uvicorn_config
from server.app import create_app
from server.local_authority import Identity
from server.settings import load_settings
from server.upstreams import create_upstream
from tests.support.azure_peer import KEY
from tests.support.servers import ReadyServer, running
from tests.support.tap import Tap


def azure_environment(endpoint: str) -> dict[str, str]:
    """The lines of `.env` for an `AzurePeer` at this endpoint."""
    return {
        "UPSTREAM": "azure",
        "AZURE_OPENAI_ENDPOINT": endpoint,
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT": "gpt-realtime",
    }


class RunningApp:
    """A served app."""

    def __init__(self, server: ReadyServer) -> None:
        self._server = server

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET a page of it."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as http:
            return await http.get(path, headers=headers)

    async def until_idle(self) -> None:
        """Wait until no connection and no request is left: everything of all sessions is freed."""
        await self._server.until_idle()


@contextlib.asynccontextmanager
async def serving(
    environment: Mapping[str, str],
    folder: Path,
    *,
    ping_interval_s: float = 10.0,
    ping_timeout_s: float = 10.0,
    stall_s: float = 15.0,
    open_timeout_s: float = 5.0,
    identity: Identity | None = None,
    tap: Tap | None = None,
) -> AsyncIterator[RunningApp]:
    """Serve the app with these settings on a free port until the block ends.

    `folder`: where the search for `.env` begins; an empty one. `stall_s`: how long a leg may take
    nothing; the pings are those of both legs. `open_timeout_s`: how long a dial may take.
    `identity`: the certificate with which it speaks TLS. `tap`: sees what goes to the upstream.
    """
    settings = load_settings({"HOST": "127.0.0.1", "PORT": "0", **environment}, folder)
    upstream = create_upstream(
        settings,
        open_timeout_s=open_timeout_s,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
    )
    if tap is not None:
        upstream = tap.on(upstream)
    app = create_app(settings, upstream=upstream, stall_s=stall_s)
    config = uvicorn_config(
        app, settings, identity, ping_interval_s=ping_interval_s, ping_timeout_s=ping_timeout_s
    )
    async with running(config) as server:
        yield RunningApp(server)
