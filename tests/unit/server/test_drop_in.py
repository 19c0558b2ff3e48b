"""What a handshake on a drop-in path asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.drop_in import (
    FOREIGN,
    SOCKETS,
    Models,
    Refused,
    Wish,
    family_of,
    foreign,
    key_in_query,
    model_refusal,
    refused_by,
    wish_of,
)
from server.errors import FAULTS

MODELS = Models("served")
STRICT = Models("served", is_strict=True)


def wish(query: str, path: str = "/v1/realtime", **options: Any) -> Wish | Refused:
    pairs = [tuple(pair.split("=")) for pair in query.split("&") if pair]
    return wish_of(path, pairs, options.pop("models", MODELS), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/realtime", "model=served"),
        ("/v1/realtime", "api-version=2025-04-01-preview&model=served"),
        ("/openai/v1/realtime", "model=served"),
        ("/openai/realtime", "api-version=2024-10-01-preview&deployment=served"),
        ("/openai/realtime", "deployment=served&api-version=2024-10-01-preview"),
        ("/v1/realtime", "deployment=served"),
        ("/v1/realtime", "model="),
        ("/v1/realtime", ""),
    ],
)
def test_the_model_may_be_named_in_every_way_that_clients_have(path: str, query: str) -> None:
    guess = "preview" if path == "/openai/realtime" else "ga"
    assert wish(query, path) == Wish(SOCKETS[path], evidence=guess)
    assert wish(query, path, models=STRICT) == Wish(SOCKETS[path], evidence=guess)


def test_another_model_is_served_by_the_one_there_is() -> None:
    assert wish("model=gpt-4o-realtime-preview") == Wish("openai", is_other_model=True)
    assert wish("model=../../x y") == Wish("openai", is_other_model=True)


def test_another_model_is_refused_as_the_service_does_where_that_is_wanted() -> None:
    found = wish("model=gpt-realtime", models=STRICT)
    assert isinstance(found, Refused)
    assert (found.code, found.close_code) == ("model_not_found", 4004)
    assert "`gpt-realtime`" in found.message
    for path in ("/openai/v1/realtime", "/openai/realtime"):
        found = wish("deployment=x", path, models=STRICT)
        assert isinstance(found, Refused)
        assert (found.status, found.code, found.close_code) == (404, "DeploymentNotFound", None)


def test_azure_has_other_words_for_a_model_that_only_transcribes() -> None:
    found = wish("model=whisper-1", "/openai/v1/realtime", models=STRICT)
    assert isinstance(found, Refused)
    assert (found.status, found.code) == (400, "OpperationNotSupported")


def test_a_name_that_is_shown_is_short() -> None:
    why = model_refusal("x" * 9999, "/v1/realtime", STRICT)
    assert why is not None
    assert len(why.message) < 300


@pytest.mark.parametrize("query", ["intent=transcription", "intent=transcription&model=any"])
def test_a_transcription_needs_no_model(query: str) -> None:
    assert wish(query, models=STRICT) == Wish("openai", kind="transcription")


def test_ours_are_read_and_the_unknown_ignored() -> None:
    assert wish("sequencer=1&dialect=preview&agent=7") == Wish(
        "openai", uses_sequencer=True, dialect="preview", has_unknown=True
    )
    assert wish("sequencer=0&dialect=ga") == Wish("openai", dialect="ga")


def test_the_handshake_lets_one_guess_the_dialect() -> None:
    assert wish("", subprotocols=["openai-beta.realtime-v1"]) == Wish("openai", evidence="preview")
    assert wish("", beta_header="realtime=v1") == Wish("openai", evidence="preview")
    found = wish("dialect=ga", "/openai/realtime")
    assert found == Wish("azure-preview", evidence="preview", dialect="ga")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("model=a&model=a", "model"),
        ("sk-secret=1&sk-secret=2", None),
        ("call_id=rtc_1", "call_id"),
        ("intent=conversation", "intent"),
        ("intent=", "intent"),
        ("sequencer=yes", "sequencer"),
        ("dialect=beta", "dialect"),
    ],
)
def test_what_cannot_be_meant_is_refused(query: str, param: str | None) -> None:
    found = wish(query)
    assert isinstance(found, Refused)
    assert (found.status, found.code, found.param) == (400, "invalid_value", param)
    assert "secret" not in found.message


@given(
    st.sampled_from([*SOCKETS]),
    st.lists(
        st.tuples(st.sampled_from(["model", "intent", "dialect", "odd"]) | st.text(), st.text())
    ),
    st.booleans(),
)
def test_any_address_is_understood_or_refused(
    path: str, query: list[tuple[str, str]], is_strict: bool
) -> None:
    found = wish_of(path, query, Models("served", is_strict))
    if isinstance(found, Refused):
        assert found.status in (400, 404)
        assert len(found.message) < 500


@pytest.mark.parametrize("model", ["gpt-live-1", "gpt-realtime-translate"])
@pytest.mark.parametrize("path", SOCKETS)
def test_models_of_other_protocols_are_refused(path: str, model: str) -> None:
    found = wish(f"model={model}", path)
    assert isinstance(found, Refused)
    assert (found.status, found.code) == (400, "protocol_not_served")
    assert "another protocol" in found.message
    assert path in found.message


def test_a_live_transcriber_is_no_other_protocol() -> None:
    assert wish("model=gpt-live-transcribe&intent=transcription") == Wish(
        "openai", kind="transcription"
    )


def test_the_preset_of_a_client_secret_counts() -> None:
    assert wish("", preset={"type": "transcription"}) == Wish("openai", kind="transcription")
    assert wish("", preset={"model": "other"}) == Wish("openai", is_other_model=True)
    assert wish("model=served", preset={"model": "other"}) == Wish("openai")
    assert isinstance(wish("", preset={"model": "other"}, models=STRICT), Refused)
    assert isinstance(wish("intent=transcription", preset={"type": "realtime"}), Refused)


def test_a_refusal_has_the_shape_of_its_family() -> None:
    why = Refused(400, "invalid_value", "No.", param="intent")
    assert why.body("openai") == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "intent",
            "code": "invalid_value",
        }
    }
    for family in ("azure", "azure-preview"):
        assert why.body(family) == {"error": {"code": "invalid_value", "message": "No."}}


def test_a_wrong_key_is_told_in_the_services_words() -> None:
    fault = FAULTS["unauthorized"]
    ours, azures = refused_by(fault, "openai"), refused_by(fault, "azure")
    assert (ours.status, ours.code) == (401, "invalid_api_key")
    assert (azures.status, azures.code) == (401, "401")
    assert "ACCESS_TOKEN" in ours.message
    assert "ACCESS_TOKEN" in azures.message
    busy = refused_by(FAULTS["too_many_sessions"], "openai")
    assert (busy.status, busy.code, busy.type) == (503, "too_many_sessions", "rate_limit_error")


def test_paths_belong_to_a_service() -> None:
    assert [family_of(path) for path in SOCKETS] == list(SOCKETS.values())
    assert family_of("/openai/v1/models") == "azure"
    assert family_of("/ws") is family_of("/") is family_of("/realtime") is None


def test_a_key_stands_in_the_address_of_azure_only() -> None:
    query = [("api-key", "a"), ("model", "m")]
    assert key_in_query("/openai/realtime", query) == ["a"]
    assert key_in_query("/v1/realtime", query) == []


@pytest.mark.parametrize("path", FOREIGN)
def test_a_path_of_another_protocol_says_where_to_go(path: str) -> None:
    why = foreign(path)
    assert (why.status, why.code) == (404, "protocol_not_served")
    assert ("/openai/v1/realtime" if path.startswith("/openai") else "/v1/realtime") in why.message
