"""The command `rtclient`."""

import pytest

import rtclient
from rtclient import __main__ as command


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"rtclient {rtclient.__version__}\n"


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    assert "engine" in capsys.readouterr().out


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["sing"])
    assert caught.value.code == 2


def test_the_engine_has_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["engine", "--help"])
    assert caught.value.code == 0
    assert "--watch-stdin" in capsys.readouterr().out


@pytest.mark.parametrize("name", command.COMMANDS)
def test_every_command_has_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: rtclient {name}" in capsys.readouterr().out
