"""The worker that recognises speech: three pocketsphinx decoders over the same audio.

The *grammar* decoder hears nothing but phrases, the *dictation* decoder any English, the *phone*
decoder any sequence of sounds. What they made of a turn is weighed in agreement.py.

All three need to know how the microphone and room colour the sound: the cepstral mean. A fixed
mean fails in noise (a learned clean one: 0 % of phrases at 20 dB SNR), so a turn's mean is measured
over its first seconds, blended with what the session had before, and only then does decoding
begin; it runs several times faster than speech and has caught up before the turn ends. The mean
belongs to a session: a worker keeps nothing from one job to the next.

Rules of the file:
- runs in the worker process only (pocketsphinx never releases the interpreter);
- audio comes as pcm16 at 24 kHz and is heard as it comes: after the last byte little is left;
- nothing about a turn outlives its job.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pocketsphinx
import soxr
from numpy.typing import NDArray
from pocketsphinx import Decoder

from rtclient.engine.agreement import Evidence, phone_distance
from rtclient.engine.grammar import jsgf, pronounceable
from rtclient.engine.workers import Job

_PHRASES_WAIT_S, _DICTATION_WAIT_S, _KNOWN_WAIT_S = 1.6, 1.2, 0.6
"""How much of a turn is measured before a decoder begins: phrases (cheap to catch up on, and of
all the most in need of a true mean), dictation, and either once the session's mean is known."""

_INPUT_HZ, _HZ = 24_000, 16_000
_STEP_SAMPLES = 1600  # 100 ms: decoding smaller pieces costs more calls and gains nothing
_SESSION_FRAMES = 150
"""Weight of the session's mean against that of the new turn, in frames of 10 ms."""
_DITHER = 32768 * 10 ** (-60 / 20)
_FRAME = 160  # 10 ms, the frame of the decoders
_CMN_WINDOW_FRAMES = 500  # CMN_WIN of pocketsphinx: the weight of the mean that is set
_FIRST_MEAN = (
    (43.98, 8.65, 5.16, 10.04, -1.58, -2.86, 4.52, -4.35, -1.56, -0.44, -0.53, -1.52, 2.02)
)  # fmt: skip
"""A mean to measure from; its value cancels out."""
_SILENCES = frozenset({"<s>", "</s>", "<sil>", "(NULL)", "SIL", "[NOISE]", "[COUGH]"})
_VARIANT = re.compile(r"\(\d+\)")
_SCORE_SHIFT = 1024  # acoustic scores of grammar and phones are stored divided by this

Mean = Sequence[float]


class _Pass:
    """One decoder's pass over a turn: waits until the mean can be told, then keeps up."""

    def __init__(self, decoder: Decoder, wait_s: float) -> None:
        self.decoder = decoder
        self.mean: Mean | None = None
        """The mean that the pass started with; None until it has started."""
        self.wait_samples = int(wait_s * _HZ)
        self.done_samples = 0

    def begin(self, mean: Mean) -> None:
        self.mean, self.done_samples = mean, 0
        self.decoder.set_cmn(_text(mean))
        self.decoder.start_utt()

    def end(self) -> None:
        if self.mean is not None:
            self.decoder.end_utt()


