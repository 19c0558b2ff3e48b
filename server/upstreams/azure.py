"""Azure OpenAI: with the resource's key, or with Microsoft Entra ID tokens."""

from dataclasses import replace
from typing import Literal

from rtclient.endpoints import Endpoint, SessionKind
from rtclient.errors import AuthError
from rtclient.protocol.dialects import PREVIEW_VOICES, Dialect
from rtclient.protocol.session import VOICES
from rtclient.transport import Transport
from server.upstreams.dialling import Dialler
from server.upstreams.entra import EntraTokens
from server.upstreams.state import State


class AzureUpstream:
    """Dials with the key in `endpoint`, or with a token when `tokens` are given."""

    kind: Literal["azure"] = "azure"

    def __init__(
        self, endpoint: Endpoint, dialler: Dialler, tokens: EntraTokens | None = None
    ) -> None:
        self._endpoint = endpoint
        self._dialler = dialler
        self._tokens = tokens

    @property
    def label(self) -> str:
        """What to call it to people."""
        return self._endpoint.label

    @property
    def model(self) -> str:
        """The name of the deployment."""
        return self._endpoint.model

    @property
    def dialect(self) -> Dialect:
        """As the endpoint's address has it."""
        return self._endpoint.dialect

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key or the token, and the resource's host."""
        token = self._tokens.current if self._tokens else ""
        return (*self._endpoint.secrets, token) if token else self._endpoint.secrets

    @property
    def voices(self) -> frozenset[str]:
        """The voices of the service; the preview has fewer."""
        return PREVIEW_VOICES if self.dialect == "preview" else frozenset(VOICES)

    def state(self) -> State:
        """Always ready: whether it answers shows when it is dialled."""
        return "ready"

    async def start(self) -> None:
        """Begin to keep a token fresh, if tokens are used."""
        if self._tokens is not None:
            await self._tokens.start()

    async def dial(self, kind: SessionKind = "realtime") -> Transport:
        """Open a connection for one session; a refused token is renewed once."""
        endpoint = self._endpoint.with_kind(kind)
        if self._tokens is None:
            return await self._dialler.dial(endpoint)
        token = await self._tokens.get()
        try:
            return await self._dialler.dial(_with(endpoint, token))
        except AuthError as exc:
            if exc.status != 401:
                raise
        return await self._dialler.dial(_with(endpoint, await self._tokens.renew(token)))

    async def close(self) -> None:
        """Stop renewing tokens."""
        if self._tokens is not None:
            await self._tokens.close()


def _with(endpoint: Endpoint, token: str) -> Endpoint:
    return replace(endpoint, headers={"Authorization": f"Bearer {token}"})
