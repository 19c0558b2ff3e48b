from datetime import date
from typing import Any

import pytest

from rtclient.protocol.session import VOICES
from server.gateway.messages import Config
from server.gateway.session import Offer, Wanted, changes, merged, wanted
from server.relay.actions import Count, Notice

TODAY = date(2026, 11, 21)
OFFER = Offer("openai", "gpt-realtime-2.1", frozenset(VOICES), "marin", "gpt-transcribe")


def config(**fields: Any) -> Config:
    return Config.model_validate({"type": "config", **fields})


def want(offer: Offer = OFFER, today: date = TODAY, **fields: Any) -> Wanted:
    return wanted(config(**fields), offer, config(**fields), today)


def codes(found: Wanted) -> list[str]:
    return [action.code for action in found.told if isinstance(action, Notice)]


def turns(found: Wanted) -> Any:
    return found.session["audio"]["input"]["turn_detection"]


class TestTurns:
    @pytest.mark.parametrize(
        ("fields", "disagrees"),
        [
            ({"turn_detection": "none"}, False),
            ({"vad": {"enabled": False}}, False),
            ({"turn_detection": "none", "vad": {"enabled": False}}, False),
            ({"turn_detection": "server_vad", "vad": {"enabled": False}}, True),
            ({"turn_detection": "none", "vad": {"enabled": True}}, True),
        ],
    )
    def test_off_wins(self, fields: dict[str, Any], disagrees: bool) -> None:
        found = want(**fields)
        assert turns(found) is None
        assert codes(found) == (["turn_detection_disagrees"] if disagrees else [])

    def test_both_on_is_no_disagreement(self) -> None:
        found = want(turn_detection="server_vad", vad={"enabled": True, "threshold": 0.7})
        assert turns(found)["threshold"] == 0.7
        assert codes(found) == []

    def test_semantic_turns_have_an_eagerness_and_no_numbers(self) -> None:
        assert turns(want(turn_detection="semantic_vad", vad={"eagerness": "low"})) == {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": True,
            "interrupt_response": True,
        }


class TestNames:
    @pytest.mark.parametrize("voice", VOICES)
    def test_every_voice_of_the_service_is_taken(self, voice: str) -> None:
        found = want(voice=voice)
        assert found.session["audio"]["output"]["voice"] == voice
        assert codes(found) == []

    def test_another_voice_becomes_the_operators(self) -> None:
        found = want(voice="nova")
        assert found.session["audio"]["output"]["voice"] == "marin"
        assert codes(found) == ["voice_replaced"]

    def test_nobody_can_say_which_voices_another_server_has(self) -> None:
        offer = Offer("openai", "x", None, "marin", None)
        assert want(offer, voice="af_heart").session["audio"]["output"]["voice"] == "af_heart"

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            ("gpt-4o-realtime-preview", "is retired, its successor is gpt-realtime-2.1"),
            ("gpt-4o-mini-realtime-preview-2024-12-17", "successor is gpt-realtime-2.1-mini"),
            ("gpt-realtime", "will be retired on 2027-01-20"),
            ("something-else", "no such model"),
        ],
    )
    def test_another_model_is_answered_by_the_configured_one(self, model: str, words: str) -> None:
        (notice,) = want(model=model).told
        assert isinstance(notice, Notice)
        assert words in notice.message

    def test_the_configured_model_needs_no_notice(self) -> None:
        assert codes(want(model="gpt-realtime-2.1")) == []

    def test_a_model_is_retired_from_its_last_day_on(self) -> None:
        (notice,) = want(today=date(2027, 1, 20), model="gpt-realtime").told
        assert isinstance(notice, Notice)
        assert notice.level == "warning"


class TestTranscription:
    def test_the_configured_model_writes(self) -> None:
        found = want(input_transcription={"model": "whisper-1"})
        assert found.session["audio"]["input"]["transcription"] == {"model": "gpt-transcribe"}
        assert codes(found) == ["transcription_model_replaced"]

    def test_off_is_off(self) -> None:
        found = want(input_transcription={"enabled": False})
        assert found.session["audio"]["input"]["transcription"] is None
        assert codes(found) == []

    def test_the_operator_may_have_turned_it_off(self) -> None:
        offer = Offer("openai", "x", None, "marin", None)
        assert codes(want(offer)) == []
        assert codes(want(offer, input_transcription={"enabled": True})) == ["transcription_off"]


class TestTemperature:
    PREVIEW = Offer("azure", "x", None, "marin", None, takes_temperature=True)

    def test_today_there_is_none(self) -> None:
        found = want(temperature=0.8)
        assert "temperature" not in found.session
        assert codes(found) == ["temperature_not_supported"]
        assert Count("fields_lost") in found.told

    def test_without_a_word_about_it_there_is_no_notice(self) -> None:
        assert want().told == ()

    @pytest.mark.parametrize(("asked", "sent"), [(0.8, 0.8), (0, 0.6), (2, 1.2)])
    def test_a_preview_service_takes_what_is_within_its_range(
        self, asked: float, sent: float
    ) -> None:
        found = want(self.PREVIEW, temperature=asked)
        assert found.session["temperature"] == sent
        assert codes(found) == []


class TestMerging:
    def test_what_is_left_out_stays(self) -> None:
        found = merged(
            config(voice="sage", vad={"threshold": 0.1}), config(vad={"silence_duration_ms": 9})
        )
        assert found.voice == "sage"
        assert (found.vad.threshold, found.vad.silence_duration_ms) == (0.1, 9)

    @pytest.mark.parametrize(
        ("before", "after", "is_on"),
        [
            ({"vad": {"enabled": False}}, {"turn_detection": "server_vad"}, True),
            ({"turn_detection": "none"}, {"vad": {"enabled": True}}, True),
            ({"turn_detection": "semantic_vad"}, {"vad": {"enabled": True}}, True),
            ({"turn_detection": "semantic_vad"}, {"vad": {"enabled": False}}, False),
            ({"vad": {"enabled": True}}, {"turn_detection": "none"}, False),
            ({"vad": {"enabled": False}}, {"voice": "sage"}, False),
        ],
    )
    def test_the_newer_word_about_turns_counts(
        self, before: dict[str, Any], after: dict[str, Any], is_on: bool
    ) -> None:
        found = merged(config(**before), config(**after))
        session = wanted(found, OFFER, config(**after), TODAY).session
        assert (session["audio"]["input"]["turn_detection"] is not None) == is_on


class TestChanges:
    def test_equal_sessions_have_none(self) -> None:
        assert changes(want().session, want().session) == {}

    def test_only_what_differs_is_sent(self) -> None:
        new = want(voice="sage", max_response_tokens=100)
        assert changes(want().session, new.session) == {
            "type": "realtime",
            "max_output_tokens": 100,
            "audio": {"output": {"voice": "sage"}},
        }

    def test_turning_off_is_a_change(self) -> None:
        found = changes(want().session, want(turn_detection="none").session)
        assert found == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
