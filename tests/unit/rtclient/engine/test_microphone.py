"""Spoken turns: server VAD, push to talk, barge-in, what commit and clear do."""

from collections.abc import Sequence
from typing import Any

import pytest

from rtclient.engine.actions import Hear
from rtclient.engine.scripted import ListedVad, TableEars, TableListening, tone
from rtclient.engine.senses import Heard
from tests.support.engine_driver import Driver, shape


def detection(driver: Driver, **fields: Any) -> None:
    driver.send(
        "session.update",
        session={
            "type": "realtime",
            "audio": {"input": {"turn_detection": {"type": "server_vad", **fields}}},
        },
    )


def manual(driver: Driver) -> None:
    driver.send(
        "session.update",
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    )


TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
REPLY = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.audio+transcript.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
    "rate_limits.updated",
]


def test_a_spoken_turn_has_the_ladder_of_the_real_service() -> None:
    driver = Driver("hello there")
    driver.quiet(400)
    driver.speak(500)
    driver.quiet(300)
    driver.settle()
    assert shape(driver.types) == ["session.created", *TURN, *REPLY]
    started, stopped = (
        driver.last(f"input_audio_buffer.speech_{x}") for x in ("started", "stopped")
    )
    committed = driver.last("input_audio_buffer.committed")
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert started["audio_start_ms"] == 100, "the first loud frame at 400 ms, less the padding"
    assert stopped["audio_end_ms"] == 1100, "speech until 900 ms and the silence window"
    user, reply = driver.of("conversation.item.added")
    assert user["item"]["id"] == committed["item_id"]
    assert user["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert committed["previous_item_id"] is None
    assert reply["previous_item_id"] == user["item"]["id"]
    assert reply["item"] == {
        "id": reply["item"]["id"],
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }


def test_the_item_has_the_audio_from_the_padding_to_the_stop() -> None:
    driver = Driver("hello")
    driver.quiet(400)
    driver.speak(500)
    driver.quiet(300)
    item = driver.core._conversation.get(driver.last("input_audio_buffer.committed")["item_id"])
    assert item is not None
    assert len(item.audio[0]) == 48 * 1000


def test_the_ears_follow_live_with_half_a_second_of_pre_roll() -> None:
    driver = Driver("hello")
    driver.quiet(2000)
    driver.speak(300)
    (listening,) = driver.ears.listenings
    assert len(listening.pcm) == 48 * 800
    driver.quiet(300)
    assert len(listening.pcm) == 48 * 960, "until they may finish, not beyond"


def test_a_click_is_no_turn() -> None:
    driver = Driver()
    driver.speak(80)
    driver.quiet(400)
    assert driver.types == ["session.created"]


@pytest.mark.parametrize("silence_ms", [0, 200, 500, 900])
def test_the_silence_window_is_the_client_s(silence_ms: int) -> None:
    driver = Driver(vad=ListedVad((100, 600)))
    detection(driver, silence_duration_ms=silence_ms)
    driver.quiet(2000)
    stopped = driver.last("input_audio_buffer.speech_stopped")
    assert stopped["audio_end_ms"] == 600 + max(silence_ms, 20)


SHORT, MIDDLE, LONG = "what time is it", "banana", "my number is"


def semantic(
    *hears: str | Heard | Exception, spans: tuple[tuple[int, int], ...], eagerness: str = "auto"
) -> Driver:
    driver = Driver(*hears, vad=ListedVad(*spans))
    turn_detection = {"type": "semantic_vad", "eagerness": eagerness}
    session = {"type": "realtime", "audio": {"input": {"turn_detection": turn_detection}}}
    driver.send("session.update", session=session)
    return driver


def quiet_and_work(driver: Driver, length_ms: int) -> None:
    """Append silence in real time, with ears that answer at once."""
    for _ in range(length_ms // 100):
        driver.quiet(100)
        while driver.work and isinstance(driver.work[0][1], Hear):
            driver.do_work()


@pytest.mark.parametrize(
    ("eagerness", "waits_ms"),
    [
        ("low", (800, 3000, 8000)),
        ("medium", (500, 1500, 4000)),
        ("auto", (500, 1500, 4000)),
        ("high", (300, 800, 2000)),
    ],
)
def test_semantic_vad_waits_by_words_and_eagerness(
    eagerness: str, waits_ms: tuple[int, int, int]
) -> None:
    for words, wait_ms in zip((SHORT, MIDDLE, LONG), waits_ms, strict=True):
        driver = semantic(Heard(words, 0.6), spans=((100, 600),), eagerness=eagerness)
        quiet_and_work(driver, 600 + wait_ms + 500)
        (stopped,) = driver.of("input_audio_buffer.speech_stopped")
        assert 0 <= stopped["audio_end_ms"] - 600 - wait_ms < 100, (eagerness, words)


class GrowingEars(TableEars):
    """Hears more each time it is asked about the same turn."""

    def listen(
        self, session_id: str, hints: Sequence[str] = (), language: str = ""
    ) -> TableListening:
        listening = super().listen(session_id, hints, language)
        listening.cancelled.set()  # so that a hearing that was not wanted counts
        return listening


def test_semantic_vad_lets_people_think() -> None:
    driver = semantic(spans=((100, 600), (2000, 2500), (4000, 4500)))
    driver.ears = GrowingEars("my number is", "my number is um", "my number is five. Thank you.")
    quiet_and_work(driver, 6000)
    (stopped,) = driver.of("input_audio_buffer.speech_stopped")
    assert 5000 <= stopped["audio_end_ms"] <= 5100, "each pause was asked, the last was the end"


@pytest.mark.parametrize("ears", [RuntimeError("ears"), Heard("")])
def test_when_the_ears_are_deaf_pauses_alone_decide(ears: Any) -> None:
    driver = semantic(ears, spans=((100, 600),))
    quiet_and_work(driver, 3000)
    assert driver.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == 2100


def test_slow_ears_hold_nobody_up() -> None:
    driver = semantic(SHORT, spans=((100, 600),))
    driver.quiet(1200)
    assert not driver.of("input_audio_buffer.speech_stopped"), "the words are not there yet"
    driver.do_work()
    driver.quiet(40)
    assert driver.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == 1220
    late = semantic(SHORT, spans=((100, 600),))
    late.quiet(3000)
    assert late.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == 2100
    late.settle()
    assert late.last("response.done")["response"]["status"] == "completed"


def test_work_in_pauses_is_bounded() -> None:
    pauses = [(at, at + 500) for at in range(0, 60_000, 1200)]
    driver = semantic(*(["my number is"] * 60), spans=tuple(pauses))
    quiet_and_work(driver, 60_000)
    asked = [len(one.pcm) for one in driver.listenings.values() if one.cancelled.is_set()]
    assert 3 <= len(asked) <= 12
    assert sum(asked) <= 48 * 40_000


def test_push_to_talk_says_nothing_until_commit_and_answers_only_when_asked() -> None:
    driver = Driver("hello")
    manual(driver)
    assert driver.speak(500) == []
    driver.send("input_audio_buffer.commit")
    driver.settle()
    assert driver.types[2:] == TURN[2:]
    driver.send("response.create")
    driver.settle()
    assert shape(driver.types)[-len(REPLY) :] == REPLY
    assert driver.brain.prompts[0].items[0]["content"][0]["transcript"] == "hello"


def test_the_ears_follow_push_to_talk_live() -> None:
    driver = Driver("hello")
    manual(driver)
    driver.speak(500)
    assert len(driver.ears.listenings[0].pcm) == 48 * 500
    driver.send("input_audio_buffer.clear")
    assert driver.types[-1] == "input_audio_buffer.cleared"
    assert driver.stopped == ["hearing_1"]


@pytest.mark.parametrize("length_ms", [0, 99])
def test_a_commit_needs_100_ms(length_ms: int) -> None:
    driver = Driver()
    manual(driver)
    driver.quiet(length_ms)
    driver.send("input_audio_buffer.commit")
    error = driver.error()
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert f"only has {length_ms}.00ms" in error["message"]


def test_after_a_turn_the_buffer_is_empty() -> None:
    driver = Driver("hello")
    driver.speak(400)
    driver.quiet(200)
    driver.send("input_audio_buffer.commit")
    assert driver.error()["code"] == "input_audio_buffer_commit_empty"


def test_a_commit_while_somebody_speaks_keeps_the_announced_id() -> None:
    driver = Driver("hello")
    driver.speak(400)
    driver.send("input_audio_buffer.commit")
    started = driver.last("input_audio_buffer.speech_started")
    assert driver.last("input_audio_buffer.committed")["item_id"] == started["item_id"]
    driver.speak(400)
    ids = [e["item_id"] for e in driver.of("input_audio_buffer.speech_started")]
    assert len(set(ids)) == 2


def test_barge_in_cancels_with_closers() -> None:
    driver = Driver("tell me a long story", "stop")
    driver.speak(400)
    driver.quiet(300)
    while not driver.of("response.output_audio.delta"):
        assert driver.do_work() or driver.tick()
    begin = len(driver.events)
    driver.speak(300)
    assert driver.types[begin:] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = driver.last("response.done")["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["usage"]["output_token_details"]["audio_tokens"] > 0
    driver.quiet(300)
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"


def test_barge_in_before_the_brain_answered_stops_it() -> None:
    driver = Driver("one", "two")
    driver.speak(400)
    driver.quiet(300)
    driver.speak(300)
    done = driver.last("response.done")["response"]
    assert (done["status"], done["output"]) == ("cancelled", [])
    driver.quiet(300)
    driver.settle()
    assert [e["response"]["status"] for e in driver.of("response.done")] == [
        "cancelled",
        "completed",
    ]


def test_a_turn_creates_no_response_when_switched_off() -> None:
    driver = Driver("hello")
    detection(driver, create_response=False)
    driver.speak(400)
    driver.quiet(300)
    driver.settle()
    assert "response.created" not in driver.types


def test_without_interruption_the_response_goes_on() -> None:
    driver = Driver("hello", "again")
    detection(driver, interrupt_response=False)
    driver.speak(400)
    driver.quiet(300)
    driver.speak(400)
    driver.quiet(300)
    assert driver.error()["code"] == "conversation_already_has_active_response"
    driver.settle()
    (done,) = driver.of("response.done")
    assert done["response"]["status"] == "completed"


def test_a_threshold_changed_while_somebody_speaks_does_not_split_the_turn() -> None:
    driver = Driver("hello")
    driver.speak(300)
    detection(driver, threshold=0.7)
    driver.speak(300)
    driver.quiet(300)
    assert driver.types.count("input_audio_buffer.speech_started") == 1
    assert driver.types.count("input_audio_buffer.committed") == 1


def test_turn_detection_may_come_and_go() -> None:
    driver = Driver("hello")
    manual(driver)
    driver.speak(300)
    detection(driver)
    driver.quiet(300)
    driver.speak(400)
    started = driver.last("input_audio_buffer.speech_started")
    assert started["audio_start_ms"] == 300
    driver.quiet(300)
    assert driver.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == 1200


def test_a_quiet_microphone_keeps_little() -> None:
    driver = Driver()
    driver.append(bytes(48 * 60_000), piece_ms=400)
    buffer = driver.core._microphone.buffer
    assert buffer.length_ms == 60_000
    assert len(buffer.cut(0, buffer.end)) == 48 * 30_000


def test_a_client_may_commit_a_clip_although_turns_are_detected() -> None:
    driver = Driver("hello")
    driver.quiet(500)
    driver.send("input_audio_buffer.commit")
    assert driver.types[-3:] == TURN[2:]
    assert len(driver.ears.listenings[0].pcm) == 48 * 500


def test_the_words_are_there_when_the_turn_ends() -> None:
    driver = Driver("what time is it")
    detection(driver, silence_duration_ms=500)
    transcription = {"input": {"transcription": {"model": "whisper-1"}}}
    driver.send("session.update", session={"type": "realtime", "audio": transcription})
    driver.speak(400)
    driver.quiet(300)
    assert driver.do_work(), "the ears finish in the second half of the silence window"
    assert "input_audio_buffer.speech_stopped" not in driver.types
    driver.quiet(300)
    ((_, action),) = driver.work
    assert type(action).__name__ == "Think"
    stopped = driver.types.index("input_audio_buffer.speech_stopped")
    assert driver.types[stopped:] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
    ]


@pytest.mark.parametrize("is_heard_before", [True, False])
def test_a_pause_is_not_the_end_and_the_ears_hear_the_whole_turn(is_heard_before: bool) -> None:
    driver = Driver("tell me a joke", "please")
    detection(driver, silence_duration_ms=500)
    driver.speak(400)
    driver.quiet(400)
    if is_heard_before:
        driver.do_work()
    driver.speak(400)
    driver.quiet(600)
    driver.settle()
    assert driver.stopped[0] == "hearing_1"
    first, second = driver.ears.listenings
    assert len(second.pcm) == 48 * 1700
    assert second.pcm.startswith(first.pcm)
    assert driver.types.count("input_audio_buffer.committed") == 1
    (prompt,) = driver.brain.prompts
    assert prompt.items[0]["content"][0]["transcript"] == "tell me a joke"


def test_turn_detection_switched_off_in_a_pause_keeps_the_rest_of_the_turn() -> None:
    driver = Driver("half", "whole")
    detection(driver, silence_duration_ms=500)
    driver.speak(400)
    driver.quiet(300)
    manual(driver)
    driver.speak(400)
    driver.send("input_audio_buffer.commit")
    assert len(driver.ears.listenings[-1].pcm) == 48 * 1100
    assert driver.types.count("input_audio_buffer.committed") == 1


def test_speech_without_a_pause_is_cut_into_turns() -> None:
    driver = Driver("on and on", "and on", vad=ListedVad((0, 700_000)))
    detection(driver, create_response=False)
    driver.append(bytes(48 * 620_000), piece_ms=4000)
    ends = [e["audio_end_ms"] for e in driver.of("input_audio_buffer.speech_stopped")]
    assert ends == [300_000, 600_000]
    starts = [e["audio_start_ms"] for e in driver.of("input_audio_buffer.speech_started")]
    assert starts == [0, *ends], "nothing is lost between them"
    assert not driver.of("error")


@pytest.mark.parametrize("end", ["clear", "commit"])
def test_half_a_sample_does_not_reach_the_next_turn(end: str) -> None:
    driver = Driver("one", "two")
    manual(driver)
    driver.append(tone(300, 200) + b"\x01")
    driver.send(f"input_audio_buffer.{end}")
    driver.speak(200)
    assert driver.ears.listenings[-1].pcm == tone(300, 200)


def test_ears_that_break_before_the_end_fail_the_turn() -> None:
    driver = Driver(RuntimeError("worker died"))
    transcription = {"input": {"transcription": {"model": "whisper-1"}}}
    driver.send("session.update", session={"type": "realtime", "audio": transcription})
    detection(driver, silence_duration_ms=500)
    driver.speak(400)
    driver.quiet(300)
    driver.do_work()
    assert not [t for t in driver.types if "transcription" in t]
    driver.quiet(300)
    assert "conversation.item.input_audio_transcription.failed" in driver.types
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "failed"


def test_pre_roll_does_not_repeat_the_turn_before() -> None:
    driver = Driver("one", "two")
    detection(driver, silence_duration_ms=200)
    driver.speak(400)
    driver.quiet(240)
    driver.speak(400)
    driver.quiet(240)
    _, second = driver.ears.listenings
    loud = second.pcm.index(tone(300, 20))
    assert loud == 48 * 240
