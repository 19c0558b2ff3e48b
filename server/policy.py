"""What a client may set: pure (event, Policy) → Denied or None.

Rules of the file:
- events come strictly parsed from `rtclient.protocol.codec`: what is checked is what upstream
  reads;
- a denied event is answered with an `error` event and not forwarded; the session lives on;
- unknown event types pass.
"""

from collections.abc import Mapping, Sequence
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
    match event["type"]:
        case "session.update" | "transcription_session.update":
            return _check_config(event.get("session"), "session", policy)
        case "response.create":
            return _check_config(event.get("response"), "response", policy)
        case "conversation.item.create":
            return _check_item(event.get("item"), "item")
    return None


def _check_config(config: Any, path: str, policy: Policy) -> Denied | None:
    if not isinstance(config, Mapping):
        return None  # upstream rejects the shape with its own words
    if "model" in config and config["model"] != policy.model:
        return _denied(f"{path}.model", "The model is set by the server.")
    for name in ("prompt", "tracing"):
        if config.get(name) is not None:
            return _denied(f"{path}.{name}", f"`{name}` is set by the server.")
    for index, tool in enumerate(_list(config.get("tools"))):
        if not isinstance(tool, Mapping) or tool.get("type") != "function":
            return _denied(f"{path}.tools[{index}]", "Only tools of type `function` may be set.")
    choice = config.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") != "function":
        return _denied(f"{path}.tool_choice", "Only a `function` may be chosen as tool.")
    for index, item in enumerate(_list(config.get("input"))):
        if denied := _check_item(item, f"{path}.input[{index}]"):
            return denied
    return None


def _check_item(item: Any, path: str) -> Denied | None:
    if isinstance(item, Mapping) and str(item.get("type", "")).startswith("mcp_"):
        return _denied(f"{path}.type", "Items of MCP servers may not be created.")
    return None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _denied(param: str, what: str) -> Denied:
    return Denied(
        param, f"{what} The event was not forwarded; leave `{param}` out and send it again."
    )
