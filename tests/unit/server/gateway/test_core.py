import pytest

from tests.support.gateway_play import GatewayPlay

SECOND = b"\1\0" * 24_000


@pytest.fixture
def play() -> GatewayPlay:
    return GatewayPlay()


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

    def test_sound_of_a_turn_that_the_service_ended_makes_no_other(self, play: GatewayPlay) -> None:
        play.open()
        play.client_sends(SECOND)
        play.upstream_hears(SECOND)
        play.upstream("input_audio_buffer.committed", item_id="item_u")
        update = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        play.client("config", turn_detection="none")
        play.upstream_gets("session.update")
        play.upstream("session.updated", session=update)
        play.client_gets("session_updated")
        play.client("commit_audio")
        assert play.told() == {"turn_too_short"}
        play.nothing_more()

    def test_commit_while_the_service_finds_the_turns_needs_speech(self, play: GatewayPlay) -> None:
        play.open()
        play.client_sends(SECOND)
        play.upstream_hears(SECOND)
        play.client("commit_audio")
        assert play.told() == {"commit_ignored"}
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
        play.client_gets("speech_started")
        play.client("commit_audio")
        play.upstream_gets("input_audio_buffer.commit")
        play.upstream_gets("response.create")


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

    def test_notices_about_events_that_the_client_did_not_send_are_kept_back(
        self, play: GatewayPlay
    ) -> None:
        play.open()
        for code in ("response_joined", "engine_busy"):
            play.upstream("parley.notice", level="info", code=code, message="So it is.")
        assert play.told() == {"engine_busy"}

    def test_a_service_that_closes_is_told_in_words(self, play: GatewayPlay) -> None:
        play.open()
        play.happens(play.stack.on_upstream_closed(1001, "goodbye from inside", play.now))
        play.client_gets_error("ConnectionFailed", reason="upstream_closed", fatal=True)
        play.closes("client", 1011)
        play.closes("upstream", 1011)

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
