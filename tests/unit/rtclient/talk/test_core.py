import base64
from typing import Any

import pytest

from rtclient.protocol.conversation import Conversation
from rtclient.talk.core import TalkCore
from rtclient.talk.options import TalkOptions
from rtclient.talk.playback import Playback

BLOCK = b"\1\0" * 480
SECOND = bytes(48_000)


class Call:
    """A core with its conversation; what it wants to send is noted there, too."""

    def __init__(self, *, has_guard: bool = False, **options: Any) -> None:
        self.conversation, self.playback = Conversation(), Playback()
        options = {"transcription": "whisper-1", **options}
        self.core = TalkCore(
            TalkOptions(**options), self.conversation, self.playback, has_guard=has_guard
        )
        self.now_s = 100.0

    def sent(self, events: list[dict[str, Any]]) -> list[str]:
        for event in events:
            self.conversation.sent(event)
        return [event["type"] for event in events]

    def event(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        event = {"type": kind, **fields}
        self.conversation.apply(event)
        return self.core.on_server_event(event, self.now_s)

    def hear(self, ms: int) -> list[str]:
        kinds = []
        for _ in range(ms // 20):
            kinds += self.sent(self.core.on_microphone(BLOCK))
        return kinds

    def model_says(self, item_id: str = "m", seconds: int = 2) -> None:
        self.event("response.created", response={"id": "resp", "status": "in_progress"})
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
        self.event("response.output_item.added", response_id="resp", item=item)
        audio = base64.b64encode(SECOND * seconds).decode()
        place = {"response_id": "resp", "item_id": item_id, "content_index": 0}
        self.event("response.output_audio.delta", **place, delta=audio)

    def model_done(self, **response: Any) -> None:
        self.event("response.done", response={"id": "resp", "status": "completed", **response})


TRUNCATE = {
    "type": "conversation.item.truncate",
    "item_id": "m",
    "content_index": 0,
    "audio_end_ms": 1000,
}


def test_the_microphone_is_sent_in_chunks():
    call = Call(chunk_ms=100)
    assert call.hear(280) == ["input_audio_buffer.append"] * 2
    assert call.hear(20) == ["input_audio_buffer.append"]


def test_a_barge_in_stops_the_loudspeaker_and_cuts_to_what_was_heard():
    call = Call()
    call.model_says()
    call.core.take(len(SECOND), call.now_s)
    assert call.event("input_audio_buffer.speech_started", item_id="u") == [TRUNCATE]
    assert call.core.is_silent
    assert not any(call.core.take(960, call.now_s))


def test_what_is_still_on_its_way_to_the_ear_was_not_heard():
    call = Call()
    call.core.latency_s = 0.25
    call.model_says()
    call.core.take(len(SECOND), call.now_s)
    (cut,) = call.event("input_audio_buffer.speech_started", item_id="u")
    assert cut["audio_end_ms"] == 750


def test_speech_while_nothing_sounds_cuts_nothing():
    call = Call()
    call.model_says()
    call.core.take(3 * len(SECOND), call.now_s)
    call.model_done()
    assert call.event("input_audio_buffer.speech_started", item_id="u") == []


def test_push_to_talk_hears_only_while_one_talks_and_then_asks_for_an_answer():
    call = Call(push_to_talk=True)
    assert call.hear(200) == []
    assert call.sent(call.core.on_key(" ", 0)) == []
    assert call.core.is_talking
    assert call.hear(200) == ["input_audio_buffer.append"] * 2
    assert call.sent(call.core.on_key(" ", 1)) == ["input_audio_buffer.commit", "response.create"]
    assert call.hear(200) == []


def test_push_to_talk_interrupts_the_model():
    call = Call(push_to_talk=True)
    call.model_says()
    call.core.take(len(SECOND), call.now_s)
    assert call.core.on_key(" ", call.now_s) == [{"type": "response.cancel"}, TRUNCATE]


def test_other_keys_do_nothing():
    call = Call(push_to_talk=True, key="t")
    assert call.core.on_key(" ", 0) == []
    assert not call.core.is_talking
    call.core.on_key("t", 0)
    assert call.core.is_talking


def test_too_short_a_turn_is_thrown_away_with_a_word():
    call = Call(push_to_talk=True)
    call.core.on_key(" ", 0)
    call.hear(60)
    kinds = call.sent(call.core.on_key(" ", 0.06))
    assert kinds == ["input_audio_buffer.append", "input_audio_buffer.clear"]
    assert "too short" in call.core.notices.popleft()


def test_a_long_turn_is_committed_in_pieces():
    call = Call(push_to_talk=True, commit_every=2)
    call.core.on_key(" ", 0)
    append, commit = "input_audio_buffer.append", "input_audio_buffer.commit"
    assert call.hear(400) == [append, append, commit] * 2
    assert call.sent(call.core.on_key(" ", 1)) == ["response.create"]


def test_a_typed_line_is_a_turn_and_interrupts():
    call = Call(text_only=True)
    assert call.core.on_line("  ") == []
    kinds = call.sent(call.core.on_line("Hello"))
    assert kinds == ["conversation.item.create", "response.create"]
    call.model_says()
    assert call.sent(call.core.on_line("Stop"))[0] == "response.cancel"


def test_the_greeting_is_a_response_of_its_own():
    (event,) = Call(greeting="Good day").core.greeting()
    assert event["type"] == "response.create"
    assert "Good day" in event["response"]["instructions"]
    assert Call(greeting="none").core.greeting() == []


def test_it_tells_how_long_the_answer_took():
    call = Call(silence_ms=600)
    call.event("input_audio_buffer.speech_stopped", item_id="u")
    call.now_s += 0.2
    call.model_says()
    call.core.take(960, call.now_s + 0.05)
    call.core.on_time(call.now_s + 0.1)
    assert call.core.answer_ms == 850


def test_slow_answers_name_the_setting_to_change():
    call = Call(silence_ms=2000)
    for turn in range(3):
        call.event("input_audio_buffer.speech_stopped", item_id=f"u{turn}")
        call.model_says(f"m{turn}", seconds=1)
        call.core.take(len(SECOND), call.now_s)
        call.core.on_time(call.now_s)
    assert "--silence-ms" in call.core.notices.popleft()


def test_a_missing_transcription_is_told_after_ten_seconds():
    call = Call()
    call.event("input_audio_buffer.committed", item_id="u")
    call.core.on_time(call.now_s + 9)
    assert not call.core.notices
    call.core.on_time(call.now_s + 11)
    assert "transcription" in call.core.notices.popleft()


def test_a_loudspeaker_that_takes_nothing_is_told():
    call = Call()
    call.core.take(960, call.now_s)
    call.model_says()
    call.core.on_time(call.now_s + 1)
    assert not call.core.notices
    call.core.on_time(call.now_s + 4)
    call.core.on_time(call.now_s + 5)
    (notice,) = call.core.notices
    assert "--output-device" in notice


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        ({"code": "response_cancel_not_active"}, None),
        ({"code": "upstream_closed"}, None),
        ({"message": "Audio content of 1ms is already shorter than 5ms"}, None),
        ({"code": "invalid_value", "param": "x"}, "did not accept"),
        ({"code": "insufficient_quota"}, "credit"),
    ],
)
def test_races_are_no_news_and_errors_are(error, notice):
    call = Call()
    call.event("error", error=error)
    if notice is None:
        assert not call.core.notices
    else:
        assert notice in call.core.notices.popleft()


