"""The door: who may become a connection, and how others are refused."""

from typing import Any

import pytest

from rtclient.engine.asking import Asked, Refusal
from rtclient.engine.client_secrets import Secret
from rtclient.engine.door import Admission, DoorRules, Rate, admit
from rtclient.engine.profiles import AZURE, DEFAULT, OPENAI, Profile

UPGRADE = ("Upgrade", "websocket")
KEY = ("api-key", "key")


def asked(target: str = "/v1/realtime", *headers: tuple[str, str]) -> Asked:
    return Asked("GET", target, (UPGRADE, *headers))


def refused(rules: DoorRules, request: Asked, **context: Any) -> tuple[int, dict[str, Any]]:
    answer = admit(rules, request, **context)
    assert isinstance(answer, Refusal)
    return answer.status, answer.content["error"]


def admitted(rules: DoorRules, request: Asked, **context: Any) -> Admission:
    answer = admit(rules, request, **context)
    assert isinstance(answer, Admission), answer
    return answer


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Bearer key"),
        ("authorization", "bearer key"),
        ("api-key", "key"),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.key"),
    ],
)
def test_every_form_of_credential_opens(header: str, value: str) -> None:
    admitted(DoorRules(key="key"), asked("/v1/realtime", (header, value)))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Basic key"),
        ("Authorization", "Bearer "),
        ("api-key", "Key"),
        ("api-key", "kéy"),
        ("api-key", "k\udce9y"),
        ("X-Key", "key"),
    ],
)
def test_anything_else_is_401_without_a_word_of_the_key(header: str, value: str) -> None:
    answer = admit(DoorRules(key="key-canary"), asked("/v1/realtime", (header, value)))
    assert isinstance(answer, Refusal)
    assert answer.status == 401
    assert b"canary" not in answer.body


def test_a_key_in_the_query_opens_azures_paths_only() -> None:
    rules = DoorRules(key="key")
    admitted(rules, asked("/openai/v1/realtime?model=m&api-key=key"))
    assert refused(rules, asked("/v1/realtime?model=m&api-key=key"))[0] == 401


def test_without_a_key_everybody_on_this_machine_may_come() -> None:
    admitted(DoorRules(), asked())
    assert admitted(DoorRules(), asked("/v1/realtime/?model=x")).model == "x"


def test_the_order_of_refusals_tells_strangers_nothing() -> None:
    origin = ("Origin", "https://evil.example")
    rules = DoorRules(key="key", allowed_origins=("https://good.example",))
    assert refused(rules, asked("/v1/realtime", origin, KEY))[0] == 403
    assert refused(rules, asked("//[elsewhere"))[0] == 404


@pytest.mark.parametrize("query", ["call_id=rtc_1", "intent=translation"])
def test_what_is_not_emulated_is_refused_by_name(query: str) -> None:
    status, error = refused(DoorRules(), asked(f"/v1/realtime?{query}"))
    assert status == 400
    assert error["param"] == query.partition("=")[0]


def test_transcription_is_a_kind_of_session() -> None:
    for rules in (DoorRules(), DoorRules(profile=OPENAI)):
        assert admitted(rules, asked("/v1/realtime?intent=transcription")).kind == "transcription"


def test_a_deployment_is_a_model_by_another_name() -> None:
    found = admitted(DoorRules(), asked("/openai/v1/realtime?deployment=mine"))
    assert (found.model, found.is_model_fixed) == ("mine", True)


def test_the_beta_shape_is_left_to_the_session_which_says_that_it_is_over() -> None:
    assert admitted(DoorRules(), asked("/v1/realtime", ("OpenAI-Beta", "realtime=v1"))).is_beta
    assert admitted(
        DoorRules(), asked("/v1/realtime", ("Sec-WebSocket-Protocol", "openai-beta.realtime-v1"))
    ).is_beta


