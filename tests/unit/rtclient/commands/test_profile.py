"""Options from a profile file."""

import argparse
from typing import Any

import pytest

from rtclient.commands import profile

KEY = "sk-canary0123456789"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser()
    result.add_argument("file")
    result.add_argument("--profile")
    result.add_argument("--voice", choices=("alloy", "verse"))
    result.add_argument("--silence-ms", type=int, default=500)
    result.add_argument("--greeting")
    result.add_argument("--text-only", action="store_true")
    return result


def parsed(values: dict[str, Any], *line: str) -> argparse.Namespace:
    made = parser()
    made.set_defaults(**profile.defaults(values, made, {"language"}))
    return made.parse_args(["f.wav", *line])


def test_a_profile_sets_options() -> None:
    options = parsed({"voice": "verse", "silence-ms": 700, "text-only": True})
    assert (options.voice, options.silence_ms, options.text_only) == ("verse", 700, True)


def test_the_command_line_wins() -> None:
    assert parsed({"silence-ms": 700}, "--silence-ms", "300").silence_ms == 300


def test_a_name_may_have_underscores() -> None:
    assert parsed({"silence_ms": 700}).silence_ms == 700


def test_off_in_yaml_is_the_word() -> None:
    assert parsed({"greeting": False}).greeting == "off"


def test_options_of_other_commands_are_passed_over() -> None:
    assert parsed({"language": "de"}).voice is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"silence-ms": "soon"}, "silence-ms must be a number."),
        ({"voice": "bob"}, "voice must be one of alloy, verse."),
        ({"text-only": "yes"}, "text-only must be true or false."),
        ({"greeting": ["a"]}, "greeting must be a value"),
        ({"voce": "alloy"}, "voce is no option. Did you mean voice?"),
        ({"file": "x"}, "file is no option."),
        ({"profile": "x"}, "profile is no option."),
        ({"api-key": KEY}, "keys stand in .env"),
        ({"AZURE_OPENAI_API_KEY": KEY}, "keys stand in .env"),
    ],
)
def test_a_fault_names_the_option_and_never_its_value(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parsed(values)
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


def test_all_faults_are_found_in_one_go() -> None:
    with pytest.raises(ValueError, match=r"silence-ms[^\n]*\nvoce"):
        parsed({"silence-ms": "x", "voce": 1})
