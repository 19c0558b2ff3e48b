from typing import Any

import pytest

from server.errors import FAULTS
from server.gateway.faults import MEANINGS, code_of, error_of, error_of_event


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_a_code_that_is_explained(code: str) -> None:
    error = error_of(FAULTS[code])
    assert error.code in MEANINGS
    assert error.reason == code
    assert error.message == FAULTS[code].text
    assert error.fatal == (FAULTS[code].close_code is not None)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("upstream_auth_failed", "AuthenticationFailed"),
        ("upstream_unreachable", "ConnectionFailed"),
        ("upstream_dialect_mismatch", "ConnectionFailed"),
        ("upstream_rate_limited", "RateLimitExceeded"),
        ("too_many_sessions", "RateLimitExceeded"),
        ("session_idle", "SessionEnded"),
        ("internal_error", "InternalError"),
        ("binary_not_supported", "InvalidMessage"),
    ],
)
def test_the_code_is_what_a_client_can_act_on(fault: str, code: str) -> None:
    assert code_of(FAULTS[fault])[0] == code


@pytest.mark.parametrize("code", FAULTS)
def test_waiting_helps_where_the_close_code_says_so(code: str) -> None:
    fault = FAULTS[code]
    if fault.close_code == 1013:
        assert code_of(fault)[1] is not None
    if code_of(fault)[0] == "AuthenticationFailed":
        assert code_of(fault)[1] is None


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"code": "rate_limit_exceeded", "message": "Slow."}, ("RateLimitExceeded", None, 60_000)),
        (
            {"code": "invalid_value", "param": "session.audio.input.turn_detection.threshold"},
            ("InvalidConfiguration", "vad.threshold", None),
        ),
        (
            {"code": "invalid_value", "param": "session.max_output_tokens"},
            ("InvalidConfiguration", "max_response_tokens", None),
        ),
        (
            {"code": "invalid_value", "param": "session.tools[0].name"},
            ("InvalidConfiguration", "tools[0].name", None),
        ),
        ({"type": "server_error", "code": None}, ("ProviderError", None, None)),
        ({}, ("ProviderError", None, None)),
        ({"code": 3, "message": 4, "param": 5}, ("ProviderError", None, None)),
    ],
)
def test_errors_of_the_service_are_told_apart(
    body: dict[str, Any], wanted: tuple[str, str | None, int | None]
) -> None:
    error = error_of_event(body)
    assert (error.code, error.param, error.retry_after_ms) == wanted
    assert not error.fatal
    assert error.message
