"""A recognisable key goes through every named fault at log level DEBUG and shows up nowhere.

Looked at: what the server prints, every file it could write, every frame, close reason, HTTP header
and body that reaches a client. Looked for: the key, ten characters of it in a row, its URL,
base64 and hexadecimal encodings.
"""

import asyncio
import base64
import contextlib
import json
import re
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus

from tests.support.canary import CANARY, TOKEN, found
from tests.support.certificates import Authority
from tests.support.faults import Fault, FaultPeer, by_name, handshake_faults, session_faults
from tests.support.servers import Child, child, child_server
from tests.support.talker import talking

PATIENCE_S = 1.0
"""How long a client stays in a session whose upstream neither closes nor says more."""

PARALLEL = 6


class Evidence:
    """What could be seen from outside, under the name of the fault that it belongs to."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}

    def add(self, name: str, *data: object) -> None:
        """Keep what was seen while the fault `name` happened."""
        parts = (d if isinstance(d, bytes) else str(d).encode() for d in data)
        self.seen[name] = b"\n".join([self.seen.get(name, b""), *parts])

    def leaks(self) -> dict[str, list[bytes]]:
        """The faults that showed a secret, and in which form."""
        hits = {
            name: [*found(data, CANARY), *found(data, TOKEN)] for name, data in self.seen.items()
        }
        return {name: needles for name, needles in hits.items() if needles}


@pytest.mark.timeout(90)
async def test_no_fault_shows_the_key(tmp_path: Path) -> None:
    evidence = Evidence()
    await asyncio.gather(
        plain_faults(evidence, tmp_path / "plain"),
        tls_faults(evidence, tmp_path / "tls"),
        client_faults(evidence, tmp_path / "client"),
        start_faults(evidence, tmp_path / "start"),
    )
    names = [name for name in evidence.seen if not name.startswith("output of ")]
    print(f"\n{len(names)} faults:", *names, sep="\n  ")
    assert len(names) >= 40
    assert not [name for name in names if not evidence.seen[name].strip()]
    assert evidence.leaks() == {}
    assert not [name for name, data in evidence.seen.items() if b"Traceback" in data]


def test_the_search_finds_every_form() -> None:
    for form in (
        CANARY,
        CANARY[5:20],
        urllib.parse.quote(CANARY, safe=""),
        base64.b64encode(f"user:{CANARY}!".encode()).decode(),
        base64.urlsafe_b64encode(f"xy{CANARY}!".encode()).decode(),
        CANARY.encode().hex(),
    ):
        assert found(f"before {form} after".encode(), CANARY), form
    assert not found(b"nothing to see here", CANARY)


async def plain_faults(evidence: Evidence, folder: Path) -> None:
    """Upstream faults on plain TCP, one per session."""
    faults = [*handshake_faults(), *session_faults()]
    async with FaultPeer() as second, FaultPeer(redirect_to=second.endpoint) as peer:
        async with server(evidence, "plain", azure(peer.endpoint), folder) as port:
            await each(faults, peer, port, evidence)
            for path in ("/healthz", "/config.json", "/", "/docs", "/openapi.json", "/nowhere"):
                await fetch(evidence, f"GET {path}", port, path)
        assert sorted(peer.played) == sorted(fault.name for fault in faults)
        assert second.connections == 0


async def tls_faults(evidence: Evidence, folder: Path) -> None:
    """An authority that must not be believed, and faults inside believed TLS."""
    authority = Authority()
    new(folder)
    trusted = {"EXTRA_CA_FILE": str(authority.write(folder))}
    table = by_name(handshake_faults())
    hang_up = Fault("inside TLS: end", table["end before any answer"].play)
    refuse = Fault("inside TLS: 401", table["http 401"].play)
    async with FaultPeer(tls=authority.server_context()) as peer:
        settings = azure(peer.endpoint) | trusted
        async with server(evidence, "believed TLS", settings, folder / "believed") as port:
            await each([hang_up, refuse], peer, port, evidence)
        name = "unknown authority"
        async with server(evidence, name, azure(peer.endpoint), folder / "unknown") as port:
            await converse(evidence, name, port)
        assert len(peer.heads) == 2


async def client_faults(evidence: Evidence, folder: Path) -> None:
    """Clients that bring a secret of their own, or none, where they should not."""
    settings = azure("http://localhost:9") | {"ACCESS_TOKEN": TOKEN}  # nobody listens there
    async with server(evidence, "client", settings, folder) as port:
        await converse(evidence, "session without the access token", port)
        query = f"api-key={CANARY}&token={TOKEN}x"
        for path in ("/", "/ws", "/login", "/v1/realtime", "/nowhere"):
            await fetch(evidence, f"key in the query of {path}", port, f"{path}?{query}")
        await fetch(evidence, "key as bearer", port, "/", Authorization=f"Bearer {CANARY}")
        await fetch(evidence, "key as cookie", port, "/", Cookie=f"parley={CANARY}")
        await fetch(evidence, "key as referrer", port, "/", Referer=f"http://h/?k={CANARY}")
        await fetch(evidence, "key as user agent", port, "/", **{"User-Agent": CANARY})
        await fetch(evidence, "key as host", port, "/", Host="a" + TOKEN + ".example")
        await fetch(evidence, "key as origin", port, "/", Origin=f"http://{TOKEN}.example")
        for name, path, headers in (
            ("dial with the key in the query", f"/v1/realtime?model=m&{query}", {}),
            ("dial with the key as bearer", "/ws", {"Authorization": f"Bearer {CANARY}"}),
            ("dial with the key as api-key", "/ws", {"api-key": CANARY}),
            ("dial from a foreign page", "/ws", {"Origin": f"http://{TOKEN}.example"}),
            ("dial for a foreign host", "/ws", {"Host": f"{TOKEN}.example"}),
            ("dial with the key as profile", f"/ws?profile={TOKEN}", {}),
            ("dial with the key as Azure's query", f"/openai/realtime?{query}", {}),
            ("dial with the key as a query's name", f"/v1/realtime?{TOKEN}=1&{TOKEN}=2", {}),
            ("dial with the key as model", f"/v1/realtime?model={CANARY}", {"api-key": TOKEN}),
            ("dial with the right key", f"/openai/realtime?api-key={TOKEN}", {}),
        ):
            await converse(evidence, name, port, path, headers=headers)
        protocols = ("realtime", f"openai-insecure-api-key.{TOKEN}x")
        await converse(evidence, "dial with a subprotocol key", port, subprotocols=protocols)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            path, bearer = "/v1/realtime/client_secrets", {"Authorization": f"Bearer {TOKEN}"}
            secret = (await http.post(path, json={}, headers=bearer)).json()["value"]
        for path, headers in (
            ("/v1/realtime", {"Authorization": f"Bearer {secret}"}),
            (f"/openai/realtime?api-key={secret}", {}),
        ):
            await converse(evidence, "dial with a client secret", port, path, headers=headers)
    seen = [data for name, data in evidence.seen.items() if "client" in name]
    assert not [needles for data in seen if (needles := found(data, secret))]


async def start_faults(evidence: Evidence, folder: Path) -> None:
    """Settings that cannot work, and `check` against upstreams that refuse."""
    good = azure("http://localhost:9")
    bad: dict[str, dict[str, str]] = {
        "key without an endpoint": good | {"AZURE_OPENAI_ENDPOINT": ""},
        "key pasted as endpoint": good | {"AZURE_OPENAI_ENDPOINT": CANARY},
        "key in the endpoint's query": good
        | {"AZURE_OPENAI_ENDPOINT": f"https://h/?api-key={CANARY}", "PORT": "x"},
        "key in the endpoint's user part": good
        | {"AZURE_OPENAI_ENDPOINT": f"https://u:{TOKEN}@h", "AZURE_OPENAI_DEPLOYMENT": ""},
        "key pasted as deployment": good | {"AZURE_OPENAI_DEPLOYMENT": CANARY, "PORT": "x"},
        "key pasted as upstream": good | {"UPSTREAM": CANARY},
        "key pasted as port": good | {"PORT": CANARY},
        "key with a line break": good | {"AZURE_OPENAI_API_KEY": f"{CANARY}\nX: y"},
        "public host without a token": good
        | {"AZURE_OPENAI_ENDPOINT": "https://paid.example", "HOST": "0.0.0.0"},
        "authority file that is none": good | {"EXTRA_CA_FILE": "/does/not/exist"},
    }

    cases = [Start(name, [], settings) for name, settings in bad.items()]
    authority = Authority()
    trusted = {"EXTRA_CA_FILE": str(authority.write(new(folder)))}
    table = by_name([*handshake_faults(), *session_faults()])
    refusing = ("http 401", "http 404", "redirect 302", "first event is an error")
    async with FaultPeer() as peer, FaultPeer(tls=elsewhere(authority)) as stranger:
        peer.queue.extend(table[name] for name in refusing)
        cases += [Start(f"check: {name}", ["check"], azure(peer.endpoint)) for name in refusing]
        for name, endpoint in (
            ("certificate for another name", stranger.endpoint),
            ("plain http where TLS is expected", peer.endpoint.replace("http:", "https:")),
        ):
            cases.append(Start(f"check: {name}", ["check"], azure(endpoint) | trusted))
        await run_starts(evidence, cases, new(folder / "run"))
        assert peer.played == list(refusing)
        assert stranger.heads == []


@dataclass(frozen=True)
class Start:
    """One start of the server that should end by itself."""

    name: str
    arguments: list[str]
    settings: dict[str, str]


STARTER = """
import json, os, sys
from server.__main__ import main

