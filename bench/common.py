"""What every benchmark needs: percentiles, the state of the machine, speech from flite, children.

A benchmark prints its figures and the load that they were measured under, and exits with 1 when a
figure misses its target and with 2 when the run proves nothing (the machine was too busy).
"""

import asyncio
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import psutil
import soxr
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
RATE = 24_000
BYTES_PER_MS = 48
"""pcm16: little-endian signed 16-bit, mono, 24 000 Hz."""

SHORT, VOID = 1, 2
"""Exit codes: a target was missed; the run proves nothing."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed; nan if empty."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def machine() -> str:
    """The kind of machine, without names."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def load() -> str:
    """The load averages of one and five minutes."""
    one, five, _ = os.getloadavg()
    return f"load {one:.2f} (1 min) {five:.2f} (5 min)"


def head(title: str) -> None:
    """Print what is measured, when and where."""
    print(f"{title}\n  {time.strftime('%Y-%m-%d')}, {machine()}, {load()}", flush=True)


class TimerLag:
    """Measures how late this process's own 20 ms timer fires while the block runs.

    A benchmark whose own timer is late measures the neighbours, not the program.
    """

    def __init__(self) -> None:
        self.lags_ms: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "TimerLag":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()

    @property
    def p95_ms(self) -> float:
        """95th percentile of the lag in milliseconds."""
        return percentile(self.lags_ms, 0.95)

    async def _run(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.02)
            self.lags_ms.append((time.perf_counter() - before - 0.02) * 1000)


def speech(text: str, voice: str, *, silence_ms: int = 0) -> NDArray[np.int16]:
    """Speak with flite; 24 kHz mono pcm16 samples with the silence at both ends cut off.

    `voice`: a flite voice (slt, rms, awb, kal16). `silence_ms` of digital zero are put before it.
    """
    if shutil.which("flite") is None:
        raise SystemExit("flite is needed to make the test speech: apt-get install flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        with wave.open(str(path)) as sound:
            rate = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
    clean = soxr.resample(samples.astype(np.float32) / 32768, rate, RATE)
    pcm = np.clip(np.round(clean * 32767), -32768, 32767).astype(np.int16)
    start, end = speech_span(pcm)
    return np.concatenate([np.zeros(silence_ms * RATE // 1000, np.int16), pcm[start:end]])


def speech_span(pcm: NDArray[np.int16], floor_db: float = -40.0) -> tuple[int, int]:
    """First and one-past-last sample of the speech, by energy of the clean signal.

    A 10 ms frame belongs to the speech when its RMS is within `floor_db` of the loudest frame's.
    """
    frame = RATE // 100
    frames = pcm[: len(pcm) // frame * frame].astype(np.float64).reshape(-1, frame)
    rms = np.sqrt((frames**2).mean(axis=1))
    (loud,) = np.nonzero(rms > rms.max() * 10 ** (floor_db / 20))
    return int(loud[0]) * frame, int(loud[-1] + 1) * frame


@dataclass
class Child:
    """A child process that printed one JSON line when it was ready."""

    process: asyncio.subprocess.Process
    ready: dict[str, Any]

    def memory_bytes(self) -> int:
        """Resident memory of the process and its children."""
        root = psutil.Process(self.process.pid)
        return sum(p.memory_info().rss for p in [root, *root.children(recursive=True)])

    def cpu_s(self) -> float:
        """CPU seconds of the process and its children so far."""
        root = psutil.Process(self.process.pid)
        times = [p.cpu_times() for p in [root, *root.children(recursive=True)]]
        return float(sum(t.user + t.system for t in times))

    async def ask(self, line: str) -> dict[str, Any]:
        """Write a line to its stdin, read a JSON line from its stdout."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

    async def stop(self) -> None:
        """SIGTERM, after 5 s SIGKILL."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(5):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start_module(
    *arguments: str, environment: dict[str, str] | None = None, folder: Path | None = None
) -> Child:
    """Run `python -m ARGUMENTS` and wait for its first JSON line on stdout.

    Lines that are no JSON object are skipped; its stderr is ours. Raises SystemExit when it ends.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=folder or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"{"):
            return Child(process, json.loads(line))
    raise SystemExit(f"{' '.join(arguments)} ended before it was ready")


def judge(figures: Sequence[tuple[str, float, float, str]]) -> int:
    """Print each (name, value, limit, unit) with its verdict; return 0 or SHORT.

    A value that is not a number misses its limit.
    """
    code = 0
    for name, value, limit, unit in figures:
        good = value <= limit
        print(f"  {'ok   ' if good else 'SHORT'} {name}: {value:.1f} {unit} (≤ {limit:g})")
        code = code if good else SHORT
    return code


async def until_quiet(
    measure: Callable[[], Awaitable[tuple[float, int]]], limit_ms: float = 20.0, tries: int = 3
) -> int:
    """Repeat `measure` → (own timer lag p95 in ms, exit code) until the lag is within the limit."""
    for attempt in range(1, tries + 1):
        lag_ms, code = await measure()
        print(f"  own 20 ms timer late by {lag_ms:.1f} ms p95, {load()}")
        if lag_ms <= limit_ms:
            return code
        print(f"  void: timer lag above {limit_ms:g} ms (attempt {attempt} of {tries})")
    return VOID
