"""A play between a client, the sequencer and an upstream that is written by hand.

play = SequencerPlay(detects=True)
play.client("response.create")
play.upstream_gets("response.create")
play.upstream("response.created", response={"id": "resp_1", "conversation_id": "conv_1"})
play.client_gets("response.created")
play.nothing_more()
"""

import json
from typing import Any

from rtclient.protocol.audio import to_base64
from rtclient.protocol.session import default_session
from server.relay.actions import Action, Count, Notice, ToClient, ToUpstream, WakeAt
from server.relay.sequencer import Sequencer

USER: dict[str, Any] = {"type": "message", "role": "user", "content": []}
"""Something typed."""


class SequencerPlay:
    """One session; `gets` looks at what was sent in order, and takes it away."""

    def __init__(self, *, detects: bool = False, creates_response: bool = True) -> None:
        """`detects`: turns are detected; `creates_response`: and answered."""
        self.sequencer = Sequencer()
        self.now = 100.0
        self.to_upstream: list[str] = []
        self.to_client: list[str] = []
        self.notices: list[str] = []
        self.left_out = 0
        self.wake: float | None = None
        self.session = default_session("scripted", "sess_1", 2_000_000_000)
        detection = self.session["audio"]["input"]["turn_detection"]
        detection["create_response"] = creates_response
        if not detects:
            self.session["audio"]["input"]["turn_detection"] = None
        self._do(self.sequencer.on_open(self.now))
        self.upstream("session.created", session=self.session)
        self.client_gets("session.created")

    # What happens.

    def client(self, event_type: str, **fields: Any) -> None:
        """The client sends an event."""
        self.client_text(json.dumps({"type": event_type, **fields}))

    def client_text(self, text: str) -> None:
        """The client sends this text."""
        self._do(self.sequencer.on_client(text, self.now))

    def appends(self, length_ms: int) -> None:
        """The client sends pcm16."""
        self.client("input_audio_buffer.append", audio=to_base64(bytes(48 * length_ms)))
        assert self.to_upstream.pop().startswith('{"type": "input_audio_buffer.append"')

    def upstream(self, event_type: str, **fields: Any) -> None:
        """The upstream sends an event."""
        event = {"type": event_type, "event_id": "event_1", **fields}
        self._do(self.sequencer.on_upstream(json.dumps(event), self.now))

    def begins(self, response_id: str, conversation_id: str | None = "conv_1") -> None:
        """A response begins and the client sees it."""
        response = {"id": response_id, "conversation_id": conversation_id}
        self.upstream("response.created", response=response)
        self.client_gets("response.created")

    def ends(self, response_id: str, *output: dict[str, Any], status: str = "completed") -> None:
        """A response is over and the client sees it."""
        response = {"id": response_id, "status": status, "output": list(output)}
        self.upstream("response.done", response=response)
        self.client_gets("response.done")

    def speech(self, event_type: str, **fields: Any) -> None:
        """The upstream tells what it hears; the client sees it."""
        self.upstream(f"input_audio_buffer.{event_type}", item_id="item_1", **fields)
        self.client_gets(f"input_audio_buffer.{event_type}")

    def error(self, code: str | None, event_id: str | None, message: str = "No.") -> None:
        """The upstream refuses an event."""
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        self.upstream("error", error={**error, "event_id": event_id})

    def passes(self, seconds: float) -> None:
        """Time passes; whoever asked to be woken is woken at the right moments."""
        end = self.now + seconds
        while self.wake is not None and self.wake <= end:
            self.now, self.wake = max(self.now, self.wake), None
            self._do(self.sequencer.on_time(self.now))
        self.now = end

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case ToClient(data):
                    assert isinstance(data, str)
                    self.to_client.append(data)
                case ToUpstream(text):
                    self.to_upstream.append(text)
                case WakeAt(at):
                    assert at > self.now
                    self.wake = at
                case Notice():
                    self.notices.append(action.code)
                case Count("sequenced", amount):
                    self.left_out += amount
                case _:
                    raise AssertionError(action)

    # What comes of it.

    def upstream_gets(self, event_type: str, **fields: Any) -> dict[str, Any]:
        """Take the next event for the upstream; it has this type and these fields."""
        return self._takes(self.to_upstream, event_type, fields)

    def client_gets(self, event_type: str, **fields: Any) -> dict[str, Any]:
        """Take the next event for the client; it has this type and these fields."""
        return self._takes(self.to_client, event_type, fields)

    def _takes(self, texts: list[str], event_type: str, fields: dict[str, Any]) -> dict[str, Any]:
        assert texts, f"no {event_type} was sent"
        event: dict[str, Any] = json.loads(texts.pop(0))
        assert event["type"] == event_type, event
        assert {key: event.get(key) for key in fields} == fields
        return event

    def nothing_more(self) -> None:
        """Nothing else was sent, either way."""
        assert (self.to_upstream, self.to_client) == ([], [])


def busy(**options: Any) -> SequencerPlay:
    """Return a play in which a response of the client is under way."""
    play = SequencerPlay(**options)
    play.client("response.create")
    play.upstream_gets("response.create")
    play.begins("resp_1")
    return play
