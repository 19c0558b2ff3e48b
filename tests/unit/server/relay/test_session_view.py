"""The session as the upstream will see the next client event."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.session import default_session
from server.relay.session_view import SessionView, ticks_per_byte

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["session", "audio", "input", "output", "format", "turn_detection", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def view(detection: Any = None, **fields: Any) -> SessionView:
    session = default_session("scripted", "sess_1", 0)
    session["audio"]["input"]["turn_detection"] = detection
    seen = SessionView()
    seen.on_session({"type": "session.created", "session": {**session, **fields}}, 0.0)
    return seen


def update(detection: Any, **fields: Any) -> dict[str, Any]:
    audio = {"input": {"turn_detection": detection}}
    return {"type": "session.update", "session": {"audio": audio}, **fields}


@pytest.mark.parametrize(
    ("detection", "kind", "expected"),
    [
        (None, "realtime", (False, False)),
        ({"type": "server_vad"}, "realtime", (True, True)),
        ({"type": "semantic_vad", "create_response": True}, "realtime", (True, True)),
        ({"type": "server_vad", "create_response": False}, "realtime", (True, False)),
        ({"type": "server_vad"}, "transcription", (True, False)),
    ],
)
def test_who_ends_and_who_answers_turns(
    detection: Any, kind: str, expected: tuple[bool, bool]
) -> None:
    seen = view(detection, type=kind)
    assert (seen.detects_turns, seen.answers_turns) == expected


def test_an_update_counts_at_once_and_the_answer_settles_it() -> None:
    seen = view()
    seen.on_update(update({"type": "server_vad"}), 1.0)
    assert seen.detects_turns
    seen.on_update(update({"create_response": False}), 1.0)
    assert seen.detects_turns
    assert not seen.answers_turns
    answer = {"type": "session.updated", "session": update({"type": "server_vad"})["session"]}
    seen.on_session(answer, 2.0)
    assert not seen.answers_turns  # the second one is still to come
    seen.on_session(answer, 2.0)
    assert seen.answers_turns


@pytest.mark.parametrize(
    "error",
    [
        {"event_id": "mine", "param": None},
        {"event_id": None, "param": "session.audio.input"},
    ],
)
def test_an_update_that_is_refused_is_forgotten(error: dict[str, Any]) -> None:
    seen = view()
    seen.on_update(update({"type": "server_vad"}, event_id="mine"), 1.0)
    seen.on_error({"event_id": "another", "param": "session"})
    assert seen.detects_turns
    seen.on_error(error)
    assert not seen.detects_turns


def test_an_update_without_an_answer_is_forgotten_in_time() -> None:
    seen = view()
    seen.on_update(update({"type": "server_vad"}), 1.0)
    seen.on_session({"type": "session.created", "session": {}}, 12.0)
    assert not seen.detects_turns


def test_audio_is_counted_by_its_format() -> None:
    assert [ticks_per_byte({"type": f"audio/{kind}"}) for kind in ("pcm", "pcmu", "pcma")] == [
        1,
        6,
        6,
    ]
    assert ticks_per_byte(None) == ticks_per_byte({"type": ["odd"]}) == 1


@given(JSON, JSON)
def test_no_session_is_too_odd(session: Any, patch: Any) -> None:
    seen = SessionView()
    seen.on_session({"type": "session.created", "session": session}, 0.0)
    seen.on_update({"type": "session.update", "session": patch}, 1.0)
    assert seen.input_ticks in (1, 6)
    assert seen.output_ticks in (1, 6)
    assert seen.detects_turns or not seen.answers_turns


def test_what_is_kept_of_an_update_is_small_whatever_a_client_writes() -> None:
    seen = view({"type": "server_vad"})
    many, long = {f"k{n}": n for n in range(9_000)}, "x" * 100_000
    for _ in range(40):
        seen.on_update(update({"type": "server_vad", **many}, event_id=long), 0.0)
        seen.on_update(update({"type": long, "create_response": [many]}), 0.0)
        seen.on_update({"session": {"output_modalities": [long], "type": many}}, 0.0)
    assert len(repr(vars(seen))) < 10_000
    assert seen.detects_turns
