"""The built-in profile as the session of the server's own update."""

from pathlib import Path

from openai.types.realtime import RealtimeSessionCreateRequest

from server.profiles import session_update
from server.settings import Settings, load_settings


def settings(tmp_path: Path, **environ: str) -> Settings:
    """Settings of this environment."""
    (tmp_path / ".env").write_text("")
    return load_settings(environ, tmp_path)


def test_it_is_a_session_as_the_official_package_knows_it(tmp_path: Path) -> None:
    session = session_update(settings(tmp_path), "engine")
    RealtimeSessionCreateRequest.model_validate(session, strict=True)


def test_its_defaults(tmp_path: Path) -> None:
    session = session_update(settings(tmp_path), "openai")
    turn_detection = session["audio"]["input"]["turn_detection"]
    assert session["type"] == "realtime"
    assert session["audio"]["output"]["voice"] == "alloy"
    assert turn_detection["type"] == "server_vad"
    assert turn_detection["threshold"] == 0.5
    assert turn_detection["prefix_padding_ms"] == 300
    assert turn_detection["silence_duration_ms"] == 500
    assert session["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    assert "include" not in session
    assert "model" not in session


def test_the_operator_chooses_voice_and_transcription(tmp_path: Path) -> None:
    chosen = settings(tmp_path, AZURE_OPENAI_VOICE="marin", TRANSCRIPTION_MODEL="off")
    session = session_update(chosen, "engine")
    assert session["audio"]["output"]["voice"] == "marin"
    assert session["audio"]["input"]["transcription"] is None


def test_the_engine_is_asked_how_sure_it_was(tmp_path: Path) -> None:
    session = session_update(settings(tmp_path), "engine")
    assert session["include"] == ["item.input_audio_transcription.logprobs"]