class Recogniser:
    """Hears turns, one at a time: the craft of the ears' workers."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        common = {"loglevel": "FATAL", "samprate": _HZ}
        model = os.path.join(os.path.dirname(pocketsphinx.__file__), "model", "en-us")
        # fwdflat off: a fifth of the latency after the last byte at the same word error rate.
        # The two limits halve the work, and more than that in noise, for words that are guesses.
        self._dictation = Decoder(fwdflat=False, maxhmmpf=3000, maxwpf=5, **common)
        # Wider beams than the default: the grammar is small, and a phrase pruned is a phrase lost.
        wide = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
        self._grammar = Decoder(lm=None, fwdflat=False, bestpath=False, **wide, **common)
        words = {w for p in options["phrases"] for w in pronounceable(p, options["slots"])}
        unknown = {w for w in words if not self._grammar.lookup_word(w)}
        self._grammar.add_jsgf_string(
            "phrases", jsgf(options["phrases"], options["slots"], without=unknown)
        )
        self._grammar.activate_search("phrases")
        self._phones = Decoder(
            lm=None,
            allphone=os.path.join(model, "en-us-phone.lm.bin"),
            lw=2.0,
            beam=1e-20,
            pbeam=1e-10,
            **common,
        )

    def facts(self) -> Mapping[str, Any]:
        """Return nothing of note; being ready is the fact."""
        return {}

    def run(self, job: Job) -> bytes:
        """Hear one turn; return its `Evidence` and the session's new mean as JSON."""
        known: Mean | None = job.begin["mean"]
        waits = (_PHRASES_WAIT_S, _PHRASES_WAIT_S, _DICTATION_WAIT_S)
        passes = [
            _Pass(decoder, wait_s if known is None else _KNOWN_WAIT_S)
            for decoder, wait_s in zip(
                (self._grammar, self._phones, self._dictation), waits, strict=True
            )
        ]
        turn = _Turn()
        try:
            for data in job.data():
                turn.feed(data)
                self._advance(passes, turn, known, job)
            turn.feed(b"", is_last=True)
            self._advance(passes, turn, known, job, is_last=True)
        finally:
            for each in passes:
                each.end()
        if job.is_cancelled:
            return b"{}"
        started = passes[0].mean or _FIRST_MEAN
        return json.dumps(self._weigh(started, known, turn)).encode()

    def _advance(
        self,
        passes: Sequence[_Pass],
        turn: "_Turn",
        known: Mean | None,
        job: Job,
        *,
        is_last: bool = False,
    ) -> None:
        """Let every pass that can begin do so, and take what it has not heard yet."""
        starting = [
            each
            for each in passes
            if each.mean is None and (turn.samples >= each.wait_samples or is_last)
        ]
        if starting:
            # Measured with the grammar's decoder, which is the last to start: it is still free.
            mean = self._mean_of(turn.sound(0), known)
            for each in starting:
                each.begin(mean)
        for each in passes:
            if each.mean is None:
                continue
            while turn.samples - each.done_samples >= _STEP_SAMPLES or is_last:
                if job.is_cancelled:
                    return
                piece = turn.sound(each.done_samples, _STEP_SAMPLES)
                if not len(piece):
                    break
                each.decoder.process_raw(piece.tobytes())
                each.done_samples += len(piece)

    def _mean_of(self, sound: NDArray[np.int16], known: Mean | None) -> Mean:
        """Measure the cepstral mean of a sound, blended with the session's."""
        decoder = self._grammar
        decoder.set_cmn(_text(_FIRST_MEAN))
        decoder.start_utt()
        if len(sound):
            decoder.process_raw(sound.tobytes(), no_search=True)
        decoder.end_utt()
        mean, frames = _measured(decoder, _FIRST_MEAN, len(sound) // _FRAME)
        return mean if known is None else _blend(known, _SESSION_FRAMES, mean, frames)

    def _weigh(self, started: Mean, known: Mean | None, turn: "_Turn") -> dict[str, Any]:
        phrase, dictation = _words(self._grammar), _words(self._dictation)
        segments = [s for s in self._grammar.seg() or () if s.word not in _SILENCES]
        frames = sum(s.end_frame - s.start_frame + 1 for s in segments)
        phrase_score, per_word = 0.0, [0.0]
        if segments:
            scores = [_log(s.ascore) for s in segments]
            phrase_score = sum(scores)
            per_word = [
                score / (s.end_frame - s.start_frame + 1)
                for score, s in zip(scores, segments, strict=True)
            ]
        first = segments[0].start_frame if segments else 0
        last = segments[-1].end_frame if segments else 0
        phones, phone_score = [], 0.0
        for segment in self._phones.seg() or ():
            overlap = min(last, segment.end_frame) - max(first, segment.start_frame) + 1
            length = segment.end_frame - segment.start_frame + 1
            if overlap > 0:
                phone_score += _log(segment.ascore) * overlap / length
            if segment.word not in _SILENCES and not segment.word.startswith("+"):
                phones.append(segment.word)
        spoken = self._sounds_of(phrase)
        evidence = Evidence(
            phrase=" ".join(phrase),
            dictation=" ".join(dictation),
            dictation_distance=phone_distance(spoken, self._sounds_of(dictation)),
            phone_distance=phone_distance(spoken, phones),
            fit=phrase_score / max(1, frames),
            worst_word_fit=min(per_word),
            fit_against_phones=(phrase_score - phone_score) / max(1, frames),
            frames_per_sound=frames / max(1, len(spoken)),
            coverage=turn.coverage([(s.start_frame, s.end_frame) for s in segments]),
            snr_db=turn.snr_db(),
        )
        mean, frames = _measured(self._grammar, started, self._grammar.n_frames())
        if known is not None:
            mean = _blend(known, _SESSION_FRAMES, mean, frames)
        return {"evidence": evidence.as_json(), "mean": [round(m, 2) for m in mean]}

    def _sounds_of(self, words: list[str]) -> list[str]:
        sounds: list[str] = []
        for word in words:
            sounds += (self._dictation.lookup_word(word) or "").split()
        return sounds


class _Turn:
    """The sound of a turn at 16 kHz, with a trace of noise against digital silence."""

    def __init__(self) -> None:
        self._resampler = soxr.ResampleStream(_INPUT_HZ, _HZ, 1, "float32", "LQ")
        self._noise = np.random.default_rng(0)  # the same each time: results repeat
        self._odd = b""
        self._sound = np.zeros(4 * _HZ, np.int16)
        self.samples = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Add pcm16 at 24 kHz, also an odd number of bytes."""
        data = self._odd + data
        self._odd = data[len(data) & ~1 :]
        sound = self._resampler.resample_chunk(
            np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.float32), last=is_last
        )
        sound = sound + self._noise.standard_normal(len(sound)) * _DITHER
        end = self.samples + len(sound)
        while end > len(self._sound):
            self._sound = np.concatenate([self._sound, np.zeros_like(self._sound)])
        self._sound[self.samples : end] = np.clip(sound, -32768, 32767)
        self.samples = end

    def sound(self, start: int, length: int | None = None) -> NDArray[np.int16]:
        """Return samples from `start` on, at most `length`."""
        end = self.samples if length is None else min(self.samples, start + length)
        return self._sound[start:end]

    def snr_db(self) -> float:
        """Return the level of the loud parts over that of the quiet ones."""
        quiet, loud = np.percentile(self._levels(), (10, 85))
        return round(float(loud - quiet), 1)

    def coverage(self, spans: Sequence[tuple[int, int]]) -> float:
        """Return which share of the loud frames lies in `spans`: (first, last) frame, 10 ms each.

        A grammar calls silence what does not fit its phrase; the sound itself says otherwise.
        """
        levels = self._levels()
        quiet, loud = np.percentile(levels, (10, 85))
        is_loud = levels > max(quiet + 6, loud - 15)
        if not is_loud.any():
            return 0.0
        inside = np.zeros(len(levels), bool)
        for first, last in spans:
            inside[first : last + 1] = True
        return round(float((is_loud & inside).sum() / is_loud.sum()), 3)

    def _levels(self) -> NDArray[np.float64]:
        """Return the level of each frame of 10 ms in dB, smoothed over 30 ms."""
        whole = self.samples // _FRAME * _FRAME
        if not whole:
            return np.zeros(1)
        frames = self.sound(0)[:whole].reshape(-1, _FRAME).astype(np.float64)
        power = np.convolve(np.mean(frames**2, axis=1), np.ones(3) / 3, "same")
        return np.asarray(10 * np.log10(power + 1e-9))


def _words(decoder: Decoder) -> list[str]:
    """Return the words of a hypothesis without pronunciation marks and fillers."""
    hypothesis = decoder.hyp()
    words = hypothesis.hypstr.split() if hypothesis else []
    plain = (_VARIANT.sub("", word) for word in words)
    return [word for word in plain if word not in _SILENCES and not word.startswith(("+", "["))]


def _log(probability: float) -> float:
    return math.log(max(probability, 1e-300)) * _SCORE_SHIFT


def _text(mean: Mean) -> str:
    return ",".join(f"{m:.2f}" for m in mean)


def _measured(decoder: Decoder, started: Mean, frames: int) -> tuple[Mean, int]:
    """Return the mean of the utterance alone: the decoder tells it mixed with where it started."""
    mixed = [float(m) for m in decoder.get_cmn(True).split(",")]
    if frames < 10:
        return started, 0
    share = (_CMN_WINDOW_FRAMES + frames) / frames
    return [s + (m - s) * share for s, m in zip(started, mixed, strict=True)], frames


def _blend(first: Mean, first_weight: int, second: Mean, second_weight: int) -> Mean:
    total = max(1, first_weight + second_weight)
    return [
        (a * first_weight + b * second_weight) / total for a, b in zip(first, second, strict=True)
    ]
