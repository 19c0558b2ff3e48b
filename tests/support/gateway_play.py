"""A session of the gateway as a play: the layer on the real core, without sockets.

    play = GatewayPlay()
    play.client_gets("ready")
    play.client("config", voice="marin")
    play.dials("engine")
    play.upstream_opens()
    play.client_gets("session_updated", voice="marin")

Every line is checked in order; a new input fails the play while something that came of an earlier
one was not named. The clock moves only by `after`; ids count up.
"""

import base64
import json
from datetime import date
from typing import Any

from rtclient.protocol.session import VOICES, default_session, merge
from server.gateway.core import Gateway
from server.gateway.session import Offer
from server.policy import Policy
from server.relay.actions import (
    Action,
    Close,
    Count,
    Dial,
    Note,
    Plan,
    ToClient,
    ToUpstream,
    WakeAt,
)
from server.relay.core import RelayCore
from server.relay.layers import Stack

NOW = 1000.0
TODAY = date(2026, 11, 21)
ENGINE = Offer("engine", "parley-engine", frozenset(VOICES), "marin", "whisper-1")
OFFERS = {
    "engine": ENGINE,
    "openai": Offer("openai", "gpt-realtime-2.1", frozenset(VOICES), "marin", "gpt-transcribe"),
    "azure": Offer(
        "azure", "my-voice", frozenset(VOICES), "marin", "my-whisper", takes_temperature=True
    ),
}

Said = dict[str, Any] | bytes | Dial | Close


class GatewayPlay:
    """One session and everything that came of it."""

    def __init__(self, offers: dict[str, Offer] | None = None, default: str = "engine") -> None:
        self.now = NOW
        self.session: dict[str, Any] = default_session("parley-engine", "sess_up", 0)
        self.said: list[tuple[str, Said]] = []
        self.notices: list[dict[str, Any]] = []
        self.counts: dict[str, int] = {}
        self._ids = 0
        gateway = Gateway(
            OFFERS if offers is None else offers,
            default,
            session_id="sess_1",
            new_id=self._new_id,
            today=TODAY,
        )
        plan = Plan(policy=Policy("open"), hides_close_codes=True, dials_on_demand=True)
        core = RelayCore(plan, now=NOW, unix_now=1_800_000_000, new_id=self._new_id)
        self.stack = Stack(core, above=[gateway])
        self._note(self.stack.on_open(NOW))

    # What happens.

    def client(self, kind: str, **fields: Any) -> None:
        """The client sends a message."""
        self.client_sends(json.dumps({"type": kind, **fields}))

    def client_sends(self, data: str | bytes) -> None:
        """The client sends text or sound as it is."""
        self.nothing_more()
        self._note(self.stack.on_client(data, self.now))

    def upstream(self, kind: str, **fields: Any) -> None:
        """The voice service sends an event."""
        self.nothing_more()
        text = json.dumps({"type": kind, "event_id": "event_up", **fields})
        self._note(self.stack.on_upstream(text, self.now))

    def happens(self, actions: list[Action]) -> None:
        """Anything else happens: pass what a method of `self.stack` returned."""
        self.nothing_more()
        self._note(actions)

    def upstream_opens(self) -> dict[str, Any]:
        """It takes the connection and the first update; returns the session of that update."""
        self.nothing_more()
        self._note(self.stack.on_dialled(self.now))
        self.upstream("session.created", session=self.session)
        session: dict[str, Any] = self.upstream_gets("session.update")["session"]
        self.upstream_takes(session)
        return session

    def upstream_takes(self, session: dict[str, Any]) -> None:
        """It accepts an update."""
        self.session = merge(self.session, session)
        self.upstream("session.updated", session=self.session)

    def open(self, **config: Any) -> None:
        """A session with these options, as far as the first `session_updated`."""
        self.client_gets("ready")
        self.client("config", **config)
        self.dials()
        self.upstream_opens()
        self.client_gets("session_updated")

    def answer_begins(self, response_id: str = "resp_1") -> None:
        """A response begins."""
        self.upstream("response.created", response={"id": response_id, "status": "in_progress"})
        self.client_gets("response_started", response_id=response_id)

    def audio(self, pcm: bytes, response_id: str = "resp_1", item_id: str = "item_1") -> None:
        """The service sends sound."""
        fields = {"response_id": response_id, "item_id": item_id, "content_index": 0}
        delta = base64.b64encode(pcm).decode()
        self.upstream("response.output_audio.delta", delta=delta, **fields)

    def answer_ends(self, status: str = "completed", response_id: str = "resp_1") -> None:
        """The response ends."""
        response = {"id": response_id, "status": status, "output": []}
        self.upstream("response.done", response=response)

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.nothing_more()
        self.now += seconds
        self._note(self.stack.on_time(self.now))

    # What comes of it.

    def client_gets(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next thing is this message to the client; only the named fields are compared."""
        return self._next("client", kind, fields)

    def client_hears(self, pcm: bytes) -> None:
        """The next thing is this sound for the client."""
        assert self._pop() == ("client", pcm)

    def client_gets_error(self, code: str, **fields: Any) -> dict[str, Any]:
        """The next thing is this `error`."""
        return self.client_gets("error", code=code, **fields)

    def upstream_gets(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next thing is this event to the voice service."""
        return self._next("upstream", kind, fields)

    def upstream_hears(self, pcm: bytes) -> None:
        """The next thing is this sound for the voice service."""
        event = self.upstream_gets("input_audio_buffer.append")
        assert base64.b64decode(event["audio"]) == pcm

    def dials(self, target: str | None = None) -> None:
        """The next thing is a dial."""
        _, said = self._pop()
        assert isinstance(said, Dial), said
        assert target is None or said.target == target

    def closes(self, leg: str, code: int) -> None:
        """The next thing is that this leg is closed."""
        _, said = self._pop()
        assert isinstance(said, Close), said
        assert (said.leg, said.code) == (leg, code)

    def told(self) -> set[str]:
        """The codes of the notices since the last call."""
        notices, self.notices = self.notices, []
        return {notice["code"] for notice in notices}

    def nothing_more(self) -> None:
        """Everything but notices has been named."""
        assert not self.said, f"not named in the play: {self.said}"

    # How it works.

    def _next(self, side: str, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        to, said = self._pop()
        assert isinstance(said, dict), f"expected {kind}, got {said!r}"
        assert (to, said["type"]) == (side, kind), f"expected {kind} to {side}, got {said} to {to}"
        differing = {name: said.get(name) for name in fields if said.get(name) != fields[name]}
        assert not differing, f"expected {fields}, got other values in {differing}"
        return said

    def _pop(self) -> tuple[str, Said]:
        assert self.said, "nothing (more) came of it"
        return self.said.pop(0)

    def _note(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case ToClient(bytes() as pcm):
                    self.said.append(("client", pcm))
                case ToClient(str() as text):
                    message: dict[str, Any] = json.loads(text)
                    if message["type"] == "notice":
                        self.notices.append(message)
                    else:
                        self.said.append(("client", message))
                case ToUpstream(text):
                    self.said.append(("upstream", json.loads(text)))
                case Dial() | Close():
                    self.said.append(("face", action))
                case Count(name, amount):
                    self.counts[name] = self.counts.get(name, 0) + amount
                case Note() | WakeAt():
                    pass
                case _:
                    raise AssertionError(f"a session does not say {action}")

    def _new_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}_{self._ids}"
