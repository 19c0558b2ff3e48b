"""The configuration of one-shot calls."""

import sys
from pathlib import Path

import pytest

from rtclient.endpoints import Endpoint
from rtclient.oneshot.config import RealtimeConfig
from rtclient.service.settings import NAMES

AZURE = ("https://mine.openai.azure.com", "key-of-mine", "talk")


def endpoint(config: RealtimeConfig) -> Endpoint:
    found = config.service_settings().endpoint()
    assert found is not None
    return found


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_three_values_are_enough() -> None:
    config = RealtimeConfig(*AZURE)
    assert (config.api_version, config.voice, config.sample_rate_hz) == (
        "2025-08-28",
        "alloy",
        24_000,
    )
    assert endpoint(config).url == "wss://mine.openai.azure.com/openai/v1/realtime?model=talk"
    assert endpoint(config).headers == {"api-key": "key-of-mine"}


def test_the_default_version_is_silent_and_one_of_the_callers_is_told() -> None:
    assert RealtimeConfig(*AZURE).warnings() == []
    (warning,) = RealtimeConfig(*AZURE, api_version="2025-08-28").warnings()
    assert "api_version has no effect" in warning
    assert "api-version" not in endpoint(RealtimeConfig(*AZURE, api_version="2025-08-28")).url


def test_the_preview_has_versions() -> None:
    config = RealtimeConfig(*AZURE, dialect="preview")
    assert "api-version=2025-04-01-preview" in endpoint(config).url
    own = RealtimeConfig(*AZURE, dialect="preview", api_version="2024-10-01-preview")
    assert "api-version=2024-10-01-preview" in endpoint(own).url
    assert own.warnings() == []


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=talk"),
        ("http://localhost:3000/v1/", "ws://localhost:3000/v1/realtime?model=talk"),
        ("http://localhost:3000", "ws://localhost:3000/openai/v1/realtime?model=talk"),
        (AZURE[0] + "/openai/v1", "wss://mine.openai.azure.com/openai/v1/realtime?model=talk"),
    ],
)
def test_the_address_says_which_service_it_is(address: str, path: str) -> None:
    assert endpoint(RealtimeConfig(address, "k", "talk")).url == path


def test_the_service_can_be_named() -> None:
    config = RealtimeConfig("http://localhost:3000", "k", "talk", upstream="openai")
    assert endpoint(config).url == "ws://localhost:3000/v1/realtime?model=talk"
    assert RealtimeConfig("", "", "", upstream="engine").service_settings().endpoint() is None


def test_the_key_never_shows() -> None:
    config = RealtimeConfig(*AZURE)
    assert "key-of-mine" not in repr(config)
    assert "key-of-mine" not in repr(config.service_settings())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dialect": "beta"}, "dialect must be ga or preview"),
        ({"upstream": "gcp"}, "upstream must be azure, openai or engine"),
        ({"sample_rate_hz": 0}, "sample rate must lie between"),
        ({"timeout_s": 0}, "timeout_s must be more than 0"),
    ],
)
def test_wrong_values_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RealtimeConfig(*AZURE, **fields)  # type: ignore[arg-type]  # wrong on purpose


def test_another_rate_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RealtimeConfig(*AZURE, sample_rate_hz=16_000).sample_rate_hz == 16_000
    monkeypatch.setitem(sys.modules, "soxr", None)  # as if it were not installed
    with pytest.raises(ValueError, match=r"must be 24000.*pip install 'rtclient\[audio\]'"):
        RealtimeConfig(*AZURE, sample_rate_hz=16_000)
    assert RealtimeConfig(*AZURE).sample_rate_hz == 24_000


@pytest.mark.usefixtures("nothing_set")
def test_the_environment_describes_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("ENDPOINT", "API_KEY", "DEPLOYMENT"), AZURE, strict=True):
        monkeypatch.setenv(f"AZURE_OPENAI_{name}", value)
    monkeypatch.setenv("AZURE_OPENAI_VOICE", "cedar")
    config = RealtimeConfig.from_env()
    assert endpoint(config) == endpoint(RealtimeConfig(*AZURE))
    assert (config.voice, config.warnings()) == ("cedar", [])
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "2025-08-28")
    assert len(RealtimeConfig.from_env().warnings()) == 1
    monkeypatch.setenv("AZURE_OPENAI_DIALECT", "preview")
    assert "api-version=2025-08-28" in endpoint(RealtimeConfig.from_env()).url


@pytest.mark.usefixtures("nothing_set")
def test_the_environment_describes_openai_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RealtimeConfig.from_env().service_settings().kind == "engine"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("PARLEY_UPSTREAM_PROXY", "http://proxy:1")
    config = RealtimeConfig.from_env()
    assert endpoint(config).host == "api.openai.com"
    assert endpoint(config).headers == {"Authorization": "Bearer sk-mine"}
    assert config.service_settings().proxy == "http://proxy:1"
    assert RealtimeConfig.from_env("engine").service_settings().kind == "engine"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "c.yaml",
            "endpoint: https://mine.openai.azure.com\napi_key: key-of-mine\ndeployment: talk\n"
            "api_version: 2025-08-28\nsample_rate_hz: 16000\ntimeout_s: 5\n",
        ),
        (
            "c.toml",
            'endpoint = "https://mine.openai.azure.com"\napi_key = "key-of-mine"\n'
            'deployment = "talk"\napi_version = 2025-08-28\nsample_rate_hz = 16000\n'
            "timeout_s = 5\n",
        ),
    ],
)
def test_a_file_describes_it(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert RealtimeConfig.from_file(tmp_path / name) == RealtimeConfig(
        *AZURE, api_version="2025-08-28", sample_rate_hz=16_000, timeout_s=5
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["voise: alloy"], r"voise is no setting\. Did you mean voice\?"),
        (["settings: {}"], "settings is no setting"),
        (["sample_rate_hz: fast"], "sample_rate_hz must be a number"),
        (["timeout_s: true"], "timeout_s must be a number"),
        (["voice: 5"], "voice must be a text"),
        (["dialect: beta"], "dialect must be ga or preview"),
    ],
)
def test_a_wrong_file_is_told_without_its_values(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("\n".join(["endpoint: e", "api_key: SECRET", "deployment: d", *lines]))
    with pytest.raises(ValueError, match=words) as caught:
        RealtimeConfig.from_file(path)
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_what_a_file_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('endpoint = "e"\n')
    with pytest.raises(ValueError, match=r"api_key is missing\. deployment is missing\."):
        RealtimeConfig.from_file(path)
