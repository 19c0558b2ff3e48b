"""Voices for when espeak-ng's library is not installed: a speech program on PATH, else tones.

Rules of the file:
- standard library only: these are what is left when a wheel is missing;
- text reaches a program by its stdin or a private file, never by its arguments (others can read
  those);
- the times of words are estimated from their length: no program tells them.
"""

import array
import asyncio
import contextlib
import math
import re
import shutil
import sys
import tempfile
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from rtclient.engine.senses import SenseError, Spoken, Word
from rtclient.engine.voice import BYTES_PER_MS, VOICES, sentences, word_end

OUTPUT_HZ: Final = 24_000
_PIECE_BYTES: Final = 60 * BYTES_PER_MS
_PROGRAM_LIMIT_S: Final = 20.0
_TARGET_RMS: Final = 0.1  # -20 dBFS, as espeak.py has it


def levelled(samples: "array.array[int]", rate_hz: int, volume: float) -> bytes:
    """Return pcm16 of `samples` at 24 kHz: resampled linearly, levelled, with soft ends.

    `samples`: signed 16-bit, mono, `rate_hz`. `volume` 1.0 is -20 dBFS in the loud parts.
    """
    if not samples:
        return b""
    loud = [s for s in samples if abs(s) > 328]
    rms = math.sqrt(sum(s * s for s in loud) / len(loud)) / 32768 if loud else _TARGET_RMS
    gain = _TARGET_RMS / rms * volume
    length = len(samples) * OUTPUT_HZ // rate_hz
    step = rate_hz / OUTPUT_HZ
    last = len(samples) - 1
    out = array.array("h", bytes(2 * length))
    fade = min(96, length // 2) or 1
    for i in range(length):
        at = i * step
        left = int(at)
        value = samples[left] + (samples[min(last, left + 1)] - samples[left]) * (at - left)
        value *= gain * min(1.0, i / fade, (length - 1 - i) / fade)
        out[i] = max(-32000, min(32000, int(value)))
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


def estimated_words(text: str, offset: int, start_ms: int, duration_ms: int) -> list[Word]:
    """Spread the words of `text` over its sound by their length, +2 for each gap."""
    spans = [(m.start(), m.end()) for m in re.finditer(r"\S+", text)]
    total = sum(end - start + 2 for start, end in spans) or 1
    words, passed = [], 0
    for start, end in spans:
        words.append(Word(start_ms + duration_ms * passed // total, offset + start, offset + end))
        passed += end - start + 2
    return words


def _pieces(pcm: bytes, words: list[Word], start_ms: int) -> list[Spoken]:
    """Cut a sound into pieces of 60 ms, each with the words that begin in it."""
    pieces = []
    for at in range(0, len(pcm), _PIECE_BYTES):
        until_ms = start_ms + (at + _PIECE_BYTES) // BYTES_PER_MS
        is_last = at + _PIECE_BYTES >= len(pcm)
        begun = tuple(w for w in words if is_last or w.start_ms < until_ms)
        words = words[len(begun) :]
        pieces.append(Spoken(pcm[at : at + _PIECE_BYTES], begun))
    return pieces


@dataclass(frozen=True, slots=True)
class Program:
    """A speech program: how it is called. Text is in the file `{text}`, the WAV goes to `{wav}`."""

    name: str
    arguments: Callable[[Path, Path, int, float], list[str]]
    """(text file, wav file, number of the voice, speed) → arguments."""


def _flite(text: Path, wav: Path, voice: int, speed: float) -> list[str]:
    names = ("slt", "rms", "awb", "kal16")
    stretch = f"duration_stretch={1 / speed:.2f}"
    return ["-voice", names[voice % 4], "--setf", stretch, "-f", str(text), "-o", str(wav)]


def _espeak(text: Path, wav: Path, voice: int, speed: float) -> list[str]:
    variants = ("f2", "m3", "m7", "f5", "m1", "f4", "f3", "m2", "f1", "m4")
    rate = str(max(80, int(165 * speed)))
    return ["-v", f"en-us+{variants[voice]}", "-s", rate, "-f", str(text), "-w", str(wav)]


def _pico(text: Path, wav: Path, voice: int, speed: float) -> list[str]:
    # It reads no file: the shell-free way is its stdin, see `ProgramVoice._run`.
    return ["-l", "en-US" if voice % 2 == 0 else "en-GB", "-w", str(wav)]


def _say(text: Path, wav: Path, voice: int, speed: float) -> list[str]:
    rate = str(int(180 * speed))
    return ["-r", rate, "-f", str(text), "-o", str(wav), "--data-format=LEI16@22050"]


PROGRAMS: Final = (
    Program("flite", _flite),
    Program("espeak-ng", _espeak),
    Program("pico2wave", _pico),
    Program("say", _say),
)


def installed_program() -> Program | None:
    """Return the best speech program on PATH."""
    return next((p for p in PROGRAMS if shutil.which(p.name)), None)


def _text_file(path: Path, text: str) -> BinaryIO:
    path.write_text(text.replace("\0", " ") + "\n", encoding="utf-8")
    return path.open("rb")


class ProgramVoice:
    """Speaks with a program, one process for each sentence."""

    def __init__(self, program: Program) -> None:
        self._program = program

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the speech of `text`. Raises `SenseError` when the program fails."""
        number = VOICES.index(voice) if voice in VOICES else 0
        start_ms = 0
        for offset, part in sentences(text):
            rate_hz, samples = await self._run(part, number, min(1.5, max(0.25, speed)))
            pcm = await asyncio.to_thread(levelled, samples, rate_hz, volume)
            duration_ms = len(pcm) // BYTES_PER_MS
            for piece in _pieces(
                pcm, estimated_words(part, offset, start_ms, duration_ms), start_ms
            ):
                yield piece
            start_ms += duration_ms

    async def _run(self, text: str, voice: int, speed: float) -> "tuple[int, array.array[int]]":
        with tempfile.TemporaryDirectory(prefix="voice-") as folder:
            source, target = Path(folder, "text.txt"), Path(folder, "sound.wav")
            with _text_file(source, text) as stdin:
                process = await asyncio.create_subprocess_exec(
                    self._program.name,
                    *self._program.arguments(source, target, voice, speed),
                    stdin=stdin,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                try:
                    async with asyncio.timeout(_PROGRAM_LIMIT_S):
                        await process.wait()
                finally:
                    if process.returncode is None:
                        with contextlib.suppress(ProcessLookupError):
                            process.kill()
                        await process.wait()
            try:
                with wave.open(str(target)) as wav:
                    samples = array.array("h", wav.readframes(wav.getnframes()))
                    rate_hz, channels = wav.getframerate(), wav.getnchannels()
            except (OSError, EOFError, wave.Error) as exc:
                raise SenseError(
                    f"The speech program {self._program.name} made no sound. "
                    "Install the extra voice-gpl (espeakng-loader) for the built-in voice."
                ) from exc
            return rate_hz, samples[::channels]


class ToneVoice:
    """One soft tone for each syllable: something to hear when nothing can speak."""

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the tones of `text`; every word carries its exact start."""
        base_hz = 196.0 * 2 ** ((VOICES.index(voice) if voice in VOICES else 0) / 12)
        at_ms = 0
        for match in re.finditer(r"\S+", text):
            word = match.group()
            syllables = max(1, len(re.findall(r"[aeiouyAEIOUY]+|\d", word)))
            pcm = b"".join(
                _tone(base_hz * 2 ** ((ord(word[0]) + 5 * n) % 12 / 12), 140 / speed, volume)
                for n in range(syllables)
            )
            gap_ms = 180 if word[-1] in ".!?" else 50
            pcm += bytes(gap_ms * BYTES_PER_MS)
            yield Spoken(pcm, (Word(at_ms, match.start(), word_end(text, match.start())),))
            at_ms += len(pcm) // BYTES_PER_MS


def _tone(hz: float, duration_ms: float, volume: float) -> bytes:
    length = int(duration_ms) * OUTPUT_HZ // 1000
    height = 4600 * volume
    out = array.array(
        "h",
        (
            int(height * math.sin(math.pi * i / length) * math.sin(math.tau * hz * i / OUTPUT_HZ))
            for i in range(length)
        ),
    )
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()
