"""Which voice service a command uses."""

from argparse import Namespace
from pathlib import Path

import pytest

from rtclient.commands.upstream import Choice, choose
from rtclient.service.settings import ServiceSettings, SettingsError

KEY = "canary_key_0123456789"


def chosen(folder: Path, dotenv: str, **options: str) -> Choice:
    """The choice of a command that is run in a folder with this `.env`."""
    (folder / ".env").write_text(dotenv)
    given = {"url": None, "upstream": None, "model": None, **options}
    return choose(Namespace(**given), start=folder)


def test_without_any_setting_it_is_the_engine(tmp_path: Path) -> None:
    choice = chosen(tmp_path, "")
    assert (choice.service, choice.label) == ("engine", "the built-in engine")
    assert choice.endpoint is None
    assert not choice.client_options()


def test_the_settings_choose(tmp_path: Path) -> None:
    azure = (
        "AZURE_OPENAI_ENDPOINT=https://x.openai.azure.com\n"
        f"AZURE_OPENAI_API_KEY={KEY}\nAZURE_OPENAI_DEPLOYMENT=voice\n"
    )
    choice = chosen(tmp_path, azure)
    assert (choice.service, choice.label) == ("azure", "Azure OpenAI, deployment voice")
    assert choice.settings.source == tmp_path / ".env"
    choice = chosen(tmp_path, f"{azure}AZURE_OPENAI_DIALECT=preview\n")
    assert choice.label == "Azure OpenAI, deployment voice, preview dialect"
    assert chosen(tmp_path, azure, upstream="engine").service == "engine"
    assert chosen(tmp_path, azure, model="other").label == "Azure OpenAI, deployment other"


def test_a_model_may_be_named(tmp_path: Path) -> None:
    choice = chosen(tmp_path, f"OPENAI_API_KEY={KEY}", model="gpt-realtime-2.1-mini")
    assert choice.label == "OpenAI, model gpt-realtime-2.1-mini"


def test_a_server_gets_its_own_token_and_never_another_key(tmp_path: Path) -> None:
    dotenv = f"OPENAI_API_KEY={KEY}\nACCESS_TOKEN=token_of_the_server\n"
    choice = chosen(tmp_path, dotenv, url="https://voice.example")
    assert choice.service == "server"
    assert choice.endpoint is not None
    assert choice.endpoint.headers == {"Authorization": "Bearer token_of_the_server"}
    choice = chosen(tmp_path, f"OPENAI_API_KEY={KEY}\n", url="https://voice.example")
    assert choice.endpoint is not None
    assert choice.endpoint.headers == {}


def test_a_token_that_the_server_makes_is_not_known_here(tmp_path: Path) -> None:
    choice = chosen(tmp_path, "ACCESS_TOKEN=auto", url="localhost:3000")
    assert choice.endpoint is not None
    assert choice.endpoint.headers == {}


def test_two_services_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--url and --upstream"):
        chosen(tmp_path, "", url="localhost:3000", upstream="engine")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        chosen(tmp_path, "UPSTREAM=azure")
    said = str(caught.value)
    assert "AZURE_OPENAI_ENDPOINT is missing: set it" in said
    assert "AZURE_OPENAI_DEPLOYMENT is missing: set it" in said
    assert ".env" in said


def test_a_proxy_is_for_the_paid_services_only(tmp_path: Path) -> None:
    dotenv = f"OPENAI_API_KEY={KEY}\nPARLEY_UPSTREAM_PROXY=http://proxy:3128\n"
    assert chosen(tmp_path, dotenv).client_options()["proxy"] == "http://proxy:3128"
    server = chosen(tmp_path, dotenv, url="https://voice.example")
    assert server.client_options()["proxy"] is None


async def test_a_server_is_given_as_it_is(tmp_path: Path) -> None:
    choice = chosen(tmp_path, "", url="localhost:3000")
    async with choice.opened() as source:
        assert source is choice.endpoint


def test_a_choice_made_by_hand_needs_no_environment() -> None:
    choice = Choice("openai", ServiceSettings(openai_key=KEY))
    assert choice.secrets == (KEY,)
