"""The assistant's message while it goes out: one content part, text or audio with transcript.

Rules of the file:
- a word's transcript delta goes out just before the audio delta in which the word begins;
- `sent_text` and the item's audio are what has gone out, nothing else; truncation and the next
  prompt use them;
- a voice without word marks gets estimated ones, so that the transcript never waits for the end.
"""

import re

from rtclient.engine.actions import Outbox
from rtclient.engine.items import Item
from rtclient.engine.pacing import Mark, Pacer
from rtclient.engine.pcm import pcm_ms
from rtclient.engine.senses import Spoken, Word
from rtclient.engine.telephony import ToWire
from rtclient.engine.usage import ASSISTANT_MS_PER_TOKEN, audio_tokens
from rtclient.protocol.audio import AudioFormat, to_base64

ESTIMATED_MS_PER_CHAR = 65
_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


class Message:
    """One assistant message with one content part."""

    def __init__(
        self,
        outbox: Outbox,
        item: Item,
        *,
        response_id: str,
        output_index: int,
        audio_format: AudioFormat | None,
    ) -> None:
        """Emit `content_part.added`. `audio_format` None: text only."""
        self.item = item
        self.is_audio = audio_format is not None
        self.sent_text = ""
        self._out = outbox
        self._place = {
            "response_id": response_id,
            "item_id": item.id,
            "output_index": output_index,
            "content_index": 0,
        }
        self._text = ""
        self._marks: list[Mark] = []
        self._base_ms = 0.0
        self._base_chars = 0
        self._has_marks = False
        self._is_estimated = False
        self._unfinished = False
        self._pacer = Pacer()
        self._to_wire = ToWire(audio_format) if audio_format is not None else None
        self._pcm = bytearray()
        part = {"type": "audio", "transcript": ""} if self.is_audio else _text_part("")
        outbox.emit("response.content_part.added", **self._place, part=part)
        self._sync()

    @property
    def sent_ms(self) -> float:
        """Audio that went out."""
        return self._pacer.taken_ms

    @property
    def made_ms(self) -> float:
        """Audio that was made, sent or not."""
        return self._pacer.added_ms

    @property
    def audio_tokens(self) -> int:
        """Tokens of the audio that went out."""
        return audio_tokens(self.sent_ms, ASSISTANT_MS_PER_TOKEN)

    @property
    def is_drained(self) -> bool:
        """Whether all speech made so far has gone out."""
        return self._pacer.is_empty

    def next_due(self) -> float | None:
        """Return when `send_next` will send."""
        return self._pacer.next_due()

    # ------------------------------------------------------------ text

    def write(self, text: str) -> None:
        """Take a text that `send_next` sends word by word (text only)."""
        self._append(text)

    def _append(self, text: str) -> None:
        if self._text and text and not self._text[-1].isspace() and not text[0].isspace():
            self._text += " "
        self._base_chars = len(self._text)
        self._text += text

    def _send_text(self, end: int) -> None:
        delta = self._text[len(self.sent_text) : end]
        if not delta:
            return
        self.sent_text += delta
        kind = "output_audio_transcript" if self.is_audio else "output_text"
        self._out.emit(f"response.{kind}.delta", **self._place, delta=delta)
        self._sync()

    # ------------------------------------------------------------ speech

    def begin_text(self, text: str) -> None:
        """The speech of `text` follows what was added so far."""
        self._append(text)
        self._base_ms = self._pacer.added_ms
        self._has_marks = self._is_estimated = False

    def on_spoken(self, spoken: Spoken) -> None:
        """Take a piece of the speech of the newest text."""
        words = spoken.words
        if not self._has_marks and not words and spoken.pcm:
            words = _estimated(self._text[self._base_chars :])
            self._is_estimated = True
        elif self._is_estimated:
            words = ()
        self._has_marks = self._has_marks or bool(words)
        for word in words:
            end = min(self._base_chars + word.text_end, len(self._text))
            while end < len(self._text) and not self._text[end].isspace():
                end += 1  # the full stop belongs to its word
            self._marks.append(Mark(self._base_ms + word.start_ms, end))
        if spoken.pcm:
            self._pacer.add(spoken.pcm)
            self._unfinished = True

    def on_speaking_ended(self) -> None:
        """The speech of the newest text is whole."""
        self._marks.append(Mark(self._pacer.added_ms, len(self._text)))
        self._pacer.complete()
        self._unfinished = False

    def replay(self, text: str, pcm: bytes) -> None:
        """Play pcm16 that exists already; `text` is what was understood of it."""
        self.begin_text(text)
        self.on_spoken(Spoken(pcm, _estimated(text, pcm_ms(pcm))))
        self.on_speaking_ended()

    def send_next(self, now: float) -> bool:
        """Send the next word, or the next audio delta and the words that begin in it, when due."""
        if self._to_wire is None:
            word = _WORD.match(self._text, len(self.sent_text))
            if word is not None:
                self._send_text(word.end())
            return word is not None
        pcm = self._pacer.take(now)
        if pcm is None:
            if self._pacer.is_empty and not self._unfinished:
                self._send_words(self.sent_ms + 1)
            return False
        self._send_words(self.sent_ms)
        self._pcm += pcm
        delta = to_base64(self._to_wire.feed(pcm))
        self._out.emit("response.output_audio.delta", **self._place, delta=delta)
        return True

    def _send_words(self, before_ms: float) -> None:
        while self._marks and self._marks[0].at_ms < before_ms:
            mark = self._marks.pop(0)
            if not self.item.is_cut:
                self.item.marks.append(mark)
            self._send_text(mark.text_end)

    # ------------------------------------------------------------ the item

    def _sync(self) -> None:
        """Bring the item up to what has gone out."""
        if self.item.is_cut:
            return
        part = (
            {"type": "output_audio", "transcript": self.sent_text}
            if self.is_audio
            else {"type": "output_text", "text": self.sent_text}
        )
        self.item.wire["content"] = [part]

    def sync_audio(self) -> None:
        """Bring the item's audio up to what has gone out."""
        if self.is_audio and not self.item.is_cut:
            self.item.audio[0] = bytes(self._pcm)

    def close(self) -> None:
        """Emit the `.done` events of the part."""
        self._pacer.drop()
        self.sync_audio()
        emit, place = self._out.emit, self._place
        if self.is_audio:
            emit("response.output_audio.done", **place)
            emit("response.output_audio_transcript.done", **place, transcript=self.sent_text)
            part = {"type": "audio", "transcript": self.sent_text}
        else:
            emit("response.output_text.done", **place, text=self.sent_text)
            part = _text_part(self.sent_text)
        emit("response.content_part.done", **place, part=part)


def _text_part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _estimated(text: str, length_ms: float | None = None) -> tuple[Word, ...]:
    """Guess where the words stand: evenly, in `length_ms` or at a usual pace."""
    per_char = ESTIMATED_MS_PER_CHAR
    if length_ms is not None:
        per_char = max(1, int(length_ms / max(len(text), 1)))
    return tuple(
        Word(found.start() * per_char, found.start(), found.end())
        for found in re.finditer(r"\S+", text)
    )
