"""Making client secrets: what a request asks for, and what it gets. Pure.

A secret is a key of our own for browsers and apps of somebody whose server may connect. It opens
the drop-in sockets until it is over, each with the session that it was made with. The upstream
judges that session when it opens: which voices and fields there are, it knows best.
"""

from collections.abc import Mapping
from typing import Any, Final

from rtclient.endpoints import SessionKind
from rtclient.engine.client_secrets import ClientSecrets
from rtclient.engine.shapes import Fault
from rtclient.protocol.dialects import session_to_ga, session_to_preview
from server.drop_in import Models, Refused, model_refusal

PATHS: Final[Mapping[str, str]] = {
    f"{socket}/client_secrets": socket for socket in ("/v1/realtime", "/openai/v1/realtime")
}
"""Where secrets are made → a socket that they open."""

PREVIEW_PATHS: Final[Mapping[str, tuple[str, SessionKind]]] = {
    "/v1/realtime/sessions": ("/v1/realtime", "realtime"),
    "/v1/realtime/transcription_sessions": ("/v1/realtime", "transcription"),
    "/openai/realtime/sessions": ("/openai/realtime", "realtime"),
    "/openai/realtime/transcription_sessions": ("/openai/realtime", "transcription"),
}
"""The same in the preview dialect, with the kind of session."""

PREVIEW_DEFAULT_S: Final = 60
"""How long a secret of the preview dialect lasts unless the request says otherwise."""


def mint(
    secrets: ClientSecrets, body: dict[str, Any], now: float, models: Models, path: str
) -> dict[str, Any] | Refused:
    """Make a secret; return the answer's JSON, or why there is none.

    Args:
        secrets: Where it is kept.
        body: The request's JSON.
        now: Unix time in seconds.
        models: What the session may name.
        path: One of `PATHS`.
    """
    return _mint(secrets, body, now, models, PATHS[path])


def mint_preview(
    secrets: ClientSecrets,
    body: dict[str, Any],
    now: float,
    models: Models,
    path: str,
    *,
    keeps_preview_only: bool = False,
    lost: list[str],
) -> dict[str, Any] | Refused:
    """Make a secret as the preview dialect asks for one: the body is the session, so is the answer.

    Args:
        secrets: Where it is kept.
        body: The request's JSON.
        now: Unix time in seconds.
        models: What the session may name.
        path: One of `PREVIEW_PATHS`.
        keeps_preview_only: Whether the upstream knows what only preview has.
        lost: Gets the names of fields that cannot be kept.
    """
    socket, kind = PREVIEW_PATHS[path]
    flat = dict(body)
    wanted = flat.pop("client_secret", None)
    after = wanted.get("expires_after") if isinstance(wanted, dict) else None
    session = session_to_ga(flat, lost, kind=kind, keeps_preview_only=keeps_preview_only)
    asked = {"session": session, "expires_after": after or {"seconds": PREVIEW_DEFAULT_S}}
    made = _mint(secrets, asked, now, models, socket)
    if isinstance(made, Refused):
        return made
    secret = {"value": made["value"], "expires_at": made["expires_at"]}
    return {**session_to_preview(made["session"], []), "client_secret": secret}


def preset_of(session: dict[str, Any]) -> dict[str, Any] | None:
    """Return what of a secret's session is sent upstream; None when that is nothing.

    The model is chosen when the upstream is dialled, and cannot be changed then.
    """
    preset = {name: value for name, value in session.items() if name != "model"}
    return preset if preset.keys() - {"type"} else None


def _mint(
    secrets: ClientSecrets, body: dict[str, Any], now: float, models: Models, socket: str
) -> dict[str, Any] | Refused:
    session = body.get("session")
    named = session.get("model") if isinstance(session, dict) else None
    if isinstance(named, str) and (why := model_refusal(named, socket, models)):
        return why
    made = secrets.mint(body, now)
    if isinstance(made, Fault):
        status = 429 if made.code == "rate_limit_exceeded" else 400
        return Refused(status, made.code or "invalid_value", made.message, made.type, made.param)
    if "model" in made["session"]:
        made["session"]["model"] = models.served
    return made
