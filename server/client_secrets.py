"""Making client secrets: what a request asks for, and what it gets. Pure.

A secret is a key of our own for browsers and apps of somebody whose server may connect. It opens
the drop-in sockets until it is over, each with the session that it was made with. The upstream
judges that session when it opens: which voices and fields there are, it knows best.
"""

from typing import Any, Final

from rtclient.endpoints import SessionKind
from rtclient.engine.client_secrets import ClientSecrets
from rtclient.engine.shapes import Fault
from rtclient.protocol.dialects import session_to_ga, session_to_preview
from server.drop_in import Family, Models, Refused, model_refusal

PREVIEW_DEFAULT_S: Final = 60
"""How long a secret of the preview dialect lasts unless the request says otherwise."""


def mint(
    secrets: ClientSecrets, body: Any, now: float, models: Models, family: Family
) -> dict[str, Any] | Refused:
    """Make a secret; return the answer's JSON, or why there is none.

    Args:
        secrets: Where it is kept.
        body: The request's JSON.
        now: Unix time in seconds.
        models: What the session may name.
        family: Whose path was asked.
    """
    session = body.get("session") if isinstance(body, dict) else None
    named = session.get("model") if isinstance(session, dict) else None
    path = "/v1/realtime" if family == "openai" else "/openai/v1/realtime"
    if isinstance(named, str) and (why := model_refusal(named, path, models)):
        return why
    made = secrets.mint(body, now)
    if isinstance(made, Fault):
        status = 429 if made.code == "rate_limit_exceeded" else 400
        return Refused(status, made.code or "invalid_value", made.message, made.type, made.param)
    if "model" in made["session"]:
        made["session"]["model"] = models.served
    return made


def mint_preview(
    secrets: ClientSecrets,
    body: dict[str, Any],
    now: float,
    models: Models,
    family: Family,
    *,
    kind: SessionKind = "realtime",
    keeps_preview_only: bool = False,
    lost: list[str],
) -> dict[str, Any] | Refused:
    """Make a secret as the preview dialect asks for one: the body is the session, so is the answer.

    Args:
        secrets: Where it is kept.
        body: The request's JSON.
        now: Unix time in seconds.
        models: What the session may name.
        family: Whose path was asked.
        kind: What the path is for.
        keeps_preview_only: Whether the upstream knows what only preview has.
        lost: Gets the names of fields that cannot be kept.
    """
    flat = dict(body)
    wanted = flat.pop("client_secret", None)
    after = wanted.get("expires_after") if isinstance(wanted, dict) else None
    ga = session_to_ga(flat, lost, kind=kind, keeps_preview_only=keeps_preview_only)
    asked = {
        "session": ga,
        "expires_after": after or {"seconds": PREVIEW_DEFAULT_S},
    }
    made = mint(secrets, asked, now, models, family)
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
