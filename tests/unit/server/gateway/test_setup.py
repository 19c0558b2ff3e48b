from typing import Any

import pytest

from rtclient.protocol.audio import PCM16
from server.errors import FAULTS
from tests.support.gateway_play import OFFERS, GatewayPlay

SECOND = b"\1\0" * 24_000
CONFIG = {
    "provider": "openai",
    "model": "gpt-4o-realtime-preview",
    "voice": "alloy",
    "instructions": "You are a helpful assistant.",
    "turn_detection": "server_vad",
    "vad": {
        "enabled": True,
        "threshold": 0.5,
        "silence_duration_ms": 500,
        "prefix_padding_ms": 300,
    },
    "input_transcription": {"enabled": True, "model": "whisper-1"},
    "temperature": 0.8,
}


@pytest.fixture
def play() -> GatewayPlay:
    return GatewayPlay()


class TestConnecting:
    def test_ready_comes_at_once_and_nothing_is_dialled(self, play: GatewayPlay) -> None:
        play.client_gets("ready", session_id="sess_1", version="1.0")
        play.nothing_more()

    def test_the_first_config_dials_and_is_the_servers_own_update(self, play: GatewayPlay) -> None:
        play.client_gets("ready")
        play.client("config", **CONFIG)
        play.dials("openai")
        session = play.upstream_opens()
        assert session == {
            "type": "realtime",
            "instructions": "You are a helpful assistant.",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "tools": [],
            "tool_choice": "auto",
            "audio": {
                "input": {
                    "format": PCM16.to_wire(),
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                    "transcription": {"model": "gpt-transcribe"},
                },
                "output": {"format": PCM16.to_wire(), "voice": "alloy"},
            },
        }
        play.client_gets(
            "session_updated",
            provider="openai",
            voice="alloy",
            turn_detection="server_vad",
            transcription=True,
        )
        assert play.told() == {
            "model_replaced",
            "transcription_model_replaced",
            "temperature_not_supported",
        }
        assert play.counts["fields_lost"] == 1

    def test_sound_before_config_has_the_defaults(self, play: GatewayPlay) -> None:
        play.client_gets("ready")
        play.client_sends(SECOND[:4800])
        play.dials("engine")
        session = play.upstream_opens()
        assert session["audio"]["output"]["voice"] == "alloy"
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
        play.client_gets("session_updated")
        play.upstream_hears(SECOND[:4800])
        assert play.told() == set()

    @pytest.mark.parametrize("kind", ["text", "create_response"])
    def test_what_asks_for_an_answer_dials_too(self, play: GatewayPlay, kind: str) -> None:
        play.client_gets("ready")
        play.client(kind, **({"text": "Hello."} if kind == "text" else {}))
        play.dials("engine")
        play.upstream_opens()
        play.client_gets("session_updated")
        if kind == "text":
            play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")

    @pytest.mark.parametrize(
        "kind", ["commit_audio", "clear_audio", "cancel_response", "function_result"]
    )
    def test_what_needs_a_conversation_is_not_connected(self, play: GatewayPlay, kind: str) -> None:
        play.client_gets("ready")
        play.client(kind, call_id="call_1", result="")
        play.client_gets_error("NotConnected", fatal=False)

    @pytest.mark.parametrize(
        ("name", "target"),
        [("azure", "azure"), ("OpenAI", "openai"), ("hume", "engine"), ("", "engine")],
    )
    def test_a_provider_that_is_not_configured_is_the_default(
        self, play: GatewayPlay, name: str, target: str
    ) -> None:
        play.client_gets("ready")
        play.client("config", provider=name)
        play.dials(target)
        assert play.told() == ({"provider_replaced"} if name == "hume" else set())

    def test_a_failed_dial_is_told_and_closes(self, play: GatewayPlay) -> None:
        play.client_gets("ready")
        play.client("config")
        play.dials()
        play.happens(play.stack.on_dial_failed(FAULTS["upstream_auth_failed"], play.now))
        error = play.client_gets_error("AuthenticationFailed", fatal=True, retry_after_ms=None)
        assert error["reason"] == "upstream_auth_failed"
        play.closes("client", 1008)
        play.closes("upstream", 1008)

    def test_a_voice_that_the_service_rejects_is_left_out(self, play: GatewayPlay) -> None:
        play.client_gets("ready")
        play.client("config", voice="marin", input_transcription={"enabled": False})
        play.dials()
        play.happens(play.stack.on_dialled(play.now))
        play.upstream("session.created", session=play.session)
        update = play.upstream_gets("session.update")
        error = {
            "type": "invalid_request_error",
            "event_id": update["event_id"],
            "param": "session.audio.output.voice",
        }
        play.upstream("error", error=error)
        assert "voice" not in play.upstream_gets("session.update")["session"]["audio"]["output"]
        assert play.told() == {"voice_rejected"}


