"""Microphone and loudspeaker of this machine, through PortAudio.

The one place that knows `sounddevice`, which is imported late: it is an extra. Devices run at
24 000 Hz where they can, else at their own rate, and are resampled here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from rtclient import advice
from rtclient.advice import Advice
from rtclient.extras import MissingExtraError
from rtclient.protocol.audio import PCM16
from rtclient.resampling import Resampler
from rtclient.talk.echo_guard import BLOCK_MS
from rtclient.talk.sinks import Take
from rtclient.talk.sources import BLOCK_BYTES, Blocks

Kind = Literal["input", "output"]

_BUSY: Final[dict[Kind, Advice]] = {"input": advice.INPUT_BUSY, "output": advice.OUTPUT_BUSY}
_NONE: Final[dict[Kind, Advice]] = {
    "input": advice.NO_INPUT_DEVICE,
    "output": advice.NO_OUTPUT_DEVICE,
}


class DeviceError(RuntimeError):
    """A device cannot be used; the text says why and what to do, `advice` what it is."""

    def __init__(self, found: Advice, detail: str = "") -> None:
        """Say it. `detail`: PortAudio's words."""
        self.advice = found
        super().__init__(f"{found.text} ({detail})" if detail else found.text)


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone or a loudspeaker that was chosen."""

    kind: Kind
    index: int
    name: str
    rate_hz: int
    """What it will run at."""
    channels: int


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """Whether a device can be opened."""

    kind: Kind
    name: str
    rate_hz: int
    advice: Advice | None
    """What is wrong, and what to do; None: nothing."""


def choose(kind: Kind, wanted: str | None = None, rate_hz: int | None = None) -> Device:
    """Return the device to use.

    Args:
        kind: Which of the two.
        wanted: Its number or a part of its name; None is the system's choice.
        rate_hz: What it shall run at; None: 24 000 where it can, else its own rate.

    Raises:
        DeviceError: There is none, or none of that name.
        MissingExtraError: The packages are not installed.
    """
    sd = _sounddevice()
    number = int(wanted) if wanted is not None and wanted.isdecimal() else wanted
    try:
        found = sd.query_devices(number, kind)
    except (ValueError, sd.PortAudioError) as exc:
        raise DeviceError(_NONE[kind], str(exc) if wanted is not None else "") from None
    own_hz = round(found["default_samplerate"])
    index: int = found["index"]
    chosen_hz = rate_hz or own_hz
    if rate_hz is None:
        check = sd.check_input_settings if kind == "input" else sd.check_output_settings
        try:
            check(device=index, channels=1, dtype="int16", samplerate=PCM16.rate_hz)
            chosen_hz = PCM16.rate_hz
        except (ValueError, sd.PortAudioError):
            pass  # it runs at its own rate only
    return Device(kind, index, found["name"], chosen_hz, 1)


def listing() -> str:
    """Return all devices as a table for people, those that the system chooses marked.

    Raises:
        DeviceError: PortAudio is not there.
        MissingExtraError: The packages are not installed.
    """
    sd = _sounddevice()
    chosen = {kind: _default_index(sd, kind) for kind in ("input", "output")}
    rows = []
    for title, kind in (("Microphones", "input"), ("Loudspeakers", "output")):
        rows.append(title)
        found = [d for d in sd.query_devices() if d[f"max_{kind}_channels"] > 0]
        for device in found:
            mark = "*" if device["index"] == chosen[kind] else " "
            rate = f"{round(device['default_samplerate'])} Hz"
            rows.append(f" {mark} {device['index']:>3}  {device['name'][:54]:<54} {rate:>9}")
        if not found:
            rows.append("   none")
    return "\n".join([*rows, "", "* the system's choice"])


def probe() -> list[DeviceReport]:
    """Open the system's microphone and loudspeaker for a moment; tell what is wrong."""
    return [_probe(kind) for kind in ("input", "output")]


