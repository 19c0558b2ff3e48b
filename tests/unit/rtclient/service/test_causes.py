"""Why a voice service cannot be used, from exceptions and events."""

from typing import Any

import pytest

from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
)
from rtclient.service.causes import (
    account_cause,
    cause_of,
    cause_of_first_event,
    words_of,
    words_of_event,
)

KEY = "canary_key_0123456789"


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (AuthError(401), "auth_failed"),
        (AuthError(403), "forbidden"),
        (HandshakeRejected(404), "not_found"),
        (HandshakeRejected(400), "bad_request"),
        (HandshakeRejected(408), "timeout"),
        (HandshakeRejected(429), "rate_limited"),
        (HandshakeRejected(429, body='{"code":"insufficient_quota"}'), "quota_exhausted"),
        (HandshakeRejected(503), "unavailable"),
        (ConnectError("dns"), "unreachable"),
        (ConnectError("tls"), "tls_failed"),
        (ConnectError("auth"), "token_failed"),
        (ConnectionLost(1006), "closed"),
        (RemoteProtocolError("x"), "bad_data"),
        (TimeoutError(), "timeout"),
        (KeyError("x"), None),
    ],
)
def test_an_exception_has_a_cause(exc: Exception, cause: str | None) -> None:
    assert cause_of(exc) == cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"code": "invalid_api_key"}, "auth_failed"),
        ({"code": None, "message": "Incorrect API key provided"}, "auth_failed"),
        ({"code": "model_not_found"}, "not_found"),
        ({"type": "server_error"}, "unavailable"),
        ({"type": "invalid_request_error", "code": "other"}, "bad_request"),
        ("no object", "bad_request"),
    ],
)
def test_an_error_as_first_event_has_a_cause(error: Any, cause: str) -> None:
    assert cause_of_first_event({"type": "error", "error": error}) == cause


def test_an_error_about_something_else_is_no_matter_of_the_account() -> None:
    assert account_cause({"code": "invalid_value", "message": "voice"}) is None


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (HandshakeRejected(404, body='{"error":{"code":"DeploymentNotFound"}}'), "HTTP 404, "),
        (ConnectError("tls", detail="certificate has expired"), "certificate has expired"),
        (ConnectError("refused", detail="no module numpy"), "no module numpy"),
    ],
)
def test_status_and_code_are_shown(exc: Exception, words: str) -> None:
    assert words in ", ".join(words_of(exc))


@pytest.mark.parametrize(
    "body",
    [f'{{"error":{{"code":"{KEY}"}}}}', "{", "[" * 100_000, '{"error":{"code":"a sentence"}}'],
)
def test_what_may_be_a_secret_or_a_sentence_is_not_shown(body: str) -> None:
    assert words_of(AuthError(401, body=body), (KEY,)) == ("HTTP 401",)


def test_of_an_error_event_the_code_and_the_parameter_are_shown() -> None:
    error = {"code": "invalid_value", "param": "session.audio.output.voice", "message": KEY}
    assert words_of_event({"error": error}) == ("invalid_value", "session.audio.output.voice")
    assert words_of_event({"error": {"code": KEY}}, (KEY,)) == ()
