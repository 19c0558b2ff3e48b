"""Does the engine know when somebody speaks, and only then?

`python -m bench.vad [--quick] [--details]`

The engine's voice activity and turn detector (threshold 0.5, silence window 500 ms) at full speed,
without sockets. First 60 s each of sounds that are no speech, after which no turn may have begun.
Then 80 utterances (flite and espeak-ng voices), clean and in white and pink noise at 10 dB SNR: at
most one may be missed in each condition. Speech is at -22 dBFS (RMS of its loud parts), "clean" has
noise at -80 dBFS; 1.00 to 1.03 s of room before, 1.5 s after it.

Truth is the energy of the clean signal: the speech is from the first to the last frame of 10 ms
within 40 dB of the loudest. `noticed` is when the start was known, `start` what was then told as
the start (audio_start_ms without padding), both after the truth; `stop` is when the end was told
after the true end, so 500 is ideal. All in audio time: what was fed when it was known.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.common import BYTES_PER_MS, RATE, SHORT, head, judge, percentile, speech, speech_span
from rtclient.engine.senses import Vad
from rtclient.engine.turn_detection import Rules, SpeechStarted, TurnDetector
from rtclient.engine.vad import installed_silero
from rtclient.engine.voice import EspeakVoice

Sound = NDArray[np.float64]

SEED = 2026
SILENCE_MS = 500
LEVEL_DBFS, FLOOR_DBFS, SNR_DB = -22.0, -80.0, 10.0
BEFORE_S, AFTER_S = 1.0, 1.5
MOST_MISSED, MOST_FALSE = 1, 0
PIECE_MS = 20
EARLY_MS = 150
"""A start that is told so much before the truth is a false one."""
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
ESPEAK_VOICES = ("alloy", "ash", "coral", "echo", "sage", "shimmer", "verse", "cedar")
SENTENCES = (
    "what time is it",
    "my brother bought goats in june",
    "please send the report before noon",
    "she sells fresh fish on fridays",
    "how far is the harbour from here",
    "five thin cats slept in the sun",
    "tell me a joke",
    "half of the flowers have faded",
    "the train to bristol leaves at four",
    "thank you very much",
)


# --- sounds that are no speech ----------------------------------------------------------------


def level(sound: Sound, dbfs: float) -> Sound:
    """Return the sound at an RMS of `dbfs`."""
    return np.asarray(sound * (10 ** (dbfs / 20) / np.sqrt(np.mean(sound**2))))


def coloured(length: int, slope: float, chance: np.random.Generator) -> Sound:
    """Noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(chance.standard_normal(length))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    spectrum[: max(1, 20 * length // RATE)] = 0  # below 20 Hz nothing is heard, only clipped
    return np.asarray(np.fft.irfft(spectrum, length))


def hum(length: int) -> Sound:
    """A transformer: 120 Hz and its harmonics."""
    t = np.arange(length) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * 120 * n * t + n) / n**1.5 for n in range(1, 9)))


def bursts(length: int, per_s: float, decay_ms: float, chance: np.random.Generator) -> Sound:
    """Short noises that die away: keys (a few ms) or knocks and rustling (longer)."""
    sound = np.zeros(length)
    tail = int(8 * decay_ms * RATE / 1000)
    shape = np.exp(-np.arange(tail) / (decay_ms * RATE / 1000))
    for at in chance.uniform(0, (length - tail) / RATE, int(per_s * length / RATE)):
        begin = int(at * RATE)
        sound[begin : begin + tail] += chance.uniform(0.3, 1) * chance.standard_normal(tail) * shape
    return sound


def music(length: int, chance: np.random.Generator) -> Sound:
    """Plucked chords with a bass, two a second: strings whose harmonics die away."""
    sound = np.zeros(length)
    t = np.arange(2 * RATE) / RATE
    for beat in range(length // (RATE // 2) - 4):
        root = 110 * 2 ** (chance.choice([0, 3, 5, 7, 8, 10]) / 12)
        for step in (0.5, 1.0, *2 ** (np.array([4, 7, 12]) / 12)):
            tone = sum(
                np.sin(2 * np.pi * root * step * n * t) * np.exp(-t * (1.5 + n)) / n
                for n in range(1, 8)
            )
            begin = beat * RATE // 2 + int(chance.uniform(0, 0.02) * RATE)
            sound[begin : begin + len(t)] += np.asarray(tone)[: length - begin]
    return sound


def no_speech(seconds: float) -> Iterator[tuple[str, Sound]]:
    """Yield every sound that is no speech, with its name."""
    length = int(seconds * RATE)
    chance = np.random.default_rng(SEED)
    yield "hum, -25 dBFS", level(hum(length), -25)
    for dbfs in (-45, -30):
        yield f"pink noise, {dbfs} dBFS", level(coloured(length, 1, chance), dbfs)
    yield "music, -20 dBFS", level(music(length, chance), -20)
    yield "key clicks, 4/s", bursts(length, 4, 4, chance) * 0.3
    yield "knocks and rustling, 1/s", bursts(length, 1, 60, chance) * 0.15
    yield "white noise, -30 dBFS", level(coloured(length, 0, chance), -30)
    fan = level(coloured(length, 2, chance), -32) + level(hum(length), -45)
    yield "fan (brown noise and hum)", fan
    yield "digital silence", np.zeros(length)


# --- utterances -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Utterance:
    """Speech that begins and ends with a loud frame, -22 dBFS, full scale 1.0."""

    name: str
    sound: Sound


async def utterances(*, every: int) -> list[Utterance]:
    """Return all utterances, or one in `every`: 40 by flite, 40 by espeak-ng."""
    spoken = [(f"{v}: {s}", speech(s, v)) for v in FLITE_VOICES for s in SENTENCES[::every]]
    voice = EspeakVoice()
    await voice.start()
    try:
        for number, name in enumerate(ESPEAK_VOICES):
            for text in SENTENCES[number % 2 :: 2 * every]:
                pieces = [p.pcm async for p in voice.speak(text, voice=name, speed=1.0)]
                pcm = np.frombuffer(b"".join(pieces), "<i2").astype(np.int16)
                begin, end = speech_span(pcm)
                spoken.append((f"{name}: {text}", pcm[begin:end]))
    finally:
        await voice.close()
    return [Utterance(name, _levelled(pcm)) for name, pcm in spoken]


def _levelled(pcm: NDArray[np.int16]) -> Sound:
    sound = pcm / 32768
    loud = sound[np.abs(sound) > 10 ** (-45 / 20)]
    return np.asarray(sound * (10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(loud**2))))


