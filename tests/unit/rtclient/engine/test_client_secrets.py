"""Client secrets: how they are asked for, how long they last."""

import itertools
from typing import Any

import pytest
from openai.types.realtime import ClientSecretCreateResponse

from rtclient.engine.client_secrets import ClientSecrets
from rtclient.engine.shapes import Fault


def store(**options: Any) -> ClientSecrets:
    numbers = itertools.count(1)
    return ClientSecrets(
        lambda prefix: f"{prefix}_{next(numbers)}",
        lambda: f"{next(numbers)}",
        model="parley-engine",
        **options,
    )


@pytest.mark.parametrize(
    "session",
    [
        {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "sage"}}},
        {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
    ],
)
def test_the_answer_is_what_the_official_package_expects(session: dict[str, Any]) -> None:
    made = store().mint({"session": session}, 1000.5)
    assert isinstance(made, dict)
    answer = ClientSecretCreateResponse.model_validate(made, strict=True)
    assert answer.value.startswith("ek_")
    assert answer.expires_at == 1600
    assert answer.session.type == session["type"]


def test_without_a_session_it_is_the_default_one() -> None:
    made = store().mint({}, 0)
    assert isinstance(made, dict)
    assert made["session"]["model"] == "parley-engine"


def test_it_opens_until_it_expires_and_more_than_once() -> None:
    secrets = store()
    body = {"expires_after": {"anchor": "created_at", "seconds": 10}}
    made = secrets.mint(body, 100)
    assert isinstance(made, dict)
    for now in (100, 109.9):
        found = secrets.find(made["value"], now)
        assert found is not None
        assert found.session == {"type": "realtime"}
    assert secrets.find(made["value"], 110) is None
    assert secrets.find("ek_other", 100) is None


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ([], "invalid_type", ""),
        ({"model": "m"}, "unknown_parameter", "model"),
        ({"expires_after": {"seconds": 9}}, None, "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, None, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"session": {"voice": "x"}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "live"}}, "invalid_value", "session.type"),
        ({"session": {"type": ["realtime"]}}, "invalid_value", "session.type"),
        ({"session": {"type": "realtime", "x": 1}}, "unknown_parameter", "session.x"),
        (
            {"session": {"type": "realtime", "tool_choice": {"type": "function", "name": "n"}}},
            "invalid_value",
            "session.tool_choice",
        ),
    ],
)
def test_a_wrong_body_makes_nothing(body: Any, code: str | None, param: str) -> None:
    fault = store().mint(body, 0)
    assert isinstance(fault, Fault)
    assert fault.param == param
    assert code is None or fault.code == code


def test_there_is_a_limit_and_expired_ones_make_room() -> None:
    secrets = store(most=2)
    secrets.mint({"expires_after": {"seconds": 7200}}, 0)
    secrets.mint({"expires_after": {"seconds": 10}}, 0)
    fault = secrets.mint({}, 5)
    assert isinstance(fault, Fault)
    assert fault.code == "rate_limit_exceeded"
    assert isinstance(secrets.mint({}, 11), dict)


def test_its_value_is_not_in_its_repr() -> None:
    secrets = store()
    made = secrets.mint({}, 0)
    assert isinstance(made, dict)
    assert made["value"] not in repr(secrets.find(made["value"], 1))


def test_large_sessions_fill_the_store_until_they_expire() -> None:
    secrets = store(most_chars=1000)
    body = {"session": {"type": "realtime", "instructions": "x" * 600}}
    assert isinstance(secrets.mint(body, 0), dict)
    refused = secrets.mint(body, 599)
    assert isinstance(refused, Fault)
    assert refused.code == "rate_limit_exceeded"
    assert isinstance(secrets.mint({}, 599), dict)
    assert isinstance(secrets.mint(body, 600), dict)


def test_a_server_that_does_not_judge_sessions_takes_what_the_engine_lacks() -> None:
    session = {"type": "realtime", "audio": {"output": {"voice": {"id": "voice_7"}}}, "new": 1}
    assert isinstance(store().mint({"session": session}, 0), Fault)
    made = store(is_strict=False).mint({"session": session}, 0)
    assert isinstance(made, dict)
    assert made["session"]["audio"]["output"]["voice"] == {"id": "voice_7"}
    assert isinstance(store(is_strict=False).mint({"session": {"type": "other"}}, 0), Fault)


def test_a_value_that_is_no_text_opens_nothing() -> None:
    assert store().find("ek_\udcff", 0) is None
