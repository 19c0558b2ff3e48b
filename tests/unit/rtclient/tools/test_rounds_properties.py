"""Rounds against a server that keeps the API's rules, with everything in any order."""

import itertools
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtclient.protocol.conversation import Conversation
from rtclient.tools.rounds import Action, ToolCall, ToolRounds

MAX_CALLING = 3
"""Responses that call tools; those behind them only speak, so that every play ends."""


class Play:
    """A server, a client and two lines between them on which events wait."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.rounds = ToolRounds(self.conversation, {"tool"})
        self.to_server: deque[dict[str, Any]] = deque()
        self.to_client: deque[dict[str, Any]] = deque()
        self.running: list[ToolCall] = []
        # What only the server knows:
        self.numbers = itertools.count(1)
        self.active: str | None = None
        self.calls_made = 0
        self.is_speaking = False
        self.unseen: set[str] = set()
        """Outputs that no response has seen yet."""
        self.outputs: set[str] = set()
        # What only the client knows:
        self.new: set[str] = set()
        """Outputs that no response has seen, as far as the client can tell."""
        self.unconfirmed: set[str] = set()

    # The server

    def emit(self, kind: str, **fields: Any) -> None:
        self.to_client.append({"type": kind, **fields})

    def begin(self, calls: int) -> None:
        self.active = f"resp_{next(self.numbers)}"
        self.unseen.clear()
        response = {"id": self.active, "status": "in_progress", "conversation_id": "conv_1"}
        self.emit("response.created", response=response)
        if self.calls_made < MAX_CALLING:
            self.calls_made += bool(calls)
            for _ in range(calls):
                call_id = f"call_{next(self.numbers)}"
                item = {"id": f"item_{call_id}", "type": "function_call", "call_id": call_id}
                item |= {"name": "tool", "arguments": "{}", "status": "completed"}
                self.emit("conversation.item.added", item=item)
                self.emit("response.output_item.done", response_id=self.active, item=item)

    def end(self, status: str = "completed", reason: str | None = None) -> None:
        response = {"id": self.active, "status": status, "status_details": {"reason": reason}}
        self.emit("response.done", response=response)
        self.active = None

    def serve(self, calls: int) -> None:
        event = self.to_server.popleft()
        if event["type"] == "conversation.item.create":
            item = {"id": f"item_{next(self.numbers)}", **event["item"]}
            self.unseen.add(item["call_id"])
            assert item["call_id"] not in self.outputs, "answered twice"
            self.outputs.add(item["call_id"])
            self.emit("conversation.item.added", item=item)
        elif self.active is None:
            self.begin(calls)
        else:
            code = "conversation_already_has_active_response"
            self.emit("error", error={"code": code, "event_id": event["event_id"]})

    def speak(self, calls: int) -> None:
        """Begin to speak, or end it: then the server answers."""
        item_id = f"item_{next(self.numbers)}"
        if not self.is_speaking:
            self.emit("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0)
            if self.active is not None:
                self.end("cancelled", "turn_detected")
        else:
            self.emit("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=9)
            self.emit("input_audio_buffer.committed", item_id=item_id)
            if self.active is None:
                self.begin(calls)
        self.is_speaking = not self.is_speaking

    # The client

    def take(self) -> None:
        event = self.to_client.popleft()
        if event["type"] == "response.created" and not self.unconfirmed:
            self.new.clear()
        item = event.get("item", {})
        if event["type"] == "conversation.item.added" and "output" in item:
            self.unconfirmed.discard(item["call_id"])
        self.conversation.apply(event)
        self.do(self.rounds.on_server_event(event))

    def finish_tool(self, index: int) -> None:
        call = self.running.pop(index % len(self.running))
        self.do(self.rounds.on_output(call.call_id, "words"))

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToolCall):
                self.running.append(action)
            else:
                if action["type"] == "response.create":
                    assert self.new, "a response is asked for in vain"
                else:
                    self.new.add(action["item"]["call_id"])
                    self.unconfirmed.add(action["item"]["call_id"])
                self.conversation.sent(action)
                self.do(self.rounds.on_client_event(action))
                self.to_server.append(action)

    def possible(self) -> list[str]:
        steps = ["speak"]
        steps += ["serve"] if self.to_server else []
        steps += ["take"] if self.to_client else []
        steps += ["finish_tool"] if self.running else []
        return steps + (["end"] if self.active else [])

    def step(self, name: str, number: int) -> None:
        match name:
            case "speak":
                self.speak(number)
            case "serve":
                self.serve(number)
            case "take":
                self.take()
            case "finish_tool":
                self.finish_tool(number)
            case _:
                self.end()

    def come_to_rest(self) -> None:
        if self.is_speaking:
            self.speak(0)
        for _ in range(1000):
            quiet = [name for name in self.possible() if name != "speak"]
            if not quiet:
                return
            self.step(quiet[0], 0)
        raise AssertionError("it never ends")


@settings(max_examples=60)
@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2)), max_size=60))
def test_every_output_is_seen_by_a_response_and_none_is_asked_for_in_vain(
    calls: int, choices: list[tuple[int, int]]
) -> None:
    play = Play()
    play.begin(calls)
    for choice, number in choices:
        steps = play.possible()
        play.step(steps[choice % len(steps)], number)
    play.come_to_rest()
    assert not play.unseen
    assert not play.rounds.is_open
