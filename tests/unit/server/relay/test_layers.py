import json
from collections.abc import Callable
from typing import Any

from server.relay.actions import (
    Action,
    Close,
    Count,
    Dial,
    Fail,
    Note,
    Notice,
    Plan,
    ToClient,
    ToUpstream,
    WakeAt,
)
from server.relay.core import RelayCore
from server.relay.layers import Stack

CREATED = '{"type":"session.created","event_id":"event_1","session":{"id":"sess_1"}}'


class Marker:
    """A layer that adds its name to what passes; `extra` is what it says besides."""

    def __init__(self, name: str, extra: Callable[[], list[Action]] = list) -> None:
        self.name = name
        self.extra = extra

    def on_open(self, now: float) -> list[Action]:
        return []

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        text = data if isinstance(data, str) else data.decode()
        return [ToUpstream(self._marked(text)), *self.extra()]

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        assert isinstance(data, str)
        return [ToClient(self._marked(data))]

    def on_time(self, now: float) -> list[Action]:
        return [Count(self.name)]

    def _marked(self, text: str) -> str:
        event: dict[str, Any] = json.loads(text)
        return json.dumps({**event, "by": [*event.get("by", ()), self.name]})


def make(*, above: tuple[Marker, ...] = (), below: tuple[Marker, ...] = (), **plan: Any) -> Stack:
    core = RelayCore(Plan(**plan), now=0, unix_now=0, new_id=lambda prefix: f"{prefix}_1")
    stack = Stack(core, above=above, below=below)
    stack.on_open(0)
    stack.on_dialled(0)
    stack.on_upstream(CREATED, 0)
    return stack


def path(actions: list[Action]) -> list[str]:
    (message,) = [action for action in actions if isinstance(action, ToClient | ToUpstream)]
    data = message.data if isinstance(message, ToClient) else message.text
    found: list[str] = json.loads(data)["by"]
    return found


def test_a_message_passes_every_layer_in_order() -> None:
    stack = make(above=(Marker("gateway"), Marker("dialect")), below=(Marker("a"), Marker("b")))
    assert path(stack.on_client('{"type":"x"}', 1)) == ["gateway", "dialect", "a", "b"]
    assert path(stack.on_upstream('{"type":"x"}', 1)) == ["b", "a", "dialect", "gateway"]


def test_binary_reaches_the_layer_next_to_the_client() -> None:
    assert path(make(above=(Marker("gateway"),)).on_client(b'{"type":"x"}', 1)) == ["gateway"]


def test_what_the_core_refuses_goes_back_through_the_layers_above_only() -> None:
    stack = make(above=(Marker("dialect"),), below=(Marker("sequencer"),))
    actions = stack.on_client('{"type":"session.update","session":{"model":"mine"}}', 1)
    assert path(actions) == ["dialect"]


def test_each_layer_is_woken_at_its_own_time_and_the_face_at_the_first() -> None:
    early = Marker("early", lambda: [WakeAt(5)])
    late = Marker("late", lambda: [WakeAt(7)])
    stack = make(above=(early,), below=(late,))
    assert WakeAt(5) in stack.on_client('{"type":"x"}', 1)
    assert not [a for a in stack.on_client('{"type":"x"}', 1) if isinstance(a, WakeAt)]
    assert stack.on_time(5) == [Count("early"), WakeAt(7)]
    assert stack.on_time(7)[0] == Count("late")


def test_a_layers_notice_reaches_the_client_and_the_log_once() -> None:
    notice = Notice("info", "advice", "Do this.")
    stack = make(below=(Marker("sequencer", lambda: [notice]),))
    first = stack.on_client('{"type":"x"}', 1)
    told = [json.loads(action.data) for action in first if isinstance(action, ToClient)]
    assert [(event["type"], event["code"]) for event in told] == [("parley.notice", "advice")]
    assert Note("advice", "Do this.") in first
    assert [type(action) for action in stack.on_client('{"type":"x"}', 1)] == [ToUpstream]


def test_a_notice_is_for_the_log_only_where_the_client_may_be_sent_nothing_of_ours() -> None:
    notice = Notice("info", "advice", "Do this.")
    stack = make(below=(Marker("s", lambda: [notice]),), has_extras=False)
    assert stack.on_client('{"type":"x"}', 1)[1:] == [Note("advice", "Do this.")]


def test_a_layer_can_end_the_session() -> None:
    stack = make(below=(Marker("b", lambda: [Fail("upstream_bad_data")]),))
    actions = stack.on_client('{"type":"x"}', 1)
    assert stack.is_over
    assert [action.leg for action in actions if isinstance(action, Close)] == ["client", "upstream"]


def test_a_dial_chooses_the_session_and_the_layers_below() -> None:
    session = {"type": "realtime", "instructions": "Be short."}
    chooser = Marker("gateway", lambda: [Dial("azure", session)])
    core = RelayCore(
        Plan(dials_on_demand=True), now=0, unix_now=0, new_id=lambda prefix: f"{prefix}_1"
    )
    stack = Stack(core, above=[chooser], below_of=lambda target: [Marker(target)])
    stack.on_open(0)
    assert stack.on_client('{"type":"x"}', 1) == [Dial("azure", session)]  # the rest is held
    chooser.extra = list
    stack.on_dialled(2)
    (_, update) = [
        action.text if isinstance(action, ToUpstream) else ""
        for action in stack.on_upstream(CREATED, 2)
        if isinstance(action, ToClient | ToUpstream)
    ]
    assert json.loads(update)["session"] == session
    assert json.loads(update)["by"] == ["azure"]
    released = stack.on_upstream('{"type":"session.updated","session":{}}', 3)
    assert [json.loads(a.text)["by"] for a in released if isinstance(a, ToUpstream)] == [
        ["gateway", "azure"]
    ]
