"""What is asked of the engine over HTTP, and what is answered: plain values.

Credentials are read here in every form that clients have; they are never repeated.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qs

SUBPROTOCOL: Final = "realtime"
KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
BETA_SUBPROTOCOL: Final = "openai-beta.realtime-v1"


@dataclass(frozen=True)
class Asked:
    """One request: its method, its target (path and query) and its headers as they came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()

    @cached_property
    def path(self) -> str:
        """The path without query and trailing slashes."""
        return self.target.partition("?")[0].rstrip("/") or "/"

    @cached_property
    def query(self) -> dict[str, str]:
        """The first value of each name."""
        # urlsplit raises on odd brackets
        found = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def all(self, name: str) -> list[str]:
        """Return the values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def names_this_machine(self) -> bool:
        """Whether all it says of the host is a loopback address or `localhost`."""
        return all(map(_is_loopback, self.all("Host")))

    @property
    def wants_upgrade(self) -> bool:
        """Whether it asks to become a WebSocket."""
        return "websocket" in ",".join(self.all("Upgrade")).lower()

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that are offered."""
        offered = ",".join(self.all("Sec-WebSocket-Protocol"))
        return [name.strip() for name in offered.split(",") if name.strip()]

    @property
    def credentials(self) -> list[str]:
        """All that could be a key: header `api-key`, Bearer, subprotocol, and Azure's query."""
        found = self.all("api-key")
        for value in self.all("Authorization"):
            scheme, _, token = value.partition(" ")
            if scheme.lower() == "bearer":
                found.append(token.strip())
        found += [
            name.removeprefix(KEY_SUBPROTOCOL)
            for name in self.subprotocols
            if name.startswith(KEY_SUBPROTOCOL)
        ]
        if self.path.startswith("/openai/") and "api-key" in self.query:
            found.append(self.query["api-key"])
        return found

    @property
    def is_beta(self) -> bool:
        """Whether it asks for the shape that the service shut down."""
        return "realtime=v1" in ",".join(self.all("OpenAI-Beta")) or (
            BETA_SUBPROTOCOL in self.subprotocols
        )


def _is_loopback(host: str) -> bool:
    """Say whether `NAME` or `NAME:PORT` is this machine's own; nothing is looked up."""
    name = re.sub(r":\d*$", "", host.strip()).strip("[]").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: a status, JSON, and headers beside those that describe the body."""

    status: int
    content: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """The JSON that clients get."""
        return json.dumps(self.content).encode()  # ASCII: half a surrogate pair is no error


class Refusal(Reply):
    """An HTTP answer that is no."""


def refusal(
    status: int, code: str, message: str, *headers: tuple[str, str], param: str | None = None
) -> Refusal:
    """Return a refusal in OpenAI's shape."""
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
    return Refusal(status, {"error": error}, headers)
