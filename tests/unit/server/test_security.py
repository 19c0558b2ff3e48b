"""Host, Origin, credential and cookie."""

import itertools
from collections.abc import Sequence
from typing import Literal

import pytest

from server.security import (
    SECURITY_HEADERS,
    Gate,
    Request,
    cookie_header,
    cookie_value,
    is_from_this_machine,
    is_loopback,
    make_gate,
)

TOKEN = "tok_4d1f0e"
HOSTS = {
    "localhost:3000": True,
    "127.0.0.1:3000": True,
    "[::1]:3000": True,
    "LOCALHOST:3000": True,
    "evil.test:3000": False,
    "localhost.evil.test": False,
    "localhost.:3000": False,
    "": False,
}
ORIGINS = {
    "http://localhost:3000": "localhost:3000",
    "http://127.0.0.1:3000": "127.0.0.1:3000",
    "http://[::1]:3000": "[::1]:3000",
    "null": None,
    "": None,
    "http://localhost": None,
    "http://localhost:3001": None,
    "https://localhost:3000": None,
    "HTTP://LOCALHOST:3000": None,
    "http://localhost.:3000": None,
    "http://localhost:3000.evil.com": None,
    "http://evil.test": None,
}


def request(
    path: str = "/ws",
    scheme: Literal["http", "https"] = "http",
    subprotocols: Sequence[str] = (),
    **headers: str,
) -> Request:
    named = {name.replace("_", "-"): [value] for name, value in headers.items()}
    host = {"host": ["localhost:3000"]}
    return Request(scheme, path, host | named, subprotocols, peer="127.0.0.1")


GATE = make_gate(host="127.0.0.1")


@pytest.mark.parametrize(("host", "origin"), [*itertools.product(HOSTS, ORIGINS)])
def test_only_a_known_host_with_its_own_origin_passes(host: str, origin: str) -> None:
    refusal = GATE.refusal(request(host=host, origin=origin))
    if not HOSTS[host]:
        assert refusal == "host_not_allowed"
    elif ORIGINS[origin] == host.lower():
        assert refusal is None
    else:
        assert refusal == "origin_not_allowed"


@pytest.mark.parametrize("host", HOSTS)
def test_a_request_without_origin_is_a_programs(host: str) -> None:
    assert (GATE.refusal(request(host=host)) is None) == HOSTS[host]


def test_host_and_origin_stand_once() -> None:
    assert GATE.refusal(Request("http", "/", {})) == "host_not_allowed"
    twice = ["localhost", "localhost"]
    assert GATE.refusal(Request("http", "/", {"host": twice})) == "host_not_allowed"
    headers = {"host": ["localhost"], "origin": ["http://localhost", "http://localhost"]}
    assert GATE.refusal(Request("http", "/", headers)) == "origin_not_allowed"


@pytest.mark.parametrize(
    "host", ["localhost:x", "localhost:99999", "a:b:c", "[::1", ":3000", "::1"]
)
def test_a_malformed_host_is_refused(host: str) -> None:
    assert GATE.refusal(request(host=host)) == "host_not_allowed"


def test_the_default_port_stands_in_neither() -> None:
    assert GATE.refusal(request(host="localhost:80", origin="http://localhost")) is None
    secure = request(scheme="https", host="localhost:443", origin="https://localhost")
    assert GATE.refusal(secure) is None
    assert GATE.refusal(request(host="localhost:443", origin="http://localhost")) is not None


def test_the_configured_hosts_and_origins_pass() -> None:
    gate = make_gate(
        host="192.168.1.7",
        allowed_hosts=["Parley.example", "lan.example:3000", "fd00::7", ""],
        allowed_origins=["https://app.example"],
    )
    assert gate.refusal(request(host="parley.example")) is None
    assert gate.refusal(request(host="192.168.1.7:3000")) is None
    assert gate.refusal(request(host="lan.example:8080")) is None
    assert gate.refusal(request(host="[fd00::7]:3000")) is None
    assert gate.refusal(request(host="parley.example", origin="https://app.example")) is None
    assert gate.refusal(request(host="parley.example", origin="https://app.example:8443"))
    assert make_gate(host="fe80::1").allowed_hosts >= {"[fe80::1]"}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", ""])
def test_any_address_is_no_name(address: str) -> None:
    assert make_gate(host=address) == GATE


LOCKED = make_gate(host="127.0.0.1", access_token=TOKEN)


@pytest.mark.parametrize(
    "asked",
    [
        request(authorization=f"Bearer {TOKEN}"),
        request(authorization=f"bearer  {TOKEN}"),
        request(api_key=TOKEN),
        request(subprotocols=["realtime", f"openai-insecure-api-key.{TOKEN}"]),
        request(cookie=f"parley_session={cookie_value(TOKEN)}"),
        request(cookie=f'odd={{"a":"b; x=\\1; parley_session={cookie_value(TOKEN)}'),
        request("/healthz"),
        request("/login"),
    ],
)
def test_a_right_credential_passes(asked: Request) -> None:
    assert LOCKED.refusal(asked) is None


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request("/"),
        request("/healthz/"),
        request("/login/x"),
        request(authorization=f"Basic {TOKEN}"),
        request(authorization=f"Bearer {TOKEN}x"),
        request(authorization="Bearer \xff"),
        request(authorization="Bearer "),
        request(api_key=""),
        request(subprotocols=[f"openai-insecure-api-key.{TOKEN[:-1]}"]),
        request(cookie=f"parley_session={TOKEN}"),
        request(cookie=f"parley={cookie_value(TOKEN)}"),
        request(cookie=f"parley_session={cookie_value('other')}"),
    ],
)
def test_no_or_a_wrong_credential_is_refused(asked: Request) -> None:
    assert LOCKED.refusal(asked) == "unauthorized"