# --- the detector -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What the detector told: (known, told start) of each start, and when each stop was known."""

    starts: list[tuple[float, float]]
    stops: list[float]


def detect(vad: Vad, sound: Sound) -> Found:
    """Run one microphone over a sound."""
    pcm = np.clip(np.round(sound * 32767), -32768, 32767).astype("<i2").tobytes()
    detector = TurnDetector(Rules(silence_ms=SILENCE_MS), vad.frame_ms)
    found = Found([], [])
    for at in range(0, len(pcm), PIECE_MS * BYTES_PER_MS):
        piece = pcm[at : at + PIECE_MS * BYTES_PER_MS]
        known_ms = (at + len(piece)) / BYTES_PER_MS
        for probability in vad.feed(piece):
            happened = detector.feed(probability)
            if isinstance(happened, SpeechStarted):
                found.starts.append((known_ms, happened.at_ms))
            elif happened is not None:
                found.stops.append(known_ms)
    return found


@dataclass
class Score:
    """One condition's results, times in ms."""

    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    stop: list[float] = field(default_factory=list)

    def take(self, name: str, found: Found, begin_ms: float, length_ms: float) -> None:
        """Compare what was found with the truth."""
        end_ms = begin_ms + length_ms
        good = [s for s in found.starts if begin_ms - EARLY_MS <= s[1] < end_ms]
        self.false += [name] * (len(found.starts) - len(good))
        if not good:
            self.missed.append(name)
            return
        self.split += [name] * (len(good) - 1)
        self.noticed.append(good[0][0] - begin_ms)
        self.start.append(good[0][1] - begin_ms)
        if found.stops:
            self.stop.append(found.stops[-1] - end_ms)


def noises(length: int, chance: np.random.Generator) -> dict[str, Sound]:
    """The noise of each condition for a sound of `length` samples."""
    return {
        "clean": level(coloured(length, 0, chance), FLOOR_DBFS),
        "white, 10 dB": level(coloured(length, 0, chance), LEVEL_DBFS - SNR_DB),
        "pink, 10 dB": level(coloured(length, 1, chance), LEVEL_DBFS - SNR_DB),
    }


def measure(spoken: Sequence[Utterance], seconds: float, *, details: bool) -> int:
    """Print both tables and the verdicts; return the exit code."""
    make, note = installed_silero()
    if note:
        print(f"  {note}")
        return SHORT
    verdicts: list[tuple[str, float, float, str]] = []
    cpu_s = audio_s = 0.0
    for name, sound in no_speech(seconds):
        begun = time.process_time()
        found = detect(make(), sound)
        cpu_s, audio_s = cpu_s + time.process_time() - begun, audio_s + len(sound) / RATE
        verdicts.append((f"{name}: false starts", len(found.starts), MOST_FALSE, "turns"))

    chance = np.random.default_rng(SEED + 1)
    scores: dict[str, Score] = {}
    for utterance in spoken:
        begin = int((BEFORE_S + chance.uniform(0, 0.032)) * RATE)  # anywhere in a frame
        whole = np.pad(utterance.sound, (begin, int(AFTER_S * RATE)))
        for condition, noise in noises(len(whole), chance).items():
            found = detect(make(), whole + noise)
            score = scores.setdefault(condition, Score())
            length_ms = len(utterance.sound) * 1000 / RATE
            score.take(utterance.name, found, begin * 1000 / RATE, length_ms)
    print(f"\n  {'median / p95 in ms':<22}{'noticed':>14}{'start':>14}{'stop':>14}{'split':>8}")
    for condition, score in scores.items():
        times = "".join(
            f"{f'{percentile(v, 0.5):.0f} / {percentile(v, 0.95):.0f}':>14}"
            for v in (score.noticed, score.start, score.stop)
        )
        print(f"  {condition:<22}{times}{len(score.split):>8}")
        of = f"of {len(spoken)}"
        verdicts.append((f"{condition}: missed {of}", len(score.missed), MOST_MISSED, "utterances"))
        verdicts.append((f"{condition}: false starts", len(score.false), MOST_FALSE, "turns"))
        if details:
            for kind in ("missed", "false", "split"):
                for name in getattr(score, kind):
                    print(f"    {kind}: {name}")
    print(f"\n  CPU: {1000 * cpu_s / audio_s:.2f} ms per second of audio (no speech)\n")
    return judge(verdicts)


def main(options: argparse.Namespace) -> int:
    """Make the speech, measure."""
    head("Voice activity: sounds that are no speech, and speech")
    spoken = asyncio.run(utterances(every=5 if options.quick else 1))
    return measure(spoken, 20.0 if options.quick else 60.0, details=options.details)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="20 s of each sound, 16 utterances")
    parser.add_argument("--details", action="store_true", help="name what went wrong")
    raise SystemExit(main(parser.parse_args()))
