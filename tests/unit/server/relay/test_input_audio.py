"""How much audio waits for a commit, as seen from here."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.audio import to_base64
from server.relay.input_audio import PAUSE_S, InputAudio, base64_bytes
from server.relay.session_view import SessionView

AUDIO = re.compile(r'"audio"\s*:\s*"')


def append(count: int) -> str:
    return f'{{"type":"input_audio_buffer.append","audio":"{to_base64(bytes(count))}"}}'


@given(st.binary(max_size=64), st.booleans())
def test_the_length_of_base64_is_found_without_parsing(data: bytes, is_escaped: bool) -> None:
    encoded = to_base64(data)
    text = f'{{"audio" : "{encoded.replace("/", chr(92) + "/") if is_escaped else encoded}"}}'
    assert base64_bytes(text, AUDIO) == len(data)


@pytest.mark.parametrize("text", ['{"audio":7}', '{"audio":"AAA', "{}", ""])
def test_what_is_no_base64_string_has_no_length(text: str) -> None:
    assert base64_bytes(text, AUDIO) == 0


def test_a_cut_begins_anew() -> None:
    audio = InputAudio(SessionView())
    audio.on_append(append(4800), 1.0)
    assert (audio.length_ms, audio.pauses_at) == (100, 1.0 + PAUSE_S)
    audio.on_cut()
    assert audio.length_ms == 0


def test_a_turn_that_the_upstream_ended_ends_where_it_says() -> None:
    audio = InputAudio(SessionView())
    audio.on_append(append(48_000), 1.0)
    audio.on_speech_started()
    audio.on_turn_ended({"audio_end_ms": 900})
    assert (audio.length_ms, audio.is_speaking, audio.has_turn_ended) == (100, False, True)
    for end_ms in (500, 99_999, None, "900", float("nan"), float("inf")):
        audio.on_turn_ended({"audio_end_ms": end_ms})
        assert 0 <= audio.length_ms <= 100


def test_without_turn_detection_nobody_is_heard() -> None:
    view = SessionView()
    audio = InputAudio(view)
    audio.on_speech_started()
    view.on_session({"type": "session.updated", "session": {}}, 1.0)
    audio.on_session()
    assert not audio.is_speaking
