"""What is sent again to a new session, and what is not."""

import base64
from typing import Any

import pytest

from rtclient.errors import LocalProtocolError
from rtclient.resumption.outbox import MAX_CHARS, MAX_EVENTS, Outbox

PCM16 = 48_000


def add(outbox: Outbox, kind: str, *, vad: bool = False, held: bool = False, **more: Any) -> None:
    event = {"type": kind, "event_id": f"event_{id(more)}", **more}
    outbox.add(event, bytes_per_s=PCM16, finds_turns=vad, is_held=held)


def append(outbox: Outbox, ms: int = 100, mark: int = 0, **how: bool) -> None:
    audio = base64.b64encode(bytes([mark]) * (48 * ms)).decode()
    add(outbox, "input_audio_buffer.append", audio=audio, **how)


def say(outbox: Outbox, item_id: str, **how: bool) -> None:
    add(outbox, "conversation.item.create", item={"id": item_id, "type": "message"}, **how)


def again(outbox: Outbox) -> list[str]:
    return [event["type"].rpartition(".")[2] for event in outbox.restart()]


@pytest.mark.parametrize(
    ("kind", "more", "answer"),
    [
        ("session.update", {}, {"type": "session.updated"}),
        ("response.create", {}, {"type": "response.created"}),
        ("input_audio_buffer.clear", {}, {"type": "input_audio_buffer.cleared"}),
        (
            "conversation.item.create",
            {"item": {"id": "a"}},
            {"type": "conversation.item.added", "item": {"id": "a"}},
        ),
        (
            "conversation.item.create",
            {"item": {"id": "a"}},
            {"type": "conversation.item.done", "item": {"id": "a"}},
        ),
        (
            "conversation.item.delete",
            {"item_id": "a"},
            {"type": "conversation.item.deleted", "item_id": "a"},
        ),
        (
            "conversation.item.truncate",
            {"item_id": "a"},
            {"type": "conversation.item.truncated", "item_id": "a"},
        ),
        (
            "conversation.item.retrieve",
            {"item_id": "a"},
            {"type": "conversation.item.retrieved", "item": {"id": "a"}},
        ),
    ],
)
def test_what_is_answered_is_not_sent_again(
    kind: str, more: dict[str, Any], answer: dict[str, Any]
) -> None:
    outbox = Outbox()
    add(outbox, kind, **more)
    assert outbox.has_requests
    outbox.see(answer)
    assert not outbox.has_requests
    assert again(outbox) == []


def test_the_answer_for_another_item_answers_nothing() -> None:
    outbox = Outbox()
    say(outbox, "a")
    outbox.see({"type": "conversation.item.added", "item": {"id": "b"}})
    assert again(outbox) == ["create"]


def test_what_was_refused_is_not_sent_again() -> None:
    outbox = Outbox()
    add(outbox, "session.update", event_id="one")
    add(outbox, "response.create", event_id="two")
    outbox.see({"type": "error", "error": {"event_id": "one"}})
    assert again(outbox) == ["create"]


def test_a_server_that_names_no_event_refuses_the_oldest() -> None:
    outbox = Outbox()
    add(outbox, "session.update")
    add(outbox, "response.create")
    outbox.see({"type": "error", "error": {"type": "invalid_request_error"}})
    assert again(outbox) == ["create"]


def test_a_failure_of_the_server_refuses_nothing() -> None:
    outbox = Outbox()
    add(outbox, "response.create")
    outbox.see({"type": "error", "error": {"type": "server_error"}})
    assert again(outbox) == ["create"]


def test_events_without_an_answer_are_kept_only_while_nothing_is_connected() -> None:
    outbox = Outbox()
    add(outbox, "response.cancel")
    add(outbox, "output_audio_buffer.clear", held=True)
    assert again(outbox) == ["clear"]
    assert again(outbox) == []


def test_what_was_sent_again_is_kept_until_it_is_answered() -> None:
    outbox = Outbox()
    say(outbox, "a")
    assert again(outbox) == ["create"]
    assert again(outbox) == ["create"]


def test_a_commit_takes_the_sound_before_it_and_keeps_it_as_the_turn() -> None:
    outbox = Outbox()
    append(outbox, mark=1)
    append(outbox, mark=2)
    add(outbox, "input_audio_buffer.commit")
    append(outbox, mark=3)
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    assert again(outbox) == ["append"]
    assert base64.b64decode(outbox.sounds["turn"]) == bytes([1] * 4800 + [2] * 4800)


def test_a_turn_that_the_server_found_takes_the_sound_until_its_end() -> None:
    outbox = Outbox()
    for mark in range(5):
        append(outbox, mark=mark, vad=True)
    for kind, place in (("started", {"audio_start_ms": 100}), ("stopped", {"audio_end_ms": 300})):
        outbox.see({"type": f"input_audio_buffer.speech_{kind}", "item_id": "turn", **place})
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    assert again(outbox) == ["append", "append"]
    assert set(base64.b64decode(outbox.sounds["turn"])) == {1, 2}


def test_a_server_that_names_no_end_has_all_of_the_sound() -> None:
    outbox = Outbox()
    append(outbox, mark=1, vad=True)
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    assert again(outbox) == []
    assert set(base64.b64decode(outbox.sounds["turn"])) == {1}


