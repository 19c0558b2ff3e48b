"""Who may talk to this server: pure checks of Host, Origin and credential, and the headers we send.

Rules of the file:
- values in, values out; the ASGI faces are in `server/routes/guard.py`;
- a request without `Origin` comes from a program, not a page; a present one must match exactly;
- an unknown Host is refused, because a foreign name that resolves to this machine (DNS rebinding)
  makes a foreign page "same origin";
- secrets are compared in constant time, and a cookie holds a hash, never the token.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from server.drop_in import SOCKETS, family_of, key_in_query

COOKIE_NAME = "parley_session"
COOKIE_MAX_AGE_S = 30 * 24 * 3600
KEY_SUBPROTOCOL = "openai-insecure-api-key."
SECRET_PREFIX = "ek_"
"""What a client secret begins with."""

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types app"
    ),
    "Permissions-Policy": ("microphone=(self), screen-wake-lock=(self), speaker-selection=(self)"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Sent with every response."""

_ALWAYS_ALLOWED_HOSTS = ("localhost", "127.0.0.1", "[::1]")
ANY_ADDRESS = ("", "0.0.0.0", "::")
"""What a server listens on that listens on every address."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORWARDING_HEADERS = ("forwarded", "x-forwarded", "x-real-ip", "via", "cf-", "true-client-ip")
"""How the headers begin by which a proxy tells of somebody else."""
_OPEN_PATHS = ("/healthz", "/login")

RefusalCode = Literal["host_not_allowed", "origin_not_allowed", "unauthorized", "loopback_only"]


@dataclass(frozen=True, slots=True)
class Request:
    """What the checks look at, of an HTTP request or a WebSocket handshake."""

    scheme: Literal["http", "https"]
    path: str
    headers: Mapping[str, Sequence[str]]
    """Lower-case name → the values, in order."""
    subprotocols: Sequence[str] = ()
    query: Sequence[tuple[str, str]] = ()
    """Names and values, in order."""
    peer: str = ""
    """The IP address of who asks."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of one server."""

    allowed_hosts: frozenset[str]
    """Lower-case names without port; an IPv6 address stands in brackets."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins besides the server's own, as browsers send them."""
    access_token: str | None = None

    def refusal(self, request: Request, *, has_secret: bool = False) -> RefusalCode | None:
        """Return why `request` is refused, or None. Host first, then Origin, then credential.

        `has_secret`: a client secret that is known and not over comes with it. That opens the
        drop-in sockets and nothing else, but for a page of any origin: the page got it from a
        program that may connect. One that is unknown or over opens nothing, even where no token is
        asked for.
        """
        if not self._is_host_allowed(request):
            return "host_not_allowed"
        is_opened = has_secret and request.path in SOCKETS
        if not is_opened and not self._is_origin_allowed(request):
            return "origin_not_allowed"
        if not is_opened and not self._may_enter(request):
            return "unauthorized"
        is_program = family_of(request.path) is not None
        if is_program and not self.access_token and not is_from_this_machine(request.peer, request):
            return "loopback_only"
        return None

    def is_authorized(self, request: Request) -> bool:
        """Whether the request carries the access token, or none is needed."""
        if not self.access_token:
            return True
        tokens = [*credentials(request)]
        expected = self.access_token
        # No early exit: how long it takes says nothing about what was right.
        matches = [_equal(token, expected) for token in tokens]
        matches += [_equal(cookie, cookie_value(expected)) for cookie in _cookies(request)]
        return any(matches)

    def is_token(self, token: str) -> bool:
        """Whether this is the access token."""
        return bool(self.access_token) and _equal(token, self.access_token or "")

    def _may_enter(self, request: Request) -> bool:
        if request.path in _OPEN_PATHS:
            return True
        if family_of(request.path) is not None and any(
            value.startswith(SECRET_PREFIX) and not self.is_token(value)
            for value in credentials(request)
        ):
            return False
        return self.is_authorized(request)

    def _is_host_allowed(self, request: Request) -> bool:
        hosts = request.headers.get("host", ())
        return len(hosts) == 1 and (_split_host(hosts[0]) or ("", 0))[0] in self.allowed_hosts

    def _is_origin_allowed(self, request: Request) -> bool:
        origins = request.headers.get("origin", ())
        if not origins:
            return True
        if len(origins) != 1:
            return False
        return origins[0] in self.allowed_origins or origins[0] == _own_origin(request)


