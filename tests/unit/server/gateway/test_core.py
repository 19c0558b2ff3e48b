import json
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

CALL = {
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "get_time",
    "arguments": '{"zone":"UTC"}',
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

    def test_the_provider_stays(self, play: GatewayPlay) -> None:
        play.open(provider="azure")
        play.client("config", provider="openai")
        play.client_gets("session_updated", provider="azure")
        assert "provider_kept" in play.told()


class TestTalking:
    def test_sound_crosses_both_ways_byte_for_byte(self, play: GatewayPlay) -> None:
        play.open()
        play.client_sends(SECOND[:960])
        play.upstream_hears(SECOND[:960])
        play.answer_begins()
        play.audio(SECOND[:1200])
        play.client_hears(SECOND[:1200])

    def test_half_a_sample_waits_for_the_other_half(self, play: GatewayPlay) -> None:
        play.open()
        play.client_sends(b"\1")
        play.client_sends(b"\2\3\4\5")
        play.upstream_hears(b"\1\2\3\4")
        play.client_sends(b"")
        play.client_sends(b"\6")
        play.upstream_hears(b"\5\6")

    def test_a_frame_that_is_too_large_is_dropped_and_the_samples_stay_whole(
        self, play: GatewayPlay
    ) -> None:
        play.open()
        play.client_sends(bytes(64 * 1024))
        play.upstream_hears(bytes(64 * 1024))
        play.client_sends(bytes(64 * 1024) + b"\7")
        play.client_gets_error("InvalidMessage", reason="frame_too_large", fatal=False)
        play.client_sends(b"\10\1\2")
        play.upstream_hears(b"\7\10\1\2")

    def test_a_spoken_turn(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=1500, item_id="item_u")
        play.client_gets("speech_started", audio_ms=1500, item_id="item_u")
        play.upstream("input_audio_buffer.speech_stopped", audio_end_ms=3200, item_id="item_u")
        play.client_gets("speech_stopped", audio_ms=3200, item_id="item_u")
        play.upstream("input_audio_buffer.committed", item_id="item_u")
        words = "conversation.item.input_audio_transcription"
        play.upstream(f"{words}.delta", item_id="item_u", delta="Hello!")
        play.upstream(f"{words}.delta", item_id="item_u", delta=" How are you?")
        play.client_gets("transcript", role="user", text="Hello!", is_final=False)
        play.upstream(f"{words}.completed", item_id="item_u", transcript="Hello! How are you?")
        play.client_gets("transcript", role="user", text="Hello! How are you?", is_final=True)
        play.answer_begins()
        spoken = "response.output_audio_transcript"
        play.upstream(f"{spoken}.delta", item_id="item_a", delta="I'm doing well.")
        play.audio(SECOND)
        play.client_hears(SECOND)
        play.upstream(f"{spoken}.delta", item_id="item_a", delta=" Thank you!")
        play.client_gets("transcript", role="assistant", text="I'm doing well.", is_final=False)
        play.upstream(f"{spoken}.done", item_id="item_a", transcript="I'm doing well. Thank you!")
        play.client_gets(
            "transcript", role="assistant", text="I'm doing well. Thank you!", is_final=True
        )
        usage = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20, "more": {}}
        response = {"id": "resp_1", "status": "completed", "output": [], "usage": usage}
        play.upstream("response.done", response=response)
        play.client_gets(
            "response_done",
            status="completed",
            usage={"input_tokens": 10, "output_tokens": 20, "total_tokens": 30},
        )

    def test_writing_is_answered(self, play: GatewayPlay) -> None:
        play.open()
        play.client("text", text="What time is it?")
        item = play.upstream_gets("conversation.item.create")["item"]
        assert item["content"] == [{"type": "input_text", "text": "What time is it?"}]
        play.upstream_gets("response.create")

    def test_create_response_does_nothing_while_an_answer_is_due(self, play: GatewayPlay) -> None:
        play.open()
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")
        play.client("create_response")
        assert play.told() == {"answers_already"}
        play.answer_begins()
        play.answer_ends()
        play.client_gets("response_done")
        play.client("create_response")
        play.upstream_gets("response.create")

    def test_words_that_cannot_be_written_down_are_noticed(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("conversation.item.input_audio_transcription.failed", item_id="item_u")
        assert play.told() == {"transcription_failed"}

    def test_a_response_that_fails_is_an_error(self, play: GatewayPlay) -> None:
        play.open()
        play.answer_begins()
        details = {"type": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow."}}
        response = {"id": "resp_1", "status": "failed", "status_details": details}
        play.upstream("response.done", response=response)
        play.client_gets_error("RateLimitExceeded", retry_after_ms=60_000, fatal=False)
        play.client_gets("response_done", status="failed", usage=None)


class TestManualTurns:
    def test_commit_ends_the_turn_and_is_answered(self, play: GatewayPlay) -> None:
        play.open(turn_detection="none")
        play.client_sends(SECOND)
        play.upstream_hears(SECOND)
        play.client("commit_audio")
        play.upstream_gets("input_audio_buffer.commit")
        play.upstream_gets("response.create")
        play.client("create_response")  # what older clients send after it
        play.nothing_more()

    def test_a_turn_that_is_too_short_is_none(self, play: GatewayPlay) -> None:
        play.open(turn_detection="none")
        play.client_sends(SECOND[:4798])
        play.upstream_hears(SECOND[:4798])
        play.client("commit_audio")
        assert play.told() == {"turn_too_short"}
        play.client("clear_audio")
        play.upstream_gets("input_audio_buffer.clear")

    def test_commit_while_the_service_finds_the_turns_needs_speech(self, play: GatewayPlay) -> None:
        play.open()
        play.client_sends(SECOND)
        play.upstream_hears(SECOND)
        play.client("commit_audio")
        assert play.told() == {"commit_not_needed"}
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
        play.client_gets("speech_started")
        play.client("commit_audio")
        play.upstream_gets("input_audio_buffer.commit")
        play.upstream_gets("response.create")


class TestInterrupting:
    def begin(self, play: GatewayPlay, **config: Any) -> None:
        play.open(**config)
        play.answer_begins()
        play.audio(SECOND)
        play.client_hears(SECOND)

    def test_speech_stops_the_answer_and_its_sound(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.after(0.4)
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=900, item_id="item_u")
        play.client_gets("speech_started", audio_ms=900)
        play.client_gets(
            "interrupted", response_id="resp_1", item_id="item_1", audio_ms=1000, heard_ms=400
        )
        play.upstream_gets("conversation.item.truncate", item_id="item_1", audio_end_ms=400)
        play.audio(SECOND)
        play.nothing_more()
        play.answer_ends("cancelled")
        play.client_gets("response_done", status="cancelled")
        play.audio(SECOND)
        play.answer_begins("resp_2")
        play.audio(SECOND, "resp_1")
        play.audio(SECOND, "resp_2", "item_2")
        play.client_hears(SECOND)

    def test_speech_stops_what_is_still_playing_of_an_answer_that_is_complete(
        self, play: GatewayPlay
    ) -> None:
        self.begin(play)
        play.answer_ends()
        play.client_gets("response_done", status="completed")
        play.after(0.25)
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=900, item_id="item_u")
        play.client_gets("speech_started")
        play.client_gets("interrupted", audio_ms=1000, heard_ms=250)
        play.upstream_gets("conversation.item.truncate", audio_end_ms=250)

    def test_speech_after_the_last_sound_interrupts_nothing(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.answer_ends()
        play.client_gets("response_done")
        play.after(1.1)
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=900, item_id="item_u")
        play.client_gets("speech_started")

    def test_an_answer_of_which_nothing_was_heard_is_deleted(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", audio_ms=1000, heard_ms=0)
        play.upstream_gets("conversation.item.delete", item_id="item_1")

    def test_cancelling_twice_cancels_once(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.after(0.5)
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted")
        play.upstream_gets("conversation.item.truncate")
        play.client("cancel_response")
        assert play.told() == {"nothing_to_cancel"}

    def test_an_answer_that_has_not_begun_is_cancelled_when_it_does(
        self, play: GatewayPlay
    ) -> None:
        play.open()
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")
        play.client("cancel_response")
        play.upstream("response.created", response={"id": "resp_1"})
        play.client_gets("response_started")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", item_id="", audio_ms=0)

    def test_a_service_that_cancels_by_itself_is_told_too(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.after(2)
        play.answer_ends("cancelled")
        play.client_gets("interrupted", item_id="item_1", audio_ms=1000, heard_ms=1000)
        play.client_gets("response_done", status="cancelled")

    def test_half_a_caption_is_finished_with_the_answer(self, play: GatewayPlay) -> None:
        self.begin(play)
        play.upstream("response.output_audio_transcript.delta", item_id="item_1", delta="I was")
        response = {"id": "resp_1", "status": "incomplete", "output": [{"id": "item_1"}]}
        play.upstream("response.done", response=response)
        play.client_gets("transcript", text="I was", is_final=True)
        play.client_gets("response_done", status="incomplete")


class TestFunctions:
    def test_a_call_goes_out_once_and_its_result_is_answered(self, play: GatewayPlay) -> None:
        play.open(tools=[{"type": "function", "name": "get_time"}])
        play.answer_begins()
        play.upstream("response.output_item.done", item=CALL)
        play.client_gets(
            "function_call", call_id="call_1", name="get_time", arguments='{"zone":"UTC"}'
        )
        play.upstream("response.output_item.done", item=CALL)
        play.client("function_result", call_id="call_1", result={"time": "noon"})
        item = play.upstream_gets("conversation.item.create")["item"]
        assert json.loads(item.pop("output")) == {"time": "noon"}
        assert item == {"type": "function_call_output", "call_id": "call_1"}
        play.upstream_gets("response.create")

    def test_a_result_counts_once(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("response.output_item.done", item=CALL)
        play.client_gets("function_call")
        play.client("function_result", call_id="call_1", result="noon")
        assert play.upstream_gets("conversation.item.create")["item"]["output"] == "noon"
        play.upstream_gets("response.create")
        for call_id in ("call_1", "call_2"):
            play.client("function_result", call_id=call_id, result="noon")
            play.client_gets_error("InvalidMessage", reason="unknown_call", param="call_id")

    def test_a_call_that_was_cut_off_is_none(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("response.output_item.done", item=CALL | {"status": "incomplete"})
        play.nothing_more()


class TestTrouble:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("hello", "invalid_json"),
            ("[]", "invalid_event"),
            ('{"type":"hello"}', "unknown_type"),
            ('{"type":"response.create"}', "unknown_type"),
            ('{"type":"text"}', "invalid_value"),
        ],
    )
    def test_what_is_no_message_is_refused_and_the_session_lives(
        self, play: GatewayPlay, text: str, reason: str
    ) -> None:
        play.open()
        play.client_sends(text)
        play.client_gets_error("InvalidMessage", reason=reason, fatal=False)
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")

    def test_unknown_fields_are_named_once(self, play: GatewayPlay) -> None:
        play.open()
        for _ in range(2):
            play.client("clear_audio", volume=3, vad=1)
            play.upstream_gets("input_audio_buffer.clear")
        (notice,) = play.notices
        assert notice["code"] == "unknown_field"
        assert "`volume`, `vad`" in notice["message"]

    def test_an_error_of_the_service_is_passed_on(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("error", error={"type": "server_error", "code": None, "message": "Oh."})
        play.client_gets_error("ProviderError", message="Oh.", reason="server_error", fatal=False)

    def test_an_answer_that_was_refused_is_not_due(self, play: GatewayPlay) -> None:
        play.open()
        play.client("create_response")
        play.upstream_gets("response.create")
        play.upstream("error", error={"type": "server_error", "code": "no", "message": "No."})
        play.client_gets_error("ProviderError")
        play.client("create_response")
        play.upstream_gets("response.create")

    def test_the_end_is_announced(self, play: GatewayPlay) -> None:
        play.open()
        play.upstream("parley.session_expiring", seconds_left=30)
        assert play.told() == {"session_expiring"}

    def test_nonsense_from_the_service_is_left_out(self, play: GatewayPlay) -> None:
        play.open()
        play.answer_begins()
        for delta in ("?", 3, "", None):
            fields = {"response_id": "resp_1", "item_id": "item_1"}
            play.upstream("response.output_audio.delta", delta=delta, **fields)
        play.upstream("rate_limits.updated")
        play.nothing_more()


def test_every_offer_can_be_chosen() -> None:
    for name in OFFERS:
        play = GatewayPlay(default=name)
        play.client_gets("ready")
        play.client("config")
        play.dials(name)
