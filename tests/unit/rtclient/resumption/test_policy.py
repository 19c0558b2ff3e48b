"""When a connection is dialled again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
    RTError,
)
from rtclient.resumption.policy import Attempts, ReconnectPolicy, is_worth_a_dial

POLICY = ReconnectPolicy(max_attempts=4, base_s=0.5, cap_s=4.0, budget_s=10.0)
REFUSED = ConnectError("refused")


def attempts(policy: ReconnectPolicy = POLICY, *, fresh: bool = False, dials: int = 1) -> Attempts:
    made = Attempts(policy, 100.0, has_fresh_tokens=fresh)
    for _ in range(dials):
        made.dialled()
    return made


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_delay_is_a_share_of_a_ceiling_that_doubles(failures: int, share: float) -> None:
    ceiling = min(4.0, 0.5 * 2 ** min(failures - 1, 30))
    assert POLICY.delay_s(failures, share) == share * ceiling


def test_the_first_ceilings() -> None:
    assert [POLICY.delay_s(n, 1.0) for n in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_policy_has_no_negative_numbers() -> None:
    with pytest.raises(ValueError, match="negative"):
        ReconnectPolicy(base_s=-1)


@pytest.mark.parametrize(
    ("error", "is_worth"),
    [
        (ConnectError("dns"), True),
        (ConnectError("refused"), True),
        (ConnectError("timeout"), True),
        (ConnectError("handshake"), True),
        (ConnectError("tls"), False),
        (ConnectError("redirect", status=302), False),
        (ConnectError("url"), False),
        *[(HandshakeRejected(status), True) for status in (408, 429, 500, 502, 503, 504, 529)],
        *[(HandshakeRejected(status), False) for status in (400, 404, 405, 426, 431)],
        (HandshakeRejected(429, body='{"code": "insufficient_quota"}'), False),
        (AuthError(401), False),
        (AuthError(403), False),
        *[(ConnectionLost(code), True) for code in (1001, 1005, 1006, 1011, 1012, 1013, 1015)],
        *[(ConnectionLost(code), False) for code in (1000, 1002, 1003, 1007, 1008, 4001)],
        (RemoteProtocolError("broken"), False),
    ],
    ids=str,
)
def test_what_is_worth_another_dial(error: RTError, is_worth: bool) -> None:
    assert is_worth_a_dial(error) is is_worth
    assert (attempts().next_dial(error, 100.0, 0.5) is not None) is is_worth


def test_the_attempts_of_the_policy_are_all() -> None:
    assert attempts(dials=3).next_dial(REFUSED, 100.0, 0.0) == 100.0
    assert attempts(dials=4).next_dial(REFUSED, 100.0, 0.0) is None


def test_no_dial_begins_after_the_budget() -> None:
    assert attempts().next_dial(REFUSED, 109.5, 1.0) == 110.0
    assert attempts().next_dial(REFUSED, 109.6, 1.0) is None


def test_a_server_that_says_when_is_not_asked_sooner() -> None:
    busy = HandshakeRejected(429, retry_after_s=3.0)
    assert attempts().next_dial(busy, 100.0, 0.1) == 103.0


def test_a_server_that_says_too_late_is_given_up_at_once() -> None:
    busy = HandshakeRejected(429, retry_after_s=30.0)
    assert attempts().next_dial(busy, 100.0, 0.1) is None


def test_a_refused_token_is_asked_for_once_more() -> None:
    made = attempts(fresh=True)
    assert made.next_dial(AuthError(401), 100.0, 1.0) == 100.0
    assert made.next_dial(AuthError(401), 100.0, 1.0) is None


def test_a_refused_key_is_not_tried_again() -> None:
    assert attempts(fresh=False).next_dial(AuthError(401), 100.0, 1.0) is None


def test_a_forbidden_token_is_not_tried_again() -> None:
    assert attempts(fresh=True).next_dial(AuthError(403), 100.0, 1.0) is None
