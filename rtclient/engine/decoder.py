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
from numpy.typing import NDArray
from pocketsphinx import Decoder

from rtclient.engine.agreement import Evidence, phone_distance
from rtclient.engine.grammar import jsgf, pronounceable
from rtclient.engine.turn_sound import TurnSound
from rtclient.engine.workers import Job

_PHRASES_WAIT_S, _DICTATION_WAIT_S, _KNOWN_WAIT_S = 1.6, 1.2, 0.6
"""How much of a turn is measured before a decoder begins: phrases (cheap to catch up on, and of
all the most in need of a true mean), dictation, and either once the session's mean is known. A
pause after speech ends the wait: what is there to measure has been said."""

_HZ = 16_000
_STEP_SAMPLES = 1600  # 100 ms: decoding smaller pieces costs more calls and gains nothing
_SESSION_FRAMES = 150
"""Weight of the session's mean against that of the new turn, in frames of 10 ms."""
_FRAME = 160  # 10 ms, the frame of the decoders
_MEASURING_ROUNDS = 2
_CMN_WINDOW_FRAMES = 500  # CMN_WIN of pocketsphinx: the weight of the mean that is set
_FIRST_MEAN = (
    (43.98, 8.65, 5.16, 10.04, -1.58, -2.86, 4.52, -4.35, -1.56, -0.44, -0.53, -1.52, 2.02)
)  # fmt: skip
"""A mean to measure from; its value cancels out."""
_SILENCES = frozenset({"<s>", "</s>", "<sil>", "(NULL)", "SIL", "[NOISE]", "[COUGH]"})
_VARIANT = re.compile(r"\(\d+\)")
_SCORE_SHIFT = 1024  # acoustic scores of grammar and phones are stored divided by this
_NOTHING = "#JSGF V1.0; grammar nothing; public <nothing> = a;"
"""A search that costs next to nothing: `end_utt` searches what `no_search` left, so measuring
with a real search would decode the whole sound."""

Mean = Sequence[float]


class _Pass:
    """One decoder's pass over a turn: waits until the mean can be told, then keeps up."""

    def __init__(self, decoder: Decoder, wait_s: float) -> None:
        self.decoder = decoder
        self.mean: Mean | None = None
        """The mean that the pass started with; None until it has started."""
        self.wait_samples = int(wait_s * _HZ)
        self.done_samples = 0

    def begin(self, sound: NDArray[np.int16], known: Mean | None) -> None:
        """Measure the sound so far, then start to decode from its beginning.

        Listening without decoding serves two ends: it tells the cepstral mean, and it lets the
        decoder's noise removal learn the background. What that learned from the turn before is
        dropped first: the same sound must always be heard the same way.
        """
        self.decoder.reinit_feat()
        mean: Mean = _FIRST_MEAN
        for _ in range(_MEASURING_ROUNDS):
            mean, frames = _measured(self.decoder, sound, mean)
        self.mean = mean if known is None else _blend(known, _SESSION_FRAMES, mean, frames)
        self.decoder.set_cmn(_text(self.mean))
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

        for decoder in (self._grammar, self._phones, self._dictation):
            search = decoder.current_search()
            decoder.add_jsgf_string("nothing", _NOTHING)
            decoder.activate_search(search)
            # The first decoding touches the models' pages; better now than in somebody's turn.
            decoder.start_utt()
            decoder.process_raw(_warm_up().tobytes())
            decoder.end_utt()

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
        turn = TurnSound()
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
        mean = [round(m, 2) for m in passes[0].mean or _FIRST_MEAN]
        return json.dumps({"evidence": self._weigh(turn).as_json(), "mean": mean}).encode()

    def _advance(
        self,
        passes: Sequence[_Pass],
        turn: TurnSound,
        known: Mean | None,
        job: Job,
        *,
        is_last: bool = False,
    ) -> None:
        """Let every pass that can begin do so, and take what it has not heard yet."""
        is_enough = is_last or turn.pauses()
        starting = [
            each
            for each in passes
            if each.mean is None and (turn.samples >= each.wait_samples or is_enough)
        ]
        for each in starting:
            each.begin(turn.sound(0), known)
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

    def _weigh(self, turn: TurnSound) -> Evidence:
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
        return Evidence(
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

    def _sounds_of(self, words: list[str]) -> list[str]:
        sounds: list[str] = []
        for word in words:
            sounds += (self._dictation.lookup_word(word) or "").split()
        return sounds


def _warm_up() -> NDArray[np.int16]:
    """Return half a second of noise."""
    return (np.random.default_rng(0).standard_normal(_HZ // 2) * 1000).astype(np.int16)


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


def _measured(decoder: Decoder, sound: NDArray[np.int16], start: Mean) -> tuple[Mean, int]:
    """Return the cepstral mean of a sound and its frames; `start` cancels out."""
    frames = len(sound) // _FRAME
    if frames < 10:
        return start, 0
    search = decoder.current_search()
    decoder.activate_search("nothing")
    decoder.set_cmn(_text(start))
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), no_search=True)
    decoder.end_utt()
    decoder.activate_search(search)
    mixed = [float(m) for m in decoder.get_cmn(True).split(",")]
    share = (_CMN_WINDOW_FRAMES + frames) / frames
    return [s + (m - s) * share for s, m in zip(start, mixed, strict=True)], frames


def _blend(first: Mean, first_weight: int, second: Mean, second_weight: int) -> Mean:
    total = max(1, first_weight + second_weight)
    return [
        (a * first_weight + b * second_weight) / total for a, b in zip(first, second, strict=True)
    ]
