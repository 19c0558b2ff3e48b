"""Which voice service to use and how to reach it, from settings by name. Pure.

Rules of the file:
- the one place that knows these rules: the server's settings and the client's are read with it;
- all faults are found in one go; each says what to set and never repeats a value, because people
  paste keys into the wrong line;
- the repr shows no value, for the same reason.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, cast, get_args

from rtclient import endpoints
from rtclient.endpoints import Endpoint, Kind, clean
from rtclient.protocol.dialects import Dialect

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Azure OpenAI, OpenAI (or a server that speaks its API), and an engine on this machine."""

_SWITCH_ON: Final = ("on", "true", "yes", "1", "t", "y")
_SWITCH_OFF: Final = ("off", "false", "no", "0", "f", "n")
_OFF: Final = "off"
_OF_A_SERVICE: Final = ("AZURE_OPENAI_", "OPENAI_")
_NEAR: Final = 0.8
"""How alike two names are of which one may be meant for the other, 0 to 1."""


class SettingsError(ValueError):
    """The settings do not lead to a voice service: `faults` says all that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        """One sentence or two each: what is wrong and what to set."""
        super().__init__(
            "\n".join(faults)
            + "\nSet them in the environment or in a file named .env."
            + " UPSTREAM=engine needs no account at all."
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServiceSettings:
    """The settings of one voice service. Made by `from_values`, or by hand."""

    azure_endpoint: str | None = None
    azure_key: str | None = None
    azure_deployment: str | None = None
    azure_api_version: str | None = None
    azure_dialect: Dialect = "ga"
    azure_transcription: str | None = None
    openai_key: str | None = None
    openai_model: str = endpoints.DEFAULT_OPENAI_MODEL
    openai_base_url: str | None = None
    choice: Kind | None = None
    voice: str = "alloy"
    """The voice of the answers, with every service."""
    transcription_model: str = "whisper-1"
    extra_ca_file: str | None = None
    """A PEM file with certificate authorities to trust besides the public ones."""
    tls_verify: bool = True
    proxy: str | None = None
    """URL of an HTTP proxy on the way to the service."""
    access_token: str | None = None
    """What a Parley server asks its visitors for."""
    source: Path | None = None
    """The file that settings were taken from, to tell people; None when there was none."""

    @classmethod
    def from_values(cls, values: Mapping[str, str], *, source: Path | None = None) -> Self:
        """Return the settings in `values`: name in the environment → text. Empty means not set.

        Raises:
            SettingsError: A value is none of those that its setting has.
        """
        given: dict[str, Any] = {}
        faults = []
        for attribute, name in NAMES.items():
            text = clean(values.get(name, ""))
            if not text:
                continue
            try:
                given[attribute] = _READ.get(attribute, str)(text)
            except ValueError as exc:
                faults.append(f"{name} {exc}.")
        if faults:
            raise SettingsError(faults)
        return cls(**given, source=source)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.kind}>"

    def using(self, kind: Kind | None) -> Self:
        """Return these settings with another choice of service; None changes nothing."""
        return self if kind is None else replace(self, choice=kind)

    @property
    def kind(self) -> Kind:
        """The choice; else Azure or OpenAI, when a setting names one; else the engine."""
        if self.choice is not None:
            return self.choice
        if self.azure_endpoint or self.azure_key or self.azure_deployment:
            return "azure"
        if self.openai_key or self.openai_base_url:
            return "openai"
        return "engine"

    @property
    def transcription(self) -> str | None:
        """The model, or on Azure the deployment, that writes down the user's words; None: off."""
        if self.transcription_model.lower() == _OFF:
            return None
        if self.kind == "azure" and self.azure_transcription:
            return self.azure_transcription
        return self.transcription_model

    def endpoint(self, *, token: str | None = None) -> Endpoint | None:
        """Return where to dial, or None for the engine, which has no address until it runs.

        Args:
            token: A Microsoft Entra ID token, for Azure without a key.

        Raises:
            ValueError: The settings do not make an address; the text says what to set.
        """
        if self.kind == "azure":
            return endpoints.azure(
                self.azure_endpoint or "",
                self.azure_deployment or "",
                key=self.azure_key,
                token=token,
                api_version=self.azure_api_version,
                dialect=self.azure_dialect,
            )
        if self.kind == "openai":
            return endpoints.openai(self.openai_base_url, self.openai_model, key=self.openai_key)
        return None

    def faults(self, *, without_key: str | None) -> list[str]:
        """Return what keeps these settings from leading to the service.

        Args:
            without_key: What to install for Azure without a key, as the end of the sentence
                "set it, or …"; None when Microsoft Entra ID can be used.
        """
        found = []
        if self.kind == "azure":
            if not self.azure_endpoint:
                found.append(
                    "AZURE_OPENAI_ENDPOINT is missing: set it to the resource's address, such as"
                    " https://NAME.openai.azure.com."
                )
                if not self.azure_deployment:
                    found.append(
                        "AZURE_OPENAI_DEPLOYMENT is missing: set it to the name of your realtime"
                        " deployment."
                    )
            if not self.azure_key and without_key is not None:
                found.append(f"AZURE_OPENAI_API_KEY is missing: set it, or {without_key}.")
            if not self.azure_endpoint:
                return found
        if self.kind == "openai" and not self.openai_key and not self.openai_base_url:
            return ["OPENAI_API_KEY is missing: set it, or set UPSTREAM=engine to need no account."]
        try:
            self.endpoint()
        except ValueError as exc:
            found.append(str(exc))
        return found


