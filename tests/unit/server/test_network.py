"""TLS_CERT and TLS_KEY: what is wrong with them is said before the server starts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.certificates import LOCAL_NAMES, issue, make_authority
from server.settings import Settings

NOW = datetime.now(UTC)
SERVER = issue(make_authority("ann@laptop", "laptop", NOW), LOCAL_NAMES, NOW)


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Path]:
    """A certificate and its key, as settings name them."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(SERVER.certificate)
    key.write_bytes(SERVER.key)
    key.chmod(0o600)
    return {"TLS_CERT": certificate, "TLS_KEY": key}


def test_a_good_pair_has_no_fault_and_no_warning(pair: dict[str, Path]) -> None:
    settings = Settings(**pair)
    assert settings.faults() == []
    assert settings.warnings() == []


@pytest.mark.parametrize("name", ["TLS_CERT", "TLS_KEY"])
def test_one_without_the_other_is_a_fault(pair: dict[str, Path], name: str) -> None:
    (fault,) = Settings(**{name: pair[name]}).faults()
    missing = "TLS_KEY" if name == "TLS_CERT" else "TLS_CERT"
    assert fault.startswith(f"{missing} is missing")


@pytest.mark.parametrize("name", ["TLS_CERT", "TLS_KEY"])
def test_a_file_that_is_not_there_is_a_fault(pair: dict[str, Path], name: str) -> None:
    pair[name].unlink()
    assert Settings(**pair).faults() == [
        f"{name} cannot be read (No such file or directory): name a PEM file."
    ]


def test_swapped_files_are_two_faults(pair: dict[str, Path]) -> None:
    faults = Settings(TLS_CERT=pair["TLS_KEY"], TLS_KEY=pair["TLS_CERT"]).faults()
    assert [fault.partition(" holds")[0] for fault in faults] == ["TLS_CERT", "TLS_KEY"]


def test_a_key_that_others_can_read_is_a_warning(pair: dict[str, Path]) -> None:
    pair["TLS_KEY"].chmod(0o644)
    (warning,) = Settings(**pair).warnings()
    assert "chmod 600" in warning
    pair["TLS_KEY"].chmod(0o640)  # a group of its own for keys is good practice
    assert Settings(**pair).warnings() == []
    pair["TLS_KEY"].unlink()  # a renewal may be under way while the page asks
    assert Settings(**pair).warnings() == []
