"""How long from the end of one's speech to the first sound of the answer in the terminal client?

`rtclient talk` with the engine, once with files (`--wav --out`) and once with sound devices: a
PulseAudio of its own, whose microphone is spoken into and whose loudspeaker is recorded. Then the
loudspeaker is led back into the microphone, as on a table without headphones: the echo guard must
keep the model from interrupting itself, and must let a person interrupt it.

    .venv/bin/python -m bench.terminal [--quick] [--only wav|devices|echo]
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import sys
import tempfile
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.common import (
    RATE,
    ROOT,
    SHORT,
    TimerLag,
    head,
    judge,
    percentile,
    speech,
    until_quiet,
)
from bench.pulse import LOUD, Sound, program, pulseaudio, until
from bench.talk import PHRASES

SILENCE_MS = 600
"""The default of `--silence-ms`; it is part of the figures."""
WAV_P95_MS, DEVICES_P95_MS, BARGE_IN_P95_MS = 900.0, 1100.0, 1000.0
PAUSE_MS = 4500
SAME_SAMPLES = 20 * RATE // 1000
"""By how much the two recordings may drift apart in a turn."""
ECHO_DB = -15
STORY = " ".join(
    f"This is sentence number {n} of a long story that nobody wants to hear." for n in range(1, 9)
)

Pcm = NDArray[np.int16]
Measure = Callable[[int, Path], Awaitable[list[float]]]


def first_loud_ms(pcm: Pcm, start: int) -> float:
    """Milliseconds from a sample to the first loud one; nan when there is none."""
    (loud,) = np.nonzero(np.abs(pcm[start:].astype(np.int32)) > LOUD)
    return float(loud[0]) * 1000 / RATE if len(loud) else float("nan")


def talk_command(*options: str) -> list[str]:
    """The command line of the terminal client with the engine."""
    plain = ("--upstream", "engine", "--greeting", "none", "--plain", *options)
    return [sys.executable, "-m", "rtclient", "talk", *plain]


async def with_files(turns: int, folder: Path) -> list[float]:
    """Speech end → first sound of the answer, for each turn, in milliseconds."""
    pause, spoken, ends = np.zeros(PAUSE_MS * RATE // 1000, np.int16), [], []
    at = 0
    for n in range(turns):
        pcm = speech(PHRASES[n % len(PHRASES)], "slt")
        ends.append(at + len(pcm))
        at += len(pcm) + len(pause)
        spoken += [pcm, pause]
    with wave.open(str(folder / "in.wav"), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(np.concatenate(spoken).tobytes())
    command = talk_command("--wav", str(folder / "in.wav"), "--out", str(folder / "out.wav"))
    async with program(*command, environment=os.environ, output=folder / "talk") as talk:
        await talk.wait()
    with wave.open(str(folder / "out.wav")) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
    limits = [*ends[1:], len(heard)]
    return [first_loud_ms(heard[:limit], end) for end, limit in zip(ends, limits, strict=True)]


class Call:
    """A running `rtclient talk` on the sound devices, seen through its event log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of this type so far."""
        if not self._log.exists():
            return []
        lines = [line for line in self._log.read_text().splitlines() if line.endswith("}")]
        return [event for line in lines if (event := json.loads(line))["type"] == kind]

    async def until(self, kind: str, count: int) -> None:
        """Wait until there are so many events of a type."""

        async def are_there() -> bool:
            return len(self.events(kind)) >= count

        await until(f"{count} {kind}", are_there)


@contextlib.asynccontextmanager
async def call(sound: Sound, name: str, *options: str) -> AsyncIterator[Call]:
    """Run the terminal client on the devices until the block ends."""
    log = sound.folder / f"{name}.jsonl"
    command = talk_command("--debug", str(log), *options)
    environment = devices(sound)
    async with program(*command, environment=environment, output=sound.folder / name):
        running = Call(log)
        await running.until("session.updated", 1)
        await running.until("input_audio_buffer.append", 3)
        yield running


def devices(sound: Sound) -> Mapping[str, str]:
    """The environment in which PortAudio finds this PulseAudio."""
    server = f"unix:{sound.folder}/runtime/native"
    return {**sound.environment, "PULSE_SERVER": server, "PYTHONPATH": str(ROOT)}


async def offset(sound: Sound) -> int:
    """By how many samples the loudspeaker's recording is behind the microphone's: a click tells."""
    before = len(sound.heard("microphone")), len(sound.heard("loudspeaker"))
    both = "slaves=cable,loudspeaker"
    module = await sound.run("pactl", "load-module", "module-combine-sink", "sink_name=both", both)
    click = np.zeros(RATE, np.int16)
    click[RATE // 2 : RATE // 2 + 240] = 20_000
    path = sound.folder / "click.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(click.tobytes())
    await sound.run("paplay", "--device=both", str(path))
    places: list[int] = []
    for device, start in zip(("microphone", "loudspeaker"), before, strict=True):

        async def has_click(device: str = device, start: int = start) -> bool:
            return bool(np.any(np.abs(sound.heard(device, start).astype(np.int32)) > 5000))

        await until(f"the click on the {device}", has_click)
        loud = np.abs(sound.heard(device, start).astype(np.int32)) > 5000
        places.append(start + int(np.nonzero(loud)[0][0]))
    await sound.run("pactl", "unload-module", module)
    return places[1] - places[0]


async def with_devices(turns: int, folder: Path) -> list[float]:
    """Speech end at the microphone → first sound at the loudspeaker, in milliseconds.

    A busy sound server loses time in a recording, and the two are on one timeline no more: such a
    turn says nothing, and there is another one for it.
    """
    delays: list[float] = []
    lost = 0
    async with pulseaudio(folder) as sound, call(sound, "talk") as running:
        behind = await offset(sound)
        for turn in range(1, 3 * turns + 1):
            start = len(sound.heard("microphone"))
            await sound.speak(speech(PHRASES[turn % len(PHRASES)], "slt"))
            await running.until("response.done", turn)
            await asyncio.sleep(4)
            said = sound.heard("microphone", start)
            (loud,) = np.nonzero(np.abs(said.astype(np.int32)) > LOUD)
            end = start + int(loud[-1]) + 1
            answer = sound.heard("loudspeaker")
            before, behind = behind, await offset(sound)
            if abs(behind - before) > SAME_SAMPLES:
                lost += 1
            else:
                delays.append(first_loud_ms(answer, end + behind))
            if len(delays) == turns:
                break
    print(f"  devices: {lost} turns in which the sound server lost time")
    return delays


async def with_echo(turns: int, folder: Path, guard: str) -> tuple[int, list[float]]:
    """How many of the calls the model interrupted itself in; how soon a person silenced it, in ms.

    The person's delay counts from the start of the playing program, some 100 ms before the voice.
    """
    itself, delays = 0, []
    async with pulseaudio(folder) as sound:
        loopback = ("source=loudspeaker.monitor", "sink=cable", "latency_msec=60")
        await sound.run("pactl", "load-module", "module-loopback", *loopback)
        echo = (await sound.run("pactl", "list", "short", "sink-inputs")).split()[0]
        await sound.run("pactl", "set-sink-input-volume", echo, f"{ECHO_DB}dB")
        for turn in range(turns):
            options = ("--echo-guard", guard, "--greeting", STORY)
            async with call(sound, f"echo{turn}", *options) as running:
                await running.until("response.output_audio.delta", 1)
                await asyncio.sleep(6)
                heard_itself = bool(running.events("input_audio_buffer.speech_started"))
                itself += heard_itself
                if heard_itself:
                    continue
                start = len(sound.heard("loudspeaker"))
                await sound.speak(speech("wait a moment please", "rms"))
                await running.until("conversation.item.truncate", 1)
                await asyncio.sleep(1)
                delays.append(loud_until_ms(sound.heard("loudspeaker", start)))
    return itself, delays


def loud_until_ms(pcm: Pcm) -> float:
    """Milliseconds until the last loud sample before half a second of silence."""
    (loud,) = np.nonzero(np.abs(pcm.astype(np.int32)) > LOUD)
    (gaps,) = np.nonzero(np.diff(loud) > RATE // 2)
    last = loud[gaps[0]] if len(gaps) else loud[-1]
    return float(last) * 1000 / RATE


async def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    parser.add_argument("--only", choices=("wav", "devices", "echo"))
    options = parser.parse_args(arguments)
    turns = 3 if options.quick else 12
    head("Terminal client: end of speech to first sound")
    print(f"  the turn's silence of {SILENCE_MS} ms is part of the figures")
    parts = {
        "wav": lambda: delays("wav", with_files, turns, WAV_P95_MS),
        "devices": lambda: delays("devices", with_devices, turns, DEVICES_P95_MS),
        "echo": lambda: echo(turns),
    }
    codes = []
    for name, part in parts.items():
        if options.only in (None, name):
            codes.append(await until_quiet(partial(with_lag, part)))
    return max(codes)


async def with_lag(part: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    """The lag of a timer here while a part is measured, and its exit code."""
    async with TimerLag() as timer:
        code = await part()
    return timer.p95_ms, code


async def delays(name: str, measure: Measure, turns: int, limit_ms: float) -> int:
    """Measure from the end of speech to the first sound; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        found = await measure(turns, Path(folder))
    answered = [ms for ms in found if not math.isnan(ms)]
    print(f"  {name}: median {percentile(answered, 0.5):.0f} ms of {len(answered)} answers")
    code = judge([(f"{name}: p95", percentile(answered, 0.95), limit_ms, "ms")])
    if len(answered) < turns:
        print(f"  SHORT {name}: {turns - len(answered)} turns without an answer")
        code = SHORT
    return code


async def echo(turns: int) -> int:
    """Measure with a loudspeaker that the microphone hears; return the exit code."""
    print(f"  echo: the microphone hears the loudspeaker at {ECHO_DB} dB")
    with tempfile.TemporaryDirectory() as folder:
        without, _ = await with_echo(1, Path(folder), "off")
    with tempfile.TemporaryDirectory() as folder:
        itself, delays = await with_echo(turns, Path(folder), "on")
    print(f"  without the guard the model interrupted itself in {without} of 1 calls")
    figures = [
        ("calls in which the model interrupted itself", float(itself), 0.0, "calls"),
        ("barge-in with the guard: p95", percentile(delays, 0.95), BARGE_IN_P95_MS, "ms"),
    ]
    return judge(figures) | (0 if without else SHORT)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