def misspelt(given: Iterable[str], values: Mapping[str, str]) -> list[str]:
    """Return a sentence for each given name that is probably meant for a setting without a value.

    Args:
        given: The names in a `.env`.
        values: The settings by their names, as they were found.
    """
    found = []
    for name in given:
        near = difflib.get_close_matches(name, values, n=1, cutoff=_NEAR)
        if near and not values[near[0]] and name != near[0] and name.startswith(_OF_A_SERVICE):
            found.append(f"{name} in .env is not a setting and has no effect; {near[0]} is one.")
    return found


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError("must be " + ", ".join(allowed[:-1]) + " or " + allowed[-1])
        return text.lower()

    return read


def _switch(text: str) -> bool:
    if text.lower() in _SWITCH_OFF:
        return False
    if text.lower() not in _SWITCH_ON:
        raise ValueError("must be on or off")
    return True


def kind_of(text: str) -> Kind:
    """Return the service that `text` names, in any case. Raises ValueError."""
    return cast(Kind, _one_of(*KINDS)(text))


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "azure_dialect": _one_of("ga", "preview"),
    "choice": kind_of,
    "tls_verify": _switch,
}

NAMES: Final[Mapping[str, str]] = {
    "azure_endpoint": "AZURE_OPENAI_ENDPOINT",
    "azure_key": "AZURE_OPENAI_API_KEY",
    "azure_deployment": "AZURE_OPENAI_DEPLOYMENT",
    "azure_api_version": "AZURE_OPENAI_API_VERSION",
    "azure_dialect": "AZURE_OPENAI_DIALECT",
    "azure_transcription": "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT",
    "openai_key": "OPENAI_API_KEY",
    "openai_model": "OPENAI_MODEL",
    "openai_base_url": "OPENAI_BASE_URL",
    "choice": "UPSTREAM",
    "voice": "AZURE_OPENAI_VOICE",
    "transcription_model": "TRANSCRIPTION_MODEL",
    "extra_ca_file": "EXTRA_CA_FILE",
    "tls_verify": "PARLEY_TLS_VERIFY",
    "proxy": "PARLEY_UPSTREAM_PROXY",
    "access_token": "ACCESS_TOKEN",
}
"""Attribute of `ServiceSettings` → its name in the environment."""
