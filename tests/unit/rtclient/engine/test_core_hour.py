"""An hour of talk: what one session keeps is bounded, and nothing is left behind."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from rtclient.engine.actions import (
    Action,
    Emit,
    Hear,
    Opened,
    Received,
    Speak,
    Speaking,
    SpeakingEnded,
    Think,
    Thinking,
    ThinkingEnded,
    TurnHeard,
    WakeAt,
    Woke,
)
from rtclient.engine.core import Session
from rtclient.engine.items import MAX_AUDIO_BYTES
from rtclient.engine.pcm import BYTES_PER_MS
from rtclient.engine.senses import Heard, Say, Spoken, Word
from rtclient.protocol.audio import to_base64

TURN_MS = 9000
SPOKEN_MS = 3000
REPLY_MS = 4000


class TalkativeVad:
    """Three seconds of speech every nine."""

    frame_ms = 100

    def __init__(self) -> None:
        self._at = 0

    def feed(self, pcm: bytes) -> Sequence[float]:
        frames = range(len(pcm) // (BYTES_PER_MS * self.frame_ms))
        found = [(self._at + n * self.frame_ms) % TURN_MS < SPOKEN_MS for n in frames]
        self._at += len(found) * self.frame_ms
        return [float(is_speech) for is_speech in found]


class Hour:
    """Carries the actions of one session; keeps no event."""

    def __init__(self) -> None:
        ids = itertools.count()
        self.session = Session(
            TalkativeVad(), lambda prefix: f"{prefix}_{next(ids)}", model="m", expires_at=0
        )
        self.now = 0.0
        self.wake: float | None = None
        self.responses = 0
        self.feed(Opened())

    def feed(self, happened: Any) -> None:
        for action in self.session.feed(happened, self.now):
            for result in self.results(action):
                self.feed(result)

    def results(self, action: Action) -> Sequence[Any]:
        match action:
            case Emit(event):
                self.responses += event["type"] == "response.done"
            case WakeAt(at):
                self.wake = at
            case Hear(work_id, _, is_last) if is_last:
                return [TurnHeard(work_id, Heard("what time is it", 0.9, is_certain=True))]
            case Think(work_id):
                return [Thinking(work_id, Say("Five o'clock.")), ThinkingEnded(work_id)]
            case Speak(work_id):
                speech = Spoken(bytes(BYTES_PER_MS * REPLY_MS), (Word(0, 0, 12),))
                return [Speaking(work_id, speech), SpeakingEnded(work_id)]
        return []

    def run(self, length_s: int) -> None:
        sound = to_base64(bytes(BYTES_PER_MS * 400))
        append = json.dumps({"type": "input_audio_buffer.append", "audio": sound})
        for _ in range(length_s * 1000 // 400):
            self.now += 0.4
            while self.wake is not None and self.wake <= self.now:
                self.now, due, self.wake = self.wake, self.now, None
                self.feed(Woke())
                self.now = due
            self.feed(Received(append))


def test_an_hour_of_talk_is_kept_within_bounds() -> None:
    hour = Hour()
    transcription = {"input": {"transcription": {"model": "whisper-1"}}}
    session = {"type": "realtime", "audio": transcription}
    hour.feed(Received(json.dumps({"type": "session.update", "session": session})))
    hour.run(3500)
    core = hour.session
    turns = 3500_000 // TURN_MS
    assert turns - 1 <= hour.responses <= turns + 1
    kept = sum(len(pcm) for item in core._conversation for pcm in item.audio.values())
    newest = BYTES_PER_MS * (SPOKEN_MS + REPLY_MS)
    assert MAX_AUDIO_BYTES - newest <= kept <= MAX_AUDIO_BYTES + newest
    assert len(core._conversation) <= 2 * (turns + 1), "the words stay"
    assert len(core._microphone.buffer._pcm) <= BYTES_PER_MS * 30_000
    assert not core._transcriber._expected
    assert not core._items._hearing
    assert not core._waiting
    assert len(core._desk._open) <= 1
