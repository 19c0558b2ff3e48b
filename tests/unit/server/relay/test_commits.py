"""What becomes of a commit; the plays of test_sequencer.py have the rest."""

from typing import Any

import pytest

from rtclient.protocol.audio import to_base64
from server.relay.commits import HOLD_S, NOT_NEEDED, TOO_SHORT, Commits
from server.relay.input_audio import PAUSE_S, InputAudio
from server.relay.session_view import SessionView


def make(detection: dict[str, Any] | None) -> tuple[Commits, InputAudio]:
    view = SessionView()
    session = {"audio": {"input": {"turn_detection": detection}}}
    view.on_session({"type": "session.created", "session": session}, 0.0)
    audio = InputAudio(view)
    return Commits(view, audio), audio


def append(audio: InputAudio, length_ms: int, now: float) -> None:
    audio.on_append(f'{{"audio":"{to_base64(bytes(48 * length_ms))}"}}', now)


def test_without_turn_detection_a_commit_goes_at_once() -> None:
    commits, audio = make(None)
    assert commits.on_commit("c", 0.0) is TOO_SHORT
    append(audio, 100, 0.0)
    assert commits.on_commit("c", 0.0) == "c"
    assert not commits.are_left_to_upstream


def test_with_it_a_commit_goes_when_the_microphone_stops() -> None:
    commits, audio = make({"type": "server_vad"})
    append(audio, 200, 1.0)
    assert commits.on_commit("c", 1.0) is None
    append(audio, 200, 1.2)
    assert commits.due() == 1.2 + PAUSE_S
    assert commits.on_time(1.2) is None
    assert commits.on_time(1.2 + PAUSE_S) == "c"
    assert not commits.is_held


def test_while_the_microphone_goes_on_the_upstream_decides() -> None:
    commits, audio = make({"type": "server_vad"})
    for tenth in range(12):
        append(audio, 100, tenth / 10)
        if tenth in (1, 5):
            commits.on_commit(f"c{tenth}", tenth / 10)
    assert commits.due() == 0.1 + HOLD_S
    assert commits.on_time(1.1) is NOT_NEEDED
    assert commits.are_left_to_upstream


@pytest.mark.parametrize(("tail_ms", "is_held"), [(499, False), (500, True)])
def test_what_is_left_after_a_turn_that_the_upstream_ended_is_no_turn(
    tail_ms: int, is_held: bool
) -> None:
    commits, audio = make({"type": "server_vad"})
    append(audio, 1000, 1.0)
    audio.on_turn_ended({"audio_end_ms": 1000 - tail_ms})
    assert commits.on_commit("c", 1.0) is (None if is_held else NOT_NEEDED)
    assert commits.is_held is is_held
    assert (commits.on_time(1.0 + HOLD_S) is NOT_NEEDED) is is_held


def test_a_turn_that_the_upstream_ends_takes_the_commit_with_it() -> None:
    commits, audio = make({"type": "server_vad"})
    append(audio, 200, 1.0)
    commits.on_commit("c", 1.0)
    assert commits.on_turn_ended() is NOT_NEEDED
    assert commits.on_turn_ended() is None


def test_what_comes_after_a_commit_does_not_overtake_it() -> None:
    commits, audio = make({"type": "server_vad"})
    append(audio, 200, 1.0)
    commits.on_commit("c", 1.0)
    assert commits.on_other() == "c"
    assert commits.on_other() is None
