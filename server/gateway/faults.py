"""The error codes of the gateway: what each fault and each `error` event is to its clients. Pure.

A client acts on `code` and `retry_after_ms`; `reason` is for people and logs.
"""

from collections.abc import Mapping
from typing import Any, Final

from server.errors import FAULTS, Fault
from server.gateway.messages import Error, ErrorCode

MEANINGS: Final[Mapping[ErrorCode, str]] = {
    "AuthenticationFailed": "The voice service refused the server's key or identity, or this server"
    " the client's. The operator has to change something.",
    "NotConnected": "The message needs a conversation and there is none yet. Send `config`, sound"
    " or `text` first.",
    "ConnectionFailed": "The voice service cannot be reached or ended the connection. Connect again"
    " when `retry_after_ms` says so.",
    "RateLimitExceeded": "Too many requests, or all places are taken. Wait `retry_after_ms`, then"
    " try again with growing pauses.",
    "InvalidMessage": "What was sent is no message of this protocol. Correct it; the session goes"
    " on.",
    "InvalidConfiguration": "An option has a value that cannot be used, or the voice service"
    " refused the options. `param` names the option where one is at fault.",
    "ProviderError": "The voice service reported a fault. The session goes on.",
    "SessionEnded": "A limit ended the session. Connect again for a new one.",
    "InternalError": "Something went wrong in this server. Report it with the server's log.",
}
"""What each code means and what to do."""

_SOON_MS: Final = 1_000
_LATER_MS: Final = 5_000
_MINUTE_MS: Final = 60_000

_FAULTS: Final[Mapping[str, tuple[ErrorCode, int | None]]] = {
    "upstream_auth_failed": ("AuthenticationFailed", None),
    "upstream_token_failed": ("AuthenticationFailed", None),
    "upstream_forbidden": ("AuthenticationFailed", None),
    "unauthorized": ("AuthenticationFailed", None),
    "upstream_not_found": ("InvalidConfiguration", None),
    "upstream_bad_request": ("InvalidConfiguration", None),
    "session_defaults_rejected": ("InvalidConfiguration", None),
    "upstream_quota_exhausted": ("RateLimitExceeded", None),
    "upstream_rate_limited": ("RateLimitExceeded", _MINUTE_MS),
    "too_many_sessions": ("RateLimitExceeded", 2 * _LATER_MS),
    "upstream_unavailable": ("ConnectionFailed", _MINUTE_MS),
    "upstream_unreachable": ("ConnectionFailed", _LATER_MS),
    "upstream_timeout": ("ConnectionFailed", _LATER_MS),
    "upstream_closed": ("ConnectionFailed", _SOON_MS),
    "upstream_bad_data": ("ConnectionFailed", None),
    "upstream_redirected": ("ConnectionFailed", None),
    "upstream_tls_failed": ("ConnectionFailed", None),
    "engine_starting": ("ConnectionFailed", _LATER_MS),
    "engine_failed": ("ConnectionFailed", _MINUTE_MS),
    "slow_upstream": ("ConnectionFailed", _SOON_MS),
    "slow_client": ("SessionEnded", _SOON_MS),
    "session_limit_reached": ("SessionEnded", 0),
    "session_idle": ("SessionEnded", None),
    "internal_error": ("InternalError", _LATER_MS),
}

_RATE_CODES: Final = frozenset({"rate_limit_exceeded", "too_many_requests", "insufficient_quota"})
_CONFIG_PARAM: Final = "session."
_OPTIONS: Final = (
    ("session.audio.input.turn_detection.", "vad."),
    ("session.audio.input.turn_detection", "turn_detection"),
    ("session.turn_detection.", "vad."),
    ("session.turn_detection", "turn_detection"),
    ("session.audio.input.transcription", "input_transcription"),
    ("session.input_audio_transcription", "input_transcription"),
    ("session.audio.output.voice", "voice"),
    ("session.max_output_tokens", "max_response_tokens"),
    ("session.max_response_output_tokens", "max_response_tokens"),
    (_CONFIG_PARAM, ""),
)
"""Where a field of the API stands in `config`; the first that fits."""


def error_of(fault: Fault) -> Error:
    """Return a fault of this server as clients of the gateway get it."""
    code, retry_after_ms = code_of(fault)
    return Error(
        code=code,
        message=fault.text,
        reason=fault.code,
        param=None,
        retry_after_ms=retry_after_ms,
        fatal=fault.close_code is not None,
    )


def code_of(fault: Fault) -> tuple[ErrorCode, int | None]:
    """Return the code of a fault, and how long to wait in milliseconds (None: in vain)."""
    if found := _FAULTS.get(fault.code):
        return found
    return ("ConnectionFailed" if fault.type == "server_error" else "InvalidMessage"), None


def error_of_event(error: Mapping[str, Any]) -> Error:
    """Return the body of an `error` event, ours or the voice service's, as clients get it."""
    reason = error.get("code") or error.get("type")
    reason = reason if isinstance(reason, str) else "unknown"
    fault = FAULTS.get(reason)
    # The service uses some of these names too; only those that end a session can be told by name.
    if fault is not None and fault.close_code is not None:
        return error_of(fault)
    message, param = error.get("message"), error.get("param")
    param = param if isinstance(param, str) else None
    return Error(
        code=_provider_code(reason, param),
        message=message if isinstance(message, str) else "The voice service reported a fault.",
        reason=reason,
        param=_option(param) if param else None,
        retry_after_ms=_MINUTE_MS if reason in _RATE_CODES else None,
        fatal=False,
    )


def _provider_code(reason: str, param: str | None) -> ErrorCode:
    if reason in _RATE_CODES:
        return "RateLimitExceeded"
    if param and param.startswith(_CONFIG_PARAM):
        return "InvalidConfiguration"
    return "ProviderError"


def _option(param: str) -> str:
    for theirs, ours in _OPTIONS:
        if param.startswith(theirs):
            return ours + param.removeprefix(theirs)
    return param