for name, arguments, settings in json.loads(sys.argv[1]):
    for stream in (sys.stdout, sys.stderr):
        print(f"\\x1e{name}\\x1f", end="", file=stream, flush=True)
    os.environ.update(settings)
    print(f"\\nexit code {main(arguments)}", flush=True)
    for setting in settings:
        del os.environ[setting]
"""
"""Runs the program's own main once per case: a process for each would take too long."""


async def run_starts(evidence: Evidence, cases: Sequence[Start], folder: Path) -> None:
    """Run all; wrong settings must give 2, a failed check anything but 0."""
    argument = json.dumps([[case.name, case.arguments, case.settings] for case in cases])
    async with child("-c", STARTER, argument, environment=places(folder), folder=folder) as kid:
        await kid.ended()
    note(evidence, "output of the starts", kid, folder)
    for stream in (kid.stdout, kid.stderr):
        for piece in bytes(stream).split(b"\x1e")[1:]:
            name, _, text = piece.partition(b"\x1f")
            evidence.add(name.decode(), text)
    for case in cases:
        codes = re.findall(rb"exit code (\d+)", evidence.seen.get(case.name, b""))
        assert codes, (case.name, kid.stderr.decode())
        assert codes != [b"0"] if case.arguments else codes == [b"2"], (case.name, codes)