# ------------------------------------------------------------ Azure


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        ("/openai/v1/realtime?model=voice", (), 401, "401"),
        ("/openai/v1/realtime?model=voice&api-version=2025-08-28", (KEY,), 401, "401"),
        ("/openai/v1/realtime?model=other", (KEY,), 404, "DeploymentNotFound"),
        ("/openai/v1/realtime", (KEY,), 404, "DeploymentNotFound"),
        ("/openai/v1/realtime?model=gpt-realtime-whisper", (KEY,), 400, "OpperationNotSupported"),
        ("/openai/v1/realtime?intent=transcription&model=w", (KEY,), 400, "OpperationNotSupported"),
        ("/v1/realtime?model=voice", (KEY,), 404, "404"),
    ],
)
def test_azure_refuses_before_the_upgrade(
    target: str, headers: tuple[tuple[str, str], ...], status: int, code: str
) -> None:
    rules = DoorRules(profile=AZURE, key="key", deployments=("voice",))
    found, error = refused(rules, asked(target, *headers))
    assert (found, error["code"]) == (status, code)
    assert error.keys() == {"code", "message"}


def test_azure_serves_what_is_deployed() -> None:
    rules = DoorRules(profile=AZURE, deployments=("voice", "gpt-realtime-whisper-eu"))
    assert admitted(rules, asked("/openai/v1/realtime?model=voice")).model == "voice"
    admitted(rules, asked("/openai/v1/realtime?model=gpt-realtime-whisper-eu"))
    admitted(DoorRules(profile=AZURE), asked("/openai/v1/realtime?model=any"))
    found = admitted(rules, asked("/openai/v1/realtime?intent=transcription"))
    assert found.kind == "transcription"


def test_azure_counts_connections_by_the_minute() -> None:
    rules = DoorRules(profile=AZURE, connections_per_minute=2)
    rate = Rate(2)
    request = asked("/openai/v1/realtime?model=m")
    for now in (0.0, 10.0):
        admitted(rules, request, rate=rate, now=now)
    answer = admit(rules, request, rate=rate, now=15.5)
    assert isinstance(answer, Refusal)
    assert answer.status == 429
    assert answer.headers == (("Retry-After", "45"),)
    assert "onHandshake" in answer.content["error"]["message"]
    admitted(rules, request, rate=rate, now=60.0)


# ------------------------------------------------------------ the preview address

VERSION = "api-version=2025-04-01-preview"


@pytest.mark.parametrize("profile", [DEFAULT, AZURE])
def test_the_preview_address_serves_a_deployment_in_its_dialect(profile: Profile) -> None:
    rules = DoorRules(profile=profile, key="key", deployments=("voice",))
    found = admitted(rules, asked(f"/openai/realtime?{VERSION}&deployment=voice", KEY))
    assert (found.dialect, found.model) == ("preview", "voice")
    assert admitted(rules, asked("/openai/v1/realtime?model=voice", KEY)).dialect == "ga"


@pytest.mark.parametrize("profile", [DEFAULT, AZURE])
@pytest.mark.parametrize("query", ["deployment=voice", "api-version=v1&deployment=voice"])
def test_the_preview_address_wants_a_dated_version(profile: Profile, query: str) -> None:
    found = refused(DoorRules(profile=profile), asked(f"/openai/realtime?{query}"))
    assert found == (404, {"code": "404", "message": "Resource not found"})


