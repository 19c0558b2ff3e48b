"""Which voice services clients of /realtime may choose."""

from datetime import date
from pathlib import Path

import pytest

from server.settings import SettingsError, load_settings
from server.upstreams import create_upstreams

TODAY = date(2026, 11, 21)
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://myres.openai.azure.com",
    "AZURE_OPENAI_API_KEY": "azure-key-0123456789",
    "AZURE_OPENAI_DEPLOYMENT": "voice",
    "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT": "my-whisper",
}
OPENAI = {"OPENAI_API_KEY": "sk-0123456789", "OPENAI_MODEL": "gpt-realtime"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "services"),
    [
        ({}, ("engine",)),
        (AZURE | OPENAI, ("azure",)),
        (AZURE | OPENAI | {"PARLEY_PROVIDERS": "openai, Engine"}, ("azure", "openai", "engine")),
        (AZURE | {"PARLEY_PROVIDERS": "azure"}, ("azure",)),
        (OPENAI | {"UPSTREAM": "engine", "PARLEY_PROVIDERS": "openai"}, ("engine", "openai")),
    ],
)
def test_only_services_that_are_named_are_there(
    folder: Path, environ: dict[str, str], services: tuple[str, ...]
) -> None:
    assert load_settings(environ, folder).services == services


def test_each_service_has_its_own_settings(folder: Path) -> None:
    settings = load_settings(AZURE | OPENAI | {"PARLEY_PROVIDERS": "openai"}, folder)
    azure, openai = (settings.for_service(kind) for kind in settings.services)
    assert (azure.upstream, azure.transcription) == ("azure", "my-whisper")
    assert (openai.upstream, openai.transcription) == ("openai", "whisper-1")
    endpoint = openai.endpoint()
    assert endpoint is not None
    assert (endpoint.kind, endpoint.model) == ("openai", "gpt-realtime")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"PARLEY_PROVIDERS": "openai"}, "OPENAI_API_KEY"),
        ({"PARLEY_PROVIDERS": "azure"}, "AZURE_OPENAI_ENDPOINT"),
        ({"PARLEY_PROVIDERS": "hume"}, "PARLEY_PROVIDERS"),
    ],
)
def test_a_service_without_its_settings_stops_the_start(
    folder: Path, environ: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, folder)
    assert any(fault.startswith(named) for fault in caught.value.faults)


def test_a_paid_service_counts_wherever_it_is_named(folder: Path) -> None:
    free = load_settings(OPENAI | {"UPSTREAM": "engine"}, folder)
    assert (free.is_paid, free.max_sessions) == (False, None)
    environ = OPENAI | {"UPSTREAM": "engine", "PARLEY_PROVIDERS": "openai"}
    paid = load_settings(environ, folder)
    assert (paid.is_paid, paid.max_sessions) == (True, 10)
    with pytest.raises(SettingsError, match="ACCESS_TOKEN"):
        load_settings(environ | {"HOST": "0.0.0.0"}, folder)


def test_warnings_are_about_every_service(folder: Path) -> None:
    environ = AZURE | OPENAI | {"PARLEY_PROVIDERS": "openai"}
    warnings = load_settings(environ, folder).warnings(TODAY)
    assert any("OPENAI_MODEL=gpt-realtime-2.1" in warning for warning in warnings)


def test_there_is_an_upstream_for_each_service(folder: Path) -> None:
    environ = AZURE | OPENAI | {"PARLEY_PROVIDERS": "openai,engine"}
    upstreams = create_upstreams(load_settings(environ, folder))
    assert [upstream.kind for upstream in upstreams] == ["azure", "openai", "engine"]