def make_gate(
    *,
    host: str,
    allowed_hosts: Iterable[str] = (),
    allowed_origins: Iterable[str] = (),
    access_token: str | None = None,
) -> Gate:
    """Return the rules for a server that listens on `host` (a name or an address, no port)."""
    names = set(_ALWAYS_ALLOWED_HOSTS)
    if host not in ANY_ADDRESS:
        names.add(_bracketed(host.lower()))
    for allowed in allowed_hosts:
        if split := _split_host(_bracketed(allowed) if _is_ipv6(allowed) else allowed):
            names.add(split[0])  # people write the port too
    return Gate(frozenset(names), frozenset(allowed_origins), access_token or None)


def is_loopback(address: str) -> bool:
    """Whether a peer's IP address is this machine's own."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def is_from_this_machine(address: str, request: Request) -> bool:
    """Whether a program on this machine asks, and not a proxy on it for somebody else."""
    if any(name.startswith(_FORWARDING_HEADERS) for name in request.headers):
        return False
    host = _split_host(request.headers.get("host", ("",))[0])
    return is_loopback(address) and host is not None and host[0] in _ALWAYS_ALLOWED_HOSTS


def credentials(request: Request) -> Iterable[str]:
    """Yield all that may be a key: Bearer, `api-key`, subprotocol, and Azure's in the address."""
    for value in request.headers.get("authorization", ()):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip()
    yield from request.headers.get("api-key", ())
    for protocol in request.subprotocols:
        if protocol.startswith(KEY_SUBPROTOCOL):
            yield protocol.removeprefix(KEY_SUBPROTOCOL)
    yield from key_in_query(request.path, request.query)


def cookie_value(access_token: str) -> str:
    """Return what the cookie holds: a hash that only the token's owner can make."""
    return hmac.new(access_token.encode(), b"parley session 1", hashlib.sha256).hexdigest()


def cookie_header(access_token: str, *, is_secure: bool) -> str:
    """Return the `Set-Cookie` value after a login. `is_secure`: the page came over TLS."""
    parts = [
        f"{COOKIE_NAME}={cookie_value(access_token)}",
        f"Max-Age={COOKIE_MAX_AGE_S}",
        "Path=/",
        "HttpOnly",
        "SameSite=Strict",
    ]
    return "; ".join([*parts, "Secure"] if is_secure else parts)


def _own_origin(request: Request) -> str:
    host = _split_host(request.headers["host"][0])
    assert host is not None  # the Host was checked before
    name, port = host
    if port is None or port == _DEFAULT_PORTS[request.scheme]:
        return f"{request.scheme}://{name}"
    return f"{request.scheme}://{name}:{port}"


def _split_host(value: str) -> tuple[str, int | None] | None:
    """Return (lower-case name, port) of a Host header, or None when it is malformed."""
    name, colon, port = value.strip().lower().rpartition(":")
    if not colon or "]" in port:
        name, port = value.strip().lower(), ""
        colon = ""
    if colon and not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
        return None
    if not name or (":" in name) != (name.startswith("[") and name.endswith("]")):
        return None
    return name, int(port) if port else None


def _is_ipv6(host: str) -> bool:
    return host.count(":") > 1 and not host.startswith("[")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _cookies(request: Request) -> Iterable[str]:
    # By hand: other programs on this host share its cookies, and the library's parser gives up on
    # everything after the first one it does not like.
    for header in request.headers.get("cookie", ()):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE_NAME:
                yield value


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode(errors="surrogateescape"), expected.encode(errors="surrogateescape")
    )
