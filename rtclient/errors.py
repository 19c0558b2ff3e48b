"""Every exception that rtclient raises on purpose.

RTError(RuntimeError)
├── ConnectError
│   ├── AuthError
│   └── HandshakeRejected
├── ConnectionLost
│   └── ReconnectExhausted
├── ProtocolError
│   ├── LocalProtocolError
│   └── RemoteProtocolError
├── ServerError
└── ResponseFailed

Rules of the file:
- it imports nothing of rtclient, so that the cores may raise from it;
- facts are attributes and the text is made from them; neither holds keys, audio, transcripts or
  tool arguments. What a peer sent as a body is kept in `body`, never in the text or the repr;
- `retryable` is decided here, where the facts are.

Wrong arguments are `ValueError`/`TypeError`, time limits of callers `TimeoutError`.
"""

from collections.abc import Mapping
from typing import Any, Literal

ConnectKind = Literal[
    "dns",
    "refused",
    "tls",
    "timeout",
    "proxy",
    "redirect",
    "handshake",
    "url",
    "auth",
    "rejected",
    "endpoint",
]
"""Why a connection never became open."""

_CONNECT_TEXT: dict[ConnectKind, str] = {
    "dns": "the host name could not be resolved",
    "refused": "no connection could be made",
    "tls": "no trusted TLS connection could be made",
    "timeout": "the server did not answer in time",
    "proxy": "the HTTP proxy did not let the connection through",
    "redirect": "the server answered with a redirect, which is never followed",
    "handshake": "the server did not answer as a WebSocket server does",
    "url": "the address is not a WebSocket URL",
    "auth": "the server refused the credential",
    "rejected": "the server refused the connection",
    "endpoint": "there is no address or no credential to dial with",
}

_CONNECT_ADVICE: dict[ConnectKind, str] = {
    "dns": "check the address and the network",
    "refused": "check the address, and that a server runs there",
    "tls": "check the address; a private authority's certificate goes into EXTRA_CA_FILE",
    "timeout": "try again, or check the network and the firewall",
    "proxy": "check the proxy's address",
    "redirect": "use the final address",
    "handshake": "check the address",
}
_STATUS_ADVICE: dict[int, str] = {
    400: "check the address and the name of the model or deployment",
    401: "check the key or token",
    403: "check that this key or identity may use the service from this network",
    404: "check the address and the name of the model or deployment",
    429: "there were too many requests, or the quota is used up; try again later",
}
"""What to do, where nobody knows better."""

RETRYABLE_CLOSE_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""Close codes after which a new connection may work (the list of openai-python)."""

_RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 529})


class RTError(RuntimeError):
    """The root: whatever rtclient raises on purpose is one of these."""


class ConnectError(RTError):
    """The connection never became open."""

    def __init__(
        self, kind: ConnectKind, *, host: str = "", status: int | None = None, detail: str = ""
    ) -> None:
        self.kind: ConnectKind = kind
        self.host = host
        self.status = status
        """The HTTP status, when the server sent one."""
        self.detail = detail
        """A few words of our own or of the TLS library; never from the peer's body."""
        self.headers: Mapping[str, str] = {}
        """What the server's refusal had, such as the id of the request; names in lower case."""
        text = _CONNECT_TEXT[kind]
        if status is not None:
            text += f" (HTTP {status})"
        if host:
            text = f"{host}: {text}"
        if said := detail or _advice(kind, status):
            text += f": {said}"
        super().__init__(text)

    @property
    def retryable(self) -> bool:
        """Whether dialling again later may work without anybody changing anything."""
        return self.kind in ("dns", "refused", "timeout")


def _advice(kind: ConnectKind, status: int | None) -> str:
    if status is not None and status >= 500:
        return "the trouble is on its side; try again later"
    return _STATUS_ADVICE.get(status or 0) or _CONNECT_ADVICE.get(kind, "")


class AuthError(ConnectError):
    """The server refused the credential: HTTP 401 or 403."""

    def __init__(self, status: int, *, host: str = "", body: str = "") -> None:
        super().__init__("auth", host=host, status=status)
        self.body = body
        """What the server sent with it. Private: it may repeat the credential."""


class HandshakeRejected(ConnectError):
    """The server answered the handshake with another status than 101, 401, 403 or 3xx."""

    def __init__(
        self, status: int, *, host: str = "", body: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__("rejected", host=host, status=status)
        self.body = body
        """What the server sent with it. Private: it may repeat the credential."""
        self.retry_after_s = retry_after_s
        """How long the server asks us to wait, in seconds; None when it does not say."""

    @property
    def retryable(self) -> bool:
        """Whether dialling again later may work without anybody changing anything."""
        return self.status in _RETRYABLE_STATUSES


class ConnectionLost(RTError):
    """The connection was open and is not any more."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        """The close code; 1006 when the peer vanished without a close frame."""
        self.reason = reason
        """The close reason as the peer gave it. Private: show `str(exc)` instead."""
        super().__init__(f"the connection is closed (code {code})")

    @property
    def retryable(self) -> bool:
        """Whether a new connection may work."""
        return self.code in RETRYABLE_CLOSE_CODES


class ReconnectExhausted(ConnectionLost):
    """Every attempt to connect again failed; `__cause__` is the last failure."""

    def __init__(self, attempts: int, elapsed_s: float, *, code: int = 1006) -> None:
        super().__init__(code)
        self.attempts = attempts
        self.elapsed_s = elapsed_s
        self.args = (f"no connection after {attempts} attempts in {elapsed_s:.1f} s",)


class ProtocolError(RTError):
    """An event breaks the rules of the protocol. The text is safe to show to anyone."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid_event",
        param: str | None = None,
        event_type: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The wire error code, as in the `error` event."""
        self.param = param
        """The field at fault, in wire spelling, as in the `error` event."""
        self.event_type = event_type
        """The type of the offending event when it is known; never its content."""


class LocalProtocolError(ProtocolError):
    """We were about to send something that is not allowed."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that is not allowed."""


class ServerError(RTError):
    """The API's `error` event, where a call waited for its result."""

    def __init__(
        self,
        message: str,
        *,
        type: str = "server_error",
        code: str | None = None,
        param: str | None = None,
        event_id: str | None = None,
        error: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.event_id = event_id
        """The id of our event that caused it, when the server named it."""
        self.error = error
        """The body of the event as `rtclient.models.RealtimeError`, where a client raises it."""


RealtimeException = ServerError
"""What Microsoft's rtclient calls it."""


class ResponseFailed(RTError):
    """`response.done` with status `failed` or `incomplete`."""

    def __init__(self, status: str, *, response_id: str = "", code: str | None = None) -> None:
        self.status = status
        self.response_id = response_id
        self.code = code
        """The code in `status_details.error`, or the reason of an incomplete response."""
        super().__init__(f"the response ended as {status}" + (f" ({code})" if code else ""))


# The names of the seed's and of Microsoft's programs.
ConnectionClosedException = ConnectionLost
InvalidMessageFormatError = RemoteProtocolError
