"""Sound files in, pcm16 out, and pcm16 into WAV files.

WAV with 16-bit samples needs the standard library only. Other files (FLAC, Ogg, MP3, other WAV) are
read by soundfile, and other rates than 24 kHz by soxr: the extra `audio`.
pcm16: little-endian signed 16-bit, mono, no header.
"""

import contextlib
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from rtclient.extras import MissingExtraError
from rtclient.protocol.audio import PCM16
from rtclient.resampling import CHANNELS, RATES_HZ, Resampler

_BLOCK_FRAMES: Final = 16_384


class SoundFileError(ValueError):
    """A file cannot be read as sound; the text says why."""


def read_sound(path: str | Path, rate_hz: int = PCM16.rate_hz) -> bytes:
    """Return the whole file as pcm16 at `rate_hz`.

    Raises:
        SoundFileError: It cannot be read, or holds no sound.
        MissingExtraError: It needs packages that are not installed.
    """
    return b"".join(sound_chunks(path, rate_hz=rate_hz))


def sound_chunks(
    path: str | Path, chunk_ms: int = 100, rate_hz: int = PCM16.rate_hz
) -> Iterator[bytes]:
    """Give the file as pcm16 in pieces of `chunk_ms`, the last one shorter; read as it is asked.

    Raises:
        SoundFileError: It cannot be read, or holds no sound.
        MissingExtraError: It needs packages that are not installed.
    """
    size = max(1, rate_hz * chunk_ms // 1000) * 2
    pending, is_empty = bytearray(), True
    for block in _blocks(Path(path), rate_hz):
        pending += block
        whole = len(pending) - len(pending) % size
        for start in range(0, whole, size):
            is_empty = False
            yield bytes(pending[start : start + size])
        del pending[:whole]
    if pending:
        yield bytes(pending)
    elif is_empty:
        raise SoundFileError(f"{path} holds no sound.")


def duration_s(path: str | Path) -> float:
    """Return how long the file lasts, in seconds. Raises as `read_sound` does."""
    path = Path(path)
    with _opened(path) as file:
        if source := _plain_wav(file, path):
            # A program that wrote to a pipe could not know the length, and said the largest.
            frames = path.stat().st_size // (2 * source.getnchannels())
            return min(source.getnframes(), frames) / source.getframerate()
    soundfile = _soundfile(path)
    try:
        return float(soundfile.info(path).duration)
    except (soundfile.SoundFileError, TypeError):  # TypeError: it wants a rate for `.raw`
        raise _unreadable(path) from None


class WavWriter:
    """A WAV file that grows; it is a whole, readable file after each `write`."""

    def __init__(self, path: str | Path, rate_hz: int = PCM16.rate_hz, channels: int = 1) -> None:
        """Create the file, or empty it. Raises `OSError`."""
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed in close()
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115
        self._wave.setnchannels(channels)
        self._wave.setsampwidth(2)
        self._wave.setframerate(rate_hz)
        self.write(b"")

    def write(self, pcm: bytes) -> None:
        """Append signed 16-bit little-endian samples, interleaved if there are several channels."""
        self._wave.writeframes(pcm)
        self._file.flush()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._wave.close()
        self._file.close()

    def __enter__(self) -> "WavWriter":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def write_wav(
    path: str | Path, pcm: bytes, rate_hz: int = PCM16.rate_hz, channels: int = 1
) -> None:
    """Write signed 16-bit little-endian samples as a WAV file. Raises `OSError`."""
    with WavWriter(path, rate_hz, channels) as file:
        file.write(pcm)


def _blocks(path: Path, rate_hz: int) -> Iterator[bytes]:
    """Give the file's sound at `rate_hz` in pieces of no particular length."""
    with _opened(path) as file:
        if source := _plain_wav(file, path):
            resampler = Resampler(source.getframerate(), rate_hz, channels=source.getnchannels())
            while block := source.readframes(_BLOCK_FRAMES):
                yield resampler.feed(block)
            yield resampler.end()
            return
    yield from _blocks_of_any(path, rate_hz)


def _plain_wav(file: BinaryIO, path: Path) -> wave.Wave_read | None:
    """Return a reader when the file is WAV with 16-bit samples; it is closed with `file`."""
    try:
        source = wave.open(file)  # noqa: SIM115
    except (wave.Error, EOFError, RuntimeError):  # RuntimeError: a chunk that ends behind the file
        return None
    _check(path, source.getframerate(), source.getnchannels())
    return source if source.getsampwidth() == 2 else None


def _blocks_of_any(path: Path, rate_hz: int) -> Iterator[bytes]:
    soundfile = _soundfile(path)
    try:
        with soundfile.SoundFile(path) as source:
            _check(path, source.samplerate, source.channels)
            # As floats: as integers, soundfile does not scale what a file holds as floats.
            resampler = Resampler(
                source.samplerate, rate_hz, channels=source.channels, encoding="float32"
            )
            # Not `buffer_read`: it stumbles over a file that ends before its header says.
            while len(block := source.read(_BLOCK_FRAMES, dtype="float32")):
                yield resampler.feed(block.tobytes())
            yield resampler.end()
    except (soundfile.SoundFileError, TypeError):  # TypeError: it wants a rate for `.raw`
        raise _unreadable(path) from None


def _soundfile(path: Path) -> Any:
    try:
        import soundfile  # late: an extra, and slow to import
    except (ModuleNotFoundError, OSError) as exc:  # OSError: libsndfile itself is missing
        name = getattr(exc, "name", None) or "libsndfile"
        raise MissingExtraError(name, f"Reading {path.name}") from None
    return soundfile


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as exc:
        raise SoundFileError(f"{path} cannot be read: {exc.strerror}.") from None
    with file:
        yield file


def _check(path: Path, rate_hz: int, channels: int) -> None:
    if rate_hz not in RATES_HZ or channels not in CHANNELS:
        raise _unreadable(path)


def _unreadable(path: Path) -> SoundFileError:
    return SoundFileError(
        f"{path} is no sound file that can be read: WAV, FLAC, Ogg and MP3 can be."
    )