class TestReconfiguring:
    def test_a_second_config_sends_what_differs(self, play: GatewayPlay) -> None:
        play.open(instructions="Be short.", voice="marin")
        play.client("config", instructions="Be long.", vad={"silence_duration_ms": 900})
        update = play.upstream_gets("session.update")["session"]
        assert update == {
            "type": "realtime",
            "instructions": "Be long.",
            "audio": {
                "input": {
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 900,
                        "create_response": True,
                        "interrupt_response": True,
                    }
                }
            },
        }
        play.upstream_takes(update)
        play.client_gets("session_updated", voice="marin")

    def test_one_that_changes_nothing_is_answered_all_the_same(self, play: GatewayPlay) -> None:
        play.open(voice="marin")
        play.client("config", voice="marin")
        play.client_gets("session_updated", voice="marin", turn_detection="server_vad")

    def test_one_that_is_refused_is_told_and_forgotten(self, play: GatewayPlay) -> None:
        play.open(voice="marin")
        play.client("config", voice="cedar")
        update = play.upstream_gets("session.update")
        error = {
            "type": "invalid_request_error",
            "code": "cannot_update_voice",
            "message": "Cannot update a conversation's voice if assistant audio is present.",
            "param": "session.audio.output.voice",
            "event_id": update["event_id"],
        }
        play.upstream("error", error=error)
        play.client_gets_error(
            "InvalidConfiguration", reason="cannot_update_voice", param="voice", fatal=False
        )
        play.client("config", instructions="Be short.")
        assert "audio" not in play.upstream_gets("session.update")["session"]

    def test_one_that_is_refused_takes_no_later_one_with_it(self, play: GatewayPlay) -> None:
        play.open(voice="marin", instructions="Be kind.")
        play.client("config", voice="cedar")
        refused = play.upstream_gets("session.update")
        play.client("config", instructions="Be short.")
        taken = play.upstream_gets("session.update")["session"]
        self.refuse(play, refused)
        play.upstream_takes(taken)
        play.client_gets("session_updated", voice="marin")
        play.client("config", instructions="Be kind.")
        update = play.upstream_gets("session.update")["session"]
        assert update == {"type": "realtime", "instructions": "Be kind."}

    def test_one_that_came_before_the_first_answer_may_be_refused(self, play: GatewayPlay) -> None:
        play.client_gets("ready")
        play.client("config", voice="marin")
        play.dials()
        play.client("config", voice="cedar")
        play.happens(play.stack.on_dialled(play.now))
        play.upstream("session.created", session=play.session)
        own = play.upstream_gets("session.update")["session"]
        play.upstream_takes(own)
        play.client_gets("session_updated", voice="marin")
        self.refuse(play, play.upstream_gets("session.update"))
        play.client("config", voice="cedar")
        assert play.upstream_gets("session.update")["session"]["audio"]["output"]

    def test_what_the_service_need_not_know_outlives_a_refusal(self, play: GatewayPlay) -> None:
        play.open(voice="marin", turn_detection="none")
        play.client("config", vad={"silence_duration_ms": 900})
        play.client_gets("session_updated", turn_detection="none")
        play.client("config", voice="cedar")
        self.refuse(play, play.upstream_gets("session.update"))
        play.client("config", turn_detection="server_vad")
        audio = play.upstream_gets("session.update")["session"]["audio"]
        assert audio["input"]["turn_detection"]["silence_duration_ms"] == 900
        assert "output" not in audio

    @staticmethod
    def refuse(play: GatewayPlay, update: dict[str, Any]) -> None:
        param = "session.audio.output.voice"
        play.upstream("error", error={"param": param, "event_id": update["event_id"]})
        play.client_gets_error("InvalidConfiguration", param="voice")

    def test_the_provider_stays(self, play: GatewayPlay) -> None:
        play.open(provider="azure")
        play.client("config", provider="openai")
        play.client_gets("session_updated", provider="azure")
        assert "provider_kept" in play.told()


def test_every_offer_can_be_chosen() -> None:
    for name in OFFERS:
        play = GatewayPlay(default=name)
        play.client_gets("ready")
        play.client("config")
        play.dials(name)
