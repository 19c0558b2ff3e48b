"""A conversation on disk: both tracks, what was said, brought up to date after each turn."""

import json
import shutil
import struct
import sys
import wave
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rtclient.protocol.audio import PCMU, encode_g711, to_base64
from rtclient.protocol.conversation import Conversation
from rtclient.recording.recorder import Recorder

STARTED = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)


def tone(seconds: float, value: int) -> bytes:
    return struct.pack("<h", value) * int(seconds * 24_000)


class Play:
    """A recorder with a clock of the test; events go the way the client sends them."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 100.0
        self.last_item: str | None = None
        self.conversation = Conversation()
        self.recorder = Recorder(
            folder, self.conversation, clock=lambda: self.now_s, started_at=STARTED
        )
        self.folder = folder

    def client(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.sent(event)
        self.recorder.on_client_event(event)

    def server(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.apply(event)
        self.recorder.on_server_event(event)

    def says(self, pcm: bytes, step_s: float = 0.1) -> None:
        """Send sound as a microphone does."""
        size = int(step_s * 24_000) * 2
        for start in range(0, len(pcm), size):
            self.now_s += step_s
            self.client("input_audio_buffer.append", audio=to_base64(pcm[start : start + size]))

    def answers(self, pcm: bytes, item: str = "a") -> None:
        at = {"response_id": f"r_{item}", "item_id": item, "content_index": 0, "output_index": 0}
        self.server("response.created", response={"id": f"r_{item}", "status": "in_progress"})
        self.server(
            "conversation.item.added",
            previous_item_id=self.last_item,
            item={"id": item, "type": "message", "role": "assistant", "content": []},
        )
        self.server("response.output_audio_transcript.delta", **at, delta="Here I am.")
        self.server("response.output_audio.delta", **at, delta=to_base64(pcm))
        self.server("response.done", response={"id": f"r_{item}", "status": "completed"})

    def commit(self, item: str = "u") -> None:
        self.client("input_audio_buffer.commit")
        after = {"previous_item_id": self.last_item}
        self.server("input_audio_buffer.committed", item_id=item, **after)
        content = [{"type": "input_audio", "transcript": "hello"}]
        wire = {"id": item, "type": "message", "role": "user", "content": content}
        self.server("conversation.item.added", item=wire, **after)
        self.server("conversation.item.done", item=wire | {"status": "completed"}, **after)
        self.last_item = item

    def tracks(self) -> tuple["array[int]", "array[int]"]:
        with wave.open(str(self.folder / "conversation.wav")) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 24_000, 2)
            frames = array("h", file.readframes(file.getnframes()))
        return frames[0::2], frames[1::2]

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "conversation.json").read_text("utf-8"))
        return found

    def span(self, item: str) -> tuple[float, float]:
        (found,) = (one for one in self.json()["items"] if one["id"] == item)
        return found["start_s"], found["end_s"]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    found = Play(tmp_path / "calls" / "1")
    yield found
    found.recorder.close()


def level(track: "array[int]", start_s: float, end_s: float) -> set[int]:
    return set(track[int(start_s * 24_000) : int(end_s * 24_000)])


def test_both_sides_lie_on_one_timeline(play: Play) -> None:
    play.says(tone(1, 500))
    play.commit()
    play.now_s += 0.5
    play.answers(tone(2, -700))
    user, model = play.tracks()
    assert len(user) == len(model) == int(3.5 * 24_000)
    assert level(user, 0, 1) == {500}
    assert level(user, 1, 3.5) == {0}
    assert level(model, 0, 1.5) == {0}
    assert level(model, 1.5, 3.5) == {-700}
    assert play.span("u") == (0.0, 1.0)
    assert play.span("a") == (1.5, 3.5)


def test_both_may_talk_at_once(play: Play) -> None:
    play.answers(tone(2, -700))
    play.says(tone(1, 500))
    play.recorder.flush()
    user, model = play.tracks()
    assert level(user, 0.1, 0.9) == {500}
    assert level(model, 0.1, 1.9) == {-700}


@pytest.mark.parametrize("who", ["client", "server"])
def test_what_was_cut_off_is_not_heard(play: Play, who: str) -> None:
    play.answers(tone(2, -700))
    play.says(tone(0.5, 500))
    at = {"item_id": "a", "content_index": 0, "audio_end_ms": 500}
    if who == "client":
        play.client("conversation.item.truncate", **at)
        play.recorder.flush()
    else:
        play.server("conversation.item.truncated", **at)
    user, model = play.tracks()
    assert level(model, 0, 0.5) == {-700}
    assert set(model[12_000:]) <= {0}
    assert level(user, 0.1, 0.4) == {500}
    assert len(model) == pytest.approx(12_000, abs=1)
    assert play.span("a") == (0.0, 0.5)


def test_what_is_said_later_is_heard_where_something_was_cut_off(play: Play) -> None:
    play.answers(tone(2, -700))
    play.client("conversation.item.truncate", item_id="a", content_index=0, audio_end_ms=500)
    play.recorder.flush()
    play.now_s += 1
    play.answers(tone(1, 900), "b")
    _, model = play.tracks()
    assert level(model, 0, 0.5) == {-700}
    assert level(model, 0.5, 1) == {0}
    assert level(model, 1, 2) == {900}


def test_turns_that_the_server_hears_have_their_own_times(play: Play) -> None:
    play.says(tone(2, 500))
    play.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=300)
    play.server("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=1200)
    play.commit()
    assert play.span("u") == (0.3, 1.2)


def test_two_commits_are_two_spans(play: Play) -> None:
    play.says(tone(1, 500))
    play.commit("one")
    play.now_s += 1
    play.says(tone(1, 500))
    play.commit("two")
    assert play.span("one") == (0.0, 1.0)
    assert play.span("two") == (2.0, 3.0)


def test_sound_in_an_item_is_heard_too(play: Play) -> None:
    content = [{"type": "input_audio", "audio": to_base64(tone(1, 500))}]
    item = {"id": "u", "type": "message", "role": "user", "content": content}
    play.client("conversation.item.create", item=item)
    play.server("conversation.item.added", item=item, previous_item_id=None)
    play.server(
        "conversation.item.done", item=item | {"status": "completed"}, previous_item_id=None
    )
    assert level(play.tracks()[0], 0, 1) == {500}
    assert play.span("u") == (0.0, 1.0)


def test_times_stay_right_when_a_new_session_counts_anew(play: Play) -> None:
    play.says(tone(10, 500))
    play.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=9000)
    play.server("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=9800)
    play.commit()
    play.now_s += 5  # the connection is lost, and another session begins
    play.says(tone(1, 500))
    play.server("input_audio_buffer.speech_started", item_id="v", audio_start_ms=1000)
    play.says(tone(1, 500))
    play.server("input_audio_buffer.speech_stopped", item_id="v", audio_end_ms=1900)
    play.commit("v")
    assert play.span("u") == (9.0, 9.8)
    assert play.span("v") == (16.0, 16.9)


def test_each_turn_is_on_disk_at_once(play: Play) -> None:
    assert play.json()["items"] == []
    play.says(tone(1, 500))
    play.commit()
    assert len(play.tracks()[0]) == 24_000
    assert [one["text"] for one in play.json()["items"]] == ["hello"]
    page = (play.folder / "conversation.md").read_text("utf-8")
    assert "# Conversation of 2026-11-21, 14:03 UTC" in page
    assert "**User** · 0:00\n\n> hello" in page
    play.answers(tone(1, 700))
    assert [one["text"] for one in play.json()["items"]] == ["hello", "Here I am."]


def test_telephone_sound_is_recorded_at_the_same_rate(play: Play) -> None:
    form = {"format": {"type": "audio/pcmu"}}
    play.server("session.created", session={"id": "s", "audio": {"input": form, "output": form}})
    sound = encode_g711(struct.pack("<h", 8_000) * 8_000, PCMU)
    play.now_s += 1
    play.client("input_audio_buffer.append", audio=to_base64(sound))
    play.recorder.flush()
    user, _ = play.tracks()
    assert len(user) == pytest.approx(24_000, abs=600)
    assert set(user[4_000:20_000]) <= set(range(7_600, 8_400))


def test_without_the_extra_telephone_sound_is_left_out_and_told(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)  # as if it were not installed
    form = {"format": {"type": "audio/pcmu"}}
    play.server("session.created", session={"id": "s", "audio": {"input": form}})
    for _ in range(3):
        play.client("input_audio_buffer.append", audio=to_base64(bytes(800)))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "rtclient[audio]" in caplog.text


def test_odd_events_change_nothing(play: Play) -> None:
    play.client("input_audio_buffer.append", audio="%%%")
    play.client("input_audio_buffer.append")
    play.client("conversation.item.truncate", item_id="nobody", audio_end_ms=-5)
    play.server("response.output_audio.delta", delta=None)
    play.server("conversation.item.added", item={})
    play.recorder.flush()
    assert len(play.tracks()[0]) == 0


def test_a_recording_is_never_overwritten(play: Play) -> None:
    with pytest.raises(FileExistsError, match="holds a recording already"):
        Recorder(play.folder, Conversation())


def test_after_the_end_nothing_is_written(play: Play) -> None:
    play.recorder.close()
    before = {path: path.read_bytes() for path in play.folder.iterdir()}
    play.says(tone(1, 500))
    play.commit()
    play.recorder.close()
    assert {path: path.read_bytes() for path in play.folder.iterdir()} == before
    assert {path.suffix for path in before} == {".wav", ".json", ".md"}


def test_a_text_that_cannot_be_written_leaves_no_half_of_it(play: Play) -> None:
    (play.folder / "conversation.md").unlink(missing_ok=True)
    (play.folder / "conversation.md").mkdir()
    play.says(tone(0.1, 500))
    play.commit("u")
    assert not list(play.folder.glob("*.part"))


def test_a_folder_that_is_gone_ends_the_recording_and_is_told_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(play.folder)
    for number in range(3):
        play.says(tone(0.1, 500))
        play.commit(f"u{number}")
    play.recorder.close()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "The recording ends here" in caplog.text
    assert not play.folder.exists()
