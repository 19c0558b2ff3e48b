"""The server's own update and what is left after rejections."""

import copy
from typing import Any

from server.relay.own_update import OwnUpdate

SESSION: dict[str, Any] = {
    "type": "realtime",
    "instructions": "Be kind.",
    "include": ["item.input_audio_transcription.logprobs"],
    "audio": {
        "input": {"transcription": {"model": "whisper-1"}, "turn_detection": None},
        "output": {"voice": "alloy"},
    },
}


def test_transcription_is_dropped_first_then_voice_then_nothing_is_left() -> None:
    update = OwnUpdate(SESSION)
    assert update.shrink({}) == "transcription"
    session = update.event("parley_2")["session"]
    assert session["audio"] == {"input": {"turn_detection": None}, "output": {"voice": "alloy"}}
    assert "include" not in session
    assert update.shrink({}) == "voice"
    assert update.event("parley_3")["session"]["audio"]["output"] == {}
    assert update.shrink({}) is None


def test_the_part_that_the_rejection_names_is_dropped_first() -> None:
    update = OwnUpdate(SESSION)
    assert update.shrink({"param": "session.audio.output.voice"}) == "voice"
    assert update.shrink({"param": "session.audio.output.voice"}) == "transcription"


def test_what_else_is_included_stays() -> None:
    update = OwnUpdate(SESSION | {"include": ["item.input_audio_transcription.logprobs", "x"]})
    update.shrink({})
    assert update.event("parley_2")["session"]["include"] == ["x"]


def test_a_session_without_optional_parts_cannot_shrink() -> None:
    assert OwnUpdate({"type": "realtime"}).shrink({}) is None
    assert OwnUpdate({"type": "realtime", "audio": "odd"}).shrink({}) is None


def test_the_callers_session_is_not_changed() -> None:
    before = copy.deepcopy(SESSION)
    update = OwnUpdate(SESSION)
    update.shrink({})
    update.shrink({})
    assert before == SESSION


def test_a_rejection_names_the_last_event_or_none() -> None:
    update = OwnUpdate(SESSION)
    update.event("parley_1")
    update.event("parley_2")
    assert update.is_rejected_by({"event_id": "parley_2"})
    assert not update.is_rejected_by({"event_id": "parley_1"})
    assert not update.is_rejected_by({"event_id": "event_of_a_client"})
    assert update.is_rejected_by({"event_id": None, "type": "invalid_request_error"})
    assert not update.is_rejected_by({"type": "server_error"})
