"""Client secrets of our own."""

import itertools
from typing import Any

import pytest
from openai.types.realtime import ClientSecretCreateResponse

from rtclient.engine.client_secrets import ClientSecrets
from server.client_secrets import PATHS, mint, mint_preview, preset_of
from server.drop_in import Models, Refused

MODELS = Models("served")
STRICT = Models("served", is_strict=True)
PATH = "/v1/realtime/client_secrets"
PREVIEW_PATH = "/v1/realtime/sessions"
PREVIEW_TRANSCRIPTION = "/openai/realtime/transcription_sessions"


def store(**options: Any) -> ClientSecrets:
    numbers = itertools.count(1)
    return ClientSecrets(
        lambda prefix: f"{prefix}_{next(numbers)}",
        lambda: f"{next(numbers)}",
        model="served",
        is_strict=False,
        **options,
    )


def test_the_answer_is_what_the_official_package_expects() -> None:
    secrets = store()
    session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session}
    made = mint(secrets, body, 100.5, MODELS, PATH)
    assert isinstance(made, dict)
    answer = ClientSecretCreateResponse.model_validate(made, strict=True)
    assert (answer.value[:3], answer.expires_at) == ("ek_", 160)
    assert made["session"]["instructions"] == "Be brief."
    assert made["session"]["model"] == "served"
    found = secrets.find(answer.value, 159)
    assert found is not None
    assert preset_of(found.session) == {"type": "realtime", "instructions": "Be brief."}


def test_without_a_session_nothing_is_sent_upstream() -> None:
    secrets = store()
    for body in ({}, {"session": {"type": "realtime", "model": "served"}}):
        made = mint(secrets, body, 0, MODELS, PATH)
        assert isinstance(made, dict)
        found = secrets.find(made["value"], 1)
        assert found is not None
        assert preset_of(found.session) is None


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"session": {"type": "other"}}, "invalid_value", "session.type"),
        ({"session": {"instructions": "x"}}, "missing_required_parameter", "session.type"),
        ({"expires_after": {"seconds": 9}}, "invalid_value", "expires_after.seconds"),
        ({"session": {"type": "realtime", "model": "gpt-live-1"}}, "protocol_not_served", "model"),
    ],
)
def test_what_no_session_could_be_is_refused(body: Any, code: str, param: str) -> None:
    why = mint(store(), body, 0, MODELS, PATH)
    assert isinstance(why, Refused)
    assert (why.status, why.code, why.param) == (400, code, param)


def test_another_model_is_refused_where_that_is_wanted() -> None:
    body = {"session": {"type": "realtime", "model": "other"}}
    assert isinstance(mint(store(), body, 0, MODELS, PATH), dict)
    for path, code in zip(PATHS, ("model_not_found", "DeploymentNotFound"), strict=True):
        why = mint(store(), body, 0, STRICT, path)
        assert isinstance(why, Refused)
        assert (why.status, why.code) == (404, code)


def test_too_many_are_refused() -> None:
    secrets = store(most=1)
    mint(secrets, {}, 0, MODELS, PATH)
    why = mint(secrets, {}, 0, MODELS, PATH)
    assert isinstance(why, Refused)
    assert (why.status, why.code, why.type) == (429, "rate_limit_exceeded", "rate_limit_error")


def test_preview_asks_with_a_session_and_gets_one() -> None:
    secrets, lost = store(), list[str]()
    body = {"model": "old", "voice": "sage", "modalities": ["text"], "temperature": 0.8}
    made = mint_preview(secrets, body, 100, MODELS, PREVIEW_PATH, lost=lost)
    assert isinstance(made, dict)
    assert (made["model"], made["voice"], made["modalities"]) == ("served", "sage", ["text"])
    assert "audio" not in made
    assert made["client_secret"]["expires_at"] == 160
    assert lost == ["session.temperature"]
    found = secrets.find(made["client_secret"]["value"], 100)
    assert found is not None
    assert preset_of(found.session) == {
        "type": "realtime",
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "sage"}},
    }


def test_an_upstream_that_speaks_preview_gets_what_only_preview_has() -> None:
    secrets, lost = store(), list[str]()
    made = mint_preview(
        secrets, {"temperature": 0.8}, 0, MODELS, PREVIEW_PATH, keeps_preview_only=True, lost=lost
    )
    assert isinstance(made, dict)
    assert (made["temperature"], lost) == (0.8, [])
    found = secrets.find(made["client_secret"]["value"], 0)
    assert found is not None
    assert found.session == {"type": "realtime", "temperature": 0.8}


def test_preview_may_say_how_long_and_for_what() -> None:
    secrets, lost = store(), list[str]()
    body = {"client_secret": {"expires_after": {"anchor": "created_at", "seconds": 20}}}
    made = mint_preview(secrets, body, 0, MODELS, PREVIEW_TRANSCRIPTION, lost=lost)
    assert isinstance(made, dict)
    assert made["client_secret"]["expires_at"] == 20
    found = secrets.find(made["client_secret"]["value"], 0)
    assert found is not None
    assert found.session == {"type": "transcription"}
    assert isinstance(mint_preview(secrets, {}, 0, STRICT, PREVIEW_PATH, lost=lost), dict)
    why = mint_preview(secrets, {"model": "x"}, 0, STRICT, PREVIEW_PATH, lost=lost)
    assert isinstance(why, Refused)
