"""How long after the end of speech does the first byte of the engine's reply arrive?

`python -m bench.latency [--turns 52] [--through server] [--batch-ms 40] [--quick]`

One session on a real `rtclient engine` child process, dialled directly, or through a real server
with its own engine. Speech made by flite at run time is sent in real time, as a microphone would:
a batch leaves when its last sample has been "spoken". Latency = arrival of the first
`response.output_audio.delta` − the moment at which the last loud sample was spoken (by energy of
the clean signal) − the session's configured silence window. A turn without an answer is a failure.
The run is repeated when this process's own 20 ms timer is late by more than 20 ms (p95).
"""

import argparse
import asyncio
import base64
import contextlib
import json
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from bench.common import (
    RATE,
    SHORT,
    TimerLag,
    head,
    judge,
    percentile,
    speech,
    start_module,
    until_quiet,
)
from tests.support.servers import child_server

MEDIAN_MS, P95_MS = 120.0, 250.0
VOICES = ("slt", "rms", "awb", "kal16")
PHRASES = (
    "what time is it",
    "flip a coin",
    "what day is it today",
    "what is the date today",
    "what year is it",
    "what is seven plus five",
    "what is six times nine",
    "roll a die",
    "pick a random number",
    "hello there",
    "good morning",
    "how are you today",
    "what is your name",
)
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
MARKS = (
    "input_audio_buffer.speech_stopped",
    TRANSCRIBED,
    "response.created",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
)
NOISE_RMS = 8.0
"""A quiet room: −72 dB below full scale, always on."""

SILENCE_MS = 500
TURN_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Turn:
    """One measured turn; all times in ms."""

    number: int
    phrase: str
    voice: str
    heard: str
    marks_ms: dict[str, float]
    """When each of `MARKS` came first, after the end of the silence window."""

    @property
    def stopped_ms(self) -> float:
        """When the end of the speech was announced."""
        return self.marks_ms["input_audio_buffer.speech_stopped"]

    @property
    def audio_ms(self) -> float:
        """When the first audio came."""
        return self.marks_ms["response.output_audio.delta"]


class Microphone:
    """Streams queued speech over a noise floor in real time, for as long as the block lasts."""

    def __init__(self, socket: ClientConnection, batch_ms: int) -> None:
        self._socket = socket
        self._batch = batch_ms * RATE // 1000
        self._noise = np.random.default_rng(7)
        self._queued: NDArray[np.int16] = np.zeros(0, np.int16)
        self._position = 0
        self._starts = 0.0

    def say(self, pcm: NDArray[np.int16]) -> float:
        """Queue speech (pcm16 24 kHz mono); return the `perf_counter` time of its last sample."""
        self._queued = pcm
        return self._starts + (self._position + len(pcm)) / RATE

    async def run(self) -> None:
        """Send batches until cancelled."""
        self._starts = time.perf_counter()
        while True:
            due = self._starts + (self._position + self._batch) / RATE
            taken, self._queued = self._queued[: self._batch], self._queued[self._batch :]
            self._position += self._batch
            sound = self._noise.normal(0, NOISE_RMS, self._batch)
            sound[: len(taken)] += taken
            pcm = np.clip(np.round(sound), -32768, 32767).astype("<i2").tobytes()
            event = {
                "type": "input_audio_buffer.append",
                "audio": base64.b64encode(pcm).decode(),
            }
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._socket.send(json.dumps(event))


async def converse(url: str, key: str, turns: int, batch_ms: int) -> tuple[list[Turn], int]:
    """Hold `turns` turns in one session; also returns the configured silence window in ms."""
    jobs = list(product(PHRASES, VOICES))
    jobs = [jobs[n % len(jobs)] for n in range(turns)]
    spoken = {job: speech(*job) for job in set(jobs)}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with connect(
        url, additional_headers=headers, compression=None, max_size=None, proxy=None
    ) as socket:
        silence_ms = await configured(socket)
        microphone = Microphone(socket, batch_ms)
        streaming = asyncio.create_task(microphone.run())
        done: list[Turn] = []
        try:
            await asyncio.sleep(1.0)  # the room is quiet first
            for number, (phrase, voice) in enumerate(jobs, 1):
                ended = microphone.say(spoken[phrase, voice])
                try:
                    async with asyncio.timeout(TURN_TIMEOUT_S):
                        due = ended + silence_ms / 1000
                        done.append(await one_turn(socket, number, phrase, voice, due))
                except TimeoutError:
                    print(f"  no answer: {phrase!r} by {voice}")
                    await asyncio.sleep(1.0)
        finally:
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
        return done, silence_ms


