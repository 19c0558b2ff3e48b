"""OpenAI, or another server that speaks its GA dialect."""

from typing import Literal

from rtclient.endpoints import Endpoint, SessionKind
from rtclient.protocol.dialects import Dialect
from rtclient.protocol.session import VOICES
from rtclient.transport import Transport
from server.upstreams.dialling import Dialler
from server.upstreams.state import State


class OpenAIUpstream:
    """Dials with the key; needs nothing beside the sessions.

    A wrong key or model shows as an `error` in the first event, after the handshake: the relay asks
    `server.errors.fault_of_event` about it.
    """

    kind: Literal["openai"] = "openai"
    dialect: Dialect = "ga"

    def __init__(self, endpoint: Endpoint, dialler: Dialler) -> None:
        self._endpoint = endpoint
        self._dialler = dialler

    @property
    def label(self) -> str:
        """What to call it to people."""
        return self._endpoint.label

    @property
    def model(self) -> str:
        """The model."""
        return self._endpoint.model

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and the host of a server that is not OpenAI's."""
        return self._endpoint.secrets

    @property
    def voices(self) -> frozenset[str] | None:
        """The voices of OpenAI; another server has its own."""
        return frozenset(VOICES) if self._endpoint.is_openai else None

    def state(self) -> State:
        """Always ready: whether it answers shows when it is dialled."""
        return "ready"

    async def start(self) -> None:
        """Nothing to do."""

    async def dial(self, kind: SessionKind = "realtime") -> Transport:
        """Open a connection for one session."""
        return await self._dialler.dial(self._endpoint.with_kind(kind))

    async def close(self) -> None:
        """Nothing to do."""
