"""The settings of the network: which certificates, proxies, names and origins are accepted."""

import re
import ssl
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import BaseSettings

from server.setting import setting

_ORIGIN = re.compile(r"https?://[^/?#@\s]+")
_PROXY = re.compile(r"https?://[^/\s]+/?")


def _list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], BeforeValidator(_list)]
"""A list in one value, separated by commas."""


class NetworkSettings(BaseSettings):
    """What is trusted on the way to the voice service, and who may reach this server."""

    extra_ca_file: Path | None = setting(
        "EXTRA_CA_FILE",
        "Network",
        "A PEM file with certificate authorities to trust besides the public ones.",
    )
    tls_verify: bool = setting(
        "PARLEY_TLS_VERIFY",
        "Network",
        "`off` accepts any certificate of the service; whoever sits between can then read the key.",
        default=True,
    )
    upstream_proxy: SecretStr | None = setting(
        "PARLEY_UPSTREAM_PROXY",
        "Network",
        "The HTTP proxy for the connection to the service, such as http://proxy.example:3128.",
    )
    allowed_hosts: Names = setting(
        "PARLEY_ALLOWED_HOSTS",
        "Network",
        "Names under which browsers may reach this server besides localhost, separated by commas.",
        default=(),
    )
    allowed_origins: Names = setting(
        "PARLEY_ALLOWED_ORIGINS",
        "Network",
        "Origins of other pages that may connect, such as https://app.example, separated by"
        " commas.",
        default=(),
    )

    def network_faults(self) -> list[str]:
        """Return what is wrong with these settings."""
        found = []
        for origin in self.allowed_origins:
            if not _ORIGIN.fullmatch(origin):
                found.append(
                    "PARLEY_ALLOWED_ORIGINS has an entry that is no origin: write each as"
                    " https://HOST or http://HOST:PORT, without a path."
                )
                break
        if any(re.search(r"[/*\s]", host) for host in self.allowed_hosts):
            found.append(
                "PARLEY_ALLOWED_HOSTS has an entry that is no name: write each in full, such as"
                " parley.example, without scheme, path or *."
            )
        proxy = self.upstream_proxy
        if proxy is not None and not _PROXY.fullmatch(proxy.get_secret_value()):
            found.append("PARLEY_UPSTREAM_PROXY must look like http://HOST:PORT.")
        if self.extra_ca_file is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self.extra_ca_file)
            except OSError:
                found.append(
                    "EXTRA_CA_FILE cannot be read or holds no certificate: name a PEM file."
                )
        return found
