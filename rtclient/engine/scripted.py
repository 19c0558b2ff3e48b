"""Senses that do what a table says: byte-stable, instant, without dependencies.

For tests of programs that talk to the engine (`rtclient engine --senses scripted`) and for the
engine's own: loudness instead of voice activity, a table of turns instead of recognition, a table
of answers instead of a brain, one tone per letter instead of a voice.
"""

import asyncio
import json
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from rtclient.engine.pcm import SAMPLE_RATE_HZ, ms_to_samples, pcm_of, samples_of
from rtclient.engine.senses import (
    Call,
    Heard,
    Prompt,
    Say,
    Senses,
    Spoken,
    Thought,
    Word,
)

MS_PER_CHAR = 60
LOUD = 330
"""Root mean square of samples from which a frame counts as speech: −40 dBFS."""
GREETING = "Hello. Say something."
KEPT = 100
"""How many of the last turns and prompts are kept for whoever looks."""


class LoudnessVad:
    """Says 1.0 for frames of 20 ms that are louder than `LOUD`, else 0.0."""

    frame_ms = 20

    def __init__(self) -> None:
        """Begin with an empty frame."""
        self._rest = array("h")

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16; return one probability for each whole frame."""
        self._rest += samples_of(pcm)
        size = ms_to_samples(self.frame_ms)
        whole = len(self._rest) // size * size
        frames = [self._rest[at : at + size] for at in range(0, whole, size)]
        self._rest = self._rest[whole:]
        return [float(sum(s * s for s in frame) >= LOUD * LOUD * size) for frame in frames]


class ListedVad:
    """Says 1.0 within the listed spans of milliseconds, whatever the audio is."""

    frame_ms = 20

    def __init__(self, *spans_ms: tuple[int, int]) -> None:
        """`spans_ms`: from (included) and to (excluded), on the audio clock."""
        self._spans = spans_ms
        self._samples = 0
        self._frame = 0

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16; return one probability for each whole frame."""
        self._samples += len(pcm) // 2
        size = ms_to_samples(self.frame_ms)
        result = []
        while (self._frame + 1) * size <= self._samples:
            at = self._frame * self.frame_ms
            result.append(float(any(begin <= at < end for begin, end in self._spans)))
            self._frame += 1
        return result


class TableListening:
    """One turn of `TableEars`."""

    def __init__(self, heard: Heard | Exception, give_back: Callable[[], None]) -> None:
        """`heard`: what `finish` returns or raises; `give_back`: called by the first `cancel`."""
        self.pcm = bytearray()
        self.heard = heard
        self.cancelled = asyncio.Event()
        self._give_back = give_back

    def feed(self, pcm: bytes) -> None:
        """Keep the audio for whoever looks."""
        self.pcm += pcm

    async def finish(self) -> Heard:
        """Return what the table says."""
        if isinstance(self.heard, Exception):
            raise self.heard
        return self.heard

    def cancel(self) -> None:
        """Note that nobody wants it any more: the turn does not count."""
        if not self.cancelled.is_set():
            self.cancelled.set()
            self._give_back()


class TableEars:
    """Hears the texts of a table, turn by turn of a session; then "turn N"."""

    def __init__(self, *turns: str | Heard | Exception) -> None:
        """`turns`: a text is certain; `Heard` says how sure; an exception breaks that turn."""
        self.listenings: deque[TableListening] = deque(maxlen=KEPT)
        self._turns = turns
        self._count: dict[str, int] = {}

    def listen(
        self, session_id: str, hints: Sequence[str] = (), language: str = ""
    ) -> TableListening:
        """Begin the next turn of a session."""
        number = self._count[session_id] = self._count.get(session_id, 0) + 1
        heard: str | Heard | Exception = (
            self._turns[number - 1] if number <= len(self._turns) else f"turn {number}"
        )
        if isinstance(heard, str):
            heard = Heard(heard, 0.95, is_certain=True)
        listening = TableListening(heard, lambda: self._take_back(session_id))
        self.listenings.append(listening)
        return listening

    def _take_back(self, session_id: str) -> None:
        if session_id in self._count:
            self._count[session_id] -= 1

    def forget(self, session_id: str) -> None:
        """Begin with the first turn again."""
        self._count.pop(session_id, None)


