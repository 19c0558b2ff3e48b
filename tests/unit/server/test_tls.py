"""Which certificate is shown, for which names, and how trusting it is explained."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.local_authority import Identity, LocalAuthorityError, local_identity
from server.settings import Settings, data_folder
from server.tls import identity_of, server_names, trust_lines

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HERE = ("localhost", "127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("host", "allowed", "more"),
    [
        ("127.0.0.1", (), ()),
        ("0.0.0.0", (), ()),
        ("::", ("localhost",), ()),
        ("192.168.1.5", (), ("192.168.1.5",)),
        ("Laptop", ("laptop", "NAS.local:3000"), ("laptop", "nas.local")),
        ("::", ("[fd00::1]:3000", "fd00::2", "[fd00::3]"), ("fd00::1", "fd00::2", "fd00::3")),
    ],
)
def test_the_names_are_this_machine_the_host_and_the_allowed_ones(
    host: str, allowed: tuple[str, ...], more: tuple[str, ...]
) -> None:
    assert server_names(host, allowed) == (*HERE, *more)


def test_tls_is_off_unless_wanted_or_set() -> None:
    assert identity_of(Settings(), is_wanted=False) is None


@pytest.mark.parametrize("is_wanted", [False, True])
def test_the_operators_files_come_first(is_wanted: bool) -> None:
    settings = Settings(TLS_CERT=Path("a.pem"), TLS_KEY=Path("a.key"))
    identity = identity_of(settings, is_wanted=is_wanted)
    assert identity == Identity(Path("a.pem"), Path("a.key"))
    assert trust_lines(Identity(Path("a.pem"), Path("a.key")), "https://localhost:1") == []


def test_without_a_home_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", homeless)
    with pytest.raises(LocalAuthorityError, match="XDG_DATA_HOME"):
        identity_of(Settings(), is_wanted=True)


def test_the_lines_say_how_every_kind_of_client_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    identity = local_identity(folder, HERE, NOW)
    text = "\n".join(trust_lines(identity, "https://localhost:3000"))
    file = f"'{folder}/authority.pem'"
    assert f"curl --cacert {file} https://localhost:3000/healthz" in text
    assert f"NODE_EXTRA_CA_CERTS={file}" in text
    assert f"SSL_CERT_FILE={file}" in text
    assert "trust it once" in text
    again = trust_lines(local_identity(folder, HERE, NOW), "https://localhost:3000")
    assert "trust it once" not in "\n".join(again)


def test_data_is_kept_where_the_user_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/parley")
    monkeypatch.setenv("HOME", "/home/ann")
    for ignored in ("", "relative/path"):
        assert data_folder({"XDG_DATA_HOME": ignored}) == Path("/home/ann/.local/share/parley")
