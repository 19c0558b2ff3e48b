"""HTTP to one server of models.

Rules of the file:
- leaving `post` closes the stream at once, however it is left: that is how a request is cancelled;
- every fault is a `SenseError` in the words of trouble.py; what a server says of it is never read;
- a key travels in a header only; redirects are not followed, so it never goes elsewhere;
- a server on this machine is asked directly, whatever proxy the environment names; others through
  `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` unless `NO_PROXY` has them.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from rtclient.engine.remote import trouble
from rtclient.engine.remote.settings import LocalSettingsError, ModelServer
from rtclient.engine.senses import SenseError

MAX_EVENT_BYTES: Final = 1024 * 1024
_MAX_LIST_BYTES: Final = 1024 * 1024
_CONNECTIONS: Final = httpx2.Limits(
    max_connections=128,
    max_keepalive_connections=16,
    keepalive_expiry=3.0,  # most servers close after 5 s; ours must be first, or a request is lost
)

for _name in ("httpx2", "httpcore2"):  # at INFO they log addresses, at DEBUG headers
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take, seconds."""

    connect_s: float = 5.0
    first_s: float = 30.0
    """From the request to the first piece of the answer; it may have to load its model."""
    idle_s: float = 10.0
    """Between two pieces."""
    check_s: float = 2.0
    """To answer the question at start whether it is there."""
    rest_s: float = 10.0
    """How long one that kept a listener waiting in vain is left alone; another voice speaks."""


class Reply:
    """An answer that is being received."""

    def __init__(
        self, response: httpx2.Response, server: ModelServer, first_s: float, idle_s: float
    ) -> None:
        """`first_s`, `idle_s`: as in `Patience`."""
        self._response, self._server = response, server
        self._first_s, self._idle_s = first_s, idle_s

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; may be empty."""
        header: str = self._response.headers.get("content-type", "")
        return header.partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes."""
        async with aclosing(self._patiently(self._response.aiter_bytes())) as chunks:
            async for chunk in chunks:
                yield chunk

    async def events(self) -> AsyncGenerator[str, None]:
        """Yield the data of each server-sent event."""
        source = httpx2.EventSource(self._response, max_event_size=MAX_EVENT_BYTES)
        async with aclosing(self._patiently(aiter(source))) as events:
            async for event in events:
                yield event.data

    async def _patiently(self, pieces: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        limit_s, is_first = self._first_s, True
        while True:
            try:
                with as_sense_errors(self._server):
                    async with asyncio.timeout(limit_s):
                        piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                words = trouble.silent if is_first else trouble.stalled
                raise SenseError(words(self._server, limit_s)) from None
            yield piece
            limit_s, is_first = self._idle_s, False


@contextmanager
def as_sense_errors(server: ModelServer) -> Iterator[None]:
    """Turn what HTTP can raise into a `SenseError`."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as exc:
        words = trouble.untrusted if _is_about_a_certificate(exc) else trouble.unreachable
        raise SenseError(words(server)) from None
    except httpx2.PoolTimeout:
        raise SenseError(trouble.refused(server, 429)) from None
    except httpx2.SSEError:
        raise SenseError(trouble.nonsense(server, "a stream of events")) from None
    except (httpx2.RequestError, httpx2.InvalidURL):
        raise SenseError(trouble.broken_off(server)) from None


def _is_about_a_certificate(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


class Client:
    """Asks one server. Used by all sessions; belongs to the event loop that uses it first."""

    def __init__(self, server: ModelServer, patience: Patience | None = None) -> None:
        """Connect to nothing yet. Raises `LocalSettingsError` for a proxy that cannot be used."""
        self.server = server
        self.patience = patience or Patience()
        try:
            self._http = httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {server.key}"} if server.key else {},
                timeout=httpx2.Timeout(None, connect=self.patience.connect_s, pool=1.0),
                limits=_CONNECTIONS,
                follow_redirects=False,
                mounts={f"all://{server.place}": None} if server.is_loopback else {},
            )
        except (ImportError, ValueError):  # a proxy of another kind
            raise LocalSettingsError([trouble.no_such_proxy(server)]) from None

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        await self._http.aclose()

    @asynccontextmanager
    async def post(
        self, path: str, *, first_s: float | None = None, **content: Any
    ) -> AsyncIterator[Reply]:
        """Send a request and give its answer when it is a success.

        Args:
            path: appended to the server's address: `/chat/completions`.
            first_s: instead of the patience for the first piece.
            content: `json`, or `data` and `files`, as httpx has them.

        Raises:
            SenseError: the server cannot be reached, refuses or is silent.
        """
        limit_s = self.patience.first_s if first_s is None else first_s
        try:
            with as_sense_errors(self.server):
                request = self._http.build_request("POST", self.server.url + path, **content)
                async with asyncio.timeout(limit_s):
                    response = await self._http.send(request, stream=True)
        except TimeoutError:
            raise SenseError(trouble.silent(self.server, limit_s)) from None
        try:
            if not response.is_success:
                raise SenseError(trouble.refused(self.server, response.status_code))
            yield Reply(response, self.server, limit_s, self.patience.idle_s)
        finally:
            await response.aclose()

    async def note(self) -> str:
        """Return what is wrong with the server now, as a sentence; "" when it answers.

        A server need not be able to list its models: any answer but a refused key will do.
        """
        server = self.server
        try:
            with as_sense_errors(server):
                async with (
                    asyncio.timeout(self.patience.check_s),
                    self._http.stream("GET", f"{server.url}/models") as response,
                ):
                    if response.status_code in (401, 403):
                        return trouble.refused(server, response.status_code)
                    models = await _listed(response) if response.is_success else []
        except TimeoutError:
            return trouble.silent(server, self.patience.check_s)
        except SenseError as fault:
            return str(fault)
        if models and server.model not in models:
            names = ", ".join(sorted(models)[:8])
            return (
                f"{trouble.name_of(server)} does not list the model {server.model}. Set "
                f"{server.prefix}_MODEL to one that it has: {names}."
            )
        return ""


async def _listed(response: httpx2.Response) -> list[str]:
    """Return the names of a list of models; empty when it is none."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_LIST_BYTES:
            return []
    try:
        return [str(model["id"])[:80] for model in json.loads(body)["data"]]
    except (ValueError, TypeError, KeyError):
        return []
