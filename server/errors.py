"""One table of everything that can go wrong, and from what it is recognised.

A fault has a stable code (for programs), a sentence (what happened) and an advice (what to do). The
sentences are shown to whoever uses the page: no host, key, deployment or text of the upstream.
docs/troubleshooting.md is made from this table by scripts/generate_docs.py.

HTTP status: when a socket or request is refused before it is accepted. Close code: after an `error`
event, on an open socket; 1008 means "somebody has to change something", 1013 "try again later",
1011 "not the client's fault, and not a matter of waiting".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rtclient.service.causes import Cause, account_cause, cause_of, cause_of_first_event


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong."""

    code: str
    http_status: int
    close_code: int | None
    """None: the session lives on."""
    type: Literal["server_error", "invalid_request_error", "rate_limit_error"]
    message: str
    """What happened, one sentence."""
    advice: str
    """What to do about it."""

    @property
    def text(self) -> str:
        """What happened and what to do."""
        return f"{self.message} {self.advice}"


class FaultError(RuntimeError):
    """Raised where a fault is known by its code already."""

    def __init__(self, code: str) -> None:
        self.fault = FAULTS[code]
        super().__init__(self.fault.text)


_TABLE: Final = (
    # Before the upstream is open.
    Fault(
        "upstream_auth_failed",
        502,
        1008,
        "server_error",
        "The voice service refused the server's key.",
        "Check AZURE_OPENAI_API_KEY (and that it belongs to AZURE_OPENAI_ENDPOINT) or"
        " OPENAI_API_KEY in .env, then start the server again.",
    ),
    Fault(
        "upstream_token_failed",
        502,
        1008,
        "server_error",
        "The server could not get a Microsoft Entra ID token.",
        "Sign in with `az login`, give the server a managed identity, or set"
        " AZURE_OPENAI_API_KEY in .env.",
    ),
    Fault(
        "upstream_forbidden",
        502,
        1008,
        "server_error",
        "The voice service does not allow this access.",
        "With Microsoft Entra ID give the identity the role Cognitive Services OpenAI User; else"
        " check the resource's network rules and region.",
    ),
    Fault(
        "upstream_not_found",
        502,
        1008,
        "server_error",
        "The voice service does not know the deployment or model.",
        "Check AZURE_OPENAI_DEPLOYMENT (the deployment's own name; a new one needs some minutes)"
        " and AZURE_OPENAI_ENDPOINT, or OPENAI_MODEL, in .env. A deployment that has the preview"
        " API only needs AZURE_OPENAI_DIALECT=preview.",
    ),
    Fault(
        "upstream_bad_request",
        502,
        1008,
        "server_error",
        "The voice service did not accept the request.",
        "Check that the deployment or model is a realtime one, such as gpt-realtime.",
    ),
    Fault(
        "upstream_redirected",
        502,
        1008,
        "server_error",
        "The voice service answered with a redirect, which is never followed because the key would"
        " go along.",
        "Set the final address in AZURE_OPENAI_ENDPOINT or OPENAI_BASE_URL.",
    ),
    Fault(
        "upstream_quota_exhausted",
        502,
        1008,
        "server_error",
        "The account at the voice service has no credit left.",
        "Add credit or raise the limit in the account's billing settings.",
    ),
    Fault(
        "upstream_rate_limited",
        429,
        1013,
        "rate_limit_error",
        "The voice service has too many requests right now.",
        "Try again in a minute, or raise the deployment's quota.",
    ),
    Fault(
        "upstream_unavailable",
        503,
        1013,
        "server_error",
        "The voice service is not available right now.",
        "Try again in a minute.",
    ),
    Fault(
        "upstream_unreachable",
        503,
        1013,
        "server_error",
        "The voice service cannot be reached.",
        "Check the server's network, AZURE_OPENAI_ENDPOINT or OPENAI_BASE_URL, and"
        " PARLEY_UPSTREAM_PROXY when the network needs a proxy.",
    ),
    Fault(
        "upstream_timeout",
        504,
        1013,
        "server_error",
        "The voice service did not answer in time.",
        "Try again; if it stays so, check the server's network and firewall.",
    ),
    Fault(
        "upstream_tls_failed",
        502,
        1008,
        "server_error",
        "The voice service's certificate is not trusted.",
        "Check the address; behind a proxy that inspects TLS, or with a private authority, name its"
        " certificate in EXTRA_CA_FILE.",
    ),
    # While the session runs.
    Fault(
        "upstream_closed",
        502,
        1011,
        "server_error",
        "The voice service ended the connection.",
        "Start a new session.",
    ),
    Fault(
        "upstream_bad_data",
        502,
        1011,
        "server_error",
        "The voice service sent something that cannot be understood.",
        "Check that the address is that of a Realtime API; if so, please report it.",
    ),
    Fault(
        "upstream_dialect_mismatch",
        502,
        1011,
        "server_error",
        "The voice service speaks another dialect than the one that is set.",
        "On Azure set AZURE_OPENAI_DIALECT=preview in .env for an older API version, or take that"
        " line out for the generally available API. Another server, dialled by OPENAI_BASE_URL, has"
        " to speak the generally available API.",
    ),
    Fault(
        "session_defaults_rejected",
        502,
        1011,
        "server_error",
        "The voice service did not accept the server's session settings.",
        "Check AZURE_OPENAI_VOICE and the model; older models do not know every setting.",
    ),
    Fault(
        "client_secret_rejected",
        502,
        1008,
        "invalid_request_error",
        "The voice service did not accept the session that the client secret was made with.",
        "The error before this one says why; make a client secret with another session.",
    ),
    Fault(
        "slow_upstream",
        503,
        1013,
        "server_error",
        "The voice service stopped taking what was sent.",
        "Start a new session.",
    ),
    Fault(
        "slow_client",
        503,
        1013,
        "server_error",
        "This client did not take what was sent to it for too long.",
        "Start a new session; on a slow network close other downloads first.",
    ),
    Fault(
        "session_limit_reached",
        503,
        1008,
        "server_error",
        "The session reached its longest duration.",
        "Start a new one; the operator sets the limit with SESSION_LIMIT_S.",
    ),
    Fault(
        "session_idle",
        503,
        1008,
        "server_error",
        "The session was idle for too long.",
        "Start a new one; the operator sets the limit with IDLE_LIMIT_S.",
    ),
    Fault(
        "too_many_sessions",
        503,
        1013,
        "rate_limit_error",
        "All places are taken.",
        "Try again when somebody has finished; the operator sets the number with MAX_SESSIONS.",
    ),
    # The engine.
    Fault(
        "engine_starting",
        503,
        1013,
        "server_error",
        "The built-in engine is still starting.",
        "Try again in a few seconds.",
    ),
    Fault(
        "engine_failed",
        503,
        1011,
        "server_error",
        "The built-in engine does not run.",
        "Look into the server's log; `pip install -r requirements.txt` brings what it needs.",
    ),
    # What a client sent.
    Fault(
        "invalid_json",
        400,
        None,
        "invalid_request_error",
        "The message is not strict JSON.",
        "Send one JSON object in one text frame, without duplicate keys, NaN or trailing text.",
    ),
    Fault(
        "invalid_event",
        400,
        None,
        "invalid_request_error",
        "The message is not an event.",
        "Send a JSON object with a `type`.",
    ),
    Fault(
        "event_too_large",
        413,
        None,
        "invalid_request_error",
        "The event is too large.",
        "Send sound in smaller pieces; one event may have 16 MiB.",
    ),
    Fault(
        "binary_not_supported",
        400,
        None,
        "invalid_request_error",
        "Binary frames are not supported here.",
        "Send events as text, with sound in base64.",
    ),
    Fault(
        "too_many_responses",
        429,
        None,
        "rate_limit_error",
        "Too many responses wait for the one that is under way.",
        "Wait for a response.done before you send another response.create.",
    ),
    # Who may connect.
    Fault(
        "unauthorized",
        401,
        1008,
        "invalid_request_error",
        "This server asks for an access token.",
        "Open the login link that the server printed at its start; a program sends the token as"
        " its key.",
    ),
    Fault(
        "loopback_only",
        403,
        1008,
        "invalid_request_error",
        "Without an access token this path is for programs on the same machine.",
        "Connect to it by 127.0.0.1, or set ACCESS_TOKEN and send it as the key.",
    ),
    Fault(
        "origin_not_allowed",
        403,
        1008,
        "invalid_request_error",
        "Pages of this origin may not connect.",
        "The operator allows an origin with PARLEY_ALLOWED_ORIGINS.",
    ),
    Fault(
        "host_not_allowed",
        400,
        1008,
        "invalid_request_error",
        "This server is not known under this host name.",
        "The operator allows a name with PARLEY_ALLOWED_HOSTS.",
    ),
    Fault(
        "internal_error",
        500,
        1011,
        "server_error",
        "Something went wrong in this server.",
        "Start a new session; if it happens again, please report it with the server's log.",
    ),
)

