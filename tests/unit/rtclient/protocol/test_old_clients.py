"""What old clients need besides: nothing that is there is changed, what is missing is added."""

from typing import Any

import pytest

from rtclient.protocol.old_clients import (
    Wishes,
    with_item_keys,
    with_part_keys,
    with_response_keys,
    with_session_keys,
    with_transcription_keys,
)


def test_a_session_has_all_keys() -> None:
    session = with_session_keys({"id": "sess_1", "voice": "ash", "turn_detection": {"type": "x"}})
    assert session["voice"] == "ash"
    assert session["turn_detection"] == {"type": "x"}
    assert session["input_audio_transcription"] is None
    assert session["max_response_output_tokens"] == "inf"


def test_a_transcription_has_no_voice() -> None:
    session = with_transcription_keys({"id": "sess_1"})
    assert session["object"] == "realtime.transcription_session"
    assert "voice" not in session


@pytest.mark.parametrize("usage", [None, 5, {}, {"input_token_details": None}, {"total_tokens": 3}])
def test_usage_has_all_its_counts_where_it_is_one(usage: Any) -> None:
    told = with_response_keys({"usage": usage})["usage"]
    if not isinstance(usage, dict):
        assert told == usage
        return
    assert told.keys() >= {"total_tokens", "input_tokens", "output_tokens"}
    assert told["output_token_details"] == {"text_tokens": 0, "audio_tokens": 0}
    assert usage.items() <= told.items()


def test_items_and_parts_have_their_keys() -> None:
    part = {"type": "audio"}
    message = {"type": "message", "content": [part, {"type": "future"}, 5]}
    response = with_response_keys({"output": [message, "odd"]})
    assert response["output"] == [
        {
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "content": [{"type": "audio", "transcript": None}, {"type": "future"}, 5],
        },
        "odd",
    ]
    assert part == {"type": "audio"}, "the argument is not changed"
    assert with_item_keys({"type": "mcp_call"}) == {"object": "realtime.item", "type": "mcp_call"}
    assert with_part_keys({"type": "text", "text": "x"}) == {"type": "text", "text": "x"}


@pytest.mark.parametrize(("asked", "shown"), [(0.7, 0.7), (1, 1), (None, 0.8), (True, 0.8)])
def test_a_client_sees_the_temperature_that_it_asked_for(asked: Any, shown: float) -> None:
    wishes, session = Wishes(), dict[str, Any]()
    wishes.note({"temperature": asked})
    wishes.show(session)
    assert session["temperature"] == shown


def test_a_temperature_that_is_there_stays() -> None:
    session: dict[str, Any] = {"temperature": 0.6}
    Wishes().show(session)
    assert session["temperature"] == 0.6


def test_a_ninth_voice_is_shown_to_whoever_asked_for_it() -> None:
    wishes, session = Wishes(), {"voice": "marin"}
    assert wishes.show(session)
    assert session["voice"] == "alloy"
    wishes.note({"voice": "marin"})
    session = {"voice": "marin"}
    assert not wishes.show(session)
    assert session["voice"] == "marin"


@pytest.mark.parametrize("word", ["g711-ulaw", "g711_ulaw"])
def test_a_format_is_spelt_as_the_client_spells_it(word: str) -> None:
    wishes = Wishes()
    wishes.note({"input_audio_format": word})
    session: dict[str, Any] = {
        "input_audio_format": "g711_ulaw",
        "output_audio_format": {"type": "audio/x_y"},
    }
    wishes.show(session)
    assert session["input_audio_format"] == word
    assert session["output_audio_format"] == {"type": "audio/x_y"}
