"""Who is let in: what is decided about a request before it becomes a session. Pure.

A WebSocket handshake gives an `Admission` or a `Refusal`; where the service upgrades before it
says no (OpenAI), the refusal is the admission's `first_error`. Other requests ask
`foreign_origin` and `has_key`. Credentials are compared in constant time and never repeated.
"""

import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from rtclient.engine import profiles
from rtclient.engine.asking import Asked, Refusal, refusal
from rtclient.engine.client_secrets import Secret
from rtclient.engine.profiles import AZURE, DEFAULT, OPENAI, PREVIEW_PATH, Denial, Profile
from rtclient.engine.shapes import Fault
from rtclient.protocol.dialects import Dialect

RETRY_AFTER_S: Final = 10
"""When a session too many should try again: sessions end at any time, so it is a guess."""
_MAX_NAME_CHARS = 256
_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A handshake that becomes a connection."""

    model: str = ""
    """What `session.model` says."""
    is_model_fixed: bool = False
    """The client chose a model of its own."""
    kind: Literal["realtime", "transcription"] = "realtime"
    dialect: Dialect = "ga"
    preset: dict[str, Any] | None = None
    """The session of the client secret that opened the door."""
    is_beta: bool = False
    first_error: Fault | None = None
    """The only event that this connection gets; then it is closed with `close_code`."""
    close_code: int = 1000


@dataclass(slots=True)
class Rate:
    """How many were let in within the last minute. Time is passed in, monotonic seconds."""

    most: int
    _times: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> int:
        """Count one; return 0, or after how many seconds there is room when there is none."""
        while self._times and self._times[0] <= now - _WINDOW_S:
            self._times.popleft()
        if len(self._times) >= self.most:
            return max(1, -int(-(self._times[0] + _WINDOW_S - now) // 1))
        self._times.append(now)
        return 0


@dataclass(frozen=True, slots=True)
class DoorRules:
    """What the operator decided about the door."""

    profile: Profile = DEFAULT
    key: str | None = None
    """The standing key; None lets everybody in."""
    model: str = "parley-engine"
    """What a session's model is called when the client names none."""
    deployments: tuple[str, ...] = ()
    """Names that `?model=` may have; none: any."""
    transcription_deployments: tuple[str, ...] = ()
    """Names that transcription may use; none: any."""
    allowed_origins: tuple[str, ...] = ()
    max_sessions: int | None = None
    """How many may be open at once; None: any number."""
    connections_per_minute: int | None = None
    """None: as the profile has it."""

    @property
    def most_per_minute(self) -> int | None:
        """How many handshakes are let in within a minute; None: any number."""
        return self.connections_per_minute or self.profile.connections_per_minute

    @property
    def models(self) -> tuple[str, ...]:
        """The names of `GET /v1/models`."""
        names = (*(self.deployments or (self.model,)), *self.transcription_deployments)
        return tuple(dict.fromkeys(names))

    def has_key(self, asked: Asked) -> bool:
        """Say whether a request presents the standing key, or needs none."""
        if self.key is None:
            return True
        # Headers may hold bytes that are no text; they come as surrogates.
        given = [text.encode(errors="surrogateescape") for text in asked.credentials]
        return any(hmac.compare_digest(self.key.encode(), one) for one in given)


def refusal_of(denial: Denial) -> Refusal:
    """Return what a profile says as an HTTP answer."""
    error: dict[str, Any] = {"code": denial.code, "message": denial.message}
    if denial.type is not None:
        error = {"type": denial.type, **error, "param": None}
    wait = denial.retry_after_s
    return Refusal(denial.status, {"error": error}, (("Retry-After", str(wait)),) if wait else ())


def foreign_origin(rules: DoorRules, asked: Asked) -> Refusal | None:
    """Return why a web page may not ask; None when it may or when it is none."""
    if all(origin in rules.allowed_origins for origin in asked.all("Origin")):
        return None
    return refusal(
        403,
        "origin_not_allowed",
        "Web pages may not connect to this engine. Start it with --allow-origin to let one in.",
    )


def wrong_path(rules: DoorRules, asked: Asked) -> Refusal | None:
    """Return why there is no Realtime API at a path; None when there is."""
    if asked.path in rules.profile.paths:
        return None
    if rules.profile is AZURE:
        return Refusal(404, {"error": {"code": "404", "message": "Resource not found"}})
    return refusal(404, "not_found", f"Connect to one of: {', '.join(rules.profile.paths)}.")


def upgrade_required() -> Refusal:
    """Return the answer to a plain request at a WebSocket's path."""
    return refusal(
        426,
        "upgrade_required",
        "This is a WebSocket address. Connect to it with a WebSocket client.",
        ("Upgrade", "websocket"),
    )


