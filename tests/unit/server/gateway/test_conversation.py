import json
from typing import Any

import pytest

from tests.support.gateway_play import GatewayPlay

SECOND = b"\1\0" * 24_000
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
        play.upstream_gets("response.cancel")
        play.upstream("response.created", response={"id": "resp_1"})
        play.client_gets("response_started")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", item_id="", audio_ms=0)

    def test_a_cancel_stops_the_last_answer_and_takes_back_the_next(
        self, play: GatewayPlay
    ) -> None:
        self.begin(play)
        play.answer_ends()
        play.client_gets("response_done")
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")
        play.after(0.4)
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", response_id="resp_1", heard_ms=400)
        play.upstream_gets("conversation.item.truncate")
        play.upstream("response.created", response={"id": "resp_2"})
        play.client_gets("response_started")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", response_id="resp_2")

    def test_a_cancel_stays_a_cancel_when_more_is_said_at_once(self, play: GatewayPlay) -> None:
        play.open()
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.client("text", text="Good evening.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")

    def test_a_cancel_while_the_user_speaks_leaves_the_answer_to_that_turn(
        self, play: GatewayPlay
    ) -> None:
        play.open()
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
        play.client_gets("speech_started")
        play.client("text", text="Hello.")
        play.upstream_gets("conversation.item.create")
        play.upstream_gets("response.create")
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.upstream("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="item_u")
        play.client_gets("speech_stopped")
        play.answer_begins()
        play.audio(SECOND)
        play.client_hears(SECOND)

    def test_the_answer_to_a_turn_can_be_cancelled_before_it_begins(
        self, play: GatewayPlay
    ) -> None:
        play.open()
        play.upstream("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
        play.client_gets("speech_started")
        play.upstream("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="item_u")
        play.client_gets("speech_stopped")
        play.client("cancel_response")
        play.upstream_gets("response.cancel")
        play.upstream("response.created", response={"id": "resp_1"})
        play.client_gets("response_started")
        play.upstream_gets("response.cancel")
        play.client_gets("interrupted", response_id="resp_1")

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
