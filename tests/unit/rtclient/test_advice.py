"""Sentences for everything that may not work."""

import re
from typing import get_args

import pytest

from rtclient import advice
from rtclient.advice import Advice, Service
from rtclient.errors import AuthError, ConnectError, HandshakeRejected, ServerError
from rtclient.service.causes import Cause

SERVICES = get_args(Service)
CAUSES = get_args(Cause)
OF_DEVICES = [value for value in vars(advice).values() if isinstance(value, Advice)]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_its_sentences(cause: Cause, service: Service) -> None:
    found = advice.of_cause(cause, service)
    assert re.fullmatch(r"[A-Z].*\.", found.message)
    assert re.fullmatch(r"[A-Zp].*\.", found.advice)


@pytest.mark.parametrize("found", OF_DEVICES, ids=lambda found: found.code)
def test_every_trouble_with_devices_has_its_sentences(found: Advice) -> None:
    assert re.fullmatch(r"[A-Z].*\.", found.message)
    assert re.fullmatch(r"[A-Zp].*\.", found.advice)


@pytest.mark.parametrize(
    ("exc", "service", "setting"),
    [
        (AuthError(401), "azure", "AZURE_OPENAI_API_KEY"),
        (AuthError(401), "azure", "AZURE_OPENAI_DEPLOYMENT"),
        (AuthError(401), "openai", "OPENAI_API_KEY"),
        (AuthError(401), "server", "ACCESS_TOKEN"),
        (ServerError("Incorrect API key provided: abc"), "openai", "OPENAI_API_KEY"),
        (ServerError("x", code="model_not_found"), "openai", "OPENAI_MODEL"),
        (HandshakeRejected(404), "azure", "AZURE_OPENAI_DEPLOYMENT"),
        (HandshakeRejected(404), "openai", "OPENAI_MODEL"),
        (ConnectError("refused"), "server", "--url"),
        (ConnectError("tls"), "openai", "EXTRA_CA_FILE"),
    ],
)
def test_the_advice_names_what_to_change_for_this_service(
    exc: Exception, service: Service, setting: str
) -> None:
    found = advice.of_exception(exc, service)
    assert found is not None
    assert setting in found.advice


def test_another_service_is_not_talked_of() -> None:
    for service, other in (("openai", "AZURE"), ("engine", "AZURE"), ("server", "AZURE")):
        found = advice.of_exception(AuthError(401), service)  # type: ignore[arg-type]
        assert found is not None
        assert other not in found.text


def test_a_bug_is_no_matter_of_advice() -> None:
    assert advice.of_exception(KeyError("x"), "azure") is None
    assert advice.of_exception(ServerError("x", code="invalid_value"), "azure") is None
    assert advice.of_error_event({"error": {"code": "invalid_value"}}, "azure") is None


def test_a_missing_transcription_names_the_setting() -> None:
    absent = advice.transcription_absent("azure", is_configured=True, after_s=10.0)
    assert "within 10 seconds" in absent.text
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in absent.text
    off = advice.transcription_absent("openai", is_configured=False, after_s=10.0)
    assert "TRANSCRIPTION_MODEL" in off.text
    failed = advice.transcription_failed("openai", ("model_not_found",))
    assert failed.text.endswith("The service said: model_not_found.")
