"""`RTLowLevelClient`: one session with a realtime API, event by event.

Source: the constructor and the methods are those of Microsoft's rtclient 0.5; the wire is GA.
"""

import asyncio
import inspect
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Self

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectError, ConnectionLost
from rtclient.models import create_message_from_dict
from rtclient.protocol.bridge import PreviewClient, PreviewUpstream
from rtclient.protocol.codec import MAX_SERVER_BYTES, decode, encode
from rtclient.protocol.dialects import Dialect
from rtclient.transport import Transport, dial

SCOPE = "https://ai.azure.com/.default"
"""What a Microsoft Entra ID token is asked for."""

ConnectionError = ConnectError
"""What Microsoft's rtclient calls it, in this module."""

EndpointSource = Endpoint | Callable[[], Awaitable[Endpoint]]
"""Where to dial, or a function that is asked before each dial (a token may be a new one)."""


class ClientState(StrEnum):
    """Where a client is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


class RTLowLevelClient:
    """A connection to a realtime API that carries events."""

    def __init__(
        self,
        url: str | None = None,
        token_credential: Any = None,
        key_credential: Any = None,
        model: str | None = None,
        azure_deployment: str | None = None,
        *,
        dialect: Dialect = "preview",
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        """Prepare, in the form of Microsoft's client; nothing is dialled before `connect`.

        Args:
            url: Of Azure OpenAI (with `azure_deployment`) or of any server that speaks the API;
                None is OpenAI.
            token_credential: Anything with `get_token(scope)`, which may be asynchronous.
            key_credential: Anything with `.key`.
            model: For OpenAI and servers like it.
            azure_deployment: The name of the deployment on Azure.
            dialect: What the program speaks; Microsoft's programs speak `preview`.
            ssl_context: For `wss://`; None makes one of `rtclient.transport.client_ssl_context`.
            proxy: URL of an HTTP proxy; None dials directly.
        """
        source = _microsoft(url, token_credential, key_credential, model, azure_deployment)
        self._prepare(source, dialect, ssl_context, proxy)

    @classmethod
    def to(
        cls,
        endpoint: EndpointSource,
        *,
        dialect: Dialect = "ga",
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> Self:
        """Return a client for an address of `rtclient.endpoints`."""
        self = cls.__new__(cls)
        self._prepare(endpoint, dialect, ssl_context, proxy)
        return self

    def _prepare(
        self,
        source: EndpointSource,
        dialect: Dialect,
        ssl_context: ssl.SSLContext | None,
        proxy: str | None,
    ) -> None:
        self._source = source
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._bridge = PreviewClient() if dialect == "preview" else None
        self._upstream_bridge: PreviewUpstream | None = None
        self._transport: Transport | None = None
        self._received: list[str] = []
        self.state = ClientState.IDLE

    async def connect(self) -> None:
        """Dial. Raises `ConnectError`."""
        self.state = ClientState.CONNECTING
        endpoint = self._source if isinstance(self._source, Endpoint) else await self._source()
        if endpoint.dialect == "preview":
            self._upstream_bridge = PreviewUpstream()
        self._transport = await dial(endpoint, ssl_context=self._ssl_context, proxy=self._proxy)
        self.state = ClientState.CONNECTED

    async def send(self, message: Any) -> None:
        """Send one event: a message of `rtclient.models` or a mapping."""
        assert self._transport is not None
        event = message if isinstance(message, Mapping) else message.to_dict()
        texts: tuple[str, ...] = (encode(event),)
        for translate in (
            self._bridge and self._bridge.to_inner,
            self._upstream_bridge and self._upstream_bridge.to_outer,
        ):
            if translate:
                texts = tuple(new for text in texts for new in translate(text).texts)
        for text in texts:
            await self._transport.send(text)

    async def recv_event(self) -> dict[str, Any] | None:
        """Return the next event as a dict in the program's dialect; None after a clean end."""
        assert self._transport is not None
        while not self._received:
            try:
                texts: tuple[str, ...] = (await self._transport.recv(),)
            except ConnectionLost as lost:
                self.state = ClientState.CLOSED
                if lost.code in (1000, 1005):
                    return None
                raise
            for translate in (
                self._upstream_bridge and self._upstream_bridge.to_inner,
                self._bridge and self._bridge.to_outer,
            ):
                if translate:
                    texts = tuple(new for text in texts for new in translate(text).texts)
            self._received.extend(texts)
        return decode(self._received.pop(0), max_bytes=MAX_SERVER_BYTES)

    async def recv(self) -> Any:
        """Return the next event as a message of `rtclient.models`; None after a clean end."""
        event = await self.recv_event()
        return None if event is None else create_message_from_dict(event)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the events until the connection ends."""
        while (message := await self.recv()) is not None:
            yield message

    async def close(self) -> None:
        """Close politely. Safe to call twice."""
        if self._transport is not None:
            await self._transport.close()
        self.state = ClientState.CLOSED

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self.state in (ClientState.CLOSED, ClientState.FAILED)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()


def _microsoft(
    url: str | None,
    token_credential: Any,
    key_credential: Any,
    model: str | None,
    azure_deployment: str | None,
) -> EndpointSource:
    key = getattr(key_credential, "key", None)
    if azure_deployment is None:
        return endpoints.openai(url, model, key=key)
    if token_credential is None:
        return endpoints.azure(url or "", azure_deployment, key=key)

    async def with_token() -> Endpoint:
        # Credentials that block are asked in a thread.
        if inspect.iscoroutinefunction(token_credential.get_token):
            token = await token_credential.get_token(SCOPE)
        else:
            token = await asyncio.to_thread(token_credential.get_token, SCOPE)
        return endpoints.azure(url or "", azure_deployment, token=token.token)

    return with_token
