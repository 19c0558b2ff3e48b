"""The voice of `LOCAL_TTS_URL`: a synthesiser behind `POST /audio/speech`.

Rules of the file:
- sound goes on as it comes, from the first chunk of the first sentence; the core estimates where
  its words stand;
- what a server fails to say, the engine's own voice says: never silence without a word;
- a server that kept a listener waiting is left alone for a while; one that refused is asked again.

Source: OpenAI API reference, create speech.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from rtclient.engine.pcm import pcm_ms
from rtclient.engine.remote import trouble
from rtclient.engine.remote.client import Client
from rtclient.engine.remote.sound import BadSound, Sound
from rtclient.engine.senses import SenseError, Spoken, Trouble, Voice, Word
from rtclient.engine.voice import sentences

CODE: Final = "speech_server_failed"
FIRST_S: Final = 10.0
"""Patience for the first sound: another voice can speak instead."""
_NOTICED_S: Final = 0.3
"""A pause that a listener notices."""
MS_PER_CHAR: Final = 65
"""How long a character sounds, roughly."""

LONGEST_MS_PER_CHAR: Final = 1000
"""How long a character may sound at most; a server that goes on is stopped."""
LEAST_LIMIT_MS: Final = 20_000
"""So long may any text sound."""

log = logging.getLogger("rtclient.engine")


def unsaid(text: str, spoken_ms: float, speed: float) -> int:
    """Return where the first word begins that has not sounded yet, roughly; `len(text)`: all has.

    A word that may have been cut is said again.
    """
    reached = int(spoken_ms * speed / MS_PER_CHAR)
    if reached >= len(text):
        return len(text)
    return max((found.start() for found in re.finditer(r"\S+", text[: reached + 1])), default=0)


class RemoteVoice:
    """Speaks with a speech synthesis server. One serves all sessions."""

    def __init__(self, client: Client, spare: Voice) -> None:
        """`spare`: speaks when the server does not."""
        self._client = client
        self._spare = spare
        self._rests_until = 0.0
        self._fault = ""

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the speech of `text`; closing the iterator closes the request.

        `speed`: 0.25 to 1.5; `volume`: 0.25 to 2.0, a factor on the samples.
        """
        spoken_ms = 0.0
        for offset, part in sentences(text):
            part_ms = 0.0
            try:
                async with aclosing(self._ask(part.strip(), voice, speed, volume)) as sound:
                    async for pcm in sound:
                        part_ms += pcm_ms(pcm)
                        yield Spoken(pcm)
                        if part_ms > max(LEAST_LIMIT_MS, len(part) * LONGEST_MS_PER_CHAR / speed):
                            raise SenseError(trouble.endless(self._client.server))
            except SenseError as fault:
                log.warning("%s (%s)", fault, self._client.server.place)
                yield Spoken(b"", trouble=Trouble(CODE, str(fault)))
                start = offset + unsaid(part, part_ms, speed)
                break
            spoken_ms += part_ms
        else:
            return
        rest = self._spare.speak(text[start:], voice=voice, speed=speed, volume=volume)
        async with aclosing(rest) as speech:  # type: ignore[type-var]  # voices yield generators
            async for spoken in speech:
                yield _moved(spoken, int(spoken_ms + part_ms), start)

    async def _ask(
        self, text: str, voice: str, speed: float, volume: float
    ) -> AsyncGenerator[bytes, None]:
        """Yield the pcm16 of one sentence."""
        if not any(map(str.isalnum, text)):
            return  # servers refuse what has no sound
        loop = asyncio.get_running_loop()
        if loop.time() < self._rests_until:
            raise SenseError(self._fault)
        server = self._client.server
        body = {
            "model": server.model,
            "input": text,
            "voice": server.voice or voice,
            "response_format": "pcm",
            "speed": speed,
        }
        has_sound, since = False, loop.time()
        try:
            async with (
                self._client.post("/audio/speech", json=body, first_s=self._first_s) as reply,
                aclosing(reply.chunks()) as chunks,
            ):
                sound = Sound(server.rate_hz, reply.content_type, volume)
                async for chunk in chunks:
                    since = loop.time()
                    if pcm := sound.feed(chunk):
                        has_sound = True
                        yield pcm
            if pcm := sound.end():
                has_sound = True
                yield pcm
        except SenseError as fault:
            if loop.time() - since >= _NOTICED_S:
                self._fault = str(fault)
                self._rests_until = loop.time() + self._client.patience.rest_s
            raise
        except BadSound:
            has_sound = False
        if not has_sound:
            raise SenseError(trouble.nonsense(server, "sound as pcm"))

    @property
    def _first_s(self) -> float:
        return min(FIRST_S, self._client.patience.first_s)


def _moved(spoken: Spoken, by_ms: int, by_chars: int) -> Spoken:
    """Return a piece of speech whose words are counted from further ahead."""
    words = tuple(
        Word(word.start_ms + by_ms, word.text_start + by_chars, word.text_end + by_chars)
        for word in spoken.words
    )
    return Spoken(spoken.pcm, words, spoken.trouble)
