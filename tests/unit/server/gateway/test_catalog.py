from datetime import date

from rtclient.protocol.session import VOICES
from server.gateway.catalog import MODELS, catalog
from server.gateway.session import Offer

TODAY = date(2026, 11, 21)
OPENAI = Offer("openai", "gpt-realtime", frozenset(VOICES), "alloy", "whisper-1")
AZURE = Offer("azure", "my-voice", None, "marin", None, takes_temperature=True)


def test_what_answers_comes_first_and_the_retired_are_marked() -> None:
    (openai,) = catalog({"openai": OPENAI}, "openai", TODAY)["providers"]
    assert openai["models"][0] == {
        "model": "gpt-realtime",
        "answers": True,
        "retired": False,
        "retires_on": "2027-01-20",
        "successor": "gpt-realtime-2.1",
    }
    assert sorted(each["model"] for each in openai["models"]) == sorted(MODELS)
    assert {each["model"] for each in openai["models"] if each["retired"]} == {
        "gpt-4o-realtime-preview",
        "gpt-4o-mini-realtime-preview",
    }
    assert openai["voices"] == list(VOICES)


def test_every_provider_is_told() -> None:
    found = catalog({"openai": OPENAI, "azure": AZURE}, "azure", TODAY)
    assert found["default_provider"] == "azure"
    azure = found["providers"][1]
    assert azure["models"][0] == {
        "model": "my-voice",
        "answers": True,
        "retired": False,
        "retires_on": None,
        "successor": None,
    }
    assert (azure["voices"], azure["voice"]) == (None, "marin")
    assert (azure["transcription"], azure["temperature"]) == (False, True)