def test_a_failed_answer_is_told_without_its_message():
    call = Call()
    call.model_says()
    details = {"error": {"code": "server_error", "message": "canary"}}
    call.model_done(status="failed", status_details=details)
    (notice,) = call.core.notices
    assert "server_error" in notice
    assert "canary" not in notice


def test_a_conversation_from_a_file_is_over_when_its_last_answer_has_sounded():
    call = Call()
    call.event("input_audio_buffer.speech_stopped", item_id="u")
    call.core.on_microphone_end(call.now_s)
    call.now_s += 5
    assert not call.core.is_over(call.now_s), "an answer is to come"
    call.model_says()
    call.model_done()
    assert not call.core.is_over(call.now_s), "it has not sounded"
    call.core.take(2 * len(SECOND), call.now_s)
    call.core.captions.settled(call.now_s + 60)
    assert call.core.is_over(call.now_s)


def test_a_file_that_nobody_answers_does_not_keep_the_program():
    call = Call()
    call.event("input_audio_buffer.speech_stopped", item_id="u")
    call.core.on_microphone_end(call.now_s)
    assert not call.core.is_over(call.now_s + 29)
    assert call.core.is_over(call.now_s + 31)


def test_the_guard_is_for_loudspeakers_and_open_microphones():
    assert Call(has_guard=True).core.guard.is_on
    assert not Call(has_guard=False).core.guard.is_on
    assert not Call(has_guard=True, push_to_talk=True).core.guard.is_on


def test_what_the_loudspeaker_plays_reaches_guard_and_meter():
    call = Call(has_guard=True)
    loud = base64.b64encode(b"\0\x40" * 24_000).decode()
    place = {"response_id": "resp", "item_id": "m", "content_index": 0}
    call.event("response.output_audio.delta", **place, delta=loud)
    call.core.take(4800, call.now_s)
    call.hear(40)
    assert call.core.guard.is_closed
    assert call.core.model.db == pytest.approx(-6, abs=0.1)
