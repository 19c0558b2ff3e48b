"""Views of items: what the server's view changes, and what was heard."""

from typing import Any

import pytest

from rtclient.protocol.items import Item, Part, Transcription, merged, with_part


def spoken(transcript: str, audio_ms: int, heard_ms: int | None = None) -> Item:
    part = Part("audio", transcript=transcript, audio_ms=audio_ms, heard_ms=heard_ms)
    return Item("i", role="assistant", parts=(part,))


def test_without_a_cut_all_of_it_was_heard() -> None:
    item = spoken("One two three four", 2000)
    assert item.heard == "One two three four"
    assert item.heard_ms is None


def test_after_a_cut_whole_words_were_heard() -> None:
    item = spoken("One two three four", 2000, heard_ms=1000)
    assert item.heard == "One two"
    assert item.heard_ms == 1000
    assert item.transcript == "One two three four"


def test_the_server_takes_no_words_away() -> None:
    content = [{"type": "output_audio", "transcript": None}]
    after = merged(spoken("One two", 800, 400), {"status": "incomplete", "content": content})
    assert after.transcript == "One two"
    assert after.heard_ms == 400
    assert after.status == "incomplete"


def test_speech_of_the_user_waits_for_its_transcript() -> None:
    wire = {"type": "message", "role": "user", "content": [{"type": "input_audio"}]}
    assert merged(Item("i", status="pending"), wire) == Item(
        "i",
        role="user",
        status="completed",
        parts=(Part("audio"),),
        transcription=Transcription(),
    )


@pytest.mark.parametrize("content", [None, "text", 3, [None], [[]], [{"type": []}]])
def test_content_of_any_shape_is_taken(content: Any) -> None:
    assert merged(Item("i"), {"content": content}).text == ""


def test_a_call_keeps_its_name_and_arguments() -> None:
    call = Item("i", type="function_call", name="f", call_id="c", arguments="{}")
    after = merged(call, {"type": "function_call", "arguments": "", "status": "completed"})
    assert (after.name, after.call_id, after.arguments, after.status) == (
        "f",
        "c",
        "{}",
        "completed",
    )


def test_parts_stand_at_their_index() -> None:
    item = with_part(Item("i"), 1, "text", text="b")
    assert [part.text for part in with_part(item, 0, "text", text="a").parts] == ["a", "b"]
