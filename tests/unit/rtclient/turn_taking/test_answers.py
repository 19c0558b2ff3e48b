"""An answer is followed over its responses: tools first, then words."""

import base64
from typing import Any

import pytest

from rtclient.errors import ResponseFailed
from rtclient.protocol.conversation import Conversation
from rtclient.tools.rounds import ToolRounds
from rtclient.turn_taking.answers import AnswerSoFar


class Scene:
    """A server whose events reach the mirror, the rounds and the answer, in this order."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.rounds = ToolRounds(self.conversation, {"clock"})
        self.answer = AnswerSoFar(self.conversation, self.rounds)

    def server(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.apply(event)
        self.rounds.on_server_event(event)
        self.answer.on_server_event(event)

    def respond(self, number: int, words: str, status: str = "completed", **done: Any) -> None:
        """Begin and end response `number`, with these words and a byte of sound each."""
        response = {"id": f"resp_{number}", "status": "in_progress"}
        ids = {"response_id": f"resp_{number}", "item_id": f"item_{number}", "content_index": 0}
        item = {"id": f"item_{number}", "type": "message", "role": "assistant", "content": []}
        self.server("response.created", response=response)
        if words:
            self.server("response.output_item.added", response_id=f"resp_{number}", item=item)
            self.server("response.output_audio_transcript.delta", **ids, delta=words)
            sound = base64.b64encode(words.encode()).decode()
            self.server("response.output_audio.delta", **ids, delta=sound)
        self.server("response.done", response={**response, "status": status, **done})

    def call(self, number: int) -> None:
        """Begin and end response `number`, with a call."""
        self.server("response.created", response={"id": f"resp_{number}", "status": "in_progress"})
        item = {"id": f"item_{number}", "type": "function_call", "call_id": f"call_{number}"}
        item |= {"name": "clock", "arguments": "{}", "status": "completed"}
        self.server("response.output_item.done", response_id=f"resp_{number}", item=item)
        self.server("response.done", response={"id": f"resp_{number}", "status": "completed"})


def test_an_answer_has_the_words_and_the_sound_of_its_response() -> None:
    scene = Scene()
    scene.respond(1, "It is ten.")
    scene.answer.begin("resp_1")
    assert scene.answer.is_over
    answer = scene.answer.answer()
    assert (answer.transcript, answer.audio) == ("It is ten.", b"It is ten.")
    assert not answer.is_interrupted


def test_an_answer_goes_on_behind_calls_of_tools() -> None:
    scene = Scene()
    scene.call(1)
    scene.answer.begin("resp_1")
    assert not scene.answer.is_over
    scene.rounds.on_output("call_1", "ten")
    assert not scene.answer.is_over
    added = {"id": "item_x", "type": "function_call_output", "call_id": "call_1"}
    scene.server("conversation.item.added", item=added)
    scene.respond(2, "It is ten.")
    assert scene.answer.is_over
    assert scene.answer.answer().transcript == "It is ten."


def test_calls_that_nobody_answers_end_it() -> None:
    scene = Scene()
    scene.call(1)
    scene.answer.begin("resp_1")
    scene.rounds.on_interruption()
    scene.rounds.on_output("call_1", "ten")
    scene.server("rate_limits.updated")
    assert scene.answer.is_over


def test_sound_of_other_responses_is_not_part_of_it() -> None:
    scene = Scene()
    scene.respond(1, "Mine.")
    scene.respond(2, "Not mine.")
    scene.answer.begin("resp_1")
    assert scene.answer.answer().audio == b"Mine."


def test_an_answer_that_was_cut_short_says_so() -> None:
    scene = Scene()
    scene.respond(1, "It is", "cancelled", status_details={"reason": "turn_detected"})
    scene.answer.begin("resp_1")
    assert scene.answer.answer().is_interrupted


@pytest.mark.parametrize(
    ("status", "details", "code"),
    [
        ("failed", {"error": {"code": "rate_limit_exceeded"}}, "rate_limit_exceeded"),
        ("incomplete", {"reason": "max_output_tokens"}, "max_output_tokens"),
    ],
)
def test_an_answer_that_is_not_whole_is_raised(status: str, details: Any, code: str) -> None:
    scene = Scene()
    scene.respond(1, "", status, status_details=details)
    scene.answer.begin("resp_1")
    with pytest.raises(ResponseFailed) as failure:
        scene.answer.answer()
    assert failure.value.code == code
