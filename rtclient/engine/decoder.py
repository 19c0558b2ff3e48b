"""The worker that recognises speech: three pocketsphinx decoders over the same audio.

The *grammar* decoder hears nothing but phrases, the *dictation* decoder any English, the *phone*
decoder any sequence of sounds. What they made of a turn is weighed in agreement.py. The phrases
come first; the other two are heard only as far as they can still change the verdict, or when the
turn is too long for a phrase. A session's hints make a grammar of its own, kept for its next turns.
When a number was heard that sounds like another ("forty"), the same audio is heard once more
with each of the two, and the difference tells how sure the number is.

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
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pocketsphinx
from numpy.typing import NDArray
from pocketsphinx import Decoder

from rtclient.engine.agreement import (
    Evidence,
    is_fitting,
    is_like_counting,
    is_likely,
    needs_dictation,
    needs_phones,
    phone_distance,
)
from rtclient.engine.grammar import Slots, jsgf, pronounceable, rivals_of
from rtclient.engine.turn_sound import TurnSound
from rtclient.engine.workers import Job

_PHRASES_WAIT_S, _KNOWN_WAIT_S = 1.6, 0.6
"""How much of a turn is measured before the phrases' decoder begins, and once the session's mean is
known. A pause after speech ends the wait: what is there to measure has been said."""
_LONG_S = 4.0
"""A turn of this length is hardly a phrase: its dictation begins while it goes on."""
_LONGEST_READ_BACK_S = 12
_APART = {"wip": 0.1, "silprob": 0.3}
"""Who spells pauses between letters; with the usual values the pauses are heard as letters."""
_HOPELESS = -10.0
"""What is told of the fit against free sounds when no such fit could save the phrase."""
_GRAMMARS = 8
"""So many sessions' grammars are kept; the one that was not used for longest goes."""

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
        self.wait_samples = wait_s * _HZ
        self.done_samples = 0
        self.is_over = False

    def begin(self, sound: NDArray[np.int16], known: Mean | None) -> None:
        """Measure the sound so far, then start to decode from its beginning.

        Listening without decoding serves two ends: it tells the cepstral mean, and it lets the
        decoder's noise removal learn the background. What that learned from the turn before is
        dropped first: the same sound must always be heard the same way.
        """
        self.decoder.reinit_feat()
        mean: Mean = _FIRST_MEAN
        frames = 0
        for _ in range(_MEASURING_ROUNDS):
            mean, frames = _measured(self.decoder, sound, mean)
        self.mean = mean if known is None else _blend(known, _SESSION_FRAMES, mean, frames)
        self.decoder.set_cmn(_text(self.mean))
        self.decoder.start_utt()

    def end(self) -> None:
        """End the pass; what it found can be asked for then. Safe to call twice."""
        if self.mean is not None and not self.is_over:
            self.is_over = True
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
        self._options = options
        self._hinted: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._grammars = 0
        self._spans: list[tuple[int, int]] = []
        usual = {key: self._grammar.config[key] for key in _APART}
        for key, value in _APART.items():
            self._grammar.config[key] = value
        self._use("read back", options["read_back"], options["slots"])
        for key, value in usual.items():
            self._grammar.config[key] = value
        self._use("phrases", options["phrases"], options["slots"])
        # Without the dictionary: it knows sounds, no words, and takes 22 MB less.
        self._phones = Decoder(
            lm=None,
            dict=os.devnull,
            allphone=os.path.join(model, "en-us-phone.lm.bin"),
            lw=2.0,
            beam=1e-20,
            pbeam=1e-10,
            **common,
        )

        for decoder in (self._grammar, self._phones, self._dictation):
            search = decoder.current_search()
            if decoder.lookup_word("a") is None:
                decoder.add_word("a", "AH", update=False)  # all that `_NOTHING` needs
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
        self._listen_for(tuple(job.begin.get("hints", ())))
        wait_s = _PHRASES_WAIT_S if known is None else _KNOWN_WAIT_S
        phrases, phones, dictation = (
            _Pass(self._grammar, wait_s),
            _Pass(self._phones, math.inf),
            _Pass(self._dictation, _LONG_S),
        )
        turn = TurnSound()
        try:
            for data in job.data():
                turn.feed(data)
                self._advance(phrases, turn, known, job, is_enough=turn.pauses())
                self._advance(dictation, turn, known, job)
            if job.is_cancelled:
                return b"{}"
            turn.feed(b"", is_last=True)
            self._advance(phrases, turn, known, job, is_last=True)
            phrases.end()
            evidence = self._fit(turn)
            evidence = self._against_phones(evidence, lambda: self._free(phones, turn, known, job))
            if needs_dictation(evidence):
                self._advance(dictation, turn, known, job, is_last=True)
                dictation.end()
                evidence = self._against_dictation(evidence, _words(self._dictation))
            if not is_likely(evidence) and self._may_be_read_back(evidence, turn):
                back = self._read_back(turn, phrases.mean)
                back = self._against_phones(back, lambda: self._free(phones, turn, known, job))
                back = self._against_dictation(back, evidence.dictation.split())
                evidence = back if is_likely(back) else evidence
            if is_fitting(evidence):
                evidence = self._against_rivals(evidence, turn, phrases.mean)
        finally:
            for each in (phrases, phones, dictation):
                each.end()
        if job.is_cancelled:
            return b"{}"
        mean = [round(m, 2) for m in phrases.mean or _FIRST_MEAN]
        return json.dumps({"evidence": evidence.as_json(), "mean": mean}).encode()

    def _use(self, name: str, phrases: Sequence[str], slots: Slots) -> None:
        """Make a grammar and listen for it; words without a known pronunciation stay out."""
        words = {word for phrase in phrases for word in pronounceable(phrase, slots)}
        unknown = {word for word in words if not self._grammar.lookup_word(word)}
        self._grammar.add_jsgf_string(name, jsgf(phrases, slots, without=unknown))
        self._grammar.activate_search(name)

    def _listen_for(self, hints: tuple[str, ...]) -> None:
        """Listen for the phrases, and for those that the hints make."""
        name = self._hinted.get(hints, "") if hints else "phrases"
        if name:
            self._grammar.activate_search(name)
        else:
            self._grammars += 1
            name = f"hinted-{self._grammars}"
            phrases = [*self._options["phrases"], *self._options["hinted"]]
            self._use(name, phrases, {**self._options["slots"], "<hint>": hints})
            if len(self._hinted) == _GRAMMARS:
                self._grammar.remove_search(self._hinted.popitem(last=False)[1])
        if hints:
            self._hinted[hints] = name
            self._hinted.move_to_end(hints)

    def _advance(
        self,
        hearing: _Pass,
        turn: TurnSound,
        known: Mean | None,
        job: Job,
        *,
        is_enough: bool = False,
        is_last: bool = False,
    ) -> None:
        """Begin a pass if it can, and let it take what it has not heard yet."""
        if hearing.mean is None:
            if turn.samples < hearing.wait_samples and not is_enough and not is_last:
                return
            hearing.begin(turn.sound(0), known)
        while turn.samples - hearing.done_samples >= _STEP_SAMPLES or is_last:
            piece = turn.sound(hearing.done_samples, _STEP_SAMPLES)
            if job.is_cancelled or not len(piece):
                return
            hearing.decoder.process_raw(piece.tobytes())
            hearing.done_samples += len(piece)

    def _fit(self, turn: TurnSound) -> Evidence:
        """Weigh the phrase alone; remember where its words are."""
        phrase = _words(self._grammar)
        segments = [s for s in self._grammar.seg() or () if s.word not in _SILENCES]
        lengths = [s.end_frame - s.start_frame + 1 for s in segments]
        scores = [_log(s.ascore) for s in segments]
        self._spans = [(s.start_frame, s.end_frame) for s in segments]
        return Evidence(
            phrase=" ".join(phrase),
            fit=sum(scores) / max(1, sum(lengths)),
            worst_word_fit=min((s / n for s, n in zip(scores, lengths, strict=True)), default=0.0),
            coverage=turn.coverage(self._spans),
            snr_db=turn.snr_db(),
        )

    def _read_back(self, turn: TurnSound, mean: Mean | None) -> Evidence:
        """Hear the turn as letters or digits in a row."""
        before = self._grammar.current_search()
        self._again("read back", turn, mean)
        evidence = replace(self._fit(turn), is_read_back=True)
        self._grammar.activate_search(before)
        return evidence

    def _again(self, search: str, turn: TurnSound, mean: Mean | None) -> None:
        """Hear a turn once more with another search of the grammar's decoder."""
        self._grammar.activate_search(search)
        self._grammar.set_cmn(_text(mean or _FIRST_MEAN))
        self._grammar.start_utt()
        self._grammar.process_raw(turn.sound(0).tobytes())
        self._grammar.end_utt()

    def _free(self, phones: _Pass, turn: TurnSound, known: Mean | None, job: Job) -> None:
        """Let the phones' decoder hear the turn, unless it has."""
        if not phones.is_over:
            self._advance(phones, turn, known, job, is_last=True)
            phones.end()

    def _against_phones(self, evidence: Evidence, hear: Callable[[], None]) -> Evidence:
        """Weigh the phrase against sounds that were free to be anything, where that is of use."""
        if not needs_phones(evidence):
            return replace(evidence, fit_against_phones=_HOPELESS)
        hear()
        first, last = self._spans[0][0], self._spans[-1][1]
        frames = sum(end - start + 1 for start, end in self._spans)
        phones, free_score = [], 0.0
        for segment in self._phones.seg() or ():
            overlap = min(last, segment.end_frame) - max(first, segment.start_frame) + 1
            length = segment.end_frame - segment.start_frame + 1
            if overlap > 0:
                free_score += _log(segment.ascore) * overlap / length
            if segment.word not in _SILENCES and not segment.word.startswith("+"):
                phones.append(segment.word)
        distance = phone_distance(self._sounds_of(evidence.phrase.split()), phones)
        return replace(
            evidence,
            phone_distance=distance,
            dictation_distance=distance,  # the nearest to it that is known so far
            fit_against_phones=evidence.fit - free_score / max(1, frames),
        )

    def _against_dictation(self, evidence: Evidence, dictation: list[str]) -> Evidence:
        """Weigh the phrase against English that was free to say anything."""
        spoken = self._sounds_of(evidence.phrase.split())
        distance = phone_distance(spoken, self._sounds_of(dictation))
        return replace(evidence, dictation=" ".join(dictation), dictation_distance=distance)

    def _may_be_read_back(self, evidence: Evidence, turn: TurnSound) -> bool:
        """Whether it is worth hearing the turn as letters or digits in a row."""
        words = evidence.dictation.split()
        is_short = turn.samples < _LONGEST_READ_BACK_S * _HZ
        return is_short and is_like_counting({word: self._sounds_of([word]) for word in words})

    def _against_rivals(self, evidence: Evidence, turn: TurnSound, mean: Mean | None) -> Evidence:
        """Weigh the phrase against each one whose number sounds like it."""
        rivals = list(rivals_of(evidence.phrase))
        if not rivals or mean is None:
            return evidence
        own = self._score_of(evidence.phrase, turn, mean)
        scores = {rival: self._score_of(rival, turn, mean) for rival in rivals}
        rival = max(rivals, key=lambda each: scores[each])
        return replace(evidence, rival=rival, lead=round(own - scores[rival], 1))

    def _score_of(self, phrase: str, turn: TurnSound, mean: Mean) -> float:
        """Hear the turn as this phrase and nothing else; return its acoustic log score."""
        before = self._grammar.current_search()
        self._grammar.add_jsgf_string("one", jsgf([phrase], {}))
        self._again("one", turn, mean)
        score = sum(_log(s.ascore) for s in self._grammar.seg() or ())
        self._grammar.activate_search(before)
        self._grammar.remove_search("one")
        return score if score else -1e9

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
