"""The tree of exceptions is what its module says, and texts hold nothing private."""

import re

import pytest

from rtclient import errors
from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    ReconnectExhausted,
    RTError,
)


def tree(cls: type, prefix: str = "") -> list[str]:
    """The lines that a docstring shows below `cls`."""
    lines = []
    # Others are of their modules alone, and are there only when those are imported.
    subclasses = [sub for sub in cls.__subclasses__() if sub.__module__ == errors.__name__]
    for index, sub in enumerate(subclasses):
        is_last = index == len(subclasses) - 1
        lines.append(prefix + ("└── " if is_last else "├── ") + sub.__name__)
        lines += tree(sub, prefix + ("    " if is_last else "│   "))
    return lines


def test_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    shown = re.findall(r"^[ │├└─]*[├└]── \w+$", errors.__doc__, re.MULTILINE)
    assert shown == tree(RTError)


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (ConnectError("dns"), True),
        (ConnectError("timeout"), True),
        (ConnectError("tls"), False),
        (ConnectError("redirect", status=302), False),
        (AuthError(401), False),
        (HandshakeRejected(429, retry_after_s=2.0), True),
        (HandshakeRejected(404), False),
        (ConnectionLost(1006), True),
        (ConnectionLost(1008), False),
        (ReconnectExhausted(5, 8.0), True),
    ],
)
def test_who_may_try_again(error: ConnectError | ConnectionLost, is_retryable: bool) -> None:
    assert error.retryable is is_retryable


@pytest.mark.parametrize(
    "error",
    [
        AuthError(401, body="sk-canary"),
        HandshakeRejected(400, body="sk-canary"),
        ConnectionLost(1011, "sk-canary"),
    ],
)
def test_what_the_peer_said_is_not_in_the_text(error: RTError) -> None:
    assert "canary" not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ConnectError("refused", host="localhost"),
            "localhost: no connection could be made: check the address, and that a server runs"
            " there",
        ),
        (ConnectError("tls", detail="certificate has expired"), "certificate has expired"),
        (AuthError(401), "(HTTP 401): check the key or token"),
        (AuthError(403), "may use the service"),
        (HandshakeRejected(404), "the name of the model or deployment"),
        (HandshakeRejected(429), "try again later"),
        (HandshakeRejected(503), "the trouble is on its side"),
        (ConnectError("redirect", status=302), "use the final address"),
    ],
)
def test_the_text_says_what_to_do(error: ConnectError, text: str) -> None:
    assert text in str(error)
