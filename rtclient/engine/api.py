"""What the engine answers to plain HTTP requests, beside its WebSockets.

- `GET /healthz`: how it is, in figures; needs no key, for supervisors. Who has it sees the senses.
- `GET …/models`: the names that `?model=` may have, as the API lists models.
- `POST …/realtime/client_secrets`: short-lived keys for browsers and apps.
- `/_control/…`: for tests, where the operator asked for it; for programs on this machine only,
  which ask `localhost` or a loopback address.

All but the first need the standing key, and none is for web pages: no CORS headers.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from rtclient.engine import profiles
from rtclient.engine.asking import Asked, Refusal, Reply, refusal
from rtclient.engine.client_secrets import ClientSecrets
from rtclient.engine.door import (
    DoorRules,
    foreign_origin,
    refusal_of,
    upgrade_required,
    wrong_path,
)
from rtclient.engine.shapes import Fault
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode_object

CONTROL: Final = "/_control/"

Control = Callable[[str, str, bytes], Awaitable[tuple[int, Mapping[str, Any]]]]
"""(method, path, body) → (status, JSON)."""


class Api:
    """The plain HTTP side of one engine."""

    def __init__(
        self,
        rules: DoorRules,
        secrets: ClientSecrets,
        *,
        wall: Callable[[], float],
        health: Callable[[], Mapping[str, Any]],
        control: Control | None = None,
    ) -> None:
        """Prepare.

        Args:
            rules: what the operator decided about the door.
            secrets: the client secrets of this engine.
            wall: Unix time in seconds.
            health: what `/healthz` shows beside `status`.
            control: what answers `/_control/…`; None: there is no such path.
        """
        self._rules = rules
        self._secrets = secrets
        self._wall = wall
        self._health = health
        self._control = control
        self._since = int(wall())

    async def answer(self, asked: Asked, body: bytes = b"", *, is_local: bool = False) -> Reply:
        """Answer one request. `is_local`: it comes from this machine."""
        if wrong := foreign_origin(self._rules, asked):
            return wrong
        if asked.path == "/healthz":
            return _only("GET", asked) or self._healthy(asked)
        if asked.path in self._rules.profile.paths:
            return _only("GET", asked) or upgrade_required()
        if asked.path.startswith(CONTROL) and self._control is not None:
            return await self._controlled(self._control, asked, body, is_local)
        for path in self._rules.profile.paths:
            if path == profiles.PREVIEW_PATH:
                continue  # what is minted and listed belongs to GA
            if asked.path == path.removesuffix("realtime") + "models":
                return self._barred(asked) or _only("GET", asked) or self._models()
            if asked.path == f"{path}/client_secrets":
                return self._barred(asked) or _only("POST", asked) or self._minted(body)
        return wrong_path(self._rules, asked) or refusal(404, "not_found", "Nothing is here.")

    def _barred(self, asked: Asked) -> Refusal | None:
        if self._rules.has_key(asked):
            return None
        if any(self._secrets.find(given, self._wall()) for given in asked.credentials):
            message = "A client secret opens sessions only. Use the standing key on your server."
            return refusal(401, "invalid_api_key", message)
        return refusal_of(profiles.wrong_key(self._rules.profile))

    def _healthy(self, asked: Asked) -> Reply:
        shown = {"status": "ok", **self._health()}
        if not self._rules.has_key(asked):
            del shown["senses"]  # they name the hosts of model servers
        return Reply(200, shown)

    def _models(self) -> Reply:
        owned = {"object": "model", "created": self._since, "owned_by": "rtclient"}
        models = [{"id": name, **owned} for name in self._rules.models]
        return Reply(200, {"object": "list", "data": models})

    def _minted(self, body: bytes) -> Reply:
        try:
            asked_for = decode_object(body or b"{}")
        except RemoteProtocolError:
            message = "The body could not be parsed as JSON. Send an object, in UTF-8."
            return refusal(400, "invalid_json", message)
        made = self._secrets.mint(asked_for, self._wall())
        if isinstance(made, Fault):
            error = {
                "type": made.type,
                "code": made.code,
                "message": made.message,
                "param": made.param,
            }
            return Refusal(429 if made.code == "rate_limit_exceeded" else 400, {"error": error})
        return Reply(200, made, (("Cache-Control", "no-store"),))

    async def _controlled(
        self, control: Control, asked: Asked, body: bytes, is_local: bool
    ) -> Reply:
        # A page whose name was made to point here has no foreign origin: browsers leave `Origin`
        # out of its GETs. Its name is in `Host`.
        if asked.all("Origin") or not asked.names_this_machine:
            message = "Web pages may not use the control endpoint. Ask for 127.0.0.1 or localhost."
            return refusal(403, "host_not_allowed", message)
        if not is_local:
            message = "The control endpoint answers programs on the same machine only."
            return refusal(403, "loopback_only", message)
        if barred := self._barred(asked):
            return barred
        status, content = await control(asked.method, asked.path, body)
        return Reply(status, content)


def _only(method: str, asked: Asked) -> Refusal | None:
    if asked.method == method:
        return None
    return refusal(405, "method_not_allowed", f"Use {method} here.", ("Allow", method))
