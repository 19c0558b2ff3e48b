"""The tables of both dialects: what a value becomes, and what is named when it cannot cross."""

from typing import Any

import pytest

from rtclient.protocol.dialects import (
    dialect_of,
    error_with_paths,
    item_to_ga,
    item_to_preview,
    path_to_ga,
    path_to_preview,
    response_to_ga,
    response_to_preview,
    session_dialect,
    session_to_ga,
    session_to_preview,
)

FLAT: dict[str, Any] = {
    "modalities": ["audio", "text"],
    "instructions": "Be kind.",
    "voice": "sage",
    "speed": 1.1,
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "de"},
    "input_audio_noise_reduction": {"type": "near_field"},
    "turn_detection": {"type": "server_vad", "threshold": 0.5},
    "tools": [{"type": "function", "name": "look"}],
    "tool_choice": "auto",
    "max_response_output_tokens": "inf",
    "tracing": None,
}
NESTED: dict[str, Any] = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "Be kind.",
    "tools": [{"type": "function", "name": "look"}],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "whisper-1", "language": "de"},
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "server_vad", "threshold": 0.5},
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": "sage", "speed": 1.1},
    },
}


def test_a_flat_session_becomes_a_nested_one_and_back() -> None:
    lost: list[str] = []
    assert session_to_ga(FLAT, lost) == NESTED
    assert session_to_preview(NESTED, lost) == FLAT
    assert lost == []


@pytest.mark.parametrize(
    ("key", "side", "name"),
    [
        ("turn_detection", "input", "turn_detection"),
        ("input_audio_transcription", "input", "transcription"),
        ("input_audio_noise_reduction", "input", "noise_reduction"),
    ],
)
def test_an_explicit_null_stays_a_null(key: str, side: str, name: str) -> None:
    nested = {"type": "realtime", "audio": {side: {name: None}}}
    assert session_to_ga({key: None}, []) == nested
    assert session_to_preview(nested, []) == {key: None}


def test_turn_detection_none_is_spelt_null_in_ga() -> None:
    ga = session_to_ga({"turn_detection": {"type": "none"}}, [])
    assert ga["audio"]["input"]["turn_detection"] is None


def test_what_has_no_place_is_left_out_and_named() -> None:
    lost: list[str] = []
    assert session_to_ga({"temperature": 0.7, "client_secret": {}}, lost) == {"type": "realtime"}
    assert lost == ["session.temperature", "session.client_secret"]
    lost = []
    detection = {"type": "server_vad", "idle_timeout_ms": 6000}
    nested = {"truncation": "disabled", "audio": {"input": {"turn_detection": detection}}}
    assert session_to_preview(nested, lost) == {"turn_detection": {"type": "server_vad"}}
    assert lost == ["session.truncation", "session.audio.input.turn_detection.idle_timeout_ms"]


@pytest.mark.parametrize("audio", [None, {}, {"input": {}}, {"input": None, "output": {}}])
def test_audio_that_asks_for_nothing_has_no_place_and_is_no_loss(audio: Any) -> None:
    lost: list[str] = []
    assert session_to_preview({"type": "realtime", "audio": audio}, lost) == {}
    assert response_to_preview({"audio": audio}, lost) == {}
    assert lost == []


def test_what_ga_has_added_inside_of_a_field_is_left_out_and_named() -> None:
    lost: list[str] = []
    noise_reduction = {"type": "near_field", "strength": 0.5}
    transcription = {"model": "m", "delay": "low", "keywords": ["a"], "languages": None}
    audio = {"input": {"noise_reduction": noise_reduction, "transcription": transcription}}
    assert session_to_preview({"audio": audio}, lost) == {
        "input_audio_noise_reduction": {"type": "near_field"},
        "input_audio_transcription": {"model": "m"},
    }
    assert lost == [
        "session.audio.input.transcription.delay",
        "session.audio.input.transcription.keywords",
        "session.audio.input.noise_reduction.strength",
    ]
    assert transcription["delay"] == "low", "the argument is not changed"


def test_a_null_that_has_no_place_asks_for_nothing_and_is_no_loss() -> None:
    lost: list[str] = []
    session_to_ga({"temperature": None}, lost)
    session_to_preview({"truncation": None}, lost)
    assert lost == []


def test_what_preview_does_anyway_is_no_loss() -> None:
    lost: list[str] = []
    assert session_to_preview({"truncation": "auto", "parallel_tool_calls": True}, lost) == {}
    assert lost == []
    session_to_preview({"parallel_tool_calls": False}, lost)
    assert lost == ["session.parallel_tool_calls"]


def test_one_who_knows_it_gets_the_temperature() -> None:
    ga = session_to_ga({"temperature": 0.7}, [], keeps_preview_only=True)
    assert ga == {"type": "realtime", "temperature": 0.7}
    assert session_to_preview(ga, []) == {"temperature": 0.7}


def test_unknown_fields_and_values_pass() -> None:
    flat = {"mood": 1, "voice": {"id": "voice_1"}, "input_audio_format": "opus", "modalities": []}
    nested = session_to_ga(flat, [])
    assert nested == {
        "type": "realtime",
        "mood": 1,
        "output_modalities": [],
        "audio": {"output": {"voice": {"id": "voice_1"}}, "input": {"format": "opus"}},
    }
    assert session_to_preview(nested, []) == flat


@pytest.mark.parametrize("audio", [{}, {"input": {}}, {"input": {}, "output": {}}])
def test_sides_with_nothing_in_them_are_left_out(audio: Any) -> None:
    lost: list[str] = []
    assert session_to_preview({"type": "realtime", "speed": 1, "audio": audio}, lost) == {
        "speed": 1
    }
    assert lost == []


