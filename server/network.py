"""The settings of the network: certificates, proxies, and the names and origins that are let in."""

import contextlib
import os
import re
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import BaseSettings

from server.certificates import pair_faults
from server.setting import setting

_ORIGIN = re.compile(r"https?://[^/?#@\s]+")
_OTHERS = stat.S_IRWXO
_PROXY = re.compile(r"https?://[^/\s]+/?")


def _list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], BeforeValidator(_list)]
"""A list in one value, separated by commas."""


class NetworkSettings(BaseSettings):
    """What is trusted on the way to the voice service, and who may reach this server how."""

    tls_cert: Path | None = setting(
        "TLS_CERT",
        "Server",
        "A PEM file with this server's certificate and those between it and its authority; with"
        " TLS_KEY the server speaks https and wss.",
    )
    tls_key: Path | None = setting(
        "TLS_KEY",
        "Server",
        "A PEM file with the key of TLS_CERT, without a passphrase. With neither,"
        " `./start.sh --tls` makes a certificate for this machine.",
    )
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
        return found + self._tls_faults()

    def network_warnings(self) -> list[str]:
        """Return what the operator should know of these settings."""
        found = []
        if self.tls_key is not None and os.name == "posix":
            with contextlib.suppress(OSError):  # it may be gone: the server has read it
                if self.tls_key.stat().st_mode & _OTHERS:
                    found.append(
                        "TLS_KEY can be read by other users of this machine: chmod 600 the file."
                    )
        return found

    def _tls_faults(self) -> list[str]:
        if self.tls_cert is None and self.tls_key is None:
            return []
        if self.tls_cert is None:
            return ["TLS_CERT is missing: TLS_KEY needs the certificate that belongs to it."]
        if self.tls_key is None:
            return ["TLS_KEY is missing: TLS_CERT needs the key that belongs to it."]
        found, contents = [], []
        for name, path in (("TLS_CERT", self.tls_cert), ("TLS_KEY", self.tls_key)):
            try:
                contents.append(path.read_bytes())
            except OSError as exc:
                found.append(f"{name} cannot be read ({exc.strerror}): name a PEM file.")
        if found:
            return found
        if found := pair_faults(contents[0], contents[1], datetime.now(UTC)):
            return found
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key)
        except ssl.SSLError as exc:
            return [f"TLS_CERT and TLS_KEY are refused by {ssl.OPENSSL_VERSION}: {exc.reason}."]
        return []
