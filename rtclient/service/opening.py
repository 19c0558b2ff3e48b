"""The way from settings to something that can be dialled: an address, a token, or an engine.

Rules of the file:
- an engine is started only when the settings choose it, and ends with the block;
- `azure-identity` is imported here, and only for Azure without a key.
"""

import contextlib
import importlib.util
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Any

from rtclient.endpoints import Endpoint
from rtclient.engine_process import engine_process
from rtclient.low_level_client import EndpointSource
from rtclient.service.entra import token_of
from rtclient.service.settings import ServiceSettings, SettingsError

_log = logging.getLogger(__name__)

_WITHOUT_KEY = "install what Microsoft Entra ID needs: pip install 'rtclient[azure]'"


def has_azure_identity() -> bool:
    """Whether the package for Microsoft Entra ID is installed."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False


def check(settings: ServiceSettings, *, has_credential: bool = False) -> None:
    """Raise `SettingsError` with all that keeps these settings from leading to a service."""
    can_go_without_key = has_credential or has_azure_identity()
    if faults := settings.faults(without_key=None if can_go_without_key else _WITHOUT_KEY):
        raise SettingsError(faults)


def ssl_context(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return the TLS context that the settings ask for; None when the usual one will do.

    Raises:
        SettingsError: `EXTRA_CA_FILE` cannot be read or holds no certificate.
    """
    if settings.extra_ca_file is None and settings.tls_verify:
        return None
    from rtclient.transport import client_ssl_context  # late: websockets is slow to import

    try:
        return client_ssl_context(extra_ca_file=settings.extra_ca_file, verify=settings.tls_verify)
    except OSError:
        raise SettingsError(
            ["EXTRA_CA_FILE cannot be read or holds no certificate: name a PEM file."]
        ) from None


@contextlib.asynccontextmanager
async def open_upstream(
    settings: ServiceSettings, *engine_options: str, credential: Any = None
) -> AsyncIterator[EndpointSource]:
    """Give the address to dial, for `RTLowLevelClient.to` and `RTClient.to`, until the block ends.

    With the engine as the service it runs as a child process meanwhile. With Azure and no key the
    result is a function that asks Microsoft Entra ID for a token before each dial.

    Args:
        settings: Which service, as `rtclient.environment.service_settings` finds them.
        engine_options: Of `rtclient engine`, should it be started, such as `--seed 1`.
        credential: Anything with `get_token(scope)`, for Azure without a key; None takes
            `DefaultAzureCredential` of azure-identity (environment, managed identity, `az login`).

    Raises:
        SettingsError: The settings do not lead to a service; the text says what to set.
        ConnectError: The engine did not start.
    """
    check(settings, has_credential=credential is not None)
    endpoint = settings.endpoint()
    if endpoint is None:
        async with engine_process(*engine_options) as address:
            yield address
    elif settings.kind != "azure" or settings.azure_key:
        yield endpoint
    elif credential is not None:
        yield _with_token(settings, credential)
    else:
        from azure.identity import DefaultAzureCredential  # late: an extra, and slow to import

        with DefaultAzureCredential() as own:
            yield _with_token(settings, own)


class OpenedOnDial:
    """The address that settings lead to, for clients; opened by the first dial, until `close`."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Prepare.

        Raises:
            SettingsError: The settings do not lead to a service; the text says what to set.
        """
        check(settings)
        self._settings = settings
        self._open = contextlib.AsyncExitStack()
        self._source: EndpointSource | None = None

    async def __call__(self) -> Endpoint:
        """Return the address; what is to be known of it goes to the log, once.

        Raises what `open_upstream` raises.
        """
        if self._source is None:
            self._source = await self._open.enter_async_context(open_upstream(self._settings))
            if isinstance(self._source, Endpoint):
                for warning in self._source.warnings:
                    _log.warning("%s", warning)
        return self._source if isinstance(self._source, Endpoint) else await self._source()

    async def close(self) -> None:
        """End what was opened, such as an engine. Safe to call twice."""
        await self._open.aclose()


def _with_token(settings: ServiceSettings, credential: Any) -> EndpointSource:
    async def endpoint() -> Endpoint:
        found = settings.endpoint(token=await token_of(credential))
        assert found is not None
        return found

    return endpoint
