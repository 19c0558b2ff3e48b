"""The door: who may become a connection."""

from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from rtclient.engine.serve import new_id, refusal


def request(path: str = "/v1/realtime", *headers: tuple[str, str]) -> Request:
    return Request(path, Headers([("Upgrade", "websocket"), *headers]))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Bearer key"),
        ("authorization", "bearer key"),
        ("api-key", "key"),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.key"),
    ],
)
def test_every_form_of_credential_opens(header: str, value: str) -> None:
    assert refusal(request("/v1/realtime", (header, value)), key="key") is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Basic key"),
        ("Authorization", "Bearer "),
        ("api-key", "Key"),
        ("api-key", "kéy"),
        ("X-Key", "key"),
    ],
)
def test_anything_else_is_401_without_a_word_of_the_key(header: str, value: str) -> None:
    refused = refusal(request("/v1/realtime", (header, value)), key="key-canary")
    assert refused is not None
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert b"canary" not in (refused.body or b"")


def test_without_a_key_everybody_on_this_machine_may_come() -> None:
    assert refusal(request(), key=None) is None
    assert refusal(request("/v1/realtime/?model=x"), key=None) is None


def test_the_order_of_refusals_tells_strangers_nothing() -> None:
    origin = ("Origin", "https://evil.example")
    refused = refusal(request("/v1/realtime", origin, ("api-key", "key")), key="key")
    assert refused is not None
    assert refused.status_code == HTTPStatus.FORBIDDEN
    refused = refusal(request("//[elsewhere"), key="key")
    assert refused is not None
    assert refused.status_code == HTTPStatus.NOT_FOUND


def test_ids_look_like_the_real_ones() -> None:
    made = {new_id("item") for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith("item_") and len(one) == 26 for one in made)
