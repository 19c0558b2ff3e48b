"""Settings of models of one's own: read, judged, hidden, handed to the engine."""

from datetime import date
from pathlib import Path

import pytest

from rtclient.engine.remote.settings import VARIABLES
from server.local_models import LocalModels
from server.settings import SettingsError, load_settings, names
from server.upstreams import create_upstream

KEY = "sk-local-0123456789"
CHAT = {
    "LOCAL_CHAT_URL": "http://127.0.0.1:11434",
    "LOCAL_CHAT_MODEL": "llama",
    "LOCAL_CHAT_KEY": KEY,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("")
    return tmp_path


def test_every_variable_of_the_engine_is_a_setting() -> None:
    assert set(VARIABLES) <= set(names())
    assert list(LocalModels().local_environment()) == list(VARIABLES)
    assert not any(LocalModels().local_environment().values())


def test_the_engine_gets_what_is_set_and_that_the_rest_is_not(folder: Path) -> None:
    (folder / ".env").write_text('LOCAL_TTS_URL="http://127.0.0.1:8880/v1"\nLOCAL_TTS_RATE=16000')
    given = load_settings(CHAT, folder).local_environment()
    assert {name: value for name, value in given.items() if value} == {
        **CHAT,
        "LOCAL_TTS_URL": "http://127.0.0.1:8880/v1",
        "LOCAL_TTS_RATE": "16000",
    }
    assert set(given) == set(VARIABLES)


def test_the_key_is_a_secret_and_the_model_is_shown(folder: Path) -> None:
    settings = load_settings(CHAT, folder)
    assert KEY in settings.secret_values()
    assert KEY not in repr(settings)
    assert KEY in create_upstream(settings).secrets
    assert settings.local_models() == {"brain": "llama"}


def test_all_that_is_wrong_is_said_at_once_and_no_value_repeated(folder: Path) -> None:
    environ = {
        "LOCAL_CHAT_URL": f"http://me:{KEY}@host",
        "LOCAL_STT_URL": "host:8000",
        "LOCAL_TTS_RATE": "1",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, folder)
    told = " ".join(caught.value.faults)
    for name in environ:
        assert f"{name} " in told
    assert KEY not in told


def test_a_misspelled_variable_is_told(folder: Path) -> None:
    (folder / ".env").write_text("LOCAL_CHAT_UR=http://127.0.0.1:11434")
    (warning,) = load_settings({}, folder).warnings()
    assert "Did you mean LOCAL_CHAT_URL?" in warning


def test_beside_a_cloud_service_they_have_no_effect_and_that_is_said(folder: Path) -> None:
    settings = load_settings({**CHAT, "OPENAI_API_KEY": "sk-x"}, folder)
    assert any("LOCAL_CHAT_URL has no effect" in w for w in settings.warnings(date(2026, 11, 21)))


def test_a_server_elsewhere_may_cost_money_one_on_this_machine_does_not(folder: Path) -> None:
    assert not load_settings(CHAT, folder).is_paid
    elsewhere = {**CHAT, "LOCAL_CHAT_URL": "https://models.example/v1"}
    assert load_settings(elsewhere, folder).is_paid
    with pytest.raises(SettingsError, match="ACCESS_TOKEN is missing"):
        load_settings({**elsewhere, "HOST": "0.0.0.0"}, folder)
