"""Whose certificate the server shows, and what the start lines say about trusting it."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from server.certificates import LOCAL_NAMES, fingerprint
from server.local_authority import Identity, LocalAuthorityError, local_identity
from server.security import ANY_ADDRESS
from server.settings import Settings, data_folder


def identity_of(settings: Settings, *, is_wanted: bool) -> Identity | None:
    """Return the operator's certificate, else the local authority's if TLS `is_wanted`, else None.

    Raises:
        LocalAuthorityError: No certificate could be made.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        return Identity(settings.tls_cert, settings.tls_key)
    if not is_wanted:
        return None
    try:
        folder = data_folder() / "tls"
    except RuntimeError as exc:  # a user id without a home, as containers have
        raise LocalAuthorityError(
            "There is no place for the local authority: name a folder in XDG_DATA_HOME."
        ) from exc
    names = server_names(settings.host, settings.allowed_hosts)
    return local_identity(folder, names, datetime.now(UTC))


def server_names(host: str, allowed_hosts: Sequence[str]) -> tuple[str, ...]:
    """Return the names and addresses under which clients reach a server that listens on `host`."""
    names = [] if host in ANY_ADDRESS else [host]
    for allowed in allowed_hosts:
        # People write the port too; an IPv6 address may stand in brackets.
        is_ipv6 = allowed.count(":") > 1
        names.append(allowed.partition("]" if is_ipv6 else ":")[0].strip("["))
    return tuple(dict.fromkeys([*LOCAL_NAMES, *(name.lower() for name in names)]))


def trust_lines(identity: Identity, address: str) -> list[str]:
    """Return how programs and browsers are told to trust a local authority; else nothing."""
    if identity.authority is None:
        return []
    file = shlex.quote(str(identity.authority))
    sha256 = fingerprint(identity.authority.read_bytes())
    made = "made just now: trust it once" if identity.is_new else "as at the last start"
    return [
        f"  Trust     The certificate comes from this user's own authority ({made}):",
        f"              curl      curl --cacert {file} {address}/healthz",
        f"              Node      export NODE_EXTRA_CA_CERTS={file}",
        f"              Python    export SSL_CERT_FILE={file}",
        "              Browser   import the file as an authority; docs/tls.md says where",
        f"            SHA-256   {sha256}",
    ]
