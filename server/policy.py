"""What a client may set: pure (event, Policy) → Denied or None.

Rules of the file:
- events come strictly parsed from `rtclient.protocol.codec`: what is checked is what upstream
  reads;
- names are compared without case and blanks: what a careless upstream takes for `model` is one;
- a denied event is answered with an `error` event and not forwarded; the session lives on;
- unknown event types pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one session."""

    mode: Literal["open", "passthrough"] = "open"
    """`open`: all may be changed but model, prompt, MCP and tracing. `passthrough`: no rules."""
    model: str = ""
    """The model the operator chose; naming the same one again is no change."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Why an event was not forwarded."""

    param: str
    """The path of the offending field as the API writes it, such as `session.tools[0]`."""
    message: str
    """What happened and what to do; safe to show."""


def check(event: Mapping[str, Any], policy: Policy) -> Denied | None:
    """Return why `event` must not be forwarded, or None when it may."""
    if policy.mode == "passthrough":
        return None
    found = None
    for name, value in event.items():
        match _plain(event["type"]), _plain(name):
            case "session.update" | "transcription_session.update", "session":
                found = found or _check_config(value, "session", policy)
            case "response.create", "response":
                found = found or _check_config(value, "response", policy)
            case "conversation.item.create", "item":
                found = found or _check_item(value, "item")
    return found


def _check_config(config: Any, path: str, policy: Policy) -> Denied | None:
    if not isinstance(config, Mapping):
        return None  # upstream rejects the shape with its own words
    for name, value in config.items():
        if denied := _check_field(name, value, f"{path}.{name}", policy):
            return denied
    return None


def _check_field(name: str, value: Any, path: str, policy: Policy) -> Denied | None:
    match _plain(name):
        case "model" if value != policy.model:
            return _denied(path, "The model is set by the server.")
        case "prompt" | "tracing" if value is not None:
            return _denied(path, f"`{name}` is set by the server.")
        case "tools" | "input" if not isinstance(value, list | None):
            return _denied(path, f"`{name}` must be a list.")
        case "tools":
            for index, tool in enumerate(value or ()):
                if _types(tool) != {"function"}:
                    return _denied(f"{path}[{index}]", "Only tools of type `function` may be set.")
        case "tool_choice" if isinstance(value, Mapping) and _types(value) != {"function"}:
            return _denied(path, "Only a `function` may be chosen as tool.")
        case "input":
            for index, item in enumerate(value or ()):
                if denied := _check_item(item, f"{path}[{index}]"):
                    return denied
    return None


def _check_item(item: Any, path: str) -> Denied | None:
    if any(_plain(item_type).startswith("mcp_") for item_type in _types(item)):
        return _denied(f"{path}.type", "Items of MCP servers may not be created.")
    return None


def _types(value: Any) -> set[str]:
    """Return what stands in an object's `type`, however that is spelt."""
    fields = value.items() if isinstance(value, Mapping) else ()
    return {str(field) for name, field in fields if _plain(name) == "type"}


def _plain(name: str) -> str:
    """Return a name as a careless reader would take it."""
    return name.strip().casefold()


def _denied(param: str, what: str) -> Denied:
    return Denied(
        param, f"{what} The event was not forwarded; leave `{param}` out and send it again."
    )