def test_an_unknown_field_under_audio_stays_there() -> None:
    nested = {"audio": {"output": {"voice": "ash", "echo": 1}}}
    flat = {"voice": "ash", "audio": {"output": {"echo": 1}}}
    assert session_to_preview(nested, []) == flat
    assert session_to_ga(flat, []) == {"type": "realtime"} | nested


def test_of_two_spellings_that_of_the_senders_dialect_wins() -> None:
    lost: list[str] = []
    mixed = {"voice": "ash", "audio": {"output": {"voice": "sage"}}, "turn_detection": {"a": 1}}
    mixed["audio"]["input"] = {"turn_detection": {"b": 2}}  # type: ignore[index]
    assert session_to_ga(mixed, lost)["audio"] == {
        "output": {"voice": "ash"},
        "input": {"turn_detection": {"a": 1}},
    }
    assert lost == ["session.audio.output.voice", "session.audio.input.turn_detection"]
    assert mixed["turn_detection"] == {"a": 1}, "the argument is not changed"
    lost = []
    assert session_to_preview(mixed, lost)["voice"] == "sage"
    assert sorted(lost) == ["session.turn_detection", "session.voice"]


@pytest.mark.parametrize("spelling", ["g711_alaw", "g711-alaw"])
def test_both_spellings_of_g711_are_understood(spelling: str) -> None:
    ga = session_to_ga({"input_audio_format": spelling}, [])
    assert ga["audio"]["input"]["format"] == {"type": "audio/pcma"}


def test_a_format_that_preview_has_no_word_for_crosses_as_it_is() -> None:
    odd = {"type": "audio/pcm", "rate": 16000}
    nested = {"audio": {"input": {"format": odd}}}
    assert session_to_preview(nested, []) == {"input_audio_format": odd}


def test_response_options_cross() -> None:
    message = {"type": "message", "role": "assistant"}
    preview = {
        "modalities": ["text"],
        "voice": "ash",
        "output_audio_format": "g711_alaw",
        "max_output_tokens": 5,
        "input": [message | {"content": [{"type": "text", "text": "x"}]}],
    }
    ga = {
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "ash", "format": {"type": "audio/pcma"}}},
        "max_output_tokens": 5,
        "input": [message | {"content": [{"type": "output_text", "text": "x"}]}],
    }
    lost: list[str] = []
    assert response_to_ga(preview, lost) == ga
    assert response_to_preview(ga, lost) == preview
    assert lost == []
    alias = {"max_response_output_tokens": 5}
    assert response_to_ga(alias, lost) == {"max_output_tokens": 5}


def test_only_the_assistants_content_has_other_names() -> None:
    said = {"role": "assistant", "content": [{"type": "audio", "transcript": "x"}, 5]}
    assert item_to_ga(said)["content"] == [{"type": "output_audio", "transcript": "x"}, 5]
    assert item_to_preview(item_to_ga(said)) == said
    heard = {"role": "user", "content": [{"type": "input_audio"}, {"type": "text"}]}
    assert item_to_ga(heard) == heard == item_to_preview(heard)


@pytest.mark.parametrize(
    ("preview", "ga"),
    [
        ("session.voice", "session.audio.output.voice"),
        ("session.turn_detection.threshold", "session.audio.input.turn_detection.threshold"),
        ("session.max_response_output_tokens", "session.max_output_tokens"),
        ("session.modalities[0]", "session.output_modalities[0]"),
        ("response.modalities", "response.output_modalities"),
        ("session.tools[0].name", "session.tools[0].name"),
        ("item.content[0].type", "item.content[0].type"),
    ],
)
def test_paths_of_errors_are_spelt_as_the_client_spells_them(preview: str, ga: str) -> None:
    assert path_to_preview(ga) == preview
    assert path_to_ga(preview) == ga


def test_a_path_inside_a_format_names_the_whole_format() -> None:
    assert path_to_preview("session.audio.input.format.rate") == "session.input_audio_format"


def test_an_error_speaks_of_the_clients_own_fields() -> None:
    error = {
        "param": "session.audio.output.voice",
        "message": "Invalid value: 'session'. See 'session.audio.output.voice', 'nova'.",
    }
    assert error_with_paths(error, path_to_preview) == {
        "param": "session.voice",
        "message": "Invalid value: 'session'. See 'session.voice', 'nova'.",
    }


@pytest.mark.parametrize(
    ("event", "dialect"),
    [
        ({"type": "session.update", "session": {"type": "realtime"}}, "ga"),
        ({"type": "session.update", "session": {"audio": {}}}, "ga"),
        ({"type": "session.update", "session": {"output_modalities": ["text"]}}, "ga"),
        ({"type": "session.update", "session": {"voice": "ash"}}, "preview"),
        ({"type": "session.update", "session": {}}, "preview"),
        ({"type": "transcription_session.update"}, "preview"),
        ({"type": "session.update", "session": 5}, None),
        ({"type": "response.create"}, None),
    ],
)
def test_the_first_update_shows_the_dialect(event: dict[str, Any], dialect: str | None) -> None:
    assert dialect_of(event) == dialect


@pytest.mark.parametrize(
    ("session", "dialect"), [(NESTED, "ga"), (FLAT, "preview"), ({"id": "x"}, None), (None, None)]
)
def test_a_servers_session_shows_its_dialect(session: object, dialect: str | None) -> None:
    assert session_dialect(session) == dialect
