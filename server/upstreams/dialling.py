"""How this server dials: what all connections to one upstream have in common."""

import ssl
from dataclasses import dataclass

from rtclient.endpoints import Endpoint
from rtclient.transport import Transport, dial


@dataclass(frozen=True, slots=True)
class Dialler:
    """Opens connections; made once, shared by all sessions."""

    ssl_context: ssl.SSLContext | None = None
    """Made once at the start: it costs tens of milliseconds."""
    proxy: str | None = None
    """The URL of an HTTP proxy, or None."""
    open_timeout_s: float = 5.0
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 10.0

    async def dial(self, endpoint: Endpoint) -> Transport:
        """Open a connection to `endpoint`. Raises `rtclient.errors.ConnectError`."""
        return await dial(
            endpoint,
            ssl_context=self.ssl_context,
            open_timeout_s=self.open_timeout_s,
            ping_interval_s=self.ping_interval_s,
            ping_timeout_s=self.ping_timeout_s,
            proxy=self.proxy,
        )