async def configured(socket: ClientConnection) -> int:
    """Set up the session as the server's built-in profile does; return its silence window in ms."""
    session = {
        "type": "realtime",
        "audio": {
            "input": {
                "transcription": {"model": "whisper-1"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": SILENCE_MS,
                },
            }
        },
    }
    update = {"type": "session.update", "event_id": "bench_update", "session": session}
    await socket.send(json.dumps(update))
    while True:
        event = json.loads(await socket.recv())
        if event["type"] == "error":
            raise SystemExit(f"the session was refused: {event['error']}")
        if event["type"] == "session.updated":
            detection = event["session"]["audio"]["input"]["turn_detection"]
            if detection["silence_duration_ms"] == SILENCE_MS:
                return SILENCE_MS


async def one_turn(
    socket: ClientConnection, number: int, phrase: str, voice: str, due: float
) -> Turn:
    """Read events until the response is done and its turn was transcribed."""
    marks: dict[str, float] = {}
    heard: str | None = None
    finished = False
    while not (finished and heard is not None):
        event: dict[str, Any] = json.loads(await socket.recv())
        kind = event["type"]
        if kind in MARKS:
            marks.setdefault(kind, (time.perf_counter() - due) * 1000)
        if kind == TRANSCRIBED:
            heard = event["transcript"]
        elif kind == "conversation.item.input_audio_transcription.failed":
            heard = ""
        elif kind == "response.done":
            finished = event["response"]["status"] == "completed"
        elif kind == "error":
            raise SystemExit(f"error in mid-session: {event['error']}")
    if not {MARKS[0], MARKS[-1]} <= marks.keys():
        raise SystemExit(f"a turn without speech or sound: {phrase!r}")
    return Turn(number, phrase, voice, heard, marks)


def report(turns: list[Turn], asked: int, silence_ms: int) -> int:
    """Print the figures; return the exit code."""
    audio = [turn.audio_ms for turn in turns]
    stopped = [turn.stopped_ms for turn in turns]
    understood = sum(_words(t.heard) == _words(t.phrase) for t in turns)
    print(
        f"  {len(turns)} of {asked} turns answered, {understood} understood word for word; "
        f"{len({t.voice for t in turns})} voices, {len({t.phrase for t in turns})} phrases; "
        f"silence window {silence_ms} ms"
    )
    print(
        f"  beyond the window: speech_stopped {percentile(stopped, 0.5):.0f} ms median, "
        f"first audio {min(audio):.0f} … {max(audio):.0f} ms"
    )
    for turn in sorted(turns, key=lambda turn: turn.audio_ms)[-3:]:
        times = ", ".join(
            f"{kind.rpartition('.')[2]} {ms:.0f}" for kind, ms in turn.marks_ms.items()
        )
        print(f"  slow turn {turn.number}, {turn.phrase!r} by {turn.voice}: {times} ms")
    code = judge(
        [
            ("speech end → first audio, median", percentile(audio, 0.5), MEDIAN_MS, "ms"),
            ("speech end → first audio, p95", percentile(audio, 0.95), P95_MS, "ms"),
        ]
    )
    return code if len(turns) == asked else SHORT


def _words(text: str) -> list[str]:
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()


async def measure(options: argparse.Namespace) -> tuple[float, int]:
    """One run: (own timer lag p95 in ms, exit code)."""
    async with contextlib.AsyncExitStack() as stack:
        if options.through == "server":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            settings = {"UPSTREAM": "engine"}
            _, port = await stack.enter_async_context(child_server(settings, folder=folder))
            url, key = f"ws://127.0.0.1:{port}/ws", ""
        else:
            key = "bench-key"
            engine = await start_module(
                "rtclient.engine",
                "--port",
                "0",
                "--watch-stdin",
                environment={"RTCLIENT_ENGINE_KEY": key},
            )
            stack.push_async_callback(engine.stop)
            url = f"ws://127.0.0.1:{engine.ready['port']}/v1/realtime?model=engine"
            print(f"  senses: {engine.ready.get('senses')} {engine.ready.get('notes') or ''}")
        lag = await stack.enter_async_context(TimerLag())
        turns, silence_ms = await converse(url, key, options.turns, options.batch_ms)
        return lag.p95_ms, report(turns, options.turns, silence_ms)


async def main(options: argparse.Namespace) -> int:
    """Measure until the machine was quiet enough."""
    head(
        f"Latency: {options.turns} turns, {options.batch_ms} ms batches, through {options.through}"
    )
    return await until_quiet(lambda: measure(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=len(PHRASES) * len(VOICES))
    parser.add_argument("--through", choices=("nothing", "server"), default="nothing")
    parser.add_argument("--batch-ms", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="8 turns")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.turns = 8
    raise SystemExit(asyncio.run(main(chosen)))
