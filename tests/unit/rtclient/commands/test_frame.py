"""What all commands do alike."""

import logging
from pathlib import Path

import pytest

from rtclient.commands import doctor, frame, talk, transcribe
from rtclient.commands.upstream import Choice
from rtclient.errors import AuthError, ConnectionLost, ReconnectExhausted, ServerError
from rtclient.service.settings import ServiceSettings, SettingsError

CHOICE = Choice("openai", ServiceSettings(openai_key="canary_key_0123456789"))


def raising(exc: BaseException) -> int:
    """The exit code of a command that ends with this exception."""

    async def work() -> int:
        raise exc

    return frame.run(work, CHOICE)


@pytest.mark.parametrize(
    ("exc", "code", "words"),
    [
        (AuthError(401), 1, "Check OPENAI_API_KEY."),
        (ConnectionLost(1006), 1, "ended the connection"),
        (ReconnectExhausted(5, 10.0), 1, "ended the connection"),
        (TimeoutError(), 1, "did not answer in time"),
        (ServerError("The voice is not known."), 1, "It did not work: The voice is not known.\n"),
        (ServerError("Not with canary_key_0123456789"), 1, "Not with ….\n"),
        (SettingsError(["EXTRA_CA_FILE cannot be read."]), 2, "EXTRA_CA_FILE cannot be read."),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], exc: BaseException, code: int, words: str
) -> None:
    assert raising(exc) == code
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
    assert "Traceback" not in err


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        raising(KeyError("bug"))


async def fine() -> int:
    return 3


@pytest.mark.parametrize("name", ["rtclient", "azure"])
def test_libraries_do_not_talk_between(name: str) -> None:
    frame.run(fine, CHOICE)
    assert logging.getLogger(name).handlers, "Python's last resort would print their warnings"


def test_the_exit_code_of_the_work_is_that_of_the_command() -> None:
    assert frame.run(fine, CHOICE) == 3


def test_options_of_a_profile_come_before_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('model = "mine"\nlanguage = "de"\n')
    line = frame.parser("doctor", "x")
    assert frame.parsed(line, ["--profile", str(file)]).model == "mine"
    line = frame.parser("doctor", "x")
    assert frame.parsed(line, ["--profile", str(file), "--model", "other"]).model == "other"


@pytest.mark.parametrize(
    ("content", "words"),
    [("modl: x", "Did you mean model?"), ("[", "is not YAML"), (None, "cannot be read")],
)
def test_a_profile_that_cannot_be_used_ends_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SystemExit) as caught:
        frame.parsed(frame.parser("doctor", "x"), [f"--profile={file}"])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_one_profile_serves_all_commands(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("silence-ms: 300\ngreeting: none\nlanguage: de\nno-devices: true\n")
    for command in (talk, transcribe, doctor):
        line = command.parser()
        options = ["--profile", str(file), *(["x.wav"] if command is transcribe else [])]
        found = vars(frame.parsed(line, options))
        assert found.get("silence_ms", 300) == 300
        assert found.get("greeting", "none") == "none"
        assert found.get("no_devices", True) is True


async def test_what_is_to_be_known_of_the_address_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    azure = ServiceSettings(
        azure_endpoint="https://x.openai.azure.com",
        azure_key="canary_key_0123456789",
        azure_deployment="voice",
        azure_api_version="2024-10-01-preview",
    )
    async with frame.opened(Choice("azure", azure)) as source:
        assert source == azure.endpoint()
    assert "Note: Delete the line AZURE_OPENAI_API_VERSION" in capsys.readouterr().err
