"""Why a voice service cannot be used: one word for each cause, whoever asks. Pure.

The server turns a cause into a fault of its table, the command line into a sentence of its own.

Source: Realtime API and Azure OpenAI, statuses of the handshake and codes of the `error` event.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
)

Cause = Literal[
    "auth_failed",  # the key is wrong
    "token_failed",  # no Microsoft Entra ID token could be had
    "forbidden",  # the identity or the network is not allowed
    "not_found",  # no such deployment or model
    "bad_request",
    "redirected",
    "quota_exhausted",  # no credit left
    "rate_limited",
    "unavailable",
    "unreachable",  # DNS, refused, proxy
    "timeout",
    "tls_failed",
    "closed",  # it was open
    "bad_data",
    "dialect_mismatch",
    "settings_rejected",  # the first `session.update`
]
"""What went wrong with a voice service."""

_BY_KIND: Final[Mapping[str, Cause]] = {
    "dns": "unreachable",
    "refused": "unreachable",
    "proxy": "unreachable",
    "tls": "tls_failed",
    "timeout": "timeout",
    "redirect": "redirected",
    "handshake": "unavailable",
    "url": "bad_request",
    "auth": "token_failed",  # `AuthError` is asked first
}

_BY_EVENT_CODE: Final[Mapping[str, Cause]] = {
    "invalid_api_key": "auth_failed",
    "unauthorized": "auth_failed",
    "account_deactivated": "auth_failed",
    "model_not_found": "not_found",
    "invalid_model": "not_found",
    "deploymentnotfound": "not_found",
    "insufficient_quota": "quota_exhausted",
    "billing_hard_limit_reached": "quota_exhausted",
    "rate_limit_exceeded": "rate_limited",
    "too_many_requests": "rate_limited",
}

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,63}")


def cause_of(exc: BaseException) -> Cause | None:
    """Return why a dial or a connection failed; None when the exception is about something else."""
    match exc:
        case AuthError():
            return "forbidden" if exc.status == 403 else "auth_failed"
        case HandshakeRejected():
            return _cause_of_status(exc)
        case ConnectError():
            return _BY_KIND.get(exc.kind, "unavailable")
        case ConnectionLost():
            return "closed"
        case RemoteProtocolError():
            return "bad_data"
        case TimeoutError():
            return "timeout"
        case _:
            return None


def cause_of_first_event(event: Mapping[str, Any]) -> Cause:
    """Return the cause that an `error` event means when it is a session's first event.

    OpenAI accepts the handshake and refuses afterwards, so this is where a wrong key shows.
    """
    error = error_of(event)
    if (cause := account_cause(error)) is not None:
        return cause
    return "unavailable" if error.get("type") == "server_error" else "bad_request"


def account_cause(error: Mapping[str, Any]) -> Cause | None:
    """Return the cause that an `error` body means when it is about the key, model or account."""
    code = str(error.get("code") or "").lower()
    if code in _BY_EVENT_CODE:
        return _BY_EVENT_CODE[code]
    message = str(error.get("message") or "").lower()
    return "auth_failed" if not code and "api key" in message else None


def error_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the body of an `error` event; empty when it has none."""
    body = event.get("error")
    return body if isinstance(body, Mapping) else {}


def words_of(exc: BaseException, secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what can be shown of a refusal besides its cause: status, code, detail.

    Never a sentence of the peer: it may repeat the credential.
    """
    said: list[str] = []
    if isinstance(exc, ConnectError) and exc.status is not None:
        said.append(f"HTTP {exc.status}")
    if isinstance(exc, AuthError | HandshakeRejected):
        said += _code_in(exc.body, secrets)
    if isinstance(exc, ConnectError) and exc.detail:
        said.append(exc.detail)
    return tuple(said)


def words_of_event(event: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what can be shown of an `error` event: its code and its parameter."""
    error = error_of(event)
    return tuple(
        word
        for name in ("code", "param")
        if (word := str(error.get(name) or "")) and _is_shown(word, secrets)
    )


def _cause_of_status(exc: HandshakeRejected) -> Cause:
    match exc.status:
        case 404:
            return "not_found"
        case 429 if "insufficient_quota" in exc.body:
            return "quota_exhausted"
        case 429:
            return "rate_limited"
        case 408 | 504:
            return "timeout"
        case int(status) if 400 <= status < 500:
            return "bad_request"
        case _:
            return "unavailable"


def _code_in(body: str, secrets: tuple[str, ...]) -> list[str]:
    """Return the error code in a refusal's JSON body when it is a plain word."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return []
    error = found.get("error", found) if isinstance(found, dict) else {}
    code = error.get("code") if isinstance(error, dict) else None
    return [code] if isinstance(code, str) and _is_shown(code, secrets) else []


def _is_shown(word: str, secrets: tuple[str, ...]) -> bool:
    """Whether a word of the service is a code and not, say, our key repeated."""
    plain = word.replace(".", "_")
    return _WORD.fullmatch(plain) is not None and not any(s in word for s in secrets)
