"""A certificate authority of the tests' own: one to be trusted, one to be refused."""

import ssl
from pathlib import Path

import trustme


class Authority:
    """A throw-away authority. Two instances do not trust each other."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A TLS context for a server that answers to `names` (default: localhost, 127.0.0.1)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A TLS context that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    def write_server(self, folder: Path) -> tuple[Path, Path]:
        """Write a server's certificate chain and its key (localhost); return both files."""
        issued = self._ca.issue_cert("localhost", "127.0.0.1")
        chain, key = folder / "server.pem", folder / "server.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return chain, key

    def write(self, folder: Path) -> Path:
        """Write the authority's certificate as PEM into `folder`; return the file."""
        path = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return path
