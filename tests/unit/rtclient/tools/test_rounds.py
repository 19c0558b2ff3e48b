"""Rounds of tool calls: each call once, each output at once, one response for all of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.conversation import Conversation
from rtclient.tools.rounds import Action, ToolCall, ToolRounds


class Talk:
    """A server and a program around `ToolRounds`. Lists hold what went on, in short."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.rounds = ToolRounds(self.conversation, {"weather", "clock"})
        self.ran: list[str] = []
        self.outputs: list[str] = []
        self.asked: list[str] = []

    def server(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.apply(event)
        self._do(self.rounds.on_server_event(event))

    def program(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.sent(event)
        self._do(self.rounds.on_client_event(event))

    def output(self, call_id: str) -> None:
        self._do(self.rounds.on_output(call_id, "words"))

    def begin(self, response_id: str, **fields: Any) -> None:
        self.server("response.created", response={"id": response_id, **fields})

    def call(self, response_id: str, call_id: str, name: str = "weather", **fields: Any) -> None:
        item = {"id": f"item_{call_id}", "type": "function_call", "name": name, "arguments": "{}"}
        item |= {"call_id": call_id, "status": "completed", **fields}
        self.server("response.output_item.done", response_id=response_id, item=item)

    def end(self, response_id: str, status: str = "completed", reason: str | None = None) -> None:
        response = {"id": response_id, "status": status, "status_details": {"reason": reason}}
        self.server("response.done", response=response)

    def confirm(self, call_id: str) -> None:
        item = {"id": f"out_{call_id}", "type": "function_call_output", "call_id": call_id}
        self.server("conversation.item.added", item=item)

    def refuse(self, event_id: str, code: str) -> None:
        self.server("error", error={"code": code, "event_id": event_id})

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToolCall):
                self.ran.append(action.call_id)
                continue
            if action["type"] == "response.create":
                self.asked.append(action["event_id"])
            else:
                self.outputs.append(action["item"]["call_id"])
            self.conversation.sent(action)
            self._do(self.rounds.on_client_event(action))


def in_a_round(*calls: str) -> Talk:
    """A response has made these calls and has ended."""
    talk = Talk()
    talk.begin("resp_1")
    for call_id in calls:
        talk.call("resp_1", call_id)
    talk.end("resp_1")
    return talk


def test_a_call_is_run_before_its_response_has_ended() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1")
    assert talk.ran == ["call_1"]


def test_the_model_goes_on_once_its_call_is_answered() -> None:
    talk = in_a_round("call_1")
    assert not talk.asked
    talk.output("call_1")
    assert (talk.outputs, len(talk.asked)) == (["call_1"], 1)
    talk.confirm("call_1")
    talk.begin("resp_2")
    talk.end("resp_2")
    assert len(talk.asked) == 1
    assert not talk.rounds.is_open


def test_several_calls_share_one_response() -> None:
    talk = in_a_round("call_1", "call_2", "call_3")
    talk.output("call_2")
    talk.output("call_1")
    assert not talk.asked
    talk.output("call_3")
    assert talk.outputs == ["call_2", "call_1", "call_3"]
    assert len(talk.asked) == 1


def test_a_quick_output_waits_for_the_end_of_the_response() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1")
    talk.output("call_1")
    talk.call("resp_1", "call_2")
    talk.end("resp_1")
    assert not talk.asked
    talk.output("call_2")
    assert len(talk.asked) == 1


def test_a_call_that_is_announced_again_is_not_run_again() -> None:
    talk = in_a_round("call_1")
    talk.call("resp_1", "call_1")
    assert talk.ran == ["call_1"]


def test_a_call_that_was_cut_short_is_not_run() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1", status="incomplete")
    talk.end("resp_1", "cancelled", "turn_detected")
    assert not talk.ran
    assert not talk.rounds.is_open


def test_a_response_that_has_seen_the_outputs_is_enough() -> None:
    talk = in_a_round("call_1")
    talk.begin("resp_vad")
    talk.output("call_1")
    talk.confirm("call_1")
    talk.end("resp_vad")
    assert len(talk.asked) == 1, "resp_vad began before the output"

    talk = in_a_round("call_1")
    talk.server("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=1)
    talk.output("call_1")
    talk.confirm("call_1")
    talk.server("input_audio_buffer.committed", item_id="item_2")
    first = len(talk.asked)
    talk.begin("resp_vad")
    talk.refuse("event_tools_1", "conversation_already_has_active_response")
    talk.end("resp_vad")
    assert len(talk.asked) == first, "resp_vad began after the output"


def test_nothing_is_asked_while_the_person_speaks() -> None:
    talk = in_a_round("call_1")
    talk.server("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=1)
    talk.output("call_1")
    assert not talk.asked
    talk.server("input_audio_buffer.cleared")
    assert len(talk.asked) == 1


def test_a_response_of_the_turn_detection_that_came_first_is_waited_for() -> None:
    talk = in_a_round("call_1")
    talk.output("call_1")
    talk.begin("resp_vad")  # it began before the server had the output
    talk.confirm("call_1")
    talk.refuse(talk.asked[0], "conversation_already_has_active_response")
    assert len(talk.asked) == 1
    talk.end("resp_vad")
    assert len(talk.asked) == 2
    talk.begin("resp_2")
    talk.end("resp_2")
    assert len(talk.asked) == 2


def test_a_refusal_is_not_answered_by_asking_again() -> None:
    talk = in_a_round("call_1")
    talk.output("call_1")
    talk.refuse(talk.asked[0], "rate_limit_exceeded")
    talk.server("rate_limits.updated")
    assert len(talk.asked) == 1
    assert not talk.rounds.is_open


def test_a_server_that_confirms_nothing_is_asked_once() -> None:
    talk = in_a_round("call_1")
    talk.output("call_1")
    talk.begin("resp_2")
    talk.end("resp_2")
    assert len(talk.asked) == 1
    assert not talk.rounds.is_open


def test_an_output_that_is_refused_does_not_hold_up_the_round() -> None:
    talk = in_a_round("call_1")
    talk.output("call_1")
    talk.refuse("event_call_1", "invalid_value")
    talk.begin("resp_2")
    assert not talk.rounds.is_open


def test_after_an_interruption_by_the_program_nothing_is_asked() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1")
    talk.end("resp_1", "cancelled", "client_cancelled")
    talk.output("call_1")
    assert talk.outputs == ["call_1"], "the model must know what its call came to"
    assert not talk.asked


def test_after_an_interruption_by_the_person_the_round_goes_on() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1")
    talk.server("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=1)
    talk.rounds.on_interruption()
    talk.end("resp_1", "cancelled", "client_cancelled")
    talk.server("input_audio_buffer.committed", item_id="item_2")
    talk.begin("resp_vad")
    talk.end("resp_vad")
    talk.output("call_1")
    assert len(talk.asked) == 1


def test_while_the_program_holds_nothing_is_asked() -> None:
    talk = in_a_round("call_1")
    talk.rounds.hold()
    talk.rounds.on_interruption()
    talk.output("call_1")
    assert not talk.asked
    assert len(talk.rounds.release()) == 1


def test_calls_of_the_program_are_left_to_it() -> None:
    talk = Talk()
    talk.begin("resp_1")
    talk.call("resp_1", "call_1", name="by_hand")
    talk.end("resp_1")
    assert not talk.ran
    answer = {"type": "function_call_output", "call_id": "call_1", "output": ""}
    talk.program("conversation.item.create", item=answer)
    assert not talk.asked
    assert not talk.rounds.is_open


def test_in_a_mixed_round_who_answers_last_asks() -> None:
    answer = {"type": "function_call_output", "call_id": "theirs", "output": ""}
    for ours_last in (True, False):
        talk = Talk()
        talk.begin("resp_1")
        talk.call("resp_1", "ours")
        talk.call("resp_1", "theirs", name="by_hand")
        talk.end("resp_1")
        if ours_last:
            talk.program("conversation.item.create", item=answer)
            talk.output("ours")
        else:
            talk.output("ours")
            talk.program("conversation.item.create", item=answer)
        assert len(talk.asked) == int(ours_last)


def test_a_call_that_the_program_answers_itself_is_settled() -> None:
    talk = in_a_round("call_1")
    answer = {"type": "function_call_output", "call_id": "call_1", "output": "by hand"}
    talk.program("conversation.item.create", item=answer)
    talk.output("call_1")
    assert not talk.outputs
    assert not talk.asked


def test_calls_beside_the_conversation_cannot_be_answered() -> None:
    talk = Talk()
    talk.begin("resp_1", conversation_id=None)
    talk.call("resp_1", "call_1")
    assert not talk.ran


def test_odd_events_change_nothing() -> None:
    talk = Talk()
    odd: list[dict[str, Any]] = [{}, {"type": "error"}, {"type": "response.done", "response": 7}]
    assert [talk.rounds.on_server_event(event) for event in odd] == [[], [], []]
    talk.server("response.output_item.done", response_id="resp_1", item=None)
    talk.server("response.output_item.done", item={"type": "function_call", "call_id": ["x"]})
    assert not talk.ran


@given(st.permutations(["a", "b", "c", "end"]), st.booleans())
def test_whatever_comes_first_the_round_is_asked_for_once(order: list[str], busy: bool) -> None:
    talk = Talk()
    talk.begin("resp_1")
    for call_id in ("a", "b", "c"):
        talk.call("resp_1", call_id)
    for step in order:
        if step == "end":
            talk.end("resp_1")
        else:
            talk.output(step)
    assert len(talk.asked) == 1
    if busy:
        talk.begin("resp_vad")
    for call_id in ("a", "b", "c"):
        talk.confirm(call_id)
    if busy:
        talk.refuse(talk.asked[0], "conversation_already_has_active_response")
        talk.end("resp_vad")
    talk.begin("resp_2")
    talk.end("resp_2")
    assert len(talk.asked) == 1 + busy
    assert not talk.rounds.is_open
