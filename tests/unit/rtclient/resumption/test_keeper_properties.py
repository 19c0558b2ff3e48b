"""Whatever breaks, and whenever: nothing is lost, nothing comes twice, nothing hangs."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtclient.errors import ConnectError, ConnectionLost, HandshakeRejected
from rtclient.protocol.answering import ANSWERS
from rtclient.resumption.actions import ClientState
from rtclient.resumption.policy import ReconnectPolicy
from tests.support.keeper_world import World

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["say", "ask", "answer", "append", "commit", "update"]
            + ["work"] * 4
            + ["bring"] * 6
            + ["accept"] * 3
            + ["refuse", "busy", "cut", "die", "wait", "renew"]
        ),
        st.integers(0, 7),
    ),
    max_size=80,
)

NEVER_GIVES_UP = ReconnectPolicy(max_attempts=1000, base_s=0.1, cap_s=1.0, budget_s=1e9)

NAMES = st.sampled_from(
    "item item_id id response error code event_id session audio input format type content role"
    " status previous_item_id audio_end_ms audio_start_ms content_index call_id part expires_at"
    " turn_detection transcript".split()
)
SERVER_TYPES = [
    *ANSWERS.values(),
    *("error", "session.created", "conversation.item.done", "conversation.item.created"),
    *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
    *("response.done", "response.output_item.added", "response.output_audio.delta", "new.kind"),
    "conversation.item.input_audio_transcription.completed",
]


class Play:
    """Random steps, and what must be true after each of them and at the end."""

    def __init__(self) -> None:
        self.world = World(reconnect=NEVER_GIVES_UP, share=0.5)
        self.world.connect()
        self.said: list[str] = []
        self.commits = 0

    def step(self, name: str, number: int) -> None:
        world = self.world
        peers = [peer for peer in world.peers.values() if not peer.is_closed]
        live = world.live
        match name:
            case "say":
                self.said.append(f"said_{len(self.said)}")
                world.say(self.said[-1])
            case "ask":
                world.send("response.create", event_id=f"ask_{number}")
            case "answer" if live is not None and live.response is not None:
                live.answer(f"words {number}")
            case "append":
                world.append()
            case "commit":
                world.send("input_audio_buffer.commit")
                self.commits += 1
            case "update":
                session = {"type": "realtime", "instructions": f"number {number}"}
                world.send("session.update", session=session)
            case "work" if peers:
                peers[number % len(peers)].work()
            case "bring" if peers:
                world.bring(peers[number % len(peers)])
            case "accept" if world.dials:
                world.accept()
            case "refuse" if world.dials:
                world.refuse(ConnectError("refused"))
            case "busy" if world.dials:
                world.refuse(HandshakeRejected(429, retry_after_s=float(number)))
            case "cut" if live is not None:
                world.cut(live, code=(1001, 1006, 1011)[number % 3])
            case "die" if peers:
                world.cut(peers[number % len(peers)])
            case "wait":
                world.now += number
                self.wake()
            case "renew" if world.keeper.live is not None:
                world.now += 1790
                self.wake()

    def wake(self) -> None:
        if self.world.wake_at is not None and self.world.wake_at <= self.world.now:
            self.world.wake_at = None
            self.world.do(self.world.keeper.woke(self.world.now))

    def check(self) -> None:
        world = self.world
        waits = world.dials or world.wake_at is not None or world.live is not None
        assert waits, "somebody always has the next move"
        once(event["item"]["id"] for event in of(world, "conversation.item.added"))
        once(event["item"]["id"] for event in of(world, "conversation.item.done"))
        once(event["response"]["id"] for event in of(world, "response.done"))
        assert world.types().count("session.created") == 1

    def end(self) -> None:
        """Let everything come to rest; then the server has what the program was told."""
        world = self.world
        world.settle()
        world.pass_time(60)
        while world.live is not None and world.live.response is not None:
            world.live.answer("the end")
            world.settle()
        live = world.live
        assert world.states[-1] is ClientState.CONNECTED
        assert live is not None
        self.check()
        shown = [event["item"]["id"] for event in of(world, "conversation.item.done")]
        assert [item_id for item_id in live.ids if item_id in self.said] == self.said
        assert [item_id for item_id in shown if item_id in self.said] == self.said
        kept = [item_id for item_id in shown if item_id.startswith("turn_")]
        assert [item_id for item_id in live.ids if item_id.startswith("turn_")] == kept
        answers = len(of(world, "input_audio_buffer.committed"))
        refused = [event["error"]["code"] for event in of(world, "error")]
        assert answers + refused.count("input_audio_buffer_commit_empty") == self.commits
        begun = {event["response"]["id"] for event in of(world, "response.created")}
        assert begun == {event["response"]["id"] for event in of(world, "response.done")}
        assert world.keeper.conversation.active_response is None
        instructions = world.keeper.conversation.session["instructions"]
        assert live.session["instructions"] == instructions
        assert [peer for peer in world.peers.values() if not peer.is_closed] == [live]


def of(world: World, kind: str) -> list[dict[str, Any]]:
    return [event for event in world.events if event["type"] == kind]


def once(ids: Any) -> None:
    found = list(ids)
    assert len(set(found)) == len(found), "nothing comes twice"


@given(STEPS)
def test_a_conversation_survives_whatever_breaks(steps: list[tuple[str, int]]) -> None:
    play = Play()
    for name, number in steps:
        play.step(name, number)
        play.check()
    play.end()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "a", "AAAA", "completed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=4,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=6)


@settings(max_examples=settings.default.max_examples // 4, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(SERVER_TYPES), FIELDS), max_size=12),
    st.lists(st.tuples(st.sampled_from(sorted(ANSWERS)), FIELDS), max_size=4),
)
def test_no_shape_of_an_event_disturbs_it(
    server_events: list[tuple[str, dict[str, Any]]], client_events: list[tuple[str, dict[str, Any]]]
) -> None:
    world = World(reconnect=NEVER_GIVES_UP)
    peer = world.connect()
    for kind, fields in client_events:
        world.do(world.keeper.sent({**fields, "type": kind}, world.now))
    for kind, fields in server_events:
        world.do(world.keeper.received(peer.generation, {**fields, "type": kind}, world.now))
    peer.is_closed = True
    world.do(world.keeper.lost(peer.generation, ConnectionLost(1006), world.now))
    assert world.dials or world.ends
    if world.dials:
        candidate = world.accept()
        for kind, fields in server_events:
            event = {**fields, "type": kind}
            world.do(world.keeper.received(candidate.generation, event, world.now))
