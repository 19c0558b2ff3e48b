"""The worker that recognises speech: three pocketsphinx decoders over the same audio.

The *grammar* decoder hears nothing but phrases, the *dictation* decoder any English, the *phone*
decoder any sequence of sounds. What they made of a turn is weighed in agreement.py.

All three need to know how the microphone and room colour the sound: the cepstral mean. A fixed
mean fails in noise (a learned clean one: 0 % of phrases at 20 dB SNR), so the mean is measured
over the first `LISTEN_FIRST_S` of each turn, blended with what the session had before, and only
then does decoding begin; it runs several times faster than speech and has caught up long before
the turn ends. The mean belongs to a session: a worker keeps nothing from one job to the next.

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

LISTEN_FIRST_S = 1.2
"""How much of a turn is heard before its cepstral mean is fixed and decoding begins."""

_INPUT_HZ, _HZ = 24_000, 16_000
_STEP_SAMPLES = 1600  # 100 ms: decoding smaller pieces costs more calls and gains nothing
_SESSION_FRAMES = 150
"""Weight of the session's mean against that of the new turn, in frames of 10 ms."""
_CMN_WINDOW_FRAMES = 500  # CMN_WIN of pocketsphinx: the weight of the mean that is set
_FIRST_MEAN = (
    (43.98, 8.65, 5.16, 10.04, -1.58, -2.86, 4.52, -4.35, -1.56, -0.44, -0.53, -1.52, 2.02)
)  # fmt: skip
"""A mean to measure from; its value cancels out."""
_SILENCES = frozenset({"<s>", "</s>", "<sil>", "(NULL)", "SIL", "[NOISE]", "[COUGH]"})
_VARIANT = re.compile(r"\(\d+\)")
_SCORE_SHIFT = 1024  # acoustic scores of grammar and phones are stored divided by this

Mean = Sequence[float]


class Recogniser:
    """Hears turns, one at a time: the craft of the ears' workers."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        common = {"loglevel": "FATAL", "samprate": _HZ}
        model = os.path.join(os.path.dirname(pocketsphinx.__file__), "model", "en-us")
        # fwdflat off: a fifth of the latency after the last byte at the same word error rate.
        self._dictation = Decoder(fwdflat=False, **common)
        self._grammar = Decoder(lm=None, fwdflat=False, bestpath=False, **common)
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
        self._decoders = (self._grammar, self._phones, self._dictation)

    def facts(self) -> Mapping[str, Any]:
        """Return nothing of note; being ready is the fact."""
        return {}

    def run(self, job: Job) -> bytes:
        """Hear one turn; return its `Evidence` and the session's new mean as JSON."""
        resampler = soxr.ResampleStream(_INPUT_HZ, _HZ, 1, "int16", "LQ")
        started_mean: Mean | None = None
        pending: list[NDArray[np.int16]] = []
        waiting = 0
        odd = b""
        for data in job.data():
            data = odd + data
            odd = data[len(data) & ~1 :]
            sound = resampler.resample_chunk(np.frombuffer(data[: len(data) & ~1], "<i2"))
            pending.append(sound)
            waiting += len(sound)
            if started_mean is None and waiting >= LISTEN_FIRST_S * _HZ:
                started_mean = self._start(pending, job.begin["mean"])
            if started_mean is not None and waiting >= _STEP_SAMPLES:
                self._decode(pending, job)
                pending, waiting = [], 0
        if job.is_cancelled:
            if started_mean is not None:
                self._end()
            return b"{}"
        pending.append(resampler.resample_chunk(np.zeros(0, np.int16), last=True))
        if started_mean is None:
            started_mean = self._start(pending, job.begin["mean"])
        self._decode(pending, job)
        self._end()
        return json.dumps(self._weigh(started_mean, job.begin["mean"])).encode()

    def _start(self, sounds: list[NDArray[np.int16]], session_mean: Mean | None) -> Mean:
        """Measure the mean of the first sounds, set it, and begin the utterance."""
        decoder = self._grammar
        decoder.set_cmn(_text(_FIRST_MEAN))
        decoder.start_utt()
        sound = np.concatenate(sounds)
        if len(sound):
            decoder.process_raw(sound.tobytes(), no_search=True)
        decoder.end_utt()
        mean, frames = _measured(decoder, _FIRST_MEAN, len(sound) // 160)
        if session_mean is not None:
            mean = _blend(session_mean, _SESSION_FRAMES, mean, frames)
        for each in self._decoders:
            each.set_cmn(_text(mean))
            each.start_utt()
        return mean

    def _decode(self, sounds: list[NDArray[np.int16]], job: Job) -> None:
        sound = np.concatenate(sounds)
        for at in range(0, len(sound), _STEP_SAMPLES):
            if job.is_cancelled:
                return
            piece = sound[at : at + _STEP_SAMPLES].tobytes()
            for decoder in self._decoders:
                decoder.process_raw(piece)

    def _end(self) -> None:
        for decoder in self._decoders:
            decoder.end_utt()

    def _weigh(self, started_mean: Mean, session_mean: Mean | None) -> dict[str, Any]:
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
        )
        mean, frames = _measured(self._grammar, started_mean, self._grammar.n_frames())
        if session_mean is not None:
            mean = _blend(session_mean, _SESSION_FRAMES, mean, frames)
        return {"evidence": evidence.as_json(), "mean": [round(m, 2) for m in mean]}

    def _sounds_of(self, words: list[str]) -> list[str]:
        sounds: list[str] = []
        for word in words:
            sounds += (self._dictation.lookup_word(word) or "").split()
        return sounds


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
