"""Finding .env, and the environment of a child."""

from pathlib import Path

import pytest

from rtclient.environment import child_environment, engine_key, find_dotenv


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
