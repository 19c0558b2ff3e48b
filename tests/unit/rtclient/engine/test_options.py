"""The engine's command line: what options mean together, and which contradict one another."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from rtclient.engine.clock import ManualClock
from rtclient.engine.options import SESSIONS_PER_CORE, Settled, parser, settled
from rtclient.engine.profiles import AZURE, DEFAULT, OPENAI
from tests.support.certificates import Authority


def settle(*arguments: str, key: str | None = None) -> Settled:
    return settled(parser().parse_args(arguments), key)


def test_by_default_it_is_open_and_as_large_as_the_machine() -> None:
    found = settle()
    assert found.rules.profile is DEFAULT
    assert found.rules.key is None
    assert (found.rules.max_sessions or 0) % SESSIONS_PER_CORE == 0
    assert found.session_s == 3600
    assert found.tls is None


def test_a_profile_brings_its_limits_and_options_change_them() -> None:
    azure = settle("--profile", "azure", key="k")
    assert (azure.rules.profile, azure.rules.key) == (AZURE, "k")
    assert (azure.session_s, azure.rules.most_per_minute) == (1800, 200)
    changed = settle("--profile=azure", "--session-minutes=0.5", "--connections-per-minute=3")
    assert (changed.session_s, changed.rules.most_per_minute) == (30, 3)
    assert settle("--profile", "openai").rules.profile is OPENAI


def test_names_that_repeat_are_gathered() -> None:
    rules = settle("--deployment=a", "--deployment=b", "--transcription-deployment=t").rules
    assert rules.models == ("a", "b", "t")


def test_tests_of_clients_get_their_stage() -> None:
    stage = settle("--clock=manual", "--control", "--seed=7").stage
    assert isinstance(stage.clock, ManualClock)
    assert stage.is_controlled


def test_a_certificate_is_loaded_before_anything_starts(tmp_path: Path) -> None:
    chain, key = Authority().write_server(tmp_path)
    assert settle("--tls-cert", str(chain), "--tls-key", str(key)).tls is not None
    with pytest.raises(ValueError, match="do not fit"):
        settle("--tls-cert", str(chain), "--tls-key", str(chain))


def test_an_encrypted_key_is_refused_and_no_terminal_is_asked(tmp_path: Path) -> None:
    chain, path = Authority().write_server(tmp_path)
    key = load_pem_private_key(path.read_bytes(), None)
    secret = BestAvailableEncryption(b"secret")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    with pytest.raises(ValueError, match="are encrypted"):
        settle("--tls-cert", str(chain), "--tls-key", str(path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-key", "key.pem"), "--tls-key needs --tls-cert"),
        (("--tls-cert", "missing.pem"), "missing.pem or its key cannot be read"),
        (("--deployment=a", "--transcription-deployment=a"), "give it once"),
        (("--ear-workers=2", "--senses=scripted"), "--ear-workers is of no use"),
        (("--clock=manual",), "--clock manual needs --control"),
        (("--scenario=missing.yaml",), "missing.yaml cannot be read"),
        (("--fault=nonsense",), "nonsense"),
    ],
)
def test_contradictions_are_told_in_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settle(*arguments)


@pytest.mark.parametrize(
    "argument",
    [
        "--max-sessions=0",
        "--session-minutes=nan",
        "--session-minutes=0",
        "--port=65536",
        "--prof=x",
    ],
)
def test_a_value_that_makes_no_sense_ends_with_2(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        settle(argument)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
