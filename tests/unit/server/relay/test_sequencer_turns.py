"""Commits and turns that are detected, before the sequencer, each as a play."""

import pytest

from rtclient.protocol.audio import to_base64
from tests.support.sequenced import USER, SequencerPlay, busy


@pytest.mark.parametrize(("form", "per_ms"), [("audio/pcm", 48), ("audio/pcmu", 8)])
def test_a_commit_that_is_too_short_is_left_out_in_any_format(form: str, per_ms: int) -> None:
    play = SequencerPlay()
    play.session["audio"]["input"]["format"] = {"type": form}
    play.upstream("session.updated", session=play.session)
    for count, is_sent in ((100 * per_ms - 1, False), (1, True)):
        play.client("input_audio_buffer.append", audio=to_base64(bytes(count)))
        play.upstream_gets("input_audio_buffer.append")
        play.client("input_audio_buffer.commit")
        assert len(play.to_upstream) == is_sent
    assert play.notices == ["commit_too_short"]


def test_a_commit_after_a_commit_or_a_clear_is_left_out() -> None:
    play = SequencerPlay()
    for event_type in ("input_audio_buffer.commit", "input_audio_buffer.clear"):
        play.appends(200)
        play.client(event_type)
        play.upstream_gets(event_type)
        play.client("input_audio_buffer.commit")
        play.nothing_more()


def test_a_new_format_counts_from_its_update_on() -> None:
    play = SequencerPlay()
    audio = {"input": {"format": {"type": "audio/pcmu"}}}
    play.client("session.update", session={"type": "realtime", "audio": audio})
    play.upstream_gets("session.update")
    play.appends(17)  # 816 bytes
    play.client("input_audio_buffer.commit")
    play.upstream_gets("input_audio_buffer.commit")


def test_a_commit_that_the_service_forestalled_is_no_error() -> None:
    play = SequencerPlay()
    play.appends(200)
    play.client("input_audio_buffer.commit", event_id="mine")
    play.upstream_gets("input_audio_buffer.commit", event_id="mine")
    play.error("input_audio_buffer_commit_empty", "mine")
    play.nothing_more()


def test_commits_of_a_running_microphone_are_left_to_the_detection_of_turns() -> None:
    play = SequencerPlay(detects=True)
    for at in range(40):
        play.appends(100)
        play.passes(0.1)
        if at == 3:
            play.speech("speech_started", audio_start_ms=100)
        if at % 8 == 7:
            play.client("input_audio_buffer.commit")
    play.nothing_more()
    assert play.notices.count("commit_not_needed") >= 1


def test_who_stops_the_microphone_and_commits_gets_an_answer_at_once() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.client("input_audio_buffer.commit")
    play.client("response.create")
    play.nothing_more()
    play.passes(0.31)
    play.upstream_gets("input_audio_buffer.commit")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_a_turn_that_the_service_ended_and_answers_is_not_answered_twice() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.client("input_audio_buffer.commit")
    play.client("response.create")
    play.speech("speech_stopped", audio_end_ms=900)
    play.begins("resp_1")
    play.client("response.create")
    play.ends("resp_1")
    play.passes(5)
    play.client("input_audio_buffer.commit")
    play.client("response.create")
    play.passes(5)
    play.nothing_more()
    assert "response_not_needed" in play.notices


def test_a_greeting_goes_although_an_empty_commit_came_before_it() -> None:
    play = SequencerPlay(detects=True)
    play.appends(40)
    play.client("input_audio_buffer.commit")
    play.client("response.create")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_creates_in_silence_are_left_to_the_detection_of_turns() -> None:
    play = SequencerPlay(detects=True)
    for at in range(24):
        play.appends(100)
        play.passes(0.1)
        if at % 8 == 7:
            play.client("input_audio_buffer.commit")
            play.client("response.create")
    play.nothing_more()
    assert "response_not_needed" in play.notices


def test_a_turn_that_the_service_ended_but_does_not_answer_is_answered_once() -> None:
    play = SequencerPlay(detects=True, creates_response=False)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.client("input_audio_buffer.commit")
    play.client("response.create")
    play.speech("speech_stopped", audio_end_ms=900)
    play.upstream_gets("response.create")
    play.nothing_more()


def test_a_service_that_does_not_answer_a_turn_after_all_is_asked_to() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.speech("speech_stopped", audio_end_ms=900)
    play.client("response.create")
    play.nothing_more()
    play.passes(11)
    play.upstream_gets("response.create")


def test_an_answer_of_the_service_that_a_response_was_in_the_way_of_is_asked_for_again() -> None:
    play = busy(detects=True)
    play.speech("speech_started", audio_start_ms=0)
    play.speech("speech_stopped", audio_end_ms=900)
    play.error("conversation_already_has_active_response", None)
    play.nothing_more()
    play.ends("resp_1")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_a_commit_is_held_no_longer_than_it_has_to() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.client("input_audio_buffer.commit")
    play.client("conversation.item.create", item=USER)
    play.upstream_gets("input_audio_buffer.commit")
    play.upstream_gets("conversation.item.create")
    play.appends(900)
    play.client("input_audio_buffer.commit")
    play.session["audio"]["input"]["turn_detection"] = None
    play.upstream("session.updated", session=play.session)
    play.upstream_gets("input_audio_buffer.commit")


def test_a_create_waits_while_somebody_speaks_whom_the_service_will_answer() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.client("response.create")
    play.nothing_more()
    play.speech("speech_stopped", audio_end_ms=900)
    play.begins("resp_1")
    play.ends("resp_1")
    play.passes(20)
    play.nothing_more()


@pytest.mark.parametrize("is_typed", [False, True])
def test_a_create_waits_for_the_end_of_a_long_turn_but_not_long_for_what_was_typed(
    is_typed: bool,
) -> None:
    play = SequencerPlay(detects=True)
    play.appends(100)
    play.speech("speech_started", audio_start_ms=0)
    if is_typed:
        play.client("conversation.item.create", item=USER)
        play.upstream_gets("conversation.item.create")
    for _ in range(60):
        play.client("response.create")
        play.appends(100)
        play.passes(0.1)
    if is_typed:
        play.upstream_gets("response.create")
    play.nothing_more()


def test_a_long_turn_with_commits_is_answered_once_when_it_is_over() -> None:
    play = SequencerPlay(detects=True)
    play.appends(100)
    play.speech("speech_started", audio_start_ms=0)
    for at in range(200):
        play.appends(100)
        play.passes(0.1)
        if at % 8 == 7:
            play.client("input_audio_buffer.commit")
            play.client("response.create")
    play.nothing_more()
    play.speech("speech_stopped", audio_end_ms=20_000)
    play.begins("resp_1")
    play.ends("resp_1")
    play.passes(60)
    play.nothing_more()


def test_what_was_typed_since_is_answered_too() -> None:
    play = SequencerPlay(detects=True)
    play.appends(900)
    play.speech("speech_started", audio_start_ms=0)
    play.speech("speech_stopped", audio_end_ms=900)
    play.begins("resp_1")
    play.client("conversation.item.create", item=USER)
    play.upstream_gets("conversation.item.create")
    play.client("response.create")
    play.nothing_more()
    play.ends("resp_1")
    play.upstream_gets("response.create")
