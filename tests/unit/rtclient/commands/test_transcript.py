"""A recording's transcript, piece by piece."""

from typing import Any

from rtclient.commands.cutting import Piece
from rtclient.commands.transcript import MOST_OPEN, Line, Transcript, Words
from rtclient.protocol.audio import from_base64, ms_to_bytes

PREFIX = "conversation.item.input_audio_transcription."


def piece(number: int) -> Piece:
    return Piece(number * 2500, number * 2500 + 2500, bytes([number]) * ms_to_bytes(2500))


def committed(number: int) -> dict[str, Any]:
    return {"type": "input_audio_buffer.committed", "item_id": f"item_{number}"}


def heard(number: int, delta: str) -> dict[str, Any]:
    return {"type": f"{PREFIX}delta", "item_id": f"item_{number}", "delta": delta}


def completed(number: int, text: str) -> dict[str, Any]:
    return {"type": f"{PREFIX}completed", "item_id": f"item_{number}", "transcript": text}


def failed(number: int) -> dict[str, Any]:
    error = {"code": "model_not_found", "message": "words of the service"}
    return {"type": f"{PREFIX}failed", "item_id": f"item_{number}", "error": error}


def sent(count: int) -> Transcript:
    """A transcript of so many pieces that are committed."""
    transcript = Transcript()
    for number in range(count):
        transcript.send(piece(number))
        transcript.on_event(committed(number))
    return transcript


def test_a_piece_is_sent_whole_and_committed() -> None:
    *appends, commit = Transcript().send(piece(7))
    assert b"".join(from_base64(event["audio"]) for event in appends) == piece(7).pcm
    assert commit == {"type": "input_audio_buffer.commit"}


def test_a_line_has_its_place_in_the_recording() -> None:
    transcript = sent(2)
    assert transcript.on_event(completed(0, " Hello. ")) == [Line(0, 2500, "Hello.")]
    assert transcript.on_event(completed(1, "Bye.")) == [Line(2500, 5000, "Bye.")]
    assert transcript.is_done


def test_lines_come_in_the_order_of_the_recording() -> None:
    transcript = sent(3)
    assert transcript.on_event(completed(2, "three")) == []
    assert transcript.on_event(completed(1, "two")) == []
    lines = transcript.on_event(completed(0, "one"))
    assert [line.text for line in lines if isinstance(line, Line)] == ["one", "two", "three"]


def test_words_are_shown_of_the_next_line_only() -> None:
    transcript = sent(2)
    assert transcript.on_event(heard(1, "By")) == []
    assert transcript.on_event(heard(0, "Hello")) == [Words("Hello")]
    assert transcript.on_event(completed(0, "Hello.")) == [Line(0, 2500, "Hello."), Words("By")]


def test_so_many_are_open_at_once_and_no_more() -> None:
    transcript = sent(MOST_OPEN - 1)
    assert not transcript.is_full
    transcript.send(piece(MOST_OPEN))
    assert transcript.is_full
    transcript.on_event(completed(0, "one"))
    assert not transcript.is_full


def test_a_failed_piece_is_a_line_without_text() -> None:
    transcript = sent(1)
    assert transcript.on_event(failed(0)) == [Line(0, 2500, None, ("model_not_found",))]
    assert transcript.is_done


def test_a_commit_that_is_refused_is_a_failed_piece() -> None:
    transcript = Transcript()
    transcript.send(piece(0))
    error = {"code": "input_audio_buffer_commit_empty"}
    (line,) = transcript.on_event({"type": "error", "error": error})
    assert line == Line(0, 2500, None, ("input_audio_buffer_commit_empty",))


def test_an_error_about_something_else_takes_no_piece_away() -> None:
    transcript = sent(1)
    assert transcript.on_event({"type": "error", "error": {"code": "other"}}) == []
    assert not transcript.is_done


def test_events_of_nobody_s_item_say_nothing() -> None:
    transcript = sent(1)
    for event in (heard(9, "x"), completed(9, "x"), failed(9), {"type": "rate_limits.updated"}):
        assert transcript.on_event(event) == []


def test_a_new_connection_gets_what_is_still_open() -> None:
    transcript = sent(2)
    transcript.send(piece(2))
    transcript.on_event(completed(1, "two"))
    again = transcript.lost()
    assert [event["type"] for event in again].count("input_audio_buffer.commit") == 2
    for number in (10, 12):
        transcript.on_event(committed(number))
    assert transcript.on_event(completed(12, "three")) == []
    lines = transcript.on_event(completed(10, "one"))
    assert [line.text for line in lines if isinstance(line, Line)] == ["one", "two", "three"]
