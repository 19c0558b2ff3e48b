"""The command line: start lines, exit codes, and how uvicorn is configured."""

import socket
from pathlib import Path

import pytest

import rtclient
from server import __main__ as command
from server.hardening import HttpConnection
from server.local_authority import Identity
from server.settings import Settings, hand_down, load_settings, names

KEY = "canary-key-0123456789"
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://myres.openai.azure.com",
    "AZURE_OPENAI_API_KEY": KEY,
    "AZURE_OPENAI_DEPLOYMENT": "voice",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an empty .env, and no setting in the environment."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(folder: Path, **environ: str) -> str:
    """The start lines of these settings."""
    settings = load_settings(environ, folder)
    return "\n".join(command.start_lines(settings, "the label", 4321))


def test_the_start_lines_name_address_file_and_upstream(folder: Path) -> None:
    text = lines(folder)
    assert "http://localhost:4321" in text
    assert "http://127.0.0.1:4321" in text
    assert str(folder / ".env") in text
    assert "the label" in text
    assert "AZURE_OPENAI_ENDPOINT" in text
    assert "login" not in text.lower()


@pytest.mark.parametrize(
    ("host", "open_line"),
    [
        ("0.0.0.0", "http://localhost:4321   (listening on http://0.0.0.0:4321)"),
        ("::", "http://localhost:4321   (listening on http://[::]:4321)"),
        ("::1", "http://[::1]:4321"),
        ("parley.lan", "http://parley.lan:4321"),
    ],
)
def test_the_start_lines_say_where_it_listens(folder: Path, host: str, open_line: str) -> None:
    assert f"  Open      {open_line}\n" in lines(folder, HOST=host)


def test_without_a_dotenv_that_is_said() -> None:
    text = "\n".join(command.start_lines(Settings(), "x", 1))
    assert "no .env file found" in text


def test_with_a_real_model_there_is_no_hint_to_one(folder: Path) -> None:
    text = lines(folder, **AZURE)
    assert "For a real model" not in text
    assert KEY not in text
    assert "myres" not in text


def test_a_token_made_at_the_start_is_in_the_login_link(folder: Path) -> None:
    settings = load_settings({"ACCESS_TOKEN": "auto", "HOST": "0.0.0.0"}, folder)
    assert settings.access_token is not None
    token = settings.access_token.get_secret_value()
    text = "\n".join(command.start_lines(settings, "x", 4321))
    assert f"http://localhost:4321/login?token={token}" in text


def test_a_token_of_the_operator_is_not_printed(folder: Path) -> None:
    text = lines(folder, ACCESS_TOKEN=KEY)
    assert KEY not in text
    assert "/login?token=<your ACCESS_TOKEN>" in text


def test_unverified_tls_is_loud(folder: Path) -> None:
    assert "TLS VERIFICATION IS OFF" in lines(folder, **AZURE, PARLEY_TLS_VERIFY="off")
    assert "TLS" not in lines(folder, **AZURE)


def test_other_addresses_are_shown_as_they_are(folder: Path) -> None:
    assert "http://192.168.1.5:4321" in lines(folder, HOST="192.168.1.5")
    assert "http://[fd00::1]:4321" in lines(folder, HOST="fd00::1")


def test_wrong_settings_exit_with_2_and_all_faults(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text(f"AZURE_OPENAI_API_KEY={KEY}\nPORT=abc\n")
    assert command.main([]) == 2
    assert command.main(["check"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for name in ("PORT", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT"):
        assert name in err
    assert KEY not in err


def test_a_name_that_cannot_be_vouched_for_ends_the_start_with_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    (folder / ".env").write_text("PARLEY_ALLOWED_HOSTS=parley.example\n")
    assert command.main(["--tls"]) == 1
    assert "set TLS_CERT and TLS_KEY" in capsys.readouterr().err


def test_with_tls_every_address_is_https(folder: Path) -> None:
    identity = Identity(folder / "a.pem", folder / "a.key")
    settings = load_settings({"ACCESS_TOKEN": KEY}, folder)
    text = "\n".join(command.start_lines(settings, "x", 4321, identity))
    assert "https://localhost:4321/login" in text
    assert "https://127.0.0.1:4321" in text
    assert "http://" not in text


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_needs_no_settings(
    folder: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("PORT=abc\n")
    with pytest.raises(SystemExit) as caught:
        command.main([option])
    assert caught.value.code == 0
    assert ("check" if option == "--help" else rtclient.__version__) in capsys.readouterr().out


def test_a_taken_port_is_said_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(PORT=taken.getsockname()[1])
        assert command._listen(settings) is None
    assert "set another PORT" in capsys.readouterr().err


def test_an_address_of_elsewhere_is_said_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command._listen(Settings(HOST="192.0.2.1", PORT=0)) is None
    said = capsys.readouterr().err
    assert "Set HOST to an address of this machine" in said
    assert "PORT." not in said


def test_a_new_token_is_handed_down_to_the_reloaded_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", "auto")
    settings = load_settings()
    hand_down(settings)
    assert load_settings().access_token == settings.access_token


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_0_takes_a_free_one(host: str) -> None:
    listener = command._listen(Settings(HOST=host, PORT=0))
    assert listener is not None
    with listener:
        assert listener.getsockname()[1] > 0


def test_uvicorn_is_configured_for_strangers(folder: Path) -> None:
    settings = load_settings({"PORT": "0"}, folder)
    config = command.uvicorn_config(
        "server.main:app", settings, ping_interval_s=1, ping_timeout_s=2
    )
    assert config.http is HttpConnection
    assert config.ws_per_message_deflate is False
    assert config.ws_max_size == 16 * 1024 * 1024
    assert (config.ws_ping_interval, config.ws_ping_timeout) == (1, 2)
    assert config.access_log is False
    assert config.proxy_headers is False
    assert config.server_header is False


def test_only_credentials_are_taken_out_of_logs(folder: Path) -> None:
    from server.upstreams import create_upstream

    upstream = create_upstream(load_settings(AZURE, folder))
    assert command._credentials(upstream) == (KEY,)