FAULTS: Final[Mapping[str, Fault]] = {fault.code: fault for fault in _TABLE}
"""Every fault by its code."""


def fault_of(exc: BaseException) -> Fault:
    """Return the fault that an exception of the upstream leg means; anything else is ours."""
    if isinstance(exc, FaultError):
        return exc.fault
    cause = cause_of(exc)
    return FAULTS["internal_error"] if cause is None else fault_of_cause(cause)


def fault_of_cause(cause: Cause) -> Fault:
    """Return the fault of an upstream that cannot be used."""
    if cause == "settings_rejected":
        return FAULTS["session_defaults_rejected"]
    return FAULTS[f"upstream_{cause}"]


def fault_of_event(event: Mapping[str, Any]) -> Fault:
    """Return the fault that an upstream's `error` event means, when it is its first event."""
    return fault_of_cause(cause_of_first_event(event))


def account_fault(error: Mapping[str, Any]) -> Fault | None:
    """Return the fault that an `error` body means when it is about the key, model or account."""
    cause = account_cause(error)
    return None if cause is None else fault_of_cause(cause)


def error_event(fault: Fault, event_id: str | None = None) -> dict[str, Any]:
    """Return the `error` event that tells a client. `event_id`: of this event, not of a cause."""
    return {
        "type": "error",
        "event_id": event_id or f"event_{fault.code}",
        "error": {
            "type": fault.type,
            "code": fault.code,
            "message": fault.text,
            "param": None,
            "event_id": None,
        },
    }
