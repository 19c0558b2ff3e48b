"""OpenAI-compatible servers of models: real HTTP, scripted answers, and every way to misbehave.

async with model_servers(transcripts=["what time is it"]) as models:
    models.replies = [say("It is noon."), call("clock", "{}")]
    models.plan("chat", Fault(status=500))          # the next chat request only
    ...
    models.of("chat")[0].body["messages"]
    await models.until(lambda: models.of("chat")[0].is_dropped)

One server answers all three endpoints. Sound is 60 ms of a tone for each character.
"""

import asyncio
import contextlib
import json
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from rtclient.engine.scripted import LetterVoice
from tests.support.servers import running

Kind = Literal["stt", "chat", "tts", "models"]
SOUND_HZ = 24_000


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong."""

    status: int = 200
    """Anything else is answered at once, with a body that repeats the key, as some servers do."""
    is_silent: bool = False
    """Take the request and say nothing."""
    stall_after: int | None = None
    """Stop after so many pieces, and keep the connection."""
    close_after: int | None = None
    """Close the connection after so many pieces, in the middle of the body."""
    body: bytes | None = None
    """Send this instead of an answer."""
    content_type: str = ""
    """Instead of the usual one."""


@dataclass
class Asked:
    """One request as it came, and what became of it."""

    kind: Kind
    headers: dict[str, str]
    body: dict[str, Any]
    """The JSON, or the fields of a form."""
    upload: bytes = b""
    pieces: int = 0
    """Pieces of the answer that were sent."""
    is_dropped: bool = False
    """The client closed the connection before the answer was whole."""
    is_answered: bool = False


Chunk = dict[str, Any]


def delta(**fields: Any) -> Chunk:
    """A chunk of a completion."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def end(reason: str = "stop") -> Chunk:
    """The chunk that says why a completion ends."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def say(*texts: str, reason: str = "stop") -> list[Chunk]:
    """The chunks of a text, in these pieces; one alone comes word by word."""
    pieces = texts if len(texts) > 1 else tuple(re.findall(r"\S+\s*", texts[0]))
    return [delta(role="assistant"), *(delta(content=piece) for piece in pieces), end(reason)]


def call(name: str, arguments: str, call_id: str = "call_1", index: int = 0) -> list[Chunk]:
    """The chunks of a function call, its arguments in pieces of five characters."""
    head = {"index": index, "id": call_id, "type": "function"}
    first = delta(tool_calls=[{**head, "function": {"name": name, "arguments": ""}}])
    rest = [
        delta(tool_calls=[{"index": index, "function": {"arguments": arguments[at : at + 5]}}])
        for at in range(0, len(arguments), 5)
    ]
    return [first, *rest, end("tool_calls")]


@dataclass
class ModelServers:
    """The scripts of all endpoints and what they were asked."""

    url: str = ""
    transcripts: Sequence[str] = ()
    replies: Sequence[Sequence[Chunk]] = ()
    """One for each chat request; then "You said …"."""
    usage: dict[str, int] | None = None
    names: Sequence[str] = ("whisper-1", "default", "tts-1")
    """The models that it lists."""
    key: str = ""
    """When set, requests must carry it."""
    chunk_bytes: int = 1001
    """Odd, so that samples are cut in two."""
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Chat answers wait before the piece `held_at` until it is set."""
    held_at: int | None = None
    _faults: dict[str, deque[Fault]] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def plan(self, kind: Kind, *faults: Fault) -> None:
        """Let the next requests of a kind go wrong."""
        self._faults.setdefault(kind, deque()).extend(faults)

    def of(self, kind: Kind) -> list[Asked]:
        """The requests of a kind, in order."""
        return [asked for asked in self.asked if asked.kind == kind]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what the server saw makes this true."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def note(self) -> None:
        """Wake who waits for a change."""
        async with self._changed:
            self._changed.notify_all()

    def fault(self, kind: Kind) -> Fault:
        """Take the next planned fault of a kind."""
        planned = self._faults.get(kind)
        return planned.popleft() if planned else Fault()


