"""People who talk with an engine, as a load that costs little to make.

A talker's microphone is always on and sends a batch every 40 ms in real time, as the page does. The
talker says a phrase, hears the answer, pauses, and says the next one. All sound is made, mixed with
the room's noise and encoded beforehand, so that the load takes little of the cores that it loads.
"""

import asyncio
import base64
import json
import random
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection

from bench.common import RATE, speech

BATCH_MS = 40
SILENCE_MS = 500
TURN_TIMEOUT_S = 20.0
VOICES = ("slt", "rms", "awb", "kal16")
PHRASES = (
    "what is ninety divided by three",
    "what is seventy seven times eighteen",
    "what is forty seven plus ninety three",
    "what is twenty minus eight",
    "what is ninety nine divided by eleven",
    "what is sixty four minus twenty seven",
)
"""About 2 s each; their answers are as short."""

_BATCH = BATCH_MS * RATE // 1000
_TYPE = re.compile(r'"type": ?"([^"]+)"')


def append(pcm: NDArray[np.int16]) -> str:
    """Return the event that carries pcm16 at 24 kHz."""
    audio = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": audio})


class Room:
    """The noise of a room, encoded once: white, `dbfs` (RMS); -inf is digital zero."""

    def __init__(self, dbfs: float = -72.0, seed: int = 7) -> None:
        self._rms = 32768 * 10 ** (dbfs / 20)
        self._noise = np.random.default_rng(seed)
        self._quiet = [append(self._heard(np.zeros(_BATCH))) for _ in range(97)]

    def _heard(self, pcm: NDArray[np.float64]) -> NDArray[np.int16]:
        noisy = pcm + self._noise.normal(0, self._rms, len(pcm))
        return np.clip(np.round(noisy), -32768, 32767).astype(np.int16)

    def quiet(self, number: int) -> str:
        """Return an append of the room alone; numbers in a row sound like noise."""
        return self._quiet[number % len(self._quiet)]

    def hears(self, pcm: NDArray[np.int16]) -> list[str]:
        """Return the appends of a sound in this room."""
        whole = np.zeros(-(-len(pcm) // _BATCH) * _BATCH)
        whole[: len(pcm)] = pcm
        return [append(self._heard(batch)) for batch in whole.reshape(-1, _BATCH)]


@dataclass(frozen=True)
class Line:
    """A phrase as a microphone brings it; its last sample is loud."""

    phrase: str
    batches: Sequence[str]
    length_s: float


def lines(room: Room) -> list[Line]:
    """Return every phrase by every voice."""
    spoken = [(phrase, speech(phrase, voice)) for voice in VOICES for phrase in PHRASES]
    return [Line(phrase, room.hears(pcm), len(pcm) / RATE) for phrase, pcm in spoken]


@dataclass
class Tally:
    """What happened to all talkers."""

    latencies_ms: list[float] = field(default_factory=list)
    """First audio after the end of the silence window; one for each answered turn."""
    spoken_s: float = 0.0
    understood: int = 0
    missed: int = 0
    """Turns without an answer."""
    troubles: list[str] = field(default_factory=list)
    """Types and codes of what went wrong."""

    @property
    def turns(self) -> int:
        """Answered turns."""
        return len(self.latencies_ms)


class Microphone:
    """Sends the room, and what is said in it, in real time until cancelled."""

    def __init__(self, socket: ClientConnection, room: Room) -> None:
        self._socket, self._room = socket, room
        self._queue: deque[str] = deque()
        self._sent = 0
        self._starts = 0.0

    def say(self, line: Line) -> float:
        """Queue a line; return the `perf_counter` time at which its last sample is spoken."""
        begins = self._starts + self._sent * BATCH_MS / 1000
        self._queue.extend(line.batches)
        return begins + line.length_s

    async def run(self) -> None:
        """Send a batch as soon as its last sample has been spoken."""
        self._starts = time.perf_counter()
        for number in count():
            self._sent = number
            due = self._starts + (number + 1) * BATCH_MS / 1000
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            text = self._queue.popleft() if self._queue else self._room.quiet(number)
            await self._socket.send(text)


async def configured(socket: ClientConnection) -> None:
    """Set the session up; return when the engine said so."""
    detection = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": SILENCE_MS}
    sound = {"transcription": {"model": "whisper-1"}, "turn_detection": detection}
    session = {"type": "realtime", "audio": {"input": sound}}
    await socket.send(json.dumps({"type": "session.update", "session": session}))
    while kind_of(text := str(await socket.recv())) != "session.updated":
        if kind_of(text) == "error":
            raise SystemExit(f"the session was refused: {text}")


def kind_of(text: str) -> str:
    """Return the type of an event without parsing all of it."""
    match = _TYPE.search(text)
    return match[1] if match else ""


class Talker:
    """One person at one microphone."""

    def __init__(
        self, socket: ClientConnection, room: Room, tally: Tally, *, seed: int, patient: bool = True
    ) -> None:
        """`patient`: hears answers out and pauses; else speaks again when all of one has come."""
        self._socket, self._tally, self._patient = socket, tally, patient
        self._microphone = Microphone(socket, room)
        self._chance = random.Random(seed)

    async def talk(self, said: Sequence[Line], until: float) -> None:
        """Say lines in random order until the `perf_counter` time `until`; then finish the turn."""
        streaming = asyncio.create_task(self._microphone.run())
        try:
            await asyncio.sleep(self._chance.uniform(0.6, 6.0 if self._patient else 2.0))
            while time.perf_counter() < until:
                line = self._chance.choice(said)
                try:
                    async with asyncio.timeout(TURN_TIMEOUT_S):
                        over = await self._turn(line)
                except TimeoutError:
                    self._tally.missed += 1
                    continue
                if self._patient:
                    pause_s = self._chance.uniform(0.8, 2.0)
                    await asyncio.sleep(max(0.0, over - time.perf_counter()) + pause_s)
        finally:
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)

    async def _turn(self, line: Line) -> float:
        """Say a line, take the answer; return when its last sample has been heard."""
        due = self._microphone.say(line) + SILENCE_MS / 1000
        self._tally.spoken_s += line.length_s
        first, heard, is_done, sound_bytes = 0.0, None, False, 0
        while not (is_done and heard is not None):
            text = str(await self._socket.recv())
            match kind_of(text):
                case "response.output_audio.delta":
                    first = first or time.perf_counter()
                    sound_bytes += len(text) * 3 // 4
                case "conversation.item.input_audio_transcription.completed":
                    heard = json.loads(text)["transcript"]
                case "conversation.item.input_audio_transcription.failed" | "error" as kind:
                    heard = heard or ""
                    self._tally.troubles.append(f"{kind} {json.loads(text)['error']['code']}")
                case "response.done":
                    status = json.loads(text)["response"]["status"]
                    is_done = status != "cancelled"  # the turn went on: another answer follows
                    if status != "completed":
                        self._tally.troubles.append(f"response {status}")
        if not first:
            self._tally.missed += 1
            return time.perf_counter()
        self._tally.latencies_ms.append((first - due) * 1000)
        self._tally.understood += words(heard) == words(line.phrase)
        return first + sound_bytes / (2 * RATE)


def words(text: str) -> list[str]:
    """Text as words only, to compare."""
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()