def test_the_preview_address_knows_deployments_and_no_models() -> None:
    request = asked(f"/openai/realtime?{VERSION}&model=voice")
    assert refused(DoorRules(profile=AZURE), request)[1]["code"] == "DeploymentNotFound"
    assert admitted(DoorRules(), request).model == DoorRules().model
    status, error = refused(
        DoorRules(deployments=("voice",)), asked(f"/openai/realtime?{VERSION}&deployment=other")
    )
    assert (status, error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("profile", [DEFAULT, AZURE])
def test_transcription_at_the_preview_address_names_no_deployment(profile: Profile) -> None:
    rules = DoorRules(profile=profile)
    target = f"/openai/realtime?{VERSION}&intent=transcription"
    found = admitted(rules, asked(target))
    assert (found.kind, found.dialect) == ("transcription", "preview")
    status, error = refused(rules, asked(f"{target}&deployment=voice"))
    assert (status, error["code"]) == (400, "OpperationNotSupported")


def test_a_preview_client_may_ask_for_the_beta() -> None:
    target = f"/openai/realtime?{VERSION}&deployment=voice"
    assert not admitted(DoorRules(), asked(target, ("OpenAI-Beta", "realtime=v1"))).is_beta


def test_openai_has_no_preview_address() -> None:
    target = f"/openai/realtime?{VERSION}&deployment=gpt-realtime"
    assert refused(DoorRules(profile=OPENAI), asked(target))[0] == 404


# ------------------------------------------------------------ OpenAI


@pytest.mark.parametrize(
    ("target", "headers", "code", "close_code"),
    [
        ("/v1/realtime?model=gpt-realtime", (), "invalid_api_key", 3000),
        ("/v1/realtime", (KEY,), "missing_model", 4000),
        ("/v1/realtime?model=gpt-live-1", (KEY,), "invalid_model", 4000),
        ("/v1/realtime?model=gpt-4o-transcribe", (KEY,), "invalid_model", 4000),
        ("/v1/realtime?intent=transcription&model=whisper-1", (KEY,), "invalid_model", 4000),
        ("/v1/realtime?model=gpt-4o-realtime-preview", (KEY,), "model_not_found", 4004),
    ],
)
def test_openai_upgrades_and_then_says_no(
    target: str, headers: tuple[tuple[str, str], ...], code: str, close_code: int
) -> None:
    found = admitted(DoorRules(profile=OPENAI, key="key"), asked(target, *headers))
    assert found.first_error is not None
    assert (found.first_error.code, found.close_code) == (code, close_code)


@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-2.1-mini", "parley-engine"])
def test_openai_serves_models_of_conversation_and_the_engines_own(model: str) -> None:
    found = admitted(DoorRules(profile=OPENAI), asked(f"/v1/realtime?model={model}"))
    assert found.first_error is None
    assert found.model == model


# ------------------------------------------------------------ limits and secrets


def test_one_session_too_many_is_refused_as_the_service_does() -> None:
    status, error = refused(DoorRules(max_sessions=2), asked(), open_sessions=2)
    assert (status, error["code"]) == (429, "rate_limit_exceeded")
    azure = DoorRules(profile=AZURE, max_sessions=2)
    status, error = refused(azure, asked("/openai/v1/realtime?model=m"), open_sessions=2)
    assert (status, error["code"]) == (429, "429")
    openai = DoorRules(profile=OPENAI, max_sessions=2)
    found = admitted(openai, asked("/v1/realtime?model=gpt-realtime"), open_sessions=2)
    assert found.first_error is not None
    assert found.first_error.code == "rate_limit_exceeded"
    admitted(DoorRules(max_sessions=2), asked(), open_sessions=1)


@pytest.mark.parametrize(
    ("session", "kind", "model"),
    [
        ({"type": "realtime", "model": "gpt-realtime-mini"}, "realtime", "gpt-realtime-mini"),
        ({"type": "transcription"}, "transcription", "parley-engine"),
    ],
)
def test_a_client_secret_opens_the_session_that_it_was_made_for(
    session: dict[str, Any], kind: str, model: str
) -> None:
    secrets = {"ek_1": Secret("ek_1", 100, session)}
    protocols = ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.ek_1")
    found = admitted(
        DoorRules(key="key"), asked("/v1/realtime", protocols), find_secret=secrets.get
    )
    assert (found.kind, found.model, found.preset) == (kind, model, session)


def test_with_a_client_secret_the_address_needs_no_model() -> None:
    secrets = {"ek_1": Secret("ek_1", 100, {"type": "realtime"})}
    rules = DoorRules(profile=OPENAI, key="key")
    request = asked("/v1/realtime", ("Authorization", "Bearer ek_1"))
    found = admitted(rules, request, find_secret=secrets.get)
    assert (found.first_error, found.model) == (None, rules.model)


def test_a_secret_for_conversation_opens_no_transcription() -> None:
    secrets = {"ek_1": Secret("ek_1", 100, {"type": "realtime"})}
    request = asked("/v1/realtime?intent=transcription", ("Authorization", "Bearer ek_1"))
    assert refused(DoorRules(key="key"), request, find_secret=secrets.get)[0] == 400
