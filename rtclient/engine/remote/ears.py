"""The ears of `LOCAL_STT_URL`: a recogniser behind `POST /audio/transcriptions`.

Rules of the file:
- such servers hear a turn as a whole: it is sent when the engine asks for the words, which is
  early in the pause; when the person goes on after all, that request is cancelled;
- the text of a speech model is certain, so that functions may be called on it. Only where the
  server itself doubts it (a mean log probability below -1, at which Whisper calls its own decoding
  failed) is it a guess.

Source: OpenAI API reference, create transcription.
"""

import asyncio
import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import soxr

from rtclient.engine.remote import trouble
from rtclient.engine.remote.client import Client
from rtclient.engine.senses import Heard, Listening, SenseError

HZ: Final = 16_000
"""What recognisers work with; whisper.cpp takes nothing else."""
HEARD_LIMIT_S: Final = 600
"""A turn is heard up to this length: 19 MB, below the 25 MB that such servers take."""
LEAST_S: Final = 0.1
"""Less than this is refused by servers and holds no word."""
MAX_PROMPT_CHARS: Final = 600
"""Whisper looks at 224 tokens of the prompt."""
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_NO_WORDS: Final = re.compile(r"(?:\s*(?:\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪.…]))+")
"""What models write for a sound without words: `[BLANK_AUDIO]`, `(wind blowing)`, `...`."""
_SURE: Final = 0.9
_LEAST_SURE: Final = 0.8
"""Clients take a confidence from here on for certain."""
_DOUBTFUL_LOGPROB: Final = -1.0


def wav(pcm: bytes) -> bytes:
    """Return pcm16 at `HZ` as a WAV file."""
    form = struct.pack("<HHIIHH", 1, 1, HZ, 2 * HZ, 2, 16)
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", len(form))
    return head + form + struct.pack("<4sI", b"data", len(pcm)) + pcm


def heard_of(answer: Any) -> Heard:
    """Return what a server's answer says. Raises ValueError when it is no transcription."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
        raise ValueError
    text = answer["text"].strip()
    if not text or _NO_WORDS.fullmatch(text):
        return Heard("")
    logprob = _mean_logprob(answer)
    if logprob is None:
        return Heard(text, _SURE, is_certain=True)
    confidence = math.exp(min(logprob, 0.0))
    if logprob < _DOUBTFUL_LOGPROB:
        return Heard(text, confidence)
    return Heard(text, max(confidence, _LEAST_SURE), is_certain=True)


def _mean_logprob(answer: Mapping[str, Any]) -> float | None:
    """Return the mean of `logprobs`, or of the segments of a verbose answer; None: not told."""
    for entries, key in (("logprobs", "logprob"), ("segments", "avg_logprob")):
        found = answer.get(entries)
        values = [
            float(one[key])
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, Mapping) and isinstance(one.get(key), (int, float))
        ]
        if values:
            return sum(values) / len(values)
    return None


class RemoteEars:
    """Hears with a speech recognition server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def listen(self, session_id: str, hints: Sequence[str] = (), language: str = "") -> Listening:
        """Begin to hear a turn; nothing is sent before it is finished."""
        return _Turn(self._client, hints, language)

    def forget(self, session_id: str) -> None:
        """Nothing was learned."""


class _Turn:
    def __init__(self, client: Client, hints: Sequence[str], language: str) -> None:
        self._client = client
        self._fields = {"model": client.server.model, "response_format": "json"}
        if language:
            self._fields["language"] = language
        if hints:
            self._fields["prompt"] = ", ".join(hints)[:MAX_PROMPT_CHARS]
        self._resampler = soxr.ResampleStream(24_000, HZ, 1, "int16", "LQ")
        self._pcm = bytearray()
        self._request: asyncio.Task[Heard] | None = None

    def feed(self, pcm: bytes) -> None:
        """Add pcm16; what is beyond the limit of a turn is not heard."""
        if len(self._pcm) < HEARD_LIMIT_S * HZ * 2:
            self._pcm += self._resampled(pcm)

    def _resampled(self, pcm: bytes, *, is_last: bool = False) -> bytes:
        samples = np.frombuffer(pcm, "<i2")
        return bytes(self._resampler.resample_chunk(samples, last=is_last).astype("<i2").tobytes())

    async def finish(self) -> Heard:
        """Send the turn and return what was understood. Raises `SenseError`."""
        self._pcm += self._resampled(b"", is_last=True)
        if len(self._pcm) < LEAST_S * HZ * 2:
            return Heard("")
        self._request = asyncio.create_task(self._ask())
        try:
            return await self._request
        finally:
            self.cancel()

    async def _ask(self) -> Heard:
        server, limit_s = self._client.server, self._client.patience.first_s
        files = {"file": ("speech.wav", wav(bytes(self._pcm)), "audio/wav")}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(limit_s),
                self._client.post("/audio/transcriptions", data=self._fields, files=files) as reply,
            ):
                async for chunk in reply.chunks():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        break
        except TimeoutError:
            raise SenseError(trouble.silent(server, limit_s)) from None
        try:
            return heard_of(json.loads(body))
        except (ValueError, RecursionError):
            raise SenseError(trouble.nonsense(server, "a transcription")) from None

    def cancel(self) -> None:
        """Forget the turn; a request that is under way is closed. Safe to call twice."""
        self._pcm.clear()
        if self._request is not None:
            self._request.cancel()
