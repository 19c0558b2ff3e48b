"""The files of the local authority: made once, found again at the next start, private to the user.

    authority.pem        what clients must trust
    authority.key        its key
    server-….pem         a certificate for one set of names, and its key

Whoever starts first makes them; a lock lets only one at a time, and every file appears whole.
"""

import contextlib
import getpass
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.certificates import (
    Pair,
    is_good_authority,
    is_good_certificate,
    issue,
    make_authority,
    short_hash,
)

try:
    import fcntl
except ImportError:  # Windows: two first starts in the same instant are on their own
    fcntl = None  # type: ignore[assignment]

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_KEY_BEGINS = b"-----BEGIN PRIVATE KEY-----"


class LocalAuthorityError(Exception):
    """There is no certificate; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The files with which a server shows who it is."""

    certificate: Path
    key: Path
    authority: Path | None = None
    """The local authority's certificate, which clients must be told to trust."""
    is_new: bool = False
    """Whether the authority was made just now."""


def local_identity(folder: Path, names: Sequence[str], now: datetime) -> Identity:
    """Return the certificate for these names from the authority in `folder`; both may be made.

    Raises:
        LocalAuthorityError: The folder cannot be used, or a name is none of a private network.
    """
    authority_file, key_file = folder / "authority.pem", folder / "authority.key"
    server_file = folder / f"server-{short_hash(names)}.pem"
    try:
        with _locked(folder):
            authority = Pair(_read(authority_file), _read(key_file))
            is_new = not is_good_authority(authority, now)
            if is_new:
                authority = make_authority(_owner(), socket.gethostname(), now)
                _write(key_file, authority.key)
                _write(authority_file, authority.certificate)
            certificate, key_begins, key = _read(server_file).partition(_KEY_BEGINS)
            found = Pair(certificate, key_begins + key)
            if not is_good_certificate(found, authority, names, now):
                made = issue(authority, names, now)
                _write(server_file, made.certificate + made.key)
    except OSError as exc:
        raise LocalAuthorityError(
            f"The files of the local authority in {folder} cannot be used: {exc.strerror}. Make the"
            " folder yours and writable, or name another one in XDG_DATA_HOME."
        ) from exc
    except ValueError as exc:
        raise LocalAuthorityError(
            f"The local authority cannot vouch for this server: {exc}. Take the name out of HOST"
            " and PARLEY_ALLOWED_HOSTS, or set TLS_CERT and TLS_KEY to a certificate for it."
        ) from exc
    return Identity(server_file, server_file, authority_file, is_new)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder, private, and let no other process in meanwhile."""
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    folder.chmod(_PRIVATE_FOLDER)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
    with open(descriptor, "rb") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> bytes:
    """Return the file's bytes, none when it is not there; nobody else can read it from now on."""
    with contextlib.suppress(FileNotFoundError):
        path.chmod(_PRIVATE_FILE)
        return path.read_bytes()
    return b""


def _write(path: Path, content: bytes) -> None:
    """Write a private file that appears whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _owner() -> str:
    """Return who makes the authority, such as `ann@laptop`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as containers have
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
