"""`Recorder`: a conversation on disk while it goes on.

In its folder there are

- `conversation.wav`: what was heard, 24 000 Hz, the user left and the model right on one timeline;
- `conversation.json` and `conversation.md`: what was said and when, and what was used.

All three are brought up to date after each turn, so that a crash costs one turn at most.
"""

import contextlib
import json
import logging
import struct
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from rtclient.errors import ProtocolError
from rtclient.extras import MissingExtraError
from rtclient.protocol.audio import PCM16, AudioFormat, decode_g711, from_base64
from rtclient.protocol.conversation import Conversation
from rtclient.protocol.reading import count_of, index_of, mapping_of, text_of
from rtclient.protocol.session import sound_format
from rtclient.recording.exporting import Span, to_dict, to_markdown
from rtclient.recording.timeline import Placement, Timeline, Track
from rtclient.resampling import Resampler

WAV, JSON, MARKDOWN = "conversation.wav", "conversation.json", "conversation.md"

_TURN_ENDS: Final = frozenset(
    {
        "response.done",
        "conversation.item.done",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
    }
)

_log = logging.getLogger(__name__)


class Recorder:
    """Writes a conversation to a folder; `client.attach` it, or use `client.record(folder)`.

    Its file writes are short ones of the operating system's cache, on the event loop's thread: let
    the folder be on a disk of this machine.
    """

    def __init__(
        self,
        folder: str | Path,
        conversation: Conversation,
        *,
        clock: Callable[[], float] = time.monotonic,
        started_at: datetime | None = None,
    ) -> None:
        """Begin a recording.

        Args:
            folder: Made when it is missing.
            conversation: The client's mirror; it must have an event before the recorder gets it.
            clock: Seconds that only grow.
            started_at: The time of day now; None asks the system.

        Raises:
            FileExistsError: The folder holds a recording already.
            OSError: The folder cannot be written.
        """
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (WAV, JSON, MARKDOWN):
            if (self.folder / name).exists():
                raise FileExistsError(
                    f"{self.folder} holds a recording already ({name}): name another folder."
                )
        self._conversation = conversation
        self._clock = clock
        self._begin_s = clock()
        self._started_at = started_at or datetime.now(UTC)
        self._timeline = Timeline()
        self._spans: dict[str, Span] = {}
        self._turn_start_s: float | None = None
        """Where the sound that is not yet committed begins."""
        self._last_stream_ms = 0
        self._converters: dict[Track, _Converter] = {}
        self._tracks = _TwoTracks(self.folder / WAV)
        self._is_open = True
        self.flush()

    def on_client_event(self, event: Mapping[str, Any]) -> None:
        """Take in what the program sends."""
        if self._is_open:
            with self._ending_when_it_cannot_be_written():
                self._on_client_event(event)

    def on_server_event(self, event: Mapping[str, Any]) -> None:
        """Take in what the server sends."""
        if self._is_open:
            with self._ending_when_it_cannot_be_written():
                self._on_server_event(event)

    def _on_client_event(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "input_audio_buffer.append":
            self._user_said(event.get("audio"))
        elif kind == "input_audio_buffer.clear":
            self._turn_start_s = None
        elif kind == "conversation.item.truncate":
            self._cut(event)
        elif kind == "conversation.item.create":
            self._user_sent(mapping_of(event.get("item")))

    def _on_server_event(self, event: Mapping[str, Any]) -> None:
        kind, item_id = event.get("type"), text_of(event, "item_id")
        if kind == "response.output_audio.delta":
            self._model_said(event)
        elif kind == "conversation.item.added":
            self._note_begin(text_of(mapping_of(event.get("item")), "id"))
        elif kind == "input_audio_buffer.speech_started":
            self._spans[item_id] = Span(self._said_at_s(count_of(event, "audio_start_ms")))
        elif kind == "input_audio_buffer.speech_stopped":
            self._end_speech(item_id, self._said_at_s(count_of(event, "audio_end_ms")))
        elif kind == "input_audio_buffer.committed":
            self._end_speech(item_id, self._timeline.user_end_s)
            self._turn_start_s = None
        elif kind == "conversation.item.truncated":
            self._cut(event)
        if kind in _TURN_ENDS:
            self.flush()

    def flush(self) -> None:
        """Bring all three files up to date."""
        if not self._is_open:
            return
        self._tracks.flush(self._timeline.end)
        about: dict[str, Any] = {
            "started_at": self._started_at,
            "spans": self._spans,
            "sound": WAV,
        }
        data = json.dumps(to_dict(self._conversation, **about), ensure_ascii=False, indent=2)
        _replace(self.folder / JSON, data + "\n")
        _replace(self.folder / MARKDOWN, to_markdown(self._conversation, **about))

    def close(self) -> None:
        """Write what is left and close the files. Safe to call twice."""
        with self._ending_when_it_cannot_be_written():
            self.flush()
        with self._ending_when_it_cannot_be_written():
            self._tracks.close()
        self._is_open = False

    @contextlib.contextmanager
    def _ending_when_it_cannot_be_written(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            # Said once, not with every event; the conversation goes on.
            _log.error("The recording ends here, it cannot be written: %s", exc.strerror)
            self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def _now_s(self) -> float:
        return self._clock() - self._begin_s

    def _user_said(self, audio: object) -> None:
        pcm = self._pcm("user", audio)
        if not pcm:
            return
        placement = self._timeline.user_said(pcm, self._now_s)
        if self._turn_start_s is None:
            self._turn_start_s = placement.at / PCM16.rate_hz
        self._tracks.write(placement)

    def _user_sent(self, item: Mapping[str, Any]) -> None:
        """Take in an item of the program; what it says counts as said now."""
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            if text_of(mapping_of(part), "type") == "input_audio":
                self._turn_start_s = None
                self._user_said(part.get("audio"))
        if content and self._turn_start_s is not None:
            self._end_speech(text_of(item, "id"), self._timeline.user_end_s)
            self._turn_start_s = None

    def _model_said(self, event: Mapping[str, Any]) -> None:
        pcm = self._pcm("model", event.get("delta"))
        if pcm:
            item_id, index = text_of(event, "item_id"), index_of(event)
            self._tracks.write(self._timeline.model_said(item_id, index, pcm, self._now_s))
            self._note_model(item_id, index)

    def _cut(self, event: Mapping[str, Any]) -> None:
        item_id, index = text_of(event, "item_id"), index_of(event)
        heard_ms = max(0, count_of(event, "audio_end_ms"))
        for placement in self._timeline.model_cut(item_id, index, heard_ms):
            self._tracks.write(placement)
        self._note_model(item_id, index)

    def _said_at_s(self, stream_ms: int) -> float:
        """Return when a place of the user's stream was said, as the server counts it."""
        if stream_ms < self._last_stream_ms:
            # It counts anew: the connection was lost, and the session made again.
            self._timeline.count_stream_from(stream_ms)
        self._last_stream_ms = stream_ms
        return self._timeline.user_at_s(stream_ms)

    def _note_model(self, item_id: str, index: int) -> None:
        span = self._timeline.model_span_s(item_id, index)
        if span is not None:
            self._spans[item_id] = Span(*span)

    def _note_begin(self, item_id: str) -> None:
        self._spans.setdefault(item_id, Span(max(self._now_s, self._timeline.user_end_s)))

    def _end_speech(self, item_id: str, end_s: float) -> None:
        known = self._spans.get(item_id)
        if known is None:
            start_s = end_s if self._turn_start_s is None else self._turn_start_s
            self._spans[item_id] = Span(start_s, end_s)
        elif known.end_s is None:
            self._spans[item_id] = Span(known.start_s, max(known.start_s, end_s))

    def _pcm(self, track: Track, audio: object) -> bytes:
        """Return base64 sound of either side as pcm16 at 24 000 Hz; b"" for what is no sound."""
        side: Literal["input", "output"] = "input" if track == "user" else "output"
        audio_format = sound_format(self._conversation.session, side)
        converter = self._converters.get(track)
        if converter is None or converter.audio_format is not audio_format:
            converter = self._converters[track] = _Converter(audio_format)
        try:
            return converter.convert(from_base64(audio))
        except ProtocolError:
            return b""


class _Converter:
    """Sound of one of the API's formats to pcm16 at 24 000 Hz."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.audio_format = audio_format
        self._resampler: Resampler | None = None
        try:
            self._resampler = Resampler(audio_format.rate_hz, is_live=True)
        except MissingExtraError as exc:
            _log.warning("The recording has no sound of %s: %s", audio_format.type, exc)

    def convert(self, sound: bytes) -> bytes:
        if self._resampler is None:
            return b""
        if self.audio_format is not PCM16:
            sound = decode_g711(sound, self.audio_format)
        return self._resampler.feed(sound)


class _TwoTracks:
    """A stereo WAV file whose two tracks are written at any place, as they become known."""

    _HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
    _FRAME: Final = 4
    _MOST: Final = 0xFFFF_FF00

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self.flush(0)

    def write(self, placement: Placement) -> None:
        """Write one track's samples; the other track stays as it is."""
        samples = _native(placement.pcm)
        start = placement.at * self._FRAME
        size = len(samples) * self._FRAME
        if start + size > self._MOST:
            return  # 12 hours: more than a WAV file can hold
        self._file.seek(self._HEADER.size + start)
        frames = _native(self._file.read(size).ljust(size, b"\0"))
        frames[0 if placement.track == "user" else 1 :: 2] = samples
        self._file.seek(self._HEADER.size + start)
        self._file.write(_native(frames.tobytes()).tobytes())

    def flush(self, frames: int) -> None:
        """Make the file whole, with so many frames."""
        rate_hz, size = PCM16.rate_hz, min(frames * self._FRAME, self._MOST)
        fields = (36 + size, b"WAVE", b"fmt ", 16, 1, 2, rate_hz, rate_hz * self._FRAME)
        self._file.seek(0)
        self._file.write(self._HEADER.pack(b"RIFF", *fields, self._FRAME, 16, b"data", size))
        self._file.truncate(self._HEADER.size + size)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _native(pcm: bytes) -> "array[int]":
    """Return the samples in this machine's byte order, or back again."""
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _replace(path: Path, text: str) -> None:
    """Write a file in one go: whoever reads it sees the old text or the new one."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except BaseException:  # Ctrl+C, too: half a text is of no use
        draft.unlink(missing_ok=True)
        raise
