import argparse
from pathlib import Path

import pytest

from rtclient.talk.options import GREETING, TalkOptions, add_arguments


def parsed(*line: str) -> TalkOptions:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return TalkOptions.from_arguments(parser.parse_args(line))


def test_a_bare_command_line_is_the_default():
    assert parsed() == TalkOptions()


def test_the_command_line_of_the_documentation():
    line = "--voice alloy --instructions Short. --vad-threshold 0.5 --silence-ms 600 --chunk-ms 100"
    options = parsed(*line.split(), "--device-rate", "16000", "--record", "calls")
    assert options.voice == "alloy"
    assert options.device_rate == 16_000
    assert options.record == Path("calls")
    assert options.session() == {
        "output_modalities": ["audio"],
        "instructions": "Short.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "silence_duration_ms": 600,
                    "prefix_padding_ms": 300,
                },
                "transcription": None,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"},
        },
    }


def test_push_to_talk_switches_the_turn_detection_off():
    session = parsed("--push-to-talk", "--commit-every", "8").session()
    assert session["audio"]["input"]["turn_detection"] is None


def test_text_only_asks_for_no_sound():
    session = parsed("--text-only", "--voice", "alloy").session()
    assert session["output_modalities"] == ["text"]
    assert "output" not in session["audio"]


def test_what_is_said_is_written_down_in_its_language():
    session = parsed("--transcription", "whisper-1", "--language", "de").session()
    assert session["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": "de"}
    assert parsed("--transcription", "off").session()["audio"]["input"]["transcription"] is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--commit-every 8", "with voice activity detection the service commits by itself"),
        ("--push-to-talk --commit-every 1 --chunk-ms 50", "less than 100 ms"),
        ("--wav a.wav --stdin", "both say what is heard"),
        ("--out a.wav --stdout", "both say where to"),
        ("--text-only --stdout", "no sound"),
        ("--wav a.wav --input-device 1", "of no use"),
        ("--push-to-talk --key shift", "one character"),
    ],
)
def test_options_that_contradict_each_other_are_refused_with_the_reason(line, reason):
    with pytest.raises(ValueError, match=reason):
        parsed(*line.split())


@pytest.mark.parametrize(
    "line",
    ["--vad-threshold 2", "--silence-ms 0", "--chunk-ms 5", "--device-rate 1", "--chunk-ms x"],
)
def test_a_number_out_of_its_range_is_refused(line):
    with pytest.raises(argparse.ArgumentError):
        parsed(*line.split())


def test_the_model_greets_a_person_at_a_microphone_only():
    assert parsed().greeting_instructions == GREETING
    assert parsed("--wav", "a.wav").greeting_instructions is None
    assert parsed("--greeting", "none").greeting_instructions is None
    assert "Good day" in (
        parsed("--wav", "a", "--greeting", "Good day").greeting_instructions or ""
    )


def test_keys_have_names():
    assert parsed().key_character == " "
    assert parsed("--key", "t").key_character == "t"
