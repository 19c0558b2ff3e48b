"""Tokens are there before they are needed, and fetched once for many."""

import asyncio
import threading

import pytest

from server.errors import FaultError
from server.upstreams import entra
from server.upstreams.entra import EntraTokens


class Access:
    """A token as azure-identity returns it."""

    def __init__(self, token: str, expires_on: int) -> None:
        self.token = token
        self.expires_on = expires_on


class Credential:
    """Hands out t1, t2 …, valid until `expires_on`; says when it was asked."""

    def __init__(self, expires_on: int) -> None:
        self.expires_on = expires_on
        self.count = 0
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def get_token(self, *_scopes: str, **_kwargs: object) -> Access:
        """Return the next token; runs in a thread."""
        self.count += 1
        self._loop.call_soon_threadsafe(self.asked.set)
        return Access(f"t{self.count}", self.expires_on)


async def test_the_first_token_is_fetched_in_the_background() -> None:
    credential = Credential(expires_on=4000)
    tokens = EntraTokens(lambda: credential, clock=lambda: 0.0)
    assert tokens.current == ""
    await tokens.start()
    await tokens.start()
    await credential.asked.wait()
    assert await tokens.get() == "t1"
    assert await tokens.get() == tokens.current == "t1"
    await tokens.close()
    await tokens.close()
    assert credential.count == 1


async def test_many_who_need_one_get_the_same() -> None:
    credential = Credential(expires_on=4000)
    tokens = EntraTokens(lambda: credential, clock=lambda: 0.0)
    got = await asyncio.gather(*(tokens.get() for _ in range(20)))
    assert set(got) == {"t1"}
    assert credential.count == 1


async def test_an_expired_token_is_not_used() -> None:
    now = 0.0
    credential = Credential(expires_on=100)
    tokens = EntraTokens(lambda: credential, clock=lambda: now)
    assert await tokens.get() == "t1"
    now = 100.0
    assert await tokens.get() == "t2"


async def test_only_a_refused_token_is_replaced() -> None:
    credential = Credential(expires_on=4000)
    tokens = EntraTokens(lambda: credential, clock=lambda: 0.0)
    assert await tokens.get() == "t1"
    assert await tokens.renew("t1") == "t2"
    assert await tokens.renew("t1") == "t2"
    assert credential.count == 2


async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entra, "_MAX_WAIT_S", 0.01)
    goes_on = threading.Event()

    class Slow(Credential):
        def get_token(self, *_scopes: str, **_kwargs: object) -> Access:
            goes_on.wait()
            return super().get_token()

    credential = Slow(expires_on=4000)
    tokens = EntraTokens(lambda: credential, clock=lambda: 0.0)
    for waiting in (tokens.get(), tokens.renew("refused")):
        with pytest.raises(FaultError) as caught:
            await waiting
        assert caught.value.fault.code == "upstream_token_failed"
    await tokens.start()  # in the background there is time
    goes_on.set()
    while not tokens.current:
        await asyncio.wait_for(credential.asked.wait(), 5)
        await asyncio.to_thread(lambda: None)
    await tokens.close()


async def test_without_the_package_there_is_no_token() -> None:
    def broken() -> Credential:
        raise ModuleNotFoundError("azure.identity")

    tokens = EntraTokens(broken)
    with pytest.raises(FaultError) as caught:
        await tokens.get()
    assert caught.value.fault.code == "upstream_token_failed"
    await tokens.close()