def test_a_turn_of_silence_ends_where_its_timeout_says() -> None:
    outbox = Outbox()
    for mark in range(3):
        append(outbox, mark=mark, vad=True)
    place = {"item_id": "turn", "audio_start_ms": 0, "audio_end_ms": 200}
    outbox.see({"type": "input_audio_buffer.timeout_triggered", **place})
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    assert again(outbox) == ["append"]


def test_times_count_from_the_begin_of_each_session() -> None:
    outbox = Outbox()
    append(outbox, mark=1, vad=True)
    outbox.restart()
    append(outbox, mark=2, vad=True)
    outbox.see({"type": "input_audio_buffer.speech_stopped", "item_id": "t", "audio_end_ms": 100})
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "t"})
    assert set(base64.b64decode(outbox.sounds["t"])) == {1}


def test_the_sound_of_a_refused_commit_is_still_there() -> None:
    outbox = Outbox()
    append(outbox, mark=1)
    add(outbox, "input_audio_buffer.commit")
    append(outbox, mark=2)
    add(outbox, "input_audio_buffer.commit", event_id="second")
    append(outbox, mark=3)
    outbox.see({"type": "error", "error": {"event_id": "second"}})
    assert again(outbox) == ["append", "commit", "append", "append"]
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    assert not outbox.has_requests
    assert again(outbox) == ["append", "append"]


def test_a_turn_that_the_server_found_first_leaves_the_commit_alone() -> None:
    outbox = Outbox()
    append(outbox, vad=True)
    add(outbox, "input_audio_buffer.commit", event_id="late")
    outbox.see({"type": "input_audio_buffer.speech_stopped", "item_id": "t", "audio_end_ms": 100})
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "t"})
    assert again(outbox) == ["commit"]
    outbox.see({"type": "error", "error": {"event_id": "late"}})
    assert again(outbox) == []


def test_a_transcript_makes_the_sound_needless() -> None:
    outbox = Outbox()
    append(outbox)
    add(outbox, "input_audio_buffer.commit")
    outbox.see({"type": "input_audio_buffer.committed", "item_id": "turn"})
    outbox.see(
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "turn",
            "transcript": "hello",
        }
    )
    assert outbox.sounds == {}


def test_a_clear_throws_the_sound_away_that_is_no_turn() -> None:
    outbox = Outbox()
    append(outbox)
    add(outbox, "input_audio_buffer.commit")
    append(outbox)
    add(outbox, "input_audio_buffer.clear")
    assert again(outbox) == ["append", "commit", "clear"]


def test_sound_that_went_takes_no_room() -> None:
    outbox = Outbox()
    for _ in range(4):
        append(outbox, ms=120_000)
        add(outbox, "input_audio_buffer.clear")
        outbox.see({"type": "input_audio_buffer.cleared"})
    append(outbox, ms=120_000)
    append(outbox, ms=100)
    assert again(outbox) == ["append", "append"]


def test_the_last_fifteen_seconds_are_kept_while_the_server_finds_the_turns() -> None:
    outbox = Outbox()
    for _ in range(200):
        append(outbox, vad=True)
    assert len(again(outbox)) == 150
    assert outbox.dropped_s == 0, "nobody missed it: it went out"


def test_sound_that_had_no_room_while_nothing_was_connected_is_counted() -> None:
    outbox = Outbox()
    for _ in range(160):
        append(outbox, vad=True, held=True)
    assert outbox.dropped_s == pytest.approx(1.0)
    assert len(again(outbox)) == 150
    assert outbox.dropped_s == 0


def test_a_turn_that_the_program_makes_is_kept_longer() -> None:
    outbox = Outbox()
    for _ in range(60):
        append(outbox, ms=1000)
    assert len(again(outbox)) == 60


def test_only_the_end_of_silence_is_wanted() -> None:
    outbox = Outbox()
    for _ in range(100):
        append(outbox, vad=True)
    assert len(outbox.restart(tail_s=2.0)) == 20


def test_a_server_that_never_answers_costs_no_memory_for_ever() -> None:
    outbox = Outbox()
    for number in range(MAX_EVENTS + 10):
        say(outbox, f"item_{number}")
    assert len(again(outbox)) == MAX_EVENTS


def test_a_full_outbox_says_so_while_nothing_is_connected() -> None:
    outbox = Outbox()
    for number in range(MAX_EVENTS):
        say(outbox, f"item_{number}", held=True)
    with pytest.raises(LocalProtocolError) as caught:
        say(outbox, "more", held=True)
    assert caught.value.code == "send_buffer_full"


def test_the_sound_of_turns_that_wait_for_a_connection_has_a_bound() -> None:
    outbox = Outbox()

    def speak() -> None:
        for _ in range(MAX_CHARS // 2_000_000):
            add(outbox, "input_audio_buffer.append", audio="A" * 2_000_000, held=True)
        add(outbox, "input_audio_buffer.commit", held=True)

    speak()
    speak()
    with pytest.raises(LocalProtocolError) as caught:
        speak()
    assert caught.value.code == "send_buffer_full"
    assert sum(len(event.get("audio", "")) for event in outbox.restart()) <= 3 * MAX_CHARS


@pytest.mark.parametrize(("conversation_id", "left"), [("conv_1", ["create"]), (None, [])])
def test_a_response_of_the_conversation_is_not_the_one_beside_it(
    conversation_id: str | None, left: list[str]
) -> None:
    outbox = Outbox()
    add(outbox, "response.create", response={"conversation": "none"})
    response = {"id": "resp_1", "conversation_id": conversation_id}
    outbox.see({"type": "response.created", "response": response})
    assert again(outbox) == left
