"""Which voice service a command uses: `--url`, else what the settings say, else the engine."""

import argparse
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtclient import endpoints
from rtclient.advice import Service
from rtclient.endpoints import Endpoint
from rtclient.environment import service_settings
from rtclient.low_level_client import EndpointSource
from rtclient.service.opening import check, open_upstream, ssl_context
from rtclient.service.settings import KINDS, ServiceSettings

_MADE_BY_THE_SERVER = "auto"
"""The server makes its own token then; nobody can know it from here."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A voice service, chosen and not yet dialled."""

    service: Service
    settings: ServiceSettings
    server: Endpoint | None = None
    """The address that `--url` gave."""

    @property
    def endpoint(self) -> Endpoint | None:
        """Where to dial, without a credential that is still to be asked for; None: the engine."""
        return self.server or self.settings.endpoint()

    @property
    def label(self) -> str:
        """What to call it to people: its name, and the model or deployment."""
        endpoint = self.endpoint
        if endpoint is None:
            return "the built-in engine"
        if self.service == "server":
            return endpoint.label
        what = "deployment" if endpoint.kind == "azure" else "model"
        dialect = ", preview dialect" if endpoint.dialect == "preview" else ""
        return f"{endpoint.label}, {what} {endpoint.model}{dialect}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is never shown, should the service repeat it."""
        endpoint = self.endpoint
        return () if endpoint is None else endpoint.secrets

    def client_options(self) -> Mapping[str, Any]:
        """Return the keywords of `RTLowLevelClient.to` and `RTClient.to` that dialling needs.

        Raises:
            SettingsError: `EXTRA_CA_FILE` cannot be used.
        """
        endpoint = self.endpoint
        if endpoint is None or not endpoint.url.startswith("wss://"):
            return {}
        proxy = None if self.service == "server" else self.settings.proxy
        return {"ssl_context": ssl_context(self.settings), "proxy": proxy}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[EndpointSource]:
        """Give what is to be dialled until the block ends; an engine runs as long.

        Raises:
            SettingsError: The settings do not lead to a service; the text says what to set.
            ConnectError: The engine did not start.
        """
        if self.server is not None:
            yield self.server
            return
        async with open_upstream(self.settings) as source:
            yield source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the voice service."""
    group = parser.add_argument_group(
        "voice service",
        "By default Azure or OpenAI when .env or the environment names one, else"
        " the engine that comes with rtclient, in a process of its own.",
    )
    group.add_argument(
        "--url", metavar="URL", help="a Parley server, such as http://localhost:3000"
    )
    group.add_argument("--upstream", choices=KINDS, help="instead of the setting UPSTREAM")
    group.add_argument(
        "--model",
        metavar="NAME",
        help="the model, or on Azure the deployment, instead of the set one",
    )


def choose(options: argparse.Namespace, *, start: Path | None = None) -> Choice:
    """Return the voice service that parsed options and the environment name.

    Args:
        options: With `url`, `upstream` and `model`.
        start: Where the search for `.env` begins; None is the working directory.

    Raises:
        SettingsError: A setting is wrong or missing; the text names all that are.
        ValueError: `--url` is no address, or is given together with `--upstream`.
    """
    settings = service_settings(options.upstream, start)
    if options.url is not None:
        if options.upstream is not None:
            raise ValueError("--url and --upstream choose two services: give one of them.")
        token = settings.access_token
        key = None if token == _MADE_BY_THE_SERVER else token
        return Choice("server", settings, endpoints.parley(options.url, options.model, key=key))
    if options.model is not None and settings.kind == "azure":
        settings = replace(settings, azure_deployment=options.model)
    elif options.model is not None:
        settings = replace(settings, openai_model=options.model)
    check(settings)
    return Choice(settings.kind, settings)