def elsewhere(authority: Authority) -> ssl.SSLContext:
    """A believed certificate for a name that nobody dials."""
    return authority.server_context("elsewhere.example")


def azure(endpoint: str) -> dict[str, str]:
    """Settings with the canary as key, at DEBUG."""
    return {
        "UPSTREAM": "azure",
        "AZURE_OPENAI_ENDPOINT": endpoint,
        "AZURE_OPENAI_API_KEY": CANARY,
        "AZURE_OPENAI_DEPLOYMENT": "gpt-realtime",
        "PARLEY_LOG_LEVEL": "DEBUG",
        "PYTHONASYNCIODEBUG": "1",
        "MAX_SESSIONS": "50",
    }


@contextlib.asynccontextmanager
async def server(
    evidence: Evidence, name: str, settings: dict[str, str], folder: Path
) -> AsyncIterator[int]:
    """A child server whose output and files become evidence when it has stopped."""
    async with child_server(settings | places(new(folder)), folder=folder) as (kid, port):
        yield port
        await kid.stop()
        note(evidence, f"output of the server: {name}", kid, folder)


def places(folder: Path) -> dict[str, str]:
    """Environment that keeps every file a program might write inside `folder`."""
    return {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder)}


def new(folder: Path) -> Path:
    """Make the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def note(evidence: Evidence, name: str, kid: Child, folder: Path) -> None:
    """Keep what the child printed and wrote."""
    evidence.add(name, bytes(kid.stdout), bytes(kid.stderr))
    for path in folder.rglob("*"):
        evidence.add(name, str(path.relative_to(folder)))
        if path.is_file() and path.suffix != ".pem":
            evidence.add(name, path.read_bytes())


async def each(faults: Sequence[Fault], peer: FaultPeer, port: int, evidence: Evidence) -> None:
    """One session per fault, some at a time. Which session meets which fault does not matter."""
    peer.queue.extend(faults)
    names: Iterator[str] = iter([fault.name for fault in faults])

    async def some() -> None:
        for name in names:
            await converse(evidence, name, port)

    await asyncio.gather(*(some() for _ in range(PARALLEL)))


async def converse(
    evidence: Evidence,
    name: str,
    port: int,
    path: str = "/ws",
    *,
    headers: dict[str, str] | None = None,
    subprotocols: Sequence[str] = (),
) -> None:
    """Dial, read all that comes, and keep it."""
    try:
        async with talking(port, path, headers=headers, subprotocols=subprotocols) as client:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    evidence.add(name, *await client.closed())
            response = client.connection.response
            evidence.add(name, *client.texts, response.headers if response else "")
    except InvalidStatus as refused:
        evidence.add(name, refused.response.headers, refused.response.body or b"")
    except InvalidHandshake as refused:
        evidence.add(name, refused)


async def fetch(evidence: Evidence, name: str, port: int, path: str, **headers: str) -> None:
    """GET, and keep the answer."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        answer = await http.get(path, headers=headers)
    evidence.add(name, answer.status_code, answer.headers, answer.content)
