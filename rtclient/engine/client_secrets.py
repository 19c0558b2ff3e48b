"""Client secrets: short-lived keys that a server makes for its browsers and apps. Pure.

A secret opens any number of sessions until it expires, with the configuration that it was made
with; a session outlives its secret. It cannot make further secrets. Time and randomness are passed
in.

Sources: the official `openai` package (`ClientSecretCreateParams`, `ClientSecretCreateResponse`);
the API reference's example, whose session has `expires_at: 0`.
Chosen here, because not documented: while `MAX_LIVE` secrets have not expired, or some whose
sessions take `MAX_CHARS` together, no more are made.

A secret is looked up by its hash: how long that takes says nothing about what was right.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from rtclient.engine.configuration import Fixed, updated
from rtclient.engine.shapes import AnyObject, Fault, Maybe, Number, Only, Shape, missing
from rtclient.engine.strict import SESSIONS
from rtclient.protocol.session import default_session, default_transcription_session, merge

PREFIX: Final = "ek_"
DEFAULT_S: Final = 600
MAX_LIVE: Final = 10_000
MAX_CHARS: Final = 32 * 1024 * 1024
"""Of all sessions together, as JSON."""

_BODY = Shape(
    {
        "expires_after": Maybe(
            Shape(
                {
                    "anchor": Maybe(Only(("created_at",))),
                    "seconds": Maybe(Number(10, 7200, is_whole=True)),
                }
            )
        ),
        "session": Maybe(AnyObject()),
    }
)


@dataclass(frozen=True, slots=True)
class Secret:
    """One client secret. `repr` does not show its value."""

    value: str
    expires_at: int
    """Unix time, seconds."""
    session: dict[str, Any]
    """A valid patch with `type`, as it was asked for."""
    size: int = 0
    """Characters of the session's JSON."""

    def __repr__(self) -> str:
        return f"Secret(expires_at={self.expires_at})"


class ClientSecrets:
    """The secrets of one server."""

    def __init__(
        self,
        new_id: Callable[[str], str],
        new_value: Callable[[], str],
        *,
        model: str,
        is_strict: bool = True,
        most: int = MAX_LIVE,
        most_chars: int = MAX_CHARS,
    ) -> None:
        """Begin without any.

        Args:
            new_id: makes an id for a prefix: `sess` → `sess_…`.
            new_value: makes what cannot be guessed; `ek_` is put before it.
            model: what a session's model is called when none is asked for.
            is_strict: whether sessions are judged as the engine judges them; else they are judged
                when they open, by whoever serves them.
            most: how many there may be that have not expired.
            most_chars: how large their sessions may be together.
        """
        self._most_chars = most_chars
        self._most = most
        self._new_id = new_id
        self._new_value = new_value
        self._model = model
        self._is_strict = is_strict
        self._secrets: dict[bytes, Secret] = {}
        """By the hash of the value."""

    def mint(self, body: Any, now: float) -> dict[str, Any] | Fault:
        """Make a secret as a request's JSON asks; return the answer's JSON, or the fault.

        `now`: Unix time, seconds.
        """
        if fault := _BODY.check(body, ""):
            return fault
        session = body.get("session") or {"type": "realtime"}
        shown = self._shown(session)
        if isinstance(shown, Fault):
            return shown
        size = len(json.dumps(session))
        if not self._has_room(size):
            self._secrets = {
                key: secret for key, secret in self._secrets.items() if secret.expires_at > now
            }
        if not self._has_room(size):
            message = f"{len(self._secrets)} client secrets have not expired. Try again later."
            return Fault("rate_limit_exceeded", message, type="rate_limit_error")
        seconds = (body.get("expires_after") or {}).get("seconds") or DEFAULT_S
        secret = Secret(PREFIX + self._new_value(), int(now) + seconds, session, size)
        self._secrets[_hash(secret.value)] = secret
        return {"value": secret.value, "expires_at": secret.expires_at, "session": shown}

    def find(self, value: str, now: float) -> Secret | None:
        """Return the secret with this value unless it is over. `now`: Unix time, seconds."""
        secret = self._secrets.get(_hash(value))
        return secret if secret is not None and secret.expires_at > now else None

    def _has_room(self, size: int) -> bool:
        used = sum(secret.size for secret in self._secrets.values())
        return len(self._secrets) < self._most and used + size <= self._most_chars

    def _shown(self, session: dict[str, Any]) -> dict[str, Any] | Fault:
        """Return the session that a connection with this patch would begin with."""
        kind = session.get("type")
        if kind is None:
            return missing("session.type")
        spec = SESSIONS.get(kind) if isinstance(kind, str) else None
        if spec is None:
            names = ", ".join(f"'{name}'" for name in SESSIONS)
            message = f"Invalid value of 'session.type'. Supported values are: {names}."
            return Fault("invalid_value", message, "session.type")
        if self._is_strict and (fault := spec.check(session, "session")):
            return fault
        session_id = self._new_id("sess")
        blank = (
            default_session(self._model, session_id, 0)
            if kind == "realtime"
            else default_transcription_session(session_id, 0)
        )
        return updated(blank, session, Fixed()) if self._is_strict else merge(blank, session)


def _hash(value: str) -> bytes:
    # Headers may hold bytes that are no text; they come as surrogates.
    return sha256(value.encode(errors="surrogatepass")).digest()
