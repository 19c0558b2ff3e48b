"""The drop-in paths: what a program's address asks for, and how the real service says no. Pure.

A program that was written for OpenAI or Azure connects here by another host name only. So a path
belongs to a family, and whatever is refused on it before the upgrade has the shape that programs of
this family know. Query names that are not known are ignored: clients bring odd ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from rtclient.endpoints import SessionKind
from rtclient.engine.profiles import AZURE, wrong_key, wrong_model
from rtclient.protocol.bridge import handshake_dialect
from rtclient.protocol.dialects import DIALECTS, Dialect
from server.errors import Fault

Family = Literal["openai", "azure", "azure-preview"]
"""Whose paths they are; Azure's preview has a path of its own."""

SOCKETS: Final[Mapping[str, Family]] = {
    "/v1/realtime": "openai",
    "/openai/v1/realtime": "azure",
    "/openai/realtime": "azure-preview",
}
"""The WebSocket paths."""

_LIVE: Final = (
    "GPT-Live is another protocol, with other events. Connect to {path} and name a realtime model,"
    " such as gpt-realtime."
)
_TRANSLATION: Final = (
    "Realtime translation is another protocol, with other events. Connect to {path} and ask for the"
    " translation in the session's instructions."
)
_CALLS: Final = "Calls by WebRTC or SIP are not served here. Connect to {path} with a WebSocket."
FOREIGN: Final[Mapping[str, str]] = {
    f"{prefix}/{path}": message.format(path=f"{prefix}/realtime")
    for prefix in ("/v1", "/openai/v1")
    for path, message in (
        ("live", _LIVE),
        ("live/client_secrets", _LIVE),
        ("realtime/translations", _TRANSLATION),
        ("realtime/translations/client_secrets", _TRANSLATION),
        ("realtime/calls", _CALLS),
    )
}
"""Paths of the same services that lead to something else, and what to do."""

QUERY: Final = (
    *("model", "deployment", "api-version", "api-key", "intent", "call_id"),
    *("sequencer", "dialect"),
)
"""The query names that mean something: theirs, and ours."""
_MAX_NAME_CHARS = 128


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a program is not served."""

    status: int
    """Of the HTTP answer."""
    code: str
    message: str
    """What happened and what to do."""
    type: str = "invalid_request_error"
    param: str | None = None
    close_code: int | None = None
    """Set: the service upgrades first, then sends this as an `error` event and closes."""

    def body(self, family: Family) -> dict[str, Any]:
        """Return the JSON that programs of this family know."""
        if family != "openai":
            return {"error": {"code": self.code, "message": self.message}}
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


@dataclass(frozen=True, slots=True)
class Models:
    """The models that programs may name."""

    served: str
    """What the upstream calls its model, or on Azure the deployment."""
    is_strict: bool = False
    """Whether another name is refused as the real service refuses it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a handshake asks for."""

    family: Family
    kind: SessionKind = "realtime"
    is_other_model: bool = False
    """A model was named that is not the one served; it is served by that one."""
    uses_sequencer: bool = False
    evidence: Dialect = "ga"
    """What the handshake lets one guess; the first event may say otherwise."""
    dialect: Dialect | None = None
    """What `?dialect=` says, for good; None: it is found out."""
    has_unknown: bool = False
    """The query has names that mean nothing here."""


def family_of(path: str) -> Family | None:
    """Return whose path it is, that of a socket or of what belongs to it; None: no service's."""
    if path.startswith("/openai/v1/"):
        return "azure"
    if path.startswith("/openai/"):
        return "azure-preview"
    return "openai" if path.startswith("/v1/") else None


def wish_of(
    path: str,
    query: Sequence[tuple[str, str]],
    models: Models,
    preset: Mapping[str, Any] | None = None,
    *,
    subprotocols: Sequence[str] = (),
    beta_header: str | None = None,
) -> Wish | Refused:
    """Return what a handshake at one of `SOCKETS` asks for, or why it is refused.

    Args:
        path: One of `SOCKETS`.
        query: Names and values in order.
        models: What may be named.
        preset: The session of the client secret that opened the door.
        subprotocols: Those that are offered.
        beta_header: The value of `OpenAI-Beta`.
    """
    asked = dict(query)
    if len(asked) < len(query):
        return _repeated(query)
    preset = preset or {}
    if refused := _refused(path, asked, preset):
        return refused
    family = SOCKETS[path]
    is_transcription = "intent" in asked or preset.get("type") == "transcription"
    wish = Wish(
        family,
        uses_sequencer=asked.get("sequencer") == "1",
        evidence=handshake_dialect(path, subprotocols, beta_header),
        dialect=DIALECTS.get(asked.get("dialect", "")),
        has_unknown=not set(asked).issubset(QUERY),
    )
    if is_transcription:
        return replace(wish, kind="transcription")  # such a session has no model of its own
    named = _named(asked) or str(preset.get("model") or "")
    if refused := model_refusal(named, path, models):
        return refused
    return replace(wish, is_other_model=named not in ("", models.served))


