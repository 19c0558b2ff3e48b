"""A relay session as a play: what each side says, and exactly what comes of it.

    play = Playbook(session=SESSION)
    play.dialled()
    play.upstream("session.created", session={"id": "sess_1"})
    play.client_gets("session.created")
    play.upstream_gets("session.update", event_id="parley_1")

Every line is checked in order, and a new input fails the play while something that came of an
earlier one was not named. The clock moves only by `after`; ids count up: parley_1, event_2 …
"""

import json
from collections import Counter
from typing import Any

from server.relay.actions import Action, Close, Count, Plan, ToClient, ToUpstream, WakeAt
from server.relay.core import RelayCore

NOW = 1000.0
UNIX_NOW = 1_800_000_000.0


class Playbook:
    """One core and everything it said."""

    def __init__(self, plan: Plan | None = None, **plan_fields: Any) -> None:
        self.now = NOW
        self.counts: Counter[str] = Counter()
        self.wake_at: float | None = None
        self._ids = 0
        self._said: list[ToClient | ToUpstream | Close] = []
        self.core = RelayCore(
            plan or Plan(**plan_fields), now=NOW, unix_now=UNIX_NOW, new_id=self._new_id
        )
        self._note(self.core.on_open(NOW))

    # What happens.

    def client(self, event: str | dict[str, Any], /, **fields: Any) -> None:
        """The client sends an event: a type with fields, an event, or (with a brace) raw text."""
        self.nothing_more()
        self._note(self.core.on_client(_text(event, fields), self.now))

    def client_binary(self, data: bytes) -> None:
        """The client sends a binary message."""
        self.nothing_more()
        self._note(self.core.on_client_binary(data))

    def upstream(self, event: str | dict[str, Any], /, **fields: Any) -> None:
        """The upstream sends an event, given as for `client`."""
        self.nothing_more()
        self._note(self.core.on_upstream(_text(event, fields), self.now))

    def does(self, actions: list[Action]) -> None:
        """Anything else happens: pass what a method of `self.core` returned."""
        self.nothing_more()
        self._note(actions)

    def dialled(self) -> None:
        """The upstream takes the connection."""
        self.does(self.core.on_dialled(self.now))

    def after(self, seconds: float) -> None:
        """Let time pass, waking the core when it asked for it."""
        self.nothing_more()
        end = self.now + seconds
        while self.wake_at is not None and self.wake_at <= end:
            self.now, self.wake_at = max(self.now, self.wake_at), None
            self._note(self.core.on_time(self.now))
        self.now = end

    # What comes of it.

    def client_gets(self, event: str | dict[str, Any], /, **fields: Any) -> dict[str, Any]:
        """The next thing said is this event to the client; only the named fields are compared."""
        return self._next(ToClient, event, fields)

    def upstream_gets(self, event: str | dict[str, Any], /, **fields: Any) -> dict[str, Any]:
        """The next thing said is this event to the upstream."""
        return self._next(ToUpstream, event, fields)

    def client_gets_error(self, code: str, **fields: Any) -> dict[str, Any]:
        """The next thing said is an `error` to the client; `fields` are those of its body."""
        error: dict[str, Any] = self.client_gets("error")["error"]
        _compare(error, {"code": code, **fields})
        return error

    def closes(self, leg: str, code: int, reason: str | None = None) -> None:
        """The next thing is that this leg is closed."""
        action = self._pop()
        assert isinstance(action, Close), f"expected a close of {leg}, got {action}"
        assert (action.leg, action.code) == (leg, code), f"expected {leg} {code}, got {action}"
        assert reason is None or action.reason == reason, f"expected {reason!r}, got {action}"

    def nothing_more(self) -> None:
        """Everything that was said has been named."""
        assert not self._said, f"not named in the play: {self._said}"

    # How it works.

    def _next(
        self, kind: type[ToClient | ToUpstream], event: str | dict[str, Any], fields: dict[str, Any]
    ) -> dict[str, Any]:
        action = self._pop()
        assert isinstance(action, kind), f"expected {kind.__name__} {event!r}, got {action}"
        text = action.data if isinstance(action, ToClient) else action.text
        if isinstance(event, str) and event.lstrip().startswith("{"):
            assert text == event, f"not the same text: {text!r}"
        got: dict[str, Any] = json.loads(text)
        _compare(got, json.loads(_text(event, fields)))
        return got

    def _pop(self) -> ToClient | ToUpstream | Close:
        assert self._said, "nothing (more) was said"
        return self._said.pop(0)

    def _note(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case WakeAt(at):
                    self.wake_at = at
                case Count(name, amount):
                    self.counts[name] += amount
                case ToClient() | ToUpstream() | Close():
                    self._said.append(action)
                case _:
                    raise AssertionError(f"a core does not say {action}")

    def _new_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}_{self._ids}"


def _text(event: str | dict[str, Any], fields: dict[str, Any]) -> str:
    if isinstance(event, dict):
        return json.dumps(event)
    return event if event.lstrip().startswith("{") else json.dumps({"type": event, **fields})


def _compare(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    differing = {name: got.get(name) for name in wanted if got.get(name) != wanted[name]}
    assert not differing, f"expected {wanted}, got other values in {differing}"
