"""Microsoft Entra ID tokens from whatever credential a program has.

Source: Azure OpenAI, "How to configure Azure OpenAI with Microsoft Entra ID authentication".
"""

import asyncio
import inspect
from typing import Any, Final

from rtclient.errors import ConnectError

SCOPE: Final = "https://ai.azure.com/.default"
"""What a token is asked for."""
_NETWORK_ERRORS: Final = ("ServiceRequestError", "ServiceResponseError")
"""Of azure-core."""


async def token_of(credential: Any) -> str:
    """Return a token of a credential; a good one keeps its token and renews it itself.

    Args:
        credential: Anything with `get_token(scope)`, as azure-identity's have; one that blocks is
            asked in a thread, one that is asynchronous on this loop.

    Raises:
        ConnectError: There is no token; `__cause__` is what the credential raised. It is
            `retryable` when the network was to blame.
    """
    try:
        if inspect.iscoroutinefunction(credential.get_token):
            token = await credential.get_token(SCOPE)
        else:
            token = await asyncio.to_thread(credential.get_token, SCOPE)
            if inspect.isawaitable(token):
                token = await token
        return str(token.token)
    except Exception as exc:
        # Its text repeats at length what was tried; the kind is what a caller can act on.
        raise ConnectError(
            "refused" if _is_of_the_network(exc) else "auth",
            host="Microsoft Entra ID",
            detail=f"no token ({type(exc).__name__})",
        ) from exc


def _is_of_the_network(exc: Exception) -> bool:
    """Whether asking again later may help. Names, because azure-core need not be installed."""
    names = {kind.__name__ for kind in type(exc).__mro__}
    return isinstance(exc, OSError) or not names.isdisjoint(_NETWORK_ERRORS)
