"""Small things of the gateway's layer: actions from messages, and safe looks into events. Pure."""

from typing import Any

from pydantic import BaseModel

from rtclient.protocol.codec import encode
from server.gateway.messages import Error, ErrorCode
from server.relay.actions import ToClient, ToUpstream


def to_client(message: BaseModel) -> ToClient:
    """Return the action that sends a message to the client."""
    return ToClient(encode(message.model_dump()))


def refused(code: ErrorCode, reason: str, message: str, param: str | None = None) -> ToClient:
    """Return the `error` about something that the client sent; the session goes on."""
    return to_client(
        Error(
            code=code,
            message=message,
            reason=reason,
            param=param,
            retry_after_ms=None,
            fatal=False,
        )
    )


def to_upstream(event_type: str, **fields: Any) -> ToUpstream:
    """Return the action that sends an event to the voice service."""
    return ToUpstream(encode({"type": event_type, **fields}))


def as_dict(value: object) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a text, or an empty one."""
    return value if isinstance(value, str) else ""


def as_count(value: object) -> int:
    """Return a number that is not negative, or 0."""
    return int(value) if isinstance(value, int | float) and value > 0 else 0