class TableBrain:
    """Answers what a table says to the user's words.

    Without an entry: a greeting to an empty conversation; a call of the tool whose name is among
    the words (arguments: the words, for the first text parameter); what a tool returned; else "You
    said: …".
    """

    def __init__(self, table: Mapping[str, Sequence[Thought | Exception]] | None = None) -> None:
        """`table`: words in lower case → thoughts; an exception breaks the response there."""
        self.prompts: deque[Prompt] = deque(maxlen=KEPT)
        self._table = dict(table or {})

    async def think(self, prompt: Prompt) -> AsyncIterator[Thought]:
        """Yield the answer."""
        self.prompts.append(prompt)
        for thought in self._answer(prompt):
            await asyncio.sleep(0)
            if isinstance(thought, Exception):
                raise thought
            yield thought

    def _answer(self, prompt: Prompt) -> Sequence[Thought | Exception]:
        last = prompt.items[-1] if prompt.items else None
        if last is None:
            return [Say(GREETING)]
        if last["type"] == "function_call_output":
            return [Say(f"The tool says: {last['output']}")]
        words = words_of(last)
        if words.lower() in self._table:
            return self._table[words.lower()]
        for tool in prompt.tools:
            if tool["name"].lower() in words.lower():
                return [Call(tool["name"], _arguments(tool, words))]
        return [Say(f"You said: {words}" if words else "I heard nothing.")]


def words_of(item: Mapping[str, Any]) -> str:
    """Return the words of a message, spoken or written."""
    parts = item.get("content", ())
    return " ".join(part.get("text") or part.get("transcript") or "" for part in parts).strip()


def _arguments(tool: Mapping[str, Any], words: str) -> str:
    properties = (tool.get("parameters") or {}).get("properties") or {}
    names = [name for name, schema in properties.items() if schema.get("type") == "string"]
    return json.dumps({names[0]: words} if names else {})


class LetterVoice:
    """Speaks one triangle tone per letter, a piece per word; the same bytes on every machine."""

    def __init__(self, breaks_on: str = "") -> None:
        """`breaks_on`: a word at which the voice raises."""
        self._breaks_on = breaks_on

    async def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the tones of `text`."""
        per_char = round(MS_PER_CHAR / speed)
        base_hz = 200 + sum(map(ord, voice)) % 100
        at = 0
        for word in text.split(" "):
            await asyncio.sleep(0)
            if self._breaks_on and word == self._breaks_on:
                raise RuntimeError("the scripted voice broke")
            letters = f"{word} " if at + len(word) < len(text) else word
            pcm = b"".join(tone(base_hz + 8 * (ord(c) % 64), per_char, volume) for c in letters)
            words = (Word(at * per_char, at, at + len(word)),) if word else ()
            yield Spoken(pcm, words)
            at += len(letters)


def tone(hz: int, length_ms: int, volume: float = 1.0) -> bytes:
    """Return a triangle wave as pcm16, in integers only."""
    period = max(2, SAMPLE_RATE_HZ // hz)
    peak = int(6000 * volume)
    return pcm_of(
        array(
            "h",
            [
                peak - 4 * peak * abs(n % period - period // 2) // period
                for n in range(ms_to_samples(length_ms))
            ],
        )
    )


def senses(
    *turns: str | Heard | Exception,
    answers: Mapping[str, Sequence[Thought | Exception]] | None = None,
) -> Senses:
    """Gather scripted senses: what is heard turn by turn, and what is answered to it."""
    return Senses(
        vad=LoudnessVad,
        ears=TableEars(*turns),
        brain=TableBrain(answers),
        voice=LetterVoice(),
        names={"vad": "loudness", "ears": "table", "brain": "table", "voice": "letters"},
        notes=["Scripted senses: nothing is really heard or understood."],
    )
