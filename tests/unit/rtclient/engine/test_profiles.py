"""Names of models, and how each profile says no to them."""

import pytest

from rtclient.engine import profiles
from rtclient.engine.profiles import AZURE, DEFAULT, OPENAI


@pytest.mark.parametrize(
    ("model", "converses", "transcribes"),
    [
        ("gpt-realtime", True, False),
        ("gpt-realtime-2.1-mini", True, False),
        ("gpt-realtime-whisper", False, True),
        ("gpt-realtime-translate", False, False),
        ("whisper-1", False, True),
        ("gpt-5", False, False),
    ],
)
def test_a_name_says_what_a_model_can_do(model: str, converses: bool, transcribes: bool) -> None:
    assert profiles.converses(model) is converses
    assert profiles.transcribes_only(model) is transcribes


def test_by_default_any_name_will_do_until_the_operator_gives_some() -> None:
    assert profiles.wrong_model(DEFAULT, "anything", ()) is None
    refused = profiles.wrong_model(DEFAULT, "anything", ("mine",))
    assert refused is not None
    assert refused.code == "model_not_found"
    assert profiles.wrong_model(DEFAULT, "mine", ("mine",)) is None


def test_no_answer_to_a_wrong_key_could_hold_one() -> None:
    for profile in (DEFAULT, OPENAI, AZURE):
        assert profiles.wrong_key(profile).status == 401
    assert profiles.wrong_key(OPENAI).close_code == 3000


@pytest.mark.parametrize(
    ("status", "code", "azures_code"),
    [
        (401, "invalid_api_key", "401"),
        (429, "rate_limit_exceeded", "429"),
        (503, "server_error", "503"),
    ],
)
def test_a_refusal_on_purpose_has_the_words_of_the_service(
    status: int, code: str, azures_code: str
) -> None:
    for profile, expected in ((DEFAULT, code), (AZURE, azures_code)):
        denial = profiles.on_purpose(profile, status, 7)
        assert (denial.status, denial.code) == (status, expected)
    assert profiles.on_purpose(DEFAULT, 429, 7).retry_after_s == 7