def test_a_credential_does_not_help_a_foreign_page() -> None:
    asked = request(authorization=f"Bearer {TOKEN}", origin="http://evil.test")
    assert LOCKED.refusal(asked) == "origin_not_allowed"


def test_only_the_token_logs_in() -> None:
    assert LOCKED.is_token(TOKEN)
    assert not LOCKED.is_token("")
    assert not LOCKED.is_token(cookie_value(TOKEN))
    assert not Gate(frozenset(), access_token=None).is_token("")


def test_the_cookie_does_not_hold_the_token() -> None:
    header = cookie_header(TOKEN, is_secure=False)
    assert TOKEN not in header
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header
    assert cookie_header(TOKEN, is_secure=True).endswith("; Secure")


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.7", False),
        ("::ffff:10.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_this_machines_addresses_are_loopback(address: str, is_own: bool) -> None:
    assert is_loopback(address) is is_own


@pytest.mark.parametrize(
    ("asked", "is_own"),
    [
        (request(), True),
        (request(host="[::1]:3000"), True),
        (request(host="parley.example"), False),
        (request(host="::"), False),
        (Request("http", "/", {}), False),
        (request(x_forwarded_for="10.0.0.1"), False),
        (request(forwarded="for=10.0.0.1"), False),
        (request(x_real_ip="10.0.0.1"), False),
        (request(x_forwarded_proto="https"), False),
        (request(cf_connecting_ip="10.0.0.1"), False),
        (request(via="1.1 proxy"), False),
    ],
)
def test_a_proxy_on_this_machine_asks_for_others(asked: Request, is_own: bool) -> None:
    assert is_from_this_machine("127.0.0.1", asked) is is_own
    assert not is_from_this_machine("10.0.0.1", asked)


def test_the_policy_lets_the_page_work_and_nothing_else() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "upgrade-insecure-requests" not in policy
    assert "microphone=(self)" in SECURITY_HEADERS["Permissions-Policy"]


PROGRAM_PATHS = ["/v1/realtime", "/openai/v1/realtime", "/openai/realtime", "/v1/models"]


@pytest.mark.parametrize("path", PROGRAM_PATHS)
def test_programs_elsewhere_need_a_token_that_is_configured(path: str) -> None:
    elsewhere = Request(
        "http",
        path,
        {"host": ["parley.example"], "api-key": [TOKEN]},
        peer="10.0.0.7",
    )
    names = ["parley.example"]
    open_gate = make_gate(host="0.0.0.0", allowed_hosts=names)
    locked = make_gate(host="0.0.0.0", allowed_hosts=names, access_token=TOKEN)
    assert open_gate.refusal(elsewhere) == "loopback_only"
    assert locked.refusal(elsewhere) is None
    assert GATE.refusal(request(path, api_key="any")) is None
    assert GATE.refusal(request(path)) is None
    assert GATE.refusal(request(path, x_forwarded_for="10.0.0.7")) == "loopback_only"


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("/openai/realtime", True),
        ("/openai/v1/realtime", True),
        ("/v1/realtime", False),
        ("/ws", False),
    ],
)
def test_a_key_in_the_address_is_azures(path: str, passes: bool) -> None:
    headers = {"host": ["localhost"]}
    asked = Request("http", path, headers, (), [("api-key", TOKEN)], "127.0.0.1")
    assert (LOCKED.refusal(asked) is None) == passes
    wrong = Request("http", path, headers, (), [("api-key", "wrong")], "127.0.0.1")
    assert LOCKED.refusal(wrong) == "unauthorized"


SECRET = "ek_live"


@pytest.mark.parametrize("gate", [GATE, LOCKED])
@pytest.mark.parametrize("path", PROGRAM_PATHS[:3])
def test_a_client_secret_opens_sockets_for_any_page(gate: Gate, path: str) -> None:
    asked = request(
        path,
        subprotocols=["realtime", f"openai-insecure-api-key.{SECRET}"],
        origin="https://elsewhere.example",
    )
    assert gate.refusal(asked, has_secret=True) is None
    strange = request(path, host="evil.test", api_key=SECRET)
    assert gate.refusal(strange, has_secret=True) == "host_not_allowed"


def test_a_client_secret_alone_opens_nothing_to_other_machines_without_a_token() -> None:
    asked = request("/v1/realtime", api_key=SECRET, x_forwarded_for="10.0.0.7")
    assert GATE.refusal(asked, has_secret=True) == "loopback_only"
    assert LOCKED.refusal(asked, has_secret=True) is None


@pytest.mark.parametrize("gate", [GATE, LOCKED])
def test_a_client_secret_that_is_over_or_made_up_opens_nothing(gate: Gate) -> None:
    for path in PROGRAM_PATHS:
        assert gate.refusal(request(path, api_key="ek_other")) == "unauthorized"


@pytest.mark.parametrize("gate", [GATE, LOCKED])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/realtime/client_secrets"])
def test_a_client_secret_opens_sockets_only(gate: Gate, path: str) -> None:
    assert gate.refusal(request(path, api_key=SECRET), has_secret=True) == "unauthorized"


def test_an_access_token_may_look_like_a_client_secret() -> None:
    gate = make_gate(host="localhost", access_token="ek_of_the_operator")
    assert gate.refusal(request("/v1/models", api_key="ek_of_the_operator")) is None
