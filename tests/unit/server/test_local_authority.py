"""The authority's files: private, made once, found again, whole even when many start at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.certificates import LOCAL_NAMES
from server.local_authority import LocalAuthorityError, local_identity

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def modes(folder: Path) -> dict[str, str]:
    """File name → its mode."""
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


def test_folder_and_files_are_private_under_any_umask(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tls"
    before = os.umask(0)
    try:
        identity = local_identity(folder, LOCAL_NAMES, NOW)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    made = {"authority.pem", "authority.key", identity.certificate.name, "lock"}
    assert modes(folder).keys() == made
    assert set(modes(folder).values()) == {"0o600"}


def test_what_others_could_read_they_no_longer_can(tmp_path: Path) -> None:
    local_identity(tmp_path, LOCAL_NAMES, NOW)
    for path in tmp_path.glob("[!l]*"):  # the lock holds nothing
        path.chmod(0o644)
    tmp_path.chmod(0o755)
    local_identity(tmp_path, LOCAL_NAMES, NOW)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert set(modes(tmp_path).values()) == {"0o600"}


def test_the_next_start_finds_both_again(tmp_path: Path) -> None:
    first = local_identity(tmp_path, LOCAL_NAMES, NOW)
    assert first.authority is not None
    authority, certificate = first.authority.read_bytes(), first.certificate.read_bytes()
    again = local_identity(tmp_path, LOCAL_NAMES, NOW + timedelta(30))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.authority.read_bytes() == authority
    assert again.certificate.read_bytes() == certificate


def test_a_renewed_certificate_and_one_for_other_names_keep_the_authority(tmp_path: Path) -> None:
    first = local_identity(tmp_path, LOCAL_NAMES, NOW)
    assert first.authority is not None
    authority, certificate = first.authority.read_bytes(), first.certificate.read_bytes()
    renewed = local_identity(tmp_path, LOCAL_NAMES, NOW + timedelta(390))
    assert renewed.certificate == first.certificate
    assert renewed.certificate.read_bytes() != certificate
    other = local_identity(tmp_path, [*LOCAL_NAMES, "10.0.0.1"], NOW)
    assert other.certificate != first.certificate
    assert first.authority.read_bytes() == authority


@pytest.mark.parametrize("name", ["authority.pem", "authority.key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN"])
def test_a_broken_authority_is_made_anew(tmp_path: Path, name: str, content: bytes | None) -> None:
    local_identity(tmp_path, LOCAL_NAMES, NOW)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert local_identity(tmp_path, LOCAL_NAMES, NOW).is_new
    assert not local_identity(tmp_path, LOCAL_NAMES, NOW).is_new


def test_a_broken_certificate_is_made_anew_by_the_same_authority(tmp_path: Path) -> None:
    first = local_identity(tmp_path, LOCAL_NAMES, NOW)
    first.certificate.write_bytes(b"-----BEGIN PRIVATE KEY-----\nnoise")
    again = local_identity(tmp_path, LOCAL_NAMES, NOW)
    assert not again.is_new
    assert b"BEGIN CERTIFICATE" in again.certificate.read_bytes()


def test_many_first_starts_at_once_make_one_authority(tmp_path: Path) -> None:
    def start(_: int) -> bool:
        return local_identity(tmp_path, LOCAL_NAMES, NOW).is_new

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(start, range(8))) == [False] * 7 + [True]
    assert len(modes(tmp_path)) == 4


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalAuthorityError, match="XDG_DATA_HOME"):
        local_identity(tmp_path / "file" / "tls", LOCAL_NAMES, NOW)


def test_a_public_name_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(LocalAuthorityError, match=r"parley\.example is no name.* set TLS_CERT"):
        local_identity(tmp_path, [*LOCAL_NAMES, "parley.example"], NOW)
