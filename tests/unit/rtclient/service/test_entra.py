"""Tokens from whatever credential a program has."""

from types import SimpleNamespace
from typing import Any

import pytest

from rtclient.errors import ConnectError
from rtclient.service.entra import token_of


class Blocking:
    def get_token(self, scope: str) -> Any:
        assert scope == "https://ai.azure.com/.default"
        return SimpleNamespace(token="t0ken")


class Asynchronous(Blocking):
    async def get_token(self, scope: str) -> Any:
        return super().get_token(scope)


class Wrapped(Blocking):
    """Asynchronous, but nobody can see it from outside."""

    def get_token(self, scope: str) -> Any:
        return Asynchronous().get_token(scope)


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_token(self, scope: str) -> Any:
        raise self.error


class ServiceRequestError(Exception):
    """Named as azure-core's."""


@pytest.mark.parametrize("credential", [Blocking(), Asynchronous(), Wrapped()])
async def test_any_credential_gives_its_token(credential: Any) -> None:
    assert await token_of(credential) == "t0ken"


@pytest.mark.parametrize(
    ("error", "kind", "is_retryable"),
    [
        (LookupError("a text with SECRET in it"), "auth", False),
        (ServiceRequestError("SECRET"), "refused", True),
        (ConnectionResetError("SECRET"), "refused", True),
    ],
)
async def test_no_token_is_told_without_the_credentials_own_words(
    error: Exception, kind: str, is_retryable: bool
) -> None:
    with pytest.raises(ConnectError, match=r"Entra ID.*no token \(\w+\)") as caught:
        await token_of(Broken(error))
    assert (caught.value.kind, caught.value.retryable) == (kind, is_retryable)
    assert caught.value.__cause__ is error
    assert "SECRET" not in str(caught.value)


async def test_what_is_no_credential_is_told() -> None:
    with pytest.raises(ConnectError, match="no token"):
        await token_of(object())