def admit(
    rules: DoorRules,
    asked: Asked,
    find_secret: Callable[[str], Secret | None] = lambda _: None,
    *,
    open_sessions: int = 0,
    rate: Rate | None = None,
    now: float = 0.0,
) -> Admission | Refusal:
    """Judge a WebSocket handshake.

    Args:
        rules: what the operator decided.
        asked: the request.
        find_secret: returns the client secret with this value, unless it is over.
        open_sessions: how many there are already.
        rate: counts the connections of the last minute; None: they are not limited.
        now: monotonic seconds, for `rate`.
    """
    wrong = wrong_path(rules, asked) or foreign_origin(rules, asked)
    if wrong is not None:
        return wrong
    secret = next(filter(None, map(find_secret, asked.credentials)), None)
    if secret is None and not rules.has_key(asked):
        return _denied(rules, profiles.wrong_key(rules.profile))
    if not asked.wants_upgrade:
        return upgrade_required()
    if "call_id" in asked.query:
        message = "The embedded engine takes no calls. Leave 'call_id' out."
        return refusal(400, "invalid_value", message, param="call_id")
    denial = _wrong_version(rules, asked)
    if denial is not None:
        return _denied(rules, denial)
    chosen = _chosen(rules, asked, secret)
    if isinstance(chosen, Admission) and _is_preview(asked):
        # Its clients may ask for the beta shape by a header; here it is what they get.
        chosen = replace(chosen, dialect="preview", is_beta=False)
    if isinstance(chosen, Denial):
        return _denied(rules, chosen)
    if isinstance(chosen, Refusal) or chosen.is_beta:
        return chosen
    if rate is not None and (wait_s := rate.admit(now)):
        return _denied(rules, profiles.too_often(rules.profile, wait_s))
    if rules.max_sessions is not None and open_sessions >= rules.max_sessions:
        return _denied(rules, profiles.too_many(rules.profile, rules.max_sessions, RETRY_AFTER_S))
    return chosen


def _denied(rules: DoorRules, denial: Denial) -> Admission | Refusal:
    """Say no as the service does: before the upgrade, or after it."""
    if rules.profile is not OPENAI:
        return refusal_of(denial)
    fault = Fault(denial.code, denial.message, type=denial.type or "invalid_request_error")
    return Admission(first_error=fault, close_code=denial.close_code)


def _is_preview(asked: Asked) -> bool:
    return asked.path == PREVIEW_PATH


def _wrong_version(rules: DoorRules, asked: Asked) -> Denial | None:
    """Return why the address has no such `api-version`: GA has none, and the preview some."""
    version = asked.query.get("api-version")
    if _is_preview(asked):
        return profiles.wrong_version(version or "")
    is_refused = version is not None and rules.profile is AZURE
    return profiles.wrong_key(AZURE) if is_refused else None


def _chosen(rules: DoorRules, asked: Asked, secret: Secret | None) -> Admission | Refusal | Denial:
    """Return the session that the query asks for, or why there is none."""
    query = asked.query
    model = None if _is_preview(asked) else query.get("model")
    named = (model or query.get("deployment") or "")[:_MAX_NAME_CHARS]
    preset = secret.session if secret else None
    is_beta = asked.is_beta
    intent = query.get("intent")
    if intent not in (None, "transcription"):
        message = "Invalid value of 'intent'. Supported values are: 'transcription'."
        return refusal(400, "invalid_value", message, param="intent")
    served = (rules.model, *rules.deployments) if rules.profile is OPENAI else rules.deployments
    transcribes = intent is not None or (preset is not None and preset["type"] == "transcription")
    if intent is not None and preset is not None and preset["type"] != "transcription":
        message = "The client secret is for a 'realtime' session. Leave 'intent' out."
        return refusal(400, "invalid_value", message, param="intent")
    if transcribes:
        if named and intent and (_is_preview(asked) or rules.profile is AZURE):
            return profiles.wrong_operation(named)
        if named and intent and rules.profile is OPENAI:
            # It takes the model for that of a conversation, and refuses one that transcribes.
            wrong = profiles.wrong_model(OPENAI, named, served)
            return wrong or Admission(named, True, is_beta=is_beta)
        return Admission(rules.model, kind="transcription", preset=preset, is_beta=is_beta)
    given = named
    if preset is not None:  # it was made for some model, if only for the default one
        given = named or preset.get("model") or rules.model
    if given or rules.profile is not DEFAULT:
        wrong = profiles.wrong_model(rules.profile, given, served)
        if wrong is not None:
            return wrong
    return Admission(
        given or rules.model,
        is_model_fixed=bool(named) and named != rules.model,
        preset=preset,
        is_beta=is_beta,
    )
