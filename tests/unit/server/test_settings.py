"""Settings: what is read, what is resolved, and what is said about faults."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from server import settings as settings_module
from server.settings import Settings, SettingsError, load_settings, names

KEY = "canary-key-0123456789"
TODAY = date(2026, 11, 21)
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://myres.openai.azure.com",
    "AZURE_OPENAI_API_KEY": KEY,
    "AZURE_OPENAI_DEPLOYMENT": "voice",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an empty .env, so that none above it is found."""
    (tmp_path / ".env").write_text("")
    return tmp_path


def faults(folder: Path, environ: dict[str, str]) -> list[str]:
    """What is wrong with this environment; no fault repeats a key."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, folder)
    assert KEY not in str(caught.value)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


def test_with_nothing_set_the_engine_answers_on_this_machine_only(folder: Path) -> None:
    settings = load_settings({}, folder)
    assert (settings.upstream, settings.host, settings.port) == ("engine", "127.0.0.1", 3000)
    assert settings.endpoint() is None
    assert settings.access_token is None
    assert settings.max_sessions is None
    assert settings.idle_limit_s == 300
    assert settings.warnings(TODAY) == []


def test_by_hand_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4000")
    assert Settings().port == 3000


def test_the_environment_of_the_process_is_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", "4000")
    monkeypatch.chdir(folder)
    settings = load_settings()
    assert (settings.port, settings.env_file) == (4000, folder / ".env")


def test_settings_cannot_be_changed(folder: Path) -> None:
    settings = load_settings({}, folder)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_dotenv_fills_what_the_environment_lacks(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffPORT=4000\nHOST='localhost'\nMAX_SESSIONS=\n# comment\n")
    below = tmp_path / "below"
    below.mkdir()
    settings = load_settings({"PORT": "5000", "HOST": " "}, below)
    assert (settings.port, settings.host) == (5000, "localhost")
    assert settings.env_file == tmp_path / ".env"


def test_values_come_without_quotes_and_blanks(folder: Path) -> None:
    quoted = {name: f' "{value}" ' for name, value in AZURE.items()}
    endpoint = load_settings(quoted, folder).endpoint()
    assert endpoint is not None
    assert endpoint.headers == {"api-key": KEY}


def test_a_host_may_be_written_as_in_an_address(folder: Path) -> None:
    assert load_settings({"HOST": "[::1]"}, folder).host == "::1"


def test_a_dollar_sign_stays_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ACCESS_TOKEN=a${HOME}$b12\n")
    token = load_settings({}, tmp_path).access_token
    assert token is not None
    assert token.get_secret_value() == "a${HOME}$b12"


def test_a_dotenv_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\xfe")
    (fault,) = faults(tmp_path, {})
    assert "UTF-8" in fault


@pytest.mark.parametrize(
    ("environ", "upstream"),
    [
        ({}, "engine"),
        (AZURE, "azure"),
        ({"OPENAI_API_KEY": KEY}, "openai"),
        ({"OPENAI_BASE_URL": "http://localhost:9/v1"}, "openai"),
        (AZURE | {"OPENAI_API_KEY": KEY}, "azure"),
        (AZURE | {"OPENAI_API_KEY": KEY, "UPSTREAM": "openai"}, "openai"),
        (AZURE | {"UPSTREAM": "engine"}, "engine"),
        (AZURE | {"UPSTREAM": "AZURE"}, "azure"),
    ],
)
def test_which_service_is_used(folder: Path, environ: dict[str, str], upstream: str) -> None:
    assert load_settings(environ, folder).upstream == upstream


@pytest.mark.parametrize("missing", ["AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT"])
def test_partial_azure_settings_name_what_is_missing(folder: Path, missing: str) -> None:
    environ = {name: value for name, value in AZURE.items() if name != missing}
    (fault,) = faults(folder, environ)
    assert fault.startswith(f"{missing} is missing")


def test_a_key_alone_names_both_others(folder: Path) -> None:
    found = faults(folder, {"AZURE_OPENAI_API_KEY": KEY})
    assert [fault.split()[0] for fault in found] == [
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_DEPLOYMENT",
    ]


def test_without_a_key_azure_needs_the_identity_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {name: value for name, value in AZURE.items() if "KEY" not in name}
    monkeypatch.setattr(settings_module, "has_azure_identity", lambda: True)
    endpoint = load_settings(environ, folder).endpoint(token="entra-token")
    assert endpoint is not None
    assert endpoint.headers == {"Authorization": "Bearer entra-token"}
    monkeypatch.setattr(settings_module, "has_azure_identity", lambda: False)
    (fault,) = faults(folder, environ)
    assert "AZURE_OPENAI_API_KEY is missing" in fault
    assert "EXTRAS=azure" in fault


def test_openai_by_choice_needs_a_key(folder: Path) -> None:
    (fault,) = faults(folder, {"UPSTREAM": "openai"})
    assert "OPENAI_API_KEY is missing" in fault


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "65536"}, "PORT"),
        ({"PORT": "-1"}, "PORT"),
        ({"MAX_SESSIONS": "0"}, "MAX_SESSIONS"),
        ({"SESSION_LIMIT_S": "0"}, "SESSION_LIMIT_S"),
        ({"IDLE_LIMIT_S": "soon"}, "IDLE_LIMIT_S"),
        ({"IDLE_LIMIT_S": "nan"}, "IDLE_LIMIT_S"),
        ({"UPSTREAM": "google"}, "UPSTREAM"),
        ({"PARLEY_LOG_LEVEL": "loud"}, "PARLEY_LOG_LEVEL"),
        ({"PARLEY_TLS_VERIFY": "perhaps"}, "PARLEY_TLS_VERIFY"),
        ({"PARLEY_ALLOWED_ORIGINS": "app.example"}, "PARLEY_ALLOWED_ORIGINS"),
        ({"PARLEY_ALLOWED_ORIGINS": "*"}, "PARLEY_ALLOWED_ORIGINS"),
        ({"PARLEY_ALLOWED_ORIGINS": "https://app.example/page"}, "PARLEY_ALLOWED_ORIGINS"),
        ({"PARLEY_ALLOWED_HOSTS": "https://app.example"}, "PARLEY_ALLOWED_HOSTS"),
        ({"PARLEY_ALLOWED_HOSTS": "*"}, "PARLEY_ALLOWED_HOSTS"),
        ({"PARLEY_ALLOWED_HOSTS": "one.example two.example"}, "PARLEY_ALLOWED_HOSTS"),
        ({"OPENAI_BASE_URL": "https://[abc"}, "OPENAI_BASE_URL"),
        (AZURE | {"AZURE_OPENAI_ENDPOINT": "https://[abc"}, "AZURE_OPENAI_ENDPOINT"),
        ({"PARLEY_UPSTREAM_PROXY": "socks5://x:1"}, "PARLEY_UPSTREAM_PROXY"),
        ({"EXTRA_CA_FILE": "/no/such/file.pem"}, "EXTRA_CA_FILE"),
        ({"ACCESS_TOKEN": "a-b-c-d"}, "ACCESS_TOKEN"),
        ({"OPENAI_API_KEY": "two words"}, "OPENAI_API_KEY"),
        ({"OPENAI_BASE_URL": f"https://x.example/?api-key={KEY}"}, "OPENAI_BASE_URL"),
        (AZURE | {"AZURE_OPENAI_ENDPOINT": KEY}, "AZURE_OPENAI_ENDPOINT"),
    ],
)
def test_a_wrong_value_is_a_fault_that_names_the_setting(
    folder: Path, environ: dict[str, str], name: str
) -> None:
    (fault,) = faults(folder, environ)
    assert fault.startswith(name)
    for value in environ.values():
        assert len(value) < 5 or value not in fault


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PARLEY_TLS_VERIFY", "perhaps", "PARLEY_TLS_VERIFY must be on or off."),
        ("PORT", "three", "PORT must be a whole number."),
        ("PORT", "65536", "PORT must be less than or equal to 65535."),
        ("UPSTREAM", "gcp", "UPSTREAM must be 'azure', 'openai' or 'engine'."),
    ],
)
def test_a_fault_of_a_value_says_what_it_must_be(
    folder: Path, name: str, value: str, sentence: str
) -> None:
    assert faults(folder, {name: value}) == [sentence]


@pytest.mark.parametrize("value", ["preview", "Preview"])
def test_the_dialect_of_azure_decides_the_address(folder: Path, value: str) -> None:
    preview = load_settings(AZURE | {"AZURE_OPENAI_DIALECT": value}, folder).endpoint()
    assert preview is not None
    assert preview.dialect == "preview"
    assert "/openai/realtime?api-version=2025-04-01-preview&" in preview.url
    ga = load_settings(AZURE | {"AZURE_OPENAI_DIALECT": "ga"}, folder).endpoint()
    assert ga is not None
    assert "/openai/v1/realtime?" in ga.url


def test_a_version_that_the_preview_cannot_have_is_a_fault(folder: Path) -> None:
    preview = AZURE | {"AZURE_OPENAI_DIALECT": "preview"}
    (fault,) = faults(folder, preview | {"AZURE_OPENAI_API_VERSION": "sk-something"})
    assert fault.startswith("AZURE_OPENAI_API_VERSION is not a version of the preview API")
    assert "sk-something" not in fault


def test_all_faults_are_found_in_one_go(folder: Path) -> None:
    found = faults(
        folder,
        {"AZURE_OPENAI_API_KEY": KEY, "PORT": KEY, "PARLEY_LOG_LEVEL": KEY, "HOST": "0.0.0.0"},
    )
    assert {fault.split()[0].rstrip(":") for fault in found} == {
        "PORT",
        "PARLEY_LOG_LEVEL",
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_DEPLOYMENT",
        "ACCESS_TOKEN",
    }


@pytest.mark.parametrize(
    ("environ", "is_refused"),
    [
        (AZURE | {"HOST": "0.0.0.0"}, True),
        (AZURE | {"HOST": "::"}, True),
        (AZURE | {"HOST": "192.168.1.5"}, True),
        (AZURE | {"HOST": "0.0.0.0", "ACCESS_TOKEN": "auto"}, False),
        (AZURE | {"HOST": "0.0.0.0", "ACCESS_TOKEN": "long-enough-token"}, False),
        (AZURE | {"HOST": "localhost"}, False),
        ({"OPENAI_API_KEY": KEY, "HOST": "0.0.0.0"}, True),
        ({"OPENAI_BASE_URL": "http://localhost:9/v1", "HOST": "0.0.0.0"}, False),
        ({"HOST": "0.0.0.0"}, False),
    ],
)
def test_a_paid_account_is_not_opened_to_the_network(
    folder: Path, environ: dict[str, str], is_refused: bool
) -> None:
    if is_refused:
        (fault,) = faults(folder, environ)
        assert "ACCESS_TOKEN=auto" in fault
    else:
        load_settings(environ, folder)


def test_auto_makes_a_token_each_time(folder: Path) -> None:
    first, second = (load_settings({"ACCESS_TOKEN": "auto"}, folder) for _ in range(2))
    assert first.access_token is not None
    assert first.access_token_is_new
    assert len(first.access_token.get_secret_value()) >= 32
    assert first.access_token != second.access_token


def test_a_paid_service_has_ten_places_by_default(folder: Path) -> None:
    assert load_settings(AZURE, folder).max_sessions == 10
    assert load_settings(AZURE | {"MAX_SESSIONS": "3"}, folder).max_sessions == 3
    assert load_settings({"MAX_SESSIONS": "3"}, folder).max_sessions == 3


def test_no_secret_is_in_a_repr_or_dump(folder: Path) -> None:
    environ = AZURE | {
        "OPENAI_API_KEY": KEY,
        "ACCESS_TOKEN": KEY,
        "PARLEY_UPSTREAM_PROXY": f"http://u:{KEY}@proxy.example:1",
    }
    settings = load_settings(environ, folder)
    assert KEY not in f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}"
    assert KEY not in "".join(settings.warnings(TODAY))


def test_lists_are_separated_by_commas(folder: Path) -> None:
    environ = {
        "PARLEY_ALLOWED_HOSTS": "a.example, b.example ,",
        "PARLEY_ALLOWED_ORIGINS": "https://a.example/,http://b.example:8080",
    }
    settings = load_settings(environ, folder)
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.allowed_origins == ("https://a.example", "http://b.example:8080")


def test_warnings_say_what_to_change(folder: Path) -> None:
    environ = AZURE | {
        "AZURE_OPENAI_API_VERSION": "2024-10-01-preview",
        "PARLEY_TLS_VERIFY": "off",
    }
    warnings = load_settings(environ, folder).warnings(TODAY)
    assert "PARLEY_TLS_VERIFY" in warnings[0]
    assert "AZURE_OPENAI_API_VERSION=2024-10-01-preview" in warnings[1]
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in warnings[2]


def test_other_names_of_a_paid_server_without_a_token_are_a_warning(folder: Path) -> None:
    named = {"PARLEY_ALLOWED_HOSTS": "parley.example"}
    token = {"ACCESS_TOKEN": "a-long-enough-token-0815"}
    for environ, is_warned in (
        (AZURE | named, True),
        (AZURE | named | token, False),
        (AZURE, False),
        (named, False),
    ):
        warnings = load_settings(environ, folder).warnings(TODAY)
        assert any("PARLEY_ALLOWED_HOSTS" in warning for warning in warnings) is is_warned
    paid = named | {"OPENAI_API_KEY": "sk-x", "UPSTREAM": "engine", "PARLEY_PROVIDERS": "openai"}
    assert "PARLEY_ALLOWED_HOSTS" in load_settings(paid, folder).warnings(TODAY)[0]


def test_a_transcription_deployment_ends_the_whisper_warning(folder: Path) -> None:
    environ = AZURE | {"AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT": "my-transcriber"}
    settings = load_settings(environ, folder)
    assert settings.transcription == "my-transcriber"
    assert settings.warnings(TODAY) == []


def test_transcription_can_be_off(folder: Path) -> None:
    settings = load_settings(AZURE | {"TRANSCRIPTION_MODEL": "off"}, folder)
    assert settings.transcription is None
    assert settings.warnings(TODAY) == []


def test_a_retired_model_is_named_with_its_successor(folder: Path) -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "gpt-4o-realtime-preview-2024-10-01"}
    settings = load_settings(environ, folder)
    warnings = settings.warnings(TODAY)
    assert any("OPENAI_MODEL=gpt-realtime-2.1" in warning for warning in warnings)
    endpoint = settings.endpoint()
    assert endpoint is not None
    assert endpoint.model == "gpt-4o-realtime-preview-2024-10-01"


def test_openais_retirements_do_not_concern_other_servers(folder: Path) -> None:
    environ = {"OPENAI_MODEL": "gpt-4o-realtime-preview", "OPENAI_API_KEY": KEY}
    elsewhere = environ | {"OPENAI_BASE_URL": "https://models.example/v1"}
    assert load_settings(elsewhere, folder).warnings(TODAY) == []
    theirs = environ | {"OPENAI_BASE_URL": "https://api.openai.com/v1"}
    assert len(load_settings(theirs, folder).warnings(TODAY)) == 2


def test_a_misspelt_name_in_dotenv_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AZURE_OPENAI_KEY=x\nPARLEY_LOGLEVEL=DEBUG\nSOMETHING_ELSE=1\n")
    warnings = load_settings({"PARLEY_UNKNOWN": "1"}, tmp_path).warnings(TODAY)
    assert warnings == [
        "AZURE_OPENAI_KEY in .env is not a setting and has no effect."
        " Did you mean AZURE_OPENAI_API_KEY?",
        "PARLEY_LOGLEVEL in .env is not a setting and has no effect."
        " Did you mean PARLEY_LOG_LEVEL?",
    ]


def test_every_setting_has_a_sentence_and_a_group() -> None:
    for name, field in Settings.model_fields.items():
        if isinstance(field.validation_alias, str):
            assert field.description, name
            assert field.description.endswith("."), name
            assert isinstance(field.json_schema_extra, dict)
            assert field.json_schema_extra["group"], name
    assert len(names()) == len(set(names()))


def test_a_misspelled_name_is_told_when_the_start_fails(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AZURE_OPENAI_ENDPOIT=https://x.example\nUPSTREAM=azure\n")
    with pytest.raises(SettingsError, match="Did you mean AZURE_OPENAI_ENDPOINT"):
        load_settings({}, tmp_path)
