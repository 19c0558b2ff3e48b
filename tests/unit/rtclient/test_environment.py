"""Finding .env, and the environment of a child."""

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values

from rtclient.environment import (
    child_environment,
    dotenv,
    engine_key,
    find_dotenv,
    local_settings,
    service_settings,
    worker_environment,
)
from rtclient.service.settings import NAMES, SettingsError


def test_dotenv_is_searched_upward(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".env").write_text("X=1")
    assert find_dotenv(deep) == tmp_path / ".env"
    (deep / ".env").write_text("X=2")
    assert find_dotenv(deep) == deep / ".env"


def test_a_folder_named_dotenv_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert find_dotenv(tmp_path) != tmp_path / ".env"


def test_a_folder_above_that_may_not_be_searched_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "closed" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".env").write_text("X=1")
    is_file = Path.is_file

    def is_file_or_refused(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", is_file_or_refused)
    assert find_dotenv(deep) == tmp_path / ".env"


def test_the_working_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").write_text("X=1")
    monkeypatch.chdir(tmp_path)
    assert find_dotenv(name="settings") == tmp_path / "settings"
    assert find_dotenv(name="no-such-file-anywhere") is None


def test_a_child_gets_what_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_FOR_US", "x")
    monkeypatch.setenv("HARMLESS", "y")
    environment = child_environment({"EXTRA": "z"}, without=("SECRET_FOR_US",))
    assert "SECRET_FOR_US" not in environment
    assert (environment["HARMLESS"], environment["EXTRA"]) == ("y", "z")


def test_an_empty_engine_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTCLIENT_ENGINE_KEY", "")
    assert engine_key() is None
    monkeypatch.setenv("RTCLIENT_ENGINE_KEY", "k")
    assert engine_key() == "k"


def test_local_settings_come_from_dotenv_and_the_environment_wins_even_when_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LOCAL_CHAT_URL=file\nLOCAL_TTS_URL=file\nOTHER=1\n")
    monkeypatch.setenv("LOCAL_CHAT_URL", "")
    assert local_settings(tmp_path) == (
        {"LOCAL_CHAT_URL": "", "LOCAL_TTS_URL": "file"},
        tmp_path / ".env",
    )
    monkeypatch.setenv("LOCAL_TTS_URL", "environment")
    values, path = local_settings(tmp_path)
    assert (values["LOCAL_TTS_URL"], path) == ("environment", None)


def test_a_dotenv_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LOCAL_CHAT_URL=\xff")
    with pytest.raises(ValueError, match="cannot be read"):
        local_settings(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dotenv_is_read_as_the_server_reads_it(end: str) -> None:
    lines = (
        "# LOCAL_A=1",
        "A=1",
        "  export B = two words  # comment",
        'C="quoted # no comment" # comment',
        "D='single'",
        "E=",
        "F=http://host:1/v1#part",
        'G=a"b',
        "H= # only a comment",
        "no assignment",
        "I=''",
        'J="broken"off',
    )
    text = end.join(lines)
    theirs = dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
    assert dotenv(text) == {name: value for name, value in theirs.items() if value is not None}
    assert dotenv(text)["C"] == "quoted # no comment"


def test_workers_get_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RTCLIENT_ENGINE_KEY", "LOCAL_CHAT_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "secret-of-the-operator")
    assert "secret-of-the-operator" not in worker_environment().values()
    assert "PATH" in worker_environment()


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES.values():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("nothing_set")
def test_service_settings_come_from_the_environment_and_then_from_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=file\nOPENAI_MODEL='mine'\n")
    monkeypatch.setenv("OPENAI_API_KEY", "environment")
    settings = service_settings(start=tmp_path)
    assert (settings.kind, settings.openai_key, settings.openai_model) == (
        "openai",
        "environment",
        "mine",
    )
    assert settings.source == tmp_path / ".env"
    assert service_settings("engine", tmp_path).kind == "engine"


@pytest.mark.usefixtures("nothing_set")
def test_a_dotenv_that_gave_nothing_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=file\nPORT=1\n")
    monkeypatch.setenv("OPENAI_API_KEY", "environment")
    assert service_settings(start=tmp_path).source is None


@pytest.mark.usefixtures("nothing_set")
def test_what_cannot_be_a_service_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="azure, openai or engine"):
        service_settings("gcp", tmp_path)
    (tmp_path / ".env").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        service_settings(start=tmp_path)


@pytest.mark.usefixtures("nothing_set")
def test_a_misspelt_setting_in_dotenv_is_told_without_its_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("OPENAI_KEY=sk-canary\n")
    assert service_settings(start=tmp_path).kind == "engine"
    (message,) = caplog.messages
    assert "OPENAI_API_KEY is one" in message
    assert "canary" not in message