def _probe(kind: Kind) -> DeviceReport:
    name, rate_hz = "", 0
    try:
        device = choose(kind)
        name, rate_hz = device.name, device.rate_hz
        stream = _open(device, lambda *_: None)
        stream.close()
    except DeviceError as exc:
        return DeviceReport(kind, name, rate_hz, exc.advice)
    except MissingExtraError:
        return DeviceReport(kind, name, rate_hz, advice.NO_AUDIO_EXTRA)
    return DeviceReport(kind, name, rate_hz, None)


class Microphone:
    """An open microphone. It begins to listen with the first block that is asked for."""

    def __init__(self, device: Device) -> None:
        """Open it. Raises DeviceError."""
        self.device = device
        self._resampler = Resampler(device.rate_hz, is_live=True)
        self._blocks = Blocks()
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._stream = _open(device, self._callback, self._ended)

    async def blocks(self) -> AsyncIterator[bytes]:
        """Give blocks of 20 ms as they are heard, pcm16 at 24 000 Hz.

        Raises:
            DeviceError: It does not begin, or was taken away.
        """
        _start(self.device, self._stream)
        while data := await self._arrived.get():
            for block in self._blocks.feed(self._resampler.feed(data)):
                yield block
        raise DeviceError(advice.NO_INPUT_DEVICE, "it was taken away")

    def close(self) -> None:
        """Give it back. Safe to call twice."""
        self._stream.close()

    def _callback(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        self._loop.call_soon_threadsafe(self._arrived.put_nowait, bytes(data))

    def _ended(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody listens
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, b"")


class Loudspeaker:
    """An open loudspeaker."""

    def __init__(self, device: Device) -> None:
        """Open it. Raises DeviceError."""
        self.device = device
        self._resampler = Resampler(PCM16.rate_hz, device.rate_hz, is_live=True)
        self._ready = bytearray()
        self._take: Take | None = None
        self._is_gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._stream = _open(device, self._callback, self._ended)

    @property
    def latency_s(self) -> float:
        """From `take` to the ear, as PortAudio knows it."""
        return float(self._stream.latency)

    async def play(self, take: Take) -> None:
        """Play until cancelled.

        Raises:
            DeviceError: It does not begin, or was taken away.
        """
        self._take = take
        _start(self.device, self._stream)
        try:
            await self._is_gone.wait()
            raise DeviceError(advice.NO_OUTPUT_DEVICE, "it was taken away")
        finally:
            self.close()

    def close(self) -> None:
        """Give it back. Safe to call twice."""
        self._stream.close()

    def _callback(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        assert self._take is not None
        while len(self._ready) < len(data):
            self._ready += self._resampler.feed(self._take(BLOCK_BYTES))
        data[:] = bytes(self._ready[: len(data)])
        del self._ready[: len(data)]

    def _ended(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody listens
            self._loop.call_soon_threadsafe(self._is_gone.set)


def _start(device: Device, stream: Any) -> None:
    try:
        stream.start()
    except _sounddevice().PortAudioError as exc:
        raise DeviceError(_BUSY[device.kind], str(exc)) from None


def _open(device: Device, callback: Any, finished: Callable[[], None] | None = None) -> Any:
    sd = _sounddevice()
    make = sd.RawInputStream if device.kind == "input" else sd.RawOutputStream
    try:
        return make(
            samplerate=device.rate_hz,
            blocksize=device.rate_hz * BLOCK_MS // 1000,
            device=device.index,
            channels=device.channels,
            dtype="int16",
            latency="low",
            callback=callback,
            finished_callback=finished,
        )
    except (ValueError, sd.PortAudioError) as exc:
        raise DeviceError(_BUSY[device.kind], str(exc)) from None


def _default_index(sd: Any, kind: str) -> int | None:
    try:
        index: int = sd.query_devices(None, kind)["index"]
        return index
    except (ValueError, sd.PortAudioError):
        return None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError as exc:
        name = exc.name or "sounddevice"
        raise MissingExtraError(name, "Sound through microphone and loudspeaker") from None
    except OSError:
        raise DeviceError(advice.NO_PORTAUDIO) from None
    return sounddevice