def model_refusal(named: str, path: str, models: Models) -> Refused | None:
    """Return why a model is not served at one of `SOCKETS`; None when it is, by its own or another.

    `named`: what was asked for; empty when nothing was.
    """
    if named.startswith("gpt-live-") and not named.startswith("gpt-live-transcribe"):
        return Refused(400, "protocol_not_served", _LIVE.format(path=path), param="model")
    if named.startswith("gpt-realtime-translate"):
        return Refused(400, "protocol_not_served", _TRANSLATION.format(path=path), param="model")
    if models.is_strict and named not in ("", models.served):
        return _not_served(SOCKETS[path], named, models)
    return None


def _repeated(query: Sequence[tuple[str, str]]) -> Refused:
    count = Counter(name for name, _ in query)
    # A name that is not known is not said again: people paste keys into addresses.
    param = next((name for name in QUERY if count[name] > 1), None)
    name = f"`{param}`" if param else "a name"
    return _invalid(param, f"The address has {name} more than once. Write it once.")


def _refused(path: str, asked: Mapping[str, str], preset: Mapping[str, Any]) -> Refused | None:
    """Return what is wrong with the values of a query."""
    if "call_id" in asked:
        return _invalid("call_id", _CALLS.format(path=path))
    for name, values in (
        ("intent", ("transcription",)),
        ("sequencer", ("0", "1")),
        ("dialect", tuple(DIALECTS)),
    ):
        if asked.get(name, values[0]) not in values:
            message = f"The value of `{name}` is not known. Use {' or '.join(values)}, or none."
            return _invalid(name, message)
    if "intent" in asked and preset.get("type", "transcription") != "transcription":
        message = "The client secret is for a `realtime` session. Leave `intent` out."
        return _invalid("intent", message)
    return None


def _not_served(family: Family, model: str, models: Models) -> Refused:
    """Return what the real service says about a model that it does not have."""
    if family != "openai" and (denial := wrong_model(AZURE, model, (models.served,))):
        return Refused(denial.status, denial.code, denial.message)
    shown = model[:_MAX_NAME_CHARS]
    message = f"The model `{shown}` does not exist or you do not have access to it."
    return Refused(404, "model_not_found", message, close_code=4004)


def refused_by(fault: Fault, family: Family) -> Refused:
    """Return a fault of ours as programs of this family get it."""
    if fault.code != "unauthorized":
        return Refused(fault.http_status, fault.code, fault.text, fault.type)
    advice = "Send this server's ACCESS_TOKEN, or a client secret that has not expired, as the key."
    if family == "openai":
        message = f"Incorrect API key provided. {advice}"
        return Refused(401, "invalid_api_key", message)
    denial = wrong_key(AZURE)
    return Refused(denial.status, denial.code, f"{denial.message} {advice}")


def foreign(path: str) -> Refused:
    """Return why one of the `FOREIGN` paths is not served."""
    return Refused(404, "protocol_not_served", FOREIGN[path])


def not_served(family: Family) -> Refused:
    """Return what programs of this family hear at a path that is none of ours."""
    socket = next(socket for socket, of in SOCKETS.items() if of == family)
    message = f"This server has the Realtime API only. Connect to {socket} with a WebSocket."
    return Refused(404, "not_found", message)


def key_in_query(path: str, query: Sequence[tuple[str, str]]) -> list[str]:
    """Return the keys that stand in an address; Azure's paths may have one there."""
    is_azure = family_of(path) in ("azure", "azure-preview")
    return [value for name, value in query if is_azure and name == "api-key"]


def _named(asked: Mapping[str, str]) -> str:
    return asked.get("model") or asked.get("deployment") or ""


def _invalid(param: str | None, message: str) -> Refused:
    return Refused(400, "invalid_value", message, param=param)
