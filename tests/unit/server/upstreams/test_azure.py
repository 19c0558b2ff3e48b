"""Azure: the key, or a token that is renewed once when it is refused."""

import pytest

from rtclient.endpoints import azure
from rtclient.errors import AuthError
from rtclient.testing import ScriptedPeer
from rtclient.transport import Transport
from server.errors import FaultError
from server.upstreams.azure import AzureUpstream
from server.upstreams.dialling import Dialler
from server.upstreams.entra import EntraTokens

KEY = "canary-key-0123456789"


class Access:
    """A token as azure-identity returns it."""

    def __init__(self, token: str, expires_on: int) -> None:
        self.token = token
        self.expires_on = expires_on


class Credential:
    """A credential that counts its tokens: token-1, token-2 …"""

    def __init__(self, failures: int = 0, valid_s: int = 3600) -> None:
        self.scopes: list[str] = []
        self.is_closed = False
        self._failures = failures
        self._valid_s = valid_s

    def get_token(self, *scopes: str, **_kwargs: object) -> Access:
        """Return the next token, or fail as often as told first."""
        self.scopes += scopes
        if len(self.scopes) <= self._failures:
            raise RuntimeError(f"tenant and account and {KEY}")
        return Access(f"token-{len(self.scopes)}", 1_000_000 + self._valid_s)

    def close(self) -> None:
        """Free what it holds."""
        self.is_closed = True


def tokens_of(credential: Credential, now: float = 1_000_000) -> EntraTokens:
    """Tokens of this credential; the clock stands still."""
    return EntraTokens(lambda: credential, clock=lambda: now)


async def close(transport: Transport) -> None:
    """Close a connection that a test opened."""
    await transport.close()


async def test_the_key_goes_into_its_header() -> None:
    async with ScriptedPeer() as peer:
        upstream = AzureUpstream(azure(peer.url, "voice", key=KEY), Dialler())
        await upstream.start()
        await close(await upstream.dial())
        session = await peer.session()
        assert session.path == "/openai/v1/realtime?model=voice"
        assert session.headers["api-key"] == KEY
        assert "authorization" not in session.headers
        assert KEY in upstream.secrets
        assert (upstream.kind, upstream.model, upstream.state()) == ("azure", "voice", "ready")
        assert upstream.label == "Azure OpenAI"
        await upstream.close()


async def test_a_token_goes_as_bearer() -> None:
    credential = Credential()
    async with ScriptedPeer() as peer:
        upstream = AzureUpstream(azure(peer.url, "voice"), Dialler(), tokens_of(credential))
        await close(await upstream.dial())
        await close(await upstream.dial())
        session = await peer.session()
        assert session.headers["authorization"] == "Bearer token-1"
        assert "api-key" not in session.headers
        assert credential.scopes == ["https://ai.azure.com/.default"]
        assert "token-1" in upstream.secrets
        await upstream.close()
        assert credential.is_closed


async def test_a_refused_token_is_renewed_once() -> None:
    credential = Credential()
    async with ScriptedPeer(status=401) as peer:
        upstream = AzureUpstream(azure(peer.url, "voice"), Dialler(), tokens_of(credential))
        with pytest.raises(AuthError):
            await upstream.dial()
        sent = [request.headers["authorization"] for request in peer.requests]
        assert sent == ["Bearer token-1", "Bearer token-2"]
        await upstream.close()


async def test_a_forbidden_identity_is_not_tried_again() -> None:
    async with ScriptedPeer(status=403) as peer:
        upstream = AzureUpstream(azure(peer.url, "voice"), Dialler(), tokens_of(Credential()))
        with pytest.raises(AuthError):
            await upstream.dial()
        assert len(peer.requests) == 1
        await upstream.close()


async def test_no_token_is_a_fault_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    upstream = AzureUpstream(
        azure("http://127.0.0.1:9", "voice"), Dialler(), tokens_of(Credential(failures=9))
    )
    with pytest.raises(FaultError) as caught:
        await upstream.dial()
    assert caught.value.fault.code == "upstream_token_failed"
    assert caught.value.__cause__ is None
    assert KEY not in caplog.text
    await upstream.close()
