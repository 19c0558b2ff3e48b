"""Which voice service settings lead to."""

import pytest

from rtclient.service.settings import NAMES, ServiceSettings, SettingsError, kind_of, misspelt
from server.settings import Settings, load_settings
from server.settings import names as server_names

AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com",
    "AZURE_OPENAI_API_KEY": "key-of-mine",
    "AZURE_OPENAI_DEPLOYMENT": "talk",
}
OPENAI = {"OPENAI_API_KEY": "sk-mine"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, "engine"),
        (OPENAI, "openai"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "openai"),
        (AZURE | OPENAI, "azure"),
        ({"AZURE_OPENAI_DEPLOYMENT": "talk"}, "azure"),
        (AZURE | OPENAI | {"UPSTREAM": "OpenAI"}, "openai"),
        (AZURE | {"UPSTREAM": "engine"}, "engine"),
        (OPENAI | {"UPSTREAM": " "}, "openai"),
        ({"OPENAI_API_KEY": "''"}, "engine"),
    ],
)
def test_the_service_is_the_one_that_the_server_takes(values: dict[str, str], kind: str) -> None:
    assert ServiceSettings.from_values(values).kind == kind
    aliases = {str(field.validation_alias) for field in Settings.model_fields.values()}
    theirs = Settings(**{k: v for k, v in values.items() if k in aliases and v.strip(" '")})
    assert theirs.upstream == kind


def test_addresses_are_those_of_the_server(tmp_path: object) -> None:
    for values in (AZURE, OPENAI, AZURE | {"AZURE_OPENAI_DIALECT": "preview"}):
        theirs = load_settings(values, dotenv_dir=None).endpoint()
        assert ServiceSettings.from_values(values).endpoint() == theirs
    assert ServiceSettings().endpoint() is None


def test_each_name_is_a_setting_of_the_server_too() -> None:
    assert set(NAMES.values()) <= set(server_names())


def test_a_token_stands_in_for_the_key() -> None:
    settings = ServiceSettings.from_values(AZURE | {"AZURE_OPENAI_API_KEY": ""})
    endpoint = settings.endpoint(token="t0ken")
    assert endpoint is not None
    assert endpoint.headers == {"Authorization": "Bearer t0ken"}


def test_transcription_is_a_model_or_on_azure_a_deployment() -> None:
    own = AZURE | {"AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT": "ears"}
    assert ServiceSettings.from_values(own).transcription == "ears"
    assert ServiceSettings.from_values(own | {"UPSTREAM": "openai"}).transcription == "whisper-1"
    assert ServiceSettings.from_values(own | {"TRANSCRIPTION_MODEL": "OFF"}).transcription is None


def test_all_faults_of_values_come_at_once_and_none_repeats_a_value() -> None:
    wrong = {"UPSTREAM": "sk-x", "AZURE_OPENAI_DIALECT": "sk-y", "PARLEY_TLS_VERIFY": "sk-z"}
    with pytest.raises(SettingsError) as caught:
        ServiceSettings.from_values(wrong)
    assert caught.value.faults == [
        "AZURE_OPENAI_DIALECT must be ga or preview.",
        "UPSTREAM must be azure, openai or engine.",
        "PARLEY_TLS_VERIFY must be on or off.",
    ]
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"UPSTREAM": "openai"}, ["OPENAI_API_KEY is missing"]),
        (
            {"UPSTREAM": "azure"},
            [
                "AZURE_OPENAI_ENDPOINT is missing",
                "AZURE_OPENAI_DEPLOYMENT is missing",
                "AZURE_OPENAI_API_KEY is missing: set it, or do so.",
            ],
        ),
        (AZURE | {"AZURE_OPENAI_DEPLOYMENT": ""}, ["AZURE_OPENAI_DEPLOYMENT is missing"]),
        (AZURE | {"AZURE_OPENAI_ENDPOINT": "ftp://x.example"}, ["must begin with https://"]),
        (AZURE, []),
        ({}, []),
    ],
)
def test_each_fault_says_what_to_set(values: dict[str, str], words: list[str]) -> None:
    found = ServiceSettings.from_values(values).faults(without_key="do so")
    assert len(found) == len(words)
    assert all(word in fault for word, fault in zip(words, found, strict=True))


def test_azure_may_go_without_a_key_where_there_are_tokens() -> None:
    settings = ServiceSettings.from_values(AZURE | {"AZURE_OPENAI_API_KEY": ""})
    assert settings.faults(without_key=None) == []


def test_the_repr_shows_no_value() -> None:
    pasted = ServiceSettings.from_values(AZURE | {"AZURE_OPENAI_ENDPOINT": "key-in-wrong-line"})
    assert repr(pasted) == "<ServiceSettings of azure>"


def test_another_service_can_be_chosen() -> None:
    settings = ServiceSettings.from_values(AZURE | OPENAI)
    assert settings.using(kind_of("OPENAI")).kind == "openai"
    assert settings.using(None) is settings


@pytest.mark.parametrize(("text", "is_on"), [("on", True), ("False", False), ("0", False)])
def test_switches_are_read_as_people_write_them(text: str, is_on: bool) -> None:
    assert ServiceSettings.from_values({"PARLEY_TLS_VERIFY": text}).tls_verify is is_on


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"),
        ("AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_DEPLOYMENT"),
        ("AZURE_OPENAI_API_ENDPOINT", "AZURE_OPENAI_ENDPOINT"),
    ],
)
def test_a_name_that_is_nearly_a_missing_setting_is_told(name: str, meant: str) -> None:
    nothing = dict.fromkeys(NAMES.values(), "")
    (sentence,) = misspelt([name], nothing)
    assert sentence == f"{name} in .env is not a setting and has no effect; {meant} is one."
    assert misspelt([name], nothing | {meant: "set"}) == []


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_ORG_ID", "MY_OPENAI_KEY", "PORT"])
def test_a_setting_and_what_is_of_others_is_not_told(name: str) -> None:
    assert misspelt([name], dict.fromkeys(NAMES.values(), "")) == []
