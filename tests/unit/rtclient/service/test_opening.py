"""From settings to an address, a token or a fault."""

import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectError
from rtclient.service.opening import OpenedOnDial, open_upstream, ssl_context
from rtclient.service.settings import ServiceSettings, SettingsError

AZURE = ServiceSettings(azure_endpoint="https://mine.openai.azure.com", azure_deployment="talk")


class Credential:
    """Gives t1, t2, …; asked as azure-identity's credentials are."""

    def __init__(self) -> None:
        self.count = 0

    def get_token(self, scope: str) -> Any:
        assert scope == "https://ai.azure.com/.default"
        self.count += 1
        return SimpleNamespace(token=f"t{self.count}")


class AsyncCredential(Credential):
    async def get_token(self, scope: str) -> Any:
        return super().get_token(scope)


class Broken:
    def get_token(self, scope: str) -> Any:
        raise LookupError("a text with SECRET in it")


async def test_a_key_makes_a_fixed_address() -> None:
    settings = ServiceSettings(openai_key="sk-mine")
    async with open_upstream(settings) as found:
        assert found == settings.endpoint()


@pytest.mark.parametrize("make", [Credential, AsyncCredential])
async def test_azure_without_a_key_asks_for_a_token_before_each_dial(make: Any) -> None:
    async with open_upstream(AZURE, credential=make()) as found:
        assert not isinstance(found, Endpoint)
        for token in ("t1", "t2"):
            assert (await found()).headers == {"Authorization": f"Bearer {token}"}


async def test_no_token_is_a_refused_credential_and_its_text_is_kept_apart() -> None:
    async with open_upstream(AZURE, credential=Broken()) as found:
        assert not isinstance(found, Endpoint)
        with pytest.raises(ConnectError, match=r"Entra ID.*no token \(LookupError\)") as caught:
            await found()
    assert caught.value.kind == "auth"
    assert "SECRET" not in str(caught.value)


async def test_settings_that_lead_nowhere_are_told() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY is missing"):
        async with open_upstream(ServiceSettings(choice="openai")):
            pass


def test_the_tls_context_is_the_one_asked_for(tmp_path: Path) -> None:
    assert ssl_context(ServiceSettings()) is None
    unchecked = ssl_context(ServiceSettings(tls_verify=False))
    assert unchecked is not None
    assert unchecked.verify_mode == ssl.CERT_NONE
    with pytest.raises(SettingsError, match="EXTRA_CA_FILE cannot be read"):
        ssl_context(ServiceSettings(extra_ca_file=str(tmp_path / "none.pem")))


async def test_an_address_is_opened_by_the_first_dial() -> None:
    settings = ServiceSettings(openai_key="sk-mine")
    opened = OpenedOnDial(settings)
    assert await opened() is await opened()
    assert await opened() == settings.endpoint()
    await opened.close()
    await opened.close()


async def test_what_is_to_be_known_of_an_address_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = ServiceSettings(openai_base_url="http://voice.example/v1", openai_key="sk-canary")
    opened = OpenedOnDial(settings)
    await opened()
    await opened()
    (message,) = caplog.messages
    assert "unencrypted" in message
    assert "canary" not in message


async def test_settings_that_lead_nowhere_are_told_before_any_dial() -> None:
    with pytest.raises(SettingsError):
        OpenedOnDial(ServiceSettings(choice="openai"))