class _Answer(Response):
    """Sends an answer piece by piece, as the fault says, and sees when the client goes."""

    def __init__(
        self,
        models: ModelServers,
        asked: Asked,
        fault: Fault,
        media_type: str,
        pieces: AsyncIterator[bytes],
    ) -> None:
        super().__init__(media_type=fault.content_type or media_type)
        self._models, self._asked, self._fault, self._pieces = models, asked, fault, pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(self._watch(receive))
        sending = asyncio.create_task(self._send(send))
        await asyncio.wait({watching, sending}, return_when=asyncio.FIRST_COMPLETED)
        self._asked.is_dropped = not sending.done()
        for task in (watching, sending):
            task.cancel()
        await asyncio.gather(watching, sending, return_exceptions=True)
        await self._models.note()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send(self, send: Send) -> None:
        fault = self._fault
        if fault.is_silent:
            await asyncio.Event().wait()
        headers = [(b"content-type", (self.media_type or "").encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for piece in self._pieces:
            if self._asked.pieces == fault.close_after:
                return  # uvicorn closes the connection of a body that is not whole
            if self._asked.pieces == fault.stall_after:
                await asyncio.Event().wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._asked.pieces += 1
            await self._models.note()
        self._asked.is_answered = True
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _asked(kind: Kind, request: Request) -> Asked:
    headers = dict(request.headers)
    if kind != "stt":
        return Asked(kind, headers, json.loads(await request.body() or b"{}"))
    head = f"content-type: {headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + await request.body())
    parts = {part.get_param("name", header="content-disposition"): part for part in form.walk()}
    upload = parts.pop("file").get_payload(decode=True)
    assert isinstance(upload, bytes)
    fields = {str(name): part.get_content().strip() for name, part in parts.items() if name}
    return Asked(kind, headers, fields, upload)


def _application(models: ModelServers) -> Starlette:
    async def answer(request: Request) -> Response:
        kind = _KINDS[request.url.path]
        asked = await _asked(kind, request)
        models.asked.append(asked)
        await models.note()
        fault = models.fault(kind)
        is_refused = models.key and asked.headers.get("authorization") != f"Bearer {models.key}"
        status = 401 if is_refused else fault.status
        if status != 200:
            told = {"error": {"message": f"Bad request with {asked.headers.get('authorization')}"}}
            return JSONResponse(told, status)
        if fault.body is not None:
            return _Answer(models, asked, fault, "application/json", _once(fault.body))
        media_type, pieces = _ANSWERS[kind]
        return _Answer(models, asked, fault, media_type, pieces(models, asked))

    return Starlette(routes=[Route(path, answer, methods=["GET", "POST"]) for path in _KINDS])


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _transcription(models: ModelServers, _: Asked) -> AsyncIterator[bytes]:
    number = len(models.of("stt"))
    known = number <= len(models.transcripts)
    text = models.transcripts[number - 1] if known else f"turn {number}"
    yield json.dumps({"text": text}).encode()


async def _completion(models: ModelServers, asked: Asked) -> AsyncIterator[bytes]:
    number = len(models.of("chat"))
    if number <= len(models.replies):
        chunks = list(models.replies[number - 1])
    else:
        chunks = say(f"You said: {asked.body['messages'][-1]['content']}.")
    if models.usage:
        chunks.append({"choices": [], "usage": models.usage})
    for at, chunk in enumerate(chunks):
        if at == models.held_at:
            await models.gate.wait()
        yield f"data: {json.dumps(chunk)}\n\n".encode()
    yield b"data: [DONE]\n\n"


async def _speech(models: ModelServers, asked: Asked) -> AsyncIterator[bytes]:
    pcm = await spoken(asked.body["input"])
    for at in range(0, len(pcm), models.chunk_bytes):
        yield pcm[at : at + models.chunk_bytes]


async def _models(models: ModelServers, _: Asked) -> AsyncIterator[bytes]:
    yield json.dumps({"data": [{"id": name} for name in models.names]}).encode()


async def spoken(text: str) -> bytes:
    """The sound that the speech server makes of a text."""
    voice = LetterVoice()
    return b"".join([piece.pcm async for piece in voice.speak(text, voice="alloy", speed=1.0)])


_KINDS: dict[str, Kind] = {
    "/v1/audio/transcriptions": "stt",
    "/v1/chat/completions": "chat",
    "/v1/audio/speech": "tts",
    "/v1/models": "models",
}
_ANSWERS: dict[Kind, tuple[str, Callable[[ModelServers, Asked], AsyncIterator[bytes]]]] = {
    "stt": ("application/json", _transcription),
    "chat": ("text/event-stream", _completion),
    "tts": ("audio/pcm", _speech),
    "models": ("application/json", _models),
}


@contextlib.asynccontextmanager
async def model_servers(
    tls: ssl.SSLContext | None = None, **scripts: Any
) -> AsyncIterator[ModelServers]:
    """Serve all endpoints on a free port; `scripts`: fields of `ModelServers`."""
    models = ModelServers(**scripts)
    config = uvicorn.Config(
        _application(models), port=0, log_config=None, access_log=False, lifespan="off"
    )
    config.load()
    config.ssl = tls
    async with running(config) as server:
        scheme = "http" if tls is None else "https"
        models.url = f"{scheme}://127.0.0.1:{server.port}"
        yield models
