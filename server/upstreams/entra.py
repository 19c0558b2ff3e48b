"""Microsoft Entra ID tokens, fetched before they are needed and never on the audio path.

`azure-identity` is the extra `azure`; its synchronous credentials run in a thread, because its
asynchronous ones would bring another HTTP stack.

Source: Azure OpenAI, "How to configure Azure OpenAI with Microsoft Entra ID authentication".
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from server.errors import FaultError

SCOPE = "https://ai.azure.com/.default"

_RENEW_BEFORE_S = 300.0
_RETRY_FIRST_S = 5.0
_RETRY_LAST_S = 60.0
_MAX_WAIT_S = 8.0

_log = logging.getLogger("server.upstreams.entra")


class AccessToken(Protocol):
    """What a credential returns."""

    @property
    def token(self) -> str:
        """The token itself."""

    @property
    def expires_on(self) -> int:
        """When it ends, in Unix seconds."""


class Credential(Protocol):
    """What azure-identity's credentials have in common."""

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """Fetch a token; may take seconds."""


def default_credential() -> Credential:
    """Return azure-identity's chain: environment, workload and managed identity, `az login` …"""
    from azure.identity import DefaultAzureCredential

    credential: Credential = DefaultAzureCredential()
    return credential


class EntraTokens:
    """One token at a time, renewed in the background five minutes before it ends."""

    def __init__(
        self,
        make_credential: Callable[[], Credential] = default_credential,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._make_credential = make_credential
        self._clock = clock
        self._credential: Credential | None = None
        self._token = ""
        self._expires_at = 0.0
        self._fetching = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def current(self) -> str:
        """The newest token, or an empty string."""
        return self._token

    async def start(self) -> None:
        """Fetch the first token and keep it fresh, in the background."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._keep_fresh(), name="entra tokens")

    async def get(self) -> str:
        """Return a valid token; waits, some seconds at most, only when there is none.

        Raises:
            FaultError: `upstream_token_failed`.
        """
        if self._token and self._clock() < self._expires_at:
            return self._token
        return await self.renew(self._token)

    async def renew(self, refused: str) -> str:
        """Return another token than `refused`, fetching one unless somebody else just did.

        Waits some seconds at most.

        Raises:
            FaultError: `upstream_token_failed`.
        """
        try:
            async with asyncio.timeout(_MAX_WAIT_S):
                return await self._renew(refused)
        except TimeoutError:
            raise FaultError("upstream_token_failed") from None

    async def _renew(self, refused: str) -> str:
        async with self._fetching:
            if self._token and self._token != refused:
                return self._token
            try:
                access = await asyncio.to_thread(self._fetch)
            except Exception as exc:
                # Only the kind: the texts of azure-identity name tenants, accounts and addresses.
                _log.warning("no token", extra={"error": type(exc).__name__})
                raise FaultError("upstream_token_failed") from None
            self._token, self._expires_at = access.token, float(access.expires_on)
            return self._token

    async def close(self) -> None:
        """Stop renewing."""
        renewing, self._renewing = self._renewing, None
        if renewing is not None:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        close = getattr(self._credential, "close", None)
        if close is not None:
            await asyncio.to_thread(close)

    def _fetch(self) -> AccessToken:
        if self._credential is None:
            self._credential = self._make_credential()
        return self._credential.get_token(SCOPE)

    async def _keep_fresh(self) -> None:
        retry_s = _RETRY_FIRST_S
        while True:
            try:
                await self._renew(self._token)  # nobody waits: it may take its time
                retry_s = _RETRY_FIRST_S
                wait_s = self._expires_at - self._clock() - _RENEW_BEFORE_S
            except FaultError:
                wait_s, retry_s = retry_s, min(retry_s * 2, _RETRY_LAST_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), max(wait_s, _RETRY_FIRST_S))
