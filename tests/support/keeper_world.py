"""A world of values around a `SessionKeeper`: a clock, a network and servers, all by hand.

Nothing happens by itself: a test says which dial is answered, which message arrives, what breaks
and how late it is. `settle` lets everything happen that needs no time.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rtclient.errors import ConnectError, ConnectionLost, RTError
from rtclient.protocol.session import default_session, merge
from rtclient.resumption.actions import (
    ClientState,
    Close,
    Deliver,
    Dial,
    Ended,
    Output,
    Restoration,
    Restored,
    Send,
    StateChanged,
    WakeAt,
)
from rtclient.resumption.keeper import SessionKeeper
from rtclient.resumption.policy import ReconnectPolicy

UNIX = 1_800_000_000.0


@dataclass
class Peer:
    """One session of a server that keeps the rules for items and responses."""

    generation: int
    session: dict[str, Any]
    items: list[dict[str, Any]] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    """Every event that arrived."""
    inbox: deque[dict[str, Any]] = field(default_factory=deque)
    outbox: deque[dict[str, Any]] = field(default_factory=deque)
    response: str | None = None
    appended: list[str] = field(default_factory=list)
    """Sound that is no turn yet."""
    is_closed: bool = False

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.items]

    def say(self, kind: str, **fields: Any) -> None:
        self.outbox.append({"type": kind, "event_id": f"srv_{len(self.got)}", **fields})

    def work(self) -> bool:
        """Answer the next event; False when there is none."""
        if not self.inbox:
            return False
        event = self.inbox.popleft()
        self.got.append(event)
        match event["type"]:
            case "session.update":
                self.session = merge(self.session, event["session"])
                self.say("session.updated", session=self.session)
            case "conversation.item.create":
                self._create(event)
            case "conversation.item.delete":
                if event["item_id"] not in self.ids:
                    self._refuse(event, "item_delete_invalid_item_id")
                else:
                    self.items = [item for item in self.items if item["id"] != event["item_id"]]
                    self.say("conversation.item.deleted", item_id=event["item_id"])
            case "conversation.item.truncate":
                self._refuse(event, "unsupported_content_type")
            case "input_audio_buffer.append":
                self.appended.append(event["audio"])
            case "input_audio_buffer.commit":
                if self.appended:
                    self.hear(f"turn_{self.generation}_{len(self.got)}")
                else:
                    self._refuse(event, "input_audio_buffer_commit_empty")
            case "input_audio_buffer.clear":
                self.appended.clear()
                self.say("input_audio_buffer.cleared")
            case "response.create":
                if self.response is not None:
                    self._refuse(event, "conversation_already_has_active_response")
                else:
                    self.response = f"resp_{self.generation}_{len(self.got)}"
                    self.say(
                        "response.created",
                        response={"id": self.response, "status": "in_progress"},
                    )
        return True

    def hear(self, item_id: str) -> None:
        """Make a turn of the sound so far."""
        self.appended.clear()
        self.say("input_audio_buffer.committed", item_id=item_id)
        content = [{"type": "input_audio", "transcript": None}]
        self._add({"id": item_id, "type": "message", "role": "user", "content": content})

    def answer(self, words: str) -> None:
        """Say the answer that was asked for, to its end."""
        assert self.response is not None
        response_id, self.response = self.response, None
        item_id = f"answer_{response_id}"
        item: dict[str, Any] = {"id": item_id, "type": "message", "role": "assistant"}
        item["content"] = []
        self.items.append(item)
        place = {"response_id": response_id, "item_id": item_id, "content_index": 0}
        self.say("response.output_item.added", response_id=response_id, item=item)
        self.say("conversation.item.added", item={**item, "status": "in_progress"})
        self.say("response.output_audio_transcript.delta", delta=words, **place)
        self.say("response.output_audio.delta", delta="A" * 6400, **place)
        done = {**item, "status": "completed"}
        done["content"] = [{"type": "output_audio", "transcript": words}]
        self.say("response.output_item.done", response_id=response_id, item=done)
        self.say("conversation.item.done", item=done)
        self.say("response.done", response={"id": response_id, "status": "completed"})

    def _create(self, event: dict[str, Any]) -> None:
        item, previous = event["item"], event.get("previous_item_id")
        if item["id"] in self.ids:
            self._refuse(event, "item_create_duplicate_item_id")
        elif previous in (None, "root") or previous in self.ids:
            self._add(item, previous)
        else:
            self._refuse(event, "item_create_invalid_previous_item_id")

    def _add(self, item: dict[str, Any], previous: str | None = None) -> None:
        place = len(self.items) if previous is None else 0
        if previous in self.ids:
            place = self.ids.index(str(previous)) + 1
        self.items.insert(place, item)
        shown = {**item, "status": "completed"}
        behind = None if previous == "root" else previous
        self.say("conversation.item.added", previous_item_id=behind, item=shown)
        self.say("conversation.item.done", previous_item_id=behind, item=shown)

    def _refuse(self, event: dict[str, Any], code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "event_id": event.get("event_id")}
        self.say("error", error=error)


class World:
    """A keeper, its peers, and the time."""

    def __init__(
        self,
        *,
        reconnect: ReconnectPolicy | None = None,
        share: float = 1.0,
        life_s: float = 1800.0,
        turn_detection: bool = False,
        has_fresh_tokens: bool = False,
    ) -> None:
        self.now = 1000.0
        self.life_s = life_s
        self.ids = 0
        self.keeper = SessionKeeper(
            connect_policy=ReconnectPolicy(max_attempts=4, base_s=0.25, cap_s=4.0, budget_s=10.0),
            reconnect_policy=reconnect or ReconnectPolicy(),
            new_id=self._new_id,
            random=lambda: share,
            has_fresh_tokens=has_fresh_tokens,
        )
        self.turn_detection = turn_detection
        self.peers: dict[int, Peer] = {}
        self.dials: list[int] = []
        self.dialled_at: list[float] = []
        self.events: list[dict[str, Any]] = []
        """What the program got."""
        self.states: list[ClientState] = []
        self.restorations: list[Restoration] = []
        self.ends: list[RTError | None] = []
        self.wake_at: float | None = None

    # The program and the time.

    def start(self) -> None:
        self.do(self.keeper.start(self.now, UNIX + self.now))

    def connect(self) -> Peer:
        self.start()
        self.settle()
        assert self.live is not None
        return self.live

    def send(self, kind: str, **fields: Any) -> None:
        self.do(self.keeper.sent({"type": kind, **fields}, self.now))

    def say(self, item_id: str, words: str = "hello") -> None:
        content = [{"type": "input_text", "text": words}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)

    def append(self, seconds: float = 0.1, letter: str = "A") -> None:
        self.send("input_audio_buffer.append", audio=letter * int(64_000 * seconds))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the keeper whenever it asked for it."""
        end = self.now + seconds
        while self.wake_at is not None and self.wake_at <= end:
            self.now = max(self.now, self.wake_at)
            self.wake_at = None
            self.do(self.keeper.woke(self.now))
            self.settle()
        self.now = end

    # The network.

    @property
    def live(self) -> Peer | None:
        return self.peers.get(self.keeper.live or 0)

    def accept(self) -> Peer:
        """Answer the oldest dial."""
        generation = self.dials.pop(0)
        expires_at = int(UNIX + self.now + self.life_s)
        session = default_session("model", f"sess_{generation}", expires_at)
        if not self.turn_detection:
            session["audio"]["input"]["turn_detection"] = None
        peer = self.peers[generation] = Peer(generation, session)
        peer.say("session.created", session=session)
        self.do(self.keeper.opened(generation, self.now, 1800.0))
        return peer

    def refuse(self, error: RTError | None = None) -> None:
        """Refuse the oldest dial."""
        error = error or ConnectError("refused")
        self.do(self.keeper.dial_failed(self.dials.pop(0), error, self.now))

    def bring(self, peer: Peer) -> bool:
        """Bring one event of a peer; False when there is none."""
        if not peer.outbox or peer.is_closed:
            return False
        self.do(self.keeper.received(peer.generation, peer.outbox.popleft(), self.now))
        return True

    def cut(self, peer: Peer | None = None, code: int = 1006) -> None:
        """Break a connection, the live one by default; what is under way is gone."""
        peer = peer or self.live
        assert peer is not None
        peer.is_closed = True
        self.do(self.keeper.lost(peer.generation, ConnectionLost(code), self.now))

    def settle(self) -> None:
        """Accept every dial and bring every event."""
        while True:
            if self.dials:
                self.accept()
            elif not any(
                not peer.is_closed and (peer.work() or self.bring(peer))
                for peer in tuple(self.peers.values())
            ):
                return

    def do(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Deliver(event):
                    self.events.append(event)
                case Send(generation, event):
                    peer = self.peers[generation]
                    assert not peer.is_closed, "nothing is written to a connection that is gone"
                    peer.inbox.append(event)
                case WakeAt(at):
                    self.wake_at = at
                case Dial(generation):
                    self.dials.append(generation)
                    self.dialled_at.append(self.now)
                case Close(generation):
                    if generation in self.dials:
                        self.dials.remove(generation)
                    if generation in self.peers:
                        self.peers[generation].is_closed = True
                case StateChanged(state):
                    self.states.append(state)
                case Restored(restoration):
                    self.restorations.append(restoration)
                case Ended(error):
                    self.ends.append(error)

    def sent_to(self, generation: int, kind: str) -> list[dict[str, Any]]:
        """Return the events of this type that a peer got."""
        return [event for event in self.peers[generation].got if event["type"] == kind]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def _new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:020d}"
