"""The voice services that the server can talk to: one contract, one file each."""

from typing import Protocol

from rtclient.endpoints import SessionKind
from rtclient.protocol.dialects import Dialect
from rtclient.transport import Transport, client_ssl_context
from server.settings import Settings, UpstreamKind
from server.upstreams.azure import AzureUpstream
from server.upstreams.dialling import Dialler
from server.upstreams.engine import EngineUpstream
from server.upstreams.entra import EntraTokens
from server.upstreams.openai import OpenAIUpstream
from server.upstreams.state import State

__all__ = ["Dialler", "State", "Upstream", "create_upstream", "create_upstreams", "described"]


class Upstream(Protocol):
    """One voice service. `start` and `close` belong to the application's lifespan."""

    @property
    def kind(self) -> UpstreamKind:
        """Which of the services it is."""

    @property
    def label(self) -> str:
        """What to call it to people."""

    @property
    def model(self) -> str:
        """The model, or on Azure the deployment."""

    @property
    def dialect(self) -> Dialect:
        """What it speaks."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never reach a client or a log."""

    @property
    def voices(self) -> frozenset[str] | None:
        """The voices that it has; None when nobody can say (a server of somebody else)."""

    def state(self) -> State:
        """Whether it can be dialled now."""

    async def start(self) -> None:
        """Begin what runs beside the sessions; returns at once."""

    async def dial(self, kind: SessionKind = "realtime") -> Transport:
        """Open a connection for one session. Raises what `server.errors.fault_of` knows."""

    async def close(self) -> None:
        """End what `start` began; calling it twice is safe."""


def create_upstream(
    settings: Settings,
    *,
    open_timeout_s: float = 5.0,
    ping_interval_s: float = 10.0,
    ping_timeout_s: float = 10.0,
) -> Upstream:
    """Return the voice service of these settings; nothing is dialled or started yet."""
    proxy = settings.upstream_proxy
    endpoint = settings.endpoint()
    dialler = Dialler(
        open_timeout_s=open_timeout_s,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
    )
    if endpoint is None:
        return EngineUpstream(
            dialler,
            environment=settings.local_environment(),
            max_sessions=settings.max_sessions,
        )
    remote = Dialler(
        ssl_context=client_ssl_context(
            extra_ca_file=str(settings.extra_ca_file) if settings.extra_ca_file else None,
            verify=settings.tls_verify,
        ),
        proxy=proxy.get_secret_value() if proxy else None,
        open_timeout_s=open_timeout_s,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
    )
    if endpoint.kind == "azure":
        tokens = None if settings.azure_openai_api_key else EntraTokens()
        return AzureUpstream(endpoint, remote, tokens)
    return OpenAIUpstream(endpoint, remote)


def described(upstream: Upstream) -> str:
    """Return which voice service it is, for the operator: its name, model and dialect."""
    if upstream.kind == "engine":
        return upstream.label
    what = "deployment" if upstream.kind == "azure" else "model"
    dialect = ", preview dialect" if upstream.dialect == "preview" else ""
    return f"{upstream.label}, {what} {upstream.model}{dialect}"


def create_upstreams(settings: Settings) -> list[Upstream]:
    """Return all voice services that may be dialled, the default one first."""
    return [create_upstream(settings.for_service(kind)) for kind in settings.services]
