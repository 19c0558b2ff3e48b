"""A PulseAudio of one's own: a microphone that one plays into, a loudspeaker that one records.

Nothing of it is heard or heard from outside: two null sinks, and files in a folder. The programs
are Debian's `pulseaudio` and the `pulseaudio-utils` that come with it.
"""

import asyncio
import contextlib
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.common import RATE
from tests.support.servers import clean_environment

SCRIPT = """load-module module-native-protocol-unix
load-module module-null-sink sink_name=loudspeaker
load-module module-null-sink sink_name=cable
load-module module-remap-source master=cable.monitor source_name=microphone
set-default-sink loudspeaker
set-default-source microphone
"""
LOOK_S, LIMIT_S = 0.2, 60.0
LOUD = 33
"""−60 dB of full scale in pcm16, the border of the page's `last_loud_time`, too."""


async def until(what: str, is_so: Callable[[], Awaitable[bool]]) -> None:
    """Look five times a second until it is so; raises TimeoutError after a minute."""
    end = time.monotonic() + LIMIT_S
    while not await is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {LIMIT_S:g} s")
        await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def program(
    *command: str, environment: Mapping[str, str], output: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until the block ends; stdout goes to `output`, stderr to a file beside it."""
    with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=err
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def loud_ms(pcm: NDArray[np.int16]) -> tuple[float, float]:
    """Milliseconds from the first to the last loud sample, and of quiet since then."""
    (loud,) = np.nonzero(np.abs(pcm.astype(np.int32)) > LOUD)
    if not len(loud):
        return 0.0, 0.0
    first, last = int(loud[0]), int(loud[-1])
    return (last + 1 - first) * 1000 / RATE, (len(pcm) - 1 - last) * 1000 / RATE


@dataclass(frozen=True)
class Sound:
    """A running PulseAudio, and the folder with its files."""

    folder: Path
    environment: Mapping[str, str]
    """For programs that shall use it."""

    def heard(self, device: str, start: int = 0) -> NDArray[np.int16]:
        """What the "loudspeaker" or "microphone" carried from a sample on: mono, 24 kHz."""
        pcm = (self.folder / f"{device}.raw").read_bytes()
        return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype=np.int16)[start:]

    async def speak(self, pcm: NDArray[np.int16]) -> None:
        """Play 24 kHz mono samples into the microphone; returns when they are played."""
        path = self.folder / "speech.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, RATE, 0, "NONE", ""))
            sound.writeframes(pcm.tobytes())
        await self.run("paplay", "--device=cable", str(path))

    async def has_microphone(self) -> bool:
        """Whether it answers and its last module is loaded."""
        return "microphone" in await self.run("pactl", "list", "short", "sources")

    async def run(self, name: str, *arguments: str) -> str:
        """Run a program to its end; what it printed."""
        output = self.folder / f"{name}.out"
        async with program(
            name, *arguments, environment=self.environment, output=output
        ) as process:
            await process.wait()
        return output.read_text().strip()


@contextlib.asynccontextmanager
async def pulseaudio(folder: Path) -> AsyncIterator[Sound]:
    """Run PulseAudio and record both devices until the block ends; `folder` must be empty."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    script = folder / "sound.pa"
    script.write_text(SCRIPT)
    places = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)}
    sound = Sound(folder, clean_environment({**places, "PULSE_RUNTIME_PATH": str(runtime)}))
    server = ("pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n", "-F", str(script))
    record = ("parec", "--raw", f"--rate={RATE}", "--channels=1", "--latency-msec=100", "--device")
    async with contextlib.AsyncExitStack() as stack:

        async def start(*command: str, output: str) -> None:
            running = program(*command, environment=sound.environment, output=folder / output)
            await stack.enter_async_context(running)

        await start(*server, output="pulseaudio.out")
        await until("PulseAudio", sound.has_microphone)
        await start(*record, "loudspeaker.monitor", output="loudspeaker.raw")
        await start(*record, "microphone", output="microphone.raw")
        yield sound
