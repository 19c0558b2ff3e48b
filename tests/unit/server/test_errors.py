"""The table of faults and from what each is recognised."""

import re

import pytest
from openai.types.realtime import RealtimeErrorEvent

from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
)
from server.errors import FAULTS, FaultError, error_event, fault_of, fault_of_event

CODES = """upstream_auth_failed upstream_forbidden upstream_not_found upstream_bad_request
    upstream_redirected upstream_rate_limited upstream_unavailable upstream_unreachable
    upstream_timeout upstream_tls_failed upstream_closed upstream_bad_data
    session_defaults_rejected too_many_sessions session_limit_reached session_idle slow_client
    slow_upstream engine_starting engine_failed invalid_json invalid_event event_too_large
    binary_not_supported unauthorized loopback_only origin_not_allowed host_not_allowed
    internal_error too_many_responses upstream_token_failed upstream_quota_exhausted
    upstream_dialect_mismatch client_secret_rejected""".split()


def test_the_codes_are_stable() -> None:
    assert set(CODES) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_says_what_happened_and_what_to_do(fault) -> None:  # type: ignore[no-untyped-def]
    for sentence in (fault.message, fault.advice):
        assert re.fullmatch(r"[A-Z].*\.", sentence), sentence
    assert 400 <= fault.http_status < 600
    assert fault.close_code in (None, 1008, 1011, 1013)


@pytest.mark.parametrize(
    ("exc", "code", "close_code"),
    [
        (AuthError(401), "upstream_auth_failed", 1008),
        (AuthError(403), "upstream_forbidden", 1008),
        (HandshakeRejected(400), "upstream_bad_request", 1008),
        (HandshakeRejected(404), "upstream_not_found", 1008),
        (HandshakeRejected(405), "upstream_bad_request", 1008),
        (HandshakeRejected(426), "upstream_bad_request", 1008),
        (HandshakeRejected(431), "upstream_bad_request", 1008),
        (HandshakeRejected(408), "upstream_timeout", 1013),
        (HandshakeRejected(429), "upstream_rate_limited", 1013),
        (HandshakeRejected(429, body="insufficient_quota"), "upstream_quota_exhausted", 1008),
        (HandshakeRejected(500), "upstream_unavailable", 1013),
        (HandshakeRejected(503), "upstream_unavailable", 1013),
        (HandshakeRejected(504), "upstream_timeout", 1013),
        (HandshakeRejected(529), "upstream_unavailable", 1013),
        (ConnectError("redirect", status=302), "upstream_redirected", 1008),
        (ConnectError("dns"), "upstream_unreachable", 1013),
        (ConnectError("refused"), "upstream_unreachable", 1013),
        (ConnectError("proxy"), "upstream_unreachable", 1013),
        (ConnectError("timeout"), "upstream_timeout", 1013),
        (ConnectError("tls"), "upstream_tls_failed", 1008),
        (ConnectError("handshake"), "upstream_unavailable", 1013),
        (ConnectError("url"), "upstream_bad_request", 1008),
        (ConnectionLost(1006), "upstream_closed", 1011),
        (RemoteProtocolError("x"), "upstream_bad_data", 1011),
        (TimeoutError(), "upstream_timeout", 1013),
        (FaultError("engine_starting"), "engine_starting", 1013),
        (KeyError("x"), "internal_error", 1011),
    ],
)
def test_an_exception_becomes_its_fault(exc: Exception, code: str, close_code: int) -> None:
    fault = fault_of(exc)
    assert (fault.code, fault.close_code) == (code, close_code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "invalid_api_key", "type": "invalid_request_error"}, "upstream_auth_failed"),
        ({"code": "Unauthorized"}, "upstream_auth_failed"),
        ({"code": None, "message": "Incorrect API key provided: sk-…"}, "upstream_auth_failed"),
        ({"code": "account_deactivated"}, "upstream_auth_failed"),
        ({"code": "model_not_found"}, "upstream_not_found"),
        ({"code": "invalid_model"}, "upstream_not_found"),
        ({"code": "DeploymentNotFound"}, "upstream_not_found"),
        ({"code": "insufficient_quota"}, "upstream_quota_exhausted"),
        ({"code": "billing_hard_limit_reached"}, "upstream_quota_exhausted"),
        ({"code": "rate_limit_exceeded"}, "upstream_rate_limited"),
        ({"code": None, "type": "server_error"}, "upstream_unavailable"),
        ({"code": "beta_api_shape_disabled"}, "upstream_bad_request"),
        ({}, "upstream_bad_request"),
        (None, "upstream_bad_request"),
        ("text", "upstream_bad_request"),
        ({"code": ["x"], "message": 7}, "upstream_bad_request"),
    ],
)
def test_a_refusal_after_the_handshake_becomes_its_fault(error: object, code: str) -> None:
    assert fault_of_event({"type": "error", "error": error}).code == code


def test_the_error_event_is_what_clients_know() -> None:
    fault = FAULTS["upstream_auth_failed"]
    event = error_event(fault, "event_7")
    RealtimeErrorEvent.model_validate(event, strict=True)
    assert event["event_id"] == "event_7"
    assert event["error"]["code"] == "upstream_auth_failed"
    assert event["error"]["message"] == f"{fault.message} {fault.advice}"
    assert error_event(fault)["event_id"]
