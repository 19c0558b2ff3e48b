"""The factory, OpenAI, and what every upstream promises."""

import ssl
from pathlib import Path

import pytest
import trustme

from rtclient.endpoints import openai
from rtclient.errors import ConnectError
from rtclient.testing import ScriptedPeer
from server.settings import load_settings
from server.upstreams import Upstream, create_upstream, described
from server.upstreams.dialling import Dialler
from server.upstreams.openai import OpenAIUpstream

KEY = "canary-key-0123456789"
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://myres.openai.azure.com",
    "AZURE_OPENAI_API_KEY": KEY,
    "AZURE_OPENAI_DEPLOYMENT": "voice",
}


def made(folder: Path, environ: dict[str, str]) -> Upstream:
    """The upstream of this environment."""
    (folder / ".env").write_text("")
    return create_upstream(load_settings(environ, folder))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (AZURE, "Azure OpenAI, deployment voice"),
        (
            AZURE | {"AZURE_OPENAI_DIALECT": "preview"},
            "Azure OpenAI, deployment voice, preview dialect",
        ),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m"}, "OpenAI, model m"),
        ({}, "the built-in engine"),
    ],
)
def test_operators_are_told_which_one_it_is(
    tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    assert described(made(tmp_path, environ)) == expected


def test_each_service_has_its_own(tmp_path: Path) -> None:
    azure = made(tmp_path, AZURE)
    assert (azure.kind, azure.model, azure.label) == ("azure", "voice", "Azure OpenAI")
    assert set(azure.secrets) == {KEY, "myres.openai.azure.com"}
    open_ai = made(tmp_path, {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m"})
    assert (open_ai.kind, open_ai.model, open_ai.label) == ("openai", "m", "OpenAI")
    assert open_ai.secrets == (KEY,)
    engine = made(tmp_path, {})
    assert (engine.kind, engine.state()) == ("engine", "starting")


async def test_openai_dials_with_the_key() -> None:
    async with ScriptedPeer() as peer:
        upstream = OpenAIUpstream(openai(peer.url + "/v1", "m", key=KEY), Dialler())
        await upstream.start()
        transport = await upstream.dial()
        session = await peer.session()
        assert session.path == "/v1/realtime?model=m"
        assert session.headers["authorization"] == f"Bearer {KEY}"
        assert "openai-beta" not in session.headers
        assert upstream.state() == "ready"
        await transport.close()
        await upstream.close()


async def test_a_private_authority_is_trusted_when_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with ScriptedPeer(tls=context) as peer:
        environ = {"OPENAI_BASE_URL": peer.url, "OPENAI_API_KEY": KEY}
        with pytest.raises(ConnectError) as caught:
            await made(tmp_path, environ).dial()
        assert caught.value.kind == "tls"
        assert peer.requests == []
        for extra in ({"EXTRA_CA_FILE": str(ca_file)}, {"PARLEY_TLS_VERIFY": "off"}):
            transport = await made(tmp_path, environ | extra).dial()
            await transport.close()


async def test_a_proxy_is_used_for_the_dial_only_when_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    async with ScriptedPeer() as peer:
        environ = {"OPENAI_BASE_URL": peer.url, "OPENAI_API_KEY": KEY}
        transport = await made(tmp_path, environ).dial()
        await transport.close()
    with_proxy = environ | {"PARLEY_UPSTREAM_PROXY": "http://127.0.0.1:1"}
    with pytest.raises(ConnectError):
        await made(tmp_path, with_proxy).dial()
