"""When to dial again: the policy and its arithmetic. Pure; the face waits and dials.

Which failures are worth another dial: an address that does not answer, a handshake that ends early,
HTTP 408, 429, 5xx, and the close codes of `rtclient.errors.RETRYABLE_CLOSE_CODES`. A refused
credential is dialled once more, where a new token can be asked for. Everything else stays as it is
until somebody changes something, so it ends at once.

Source: the delays are "full jitter" (a random share of a ceiling that doubles), so that many
clients that lost one server do not come back together.
"""

from dataclasses import dataclass

from rtclient.errors import AuthError, ConnectError, ConnectionLost, HandshakeRejected, RTError

_NO_QUOTA = "insufficient_quota"


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """How often and how long a connection is tried."""

    max_attempts: int = 10
    """Dials in a row; 0 never dials again."""
    base_s: float = 0.5
    """Ceiling of the first delay between two dials, in seconds; it doubles each time."""
    cap_s: float = 15.0
    """The highest ceiling, in seconds."""
    budget_s: float = 60.0
    """After these seconds no further dial begins."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.max_attempts < 0 or min(self.base_s, self.cap_s, self.budget_s) < 0:
            raise ValueError("a ReconnectPolicy has no negative numbers")

    def delay_s(self, failures: int, share: float) -> float:
        """Return the seconds to wait after the nth failure in a row.

        Args:
            failures: From 1.
            share: A random number, 0 to 1.
        """
        # Beyond 2^30 the cap decides, and a float would overflow some day.
        return share * min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 30))


FIRST_CONNECTION = ReconnectPolicy(max_attempts=4, base_s=0.25, cap_s=4.0, budget_s=10.0)
"""For the first connection: whoever waits for it wants to know soon."""

LOST_CONNECTION = ReconnectPolicy()
"""For a connection that was lost: a network may be gone for a minute."""


class Attempts:
    """The dials for one connection, counted."""

    def __init__(self, policy: ReconnectPolicy, now: float, *, has_fresh_tokens: bool) -> None:
        """Begin to count.

        Args:
            policy: How often and how long.
            now: Seconds of a monotonic clock.
            has_fresh_tokens: Whether another dial may carry another credential.
        """
        self._policy = policy
        self._since = now
        self._may_refresh = has_fresh_tokens
        self.count = 0
        """Dials so far."""

    def dialled(self) -> None:
        """Note a dial."""
        self.count += 1

    def elapsed_s(self, now: float) -> float:
        """Return the seconds since the begin."""
        return now - self._since

    def next_dial(self, error: RTError, now: float, share: float) -> float | None:
        """Return when to dial after this failure, None to give up.

        Args:
            error: Why the last dial failed.
            now: Seconds of a monotonic clock.
            share: A random number, 0 to 1.
        """
        if isinstance(error, AuthError) and error.status == 401 and self._may_refresh:
            self._may_refresh = False
            return now
        if not is_worth_a_dial(error) or self.count >= self._policy.max_attempts:
            return None
        wait_s = self._policy.delay_s(self.count, share)
        if isinstance(error, HandshakeRejected):
            wait_s = max(wait_s, error.retry_after_s or 0.0)
        at = now + wait_s
        return at if at - self._since <= self._policy.budget_s else None


def is_worth_a_dial(error: RTError) -> bool:
    """Return whether dialling again may work without anybody changing anything."""
    if isinstance(error, HandshakeRejected):
        return error.retryable and _NO_QUOTA not in error.body
    if isinstance(error, ConnectError):
        return error.retryable or error.kind == "handshake"
    return isinstance(error, ConnectionLost) and error.retryable
