"""When the model's calls are run and answered, and when it goes on. Pure: events in, actions out.

A round is the calls of one response. Each is run as soon as it is whole, beside the stream; each
output is sent when it is there; when all are, the model is asked once to go on.

Rules of the file:
- a call is announced three times (arguments done, item done, response done); only the item counts,
  and each `call_id` once;
- there is one `response.create` for a round, and none when a response that began after the outputs
  were in the conversation has seen them anyway, such as one that the turn detection started;
- while a response runs or the person speaks, asking waits;
- calls of functions that are not ours are the program's: when it answers last, it asks;
- a program that cancels while nobody speaks wants silence: the outputs are sent, nothing is asked.
  Where the person speaks, the conversation goes on, and with it the round.

Source: Realtime API guide, function calling; the server handles events in their order, so an output
whose `conversation.item.added` came before a `response.created` is known to that response.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.reading import mapping_of

_IS_BUSY: Final = "conversation_already_has_active_response"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model calls a function."""

    call_id: str
    name: str
    arguments: str
    """JSON text, as the model made it."""
    item_id: str
    response_id: str


Action = ToolCall | dict[str, Any]
"""What to do: run the function of a call and tell `on_output`, or send a client event."""


def call_in(event: Mapping[str, Any]) -> ToolCall | None:
    """Return the call that a server event announces; None when it is not about a whole call."""
    item = mapping_of(event.get("item"))
    if event.get("type") != "response.output_item.done" or item.get("type") != "function_call":
        return None
    if item.get("status", "completed") != "completed" or not isinstance(item.get("call_id"), str):
        return None
    return ToolCall(
        call_id=item["call_id"],
        name=str(item.get("name")),
        arguments=str(item.get("arguments") or ""),
        item_id=str(item.get("id")),
        response_id=str(event.get("response_id")),
    )


class ToolRounds:
    """The calls of one session. Its `on_…` methods say what happened; do what they return."""

    def __init__(self, conversation: Conversation, names: Container[str]) -> None:
        """Begin.

        Args:
            conversation: The mirror of the session; it must have each event before this does.
            names: Of the functions that are ours; looked at when a call comes.
        """
        self._conversation = conversation
        self._names = names
        self._running: dict[str, ToolCall] = {}
        self._foreign: set[str] = set()
        """Calls of the newest round that the program answers itself."""
        self._seen: set[str] = set()
        self._quiet: set[str] = set()
        """Calls of responses that were cancelled by the program."""
        self._unconfirmed: set[str] = set()
        """Calls whose outputs were sent and are not yet in the conversation."""
        self._has_confirmed = False
        """Whether this server confirms items, as the service does."""
        self._is_held = False
        """Whether the person speaks without turn detection."""
        self._is_owed = False
        """Whether outputs wait for a response that sees them."""
        self._is_blocked = False
        """Whether the server refused a response until the one that runs has ended."""
        self._asked: str | None = None
        """The event_id of the `response.create` that is on its way."""
        self._asked_behind: frozenset[str] = frozenset()
        """Calls whose outputs are on their way before it."""
        self._count = 0

    @property
    def is_open(self) -> bool:
        """Whether the model's turn goes on: a call runs, or a response to outputs is due."""
        return bool(self._running) or self._is_owed

    def on_server_event(self, event: Mapping[str, Any]) -> list[Action]:
        """Take in an event of the server."""
        kind = event.get("type")
        actions: list[Action] = []
        if kind == "response.output_item.done":
            actions += self._on_item(event)
        elif kind == "conversation.item.added":
            self._has_confirmed = True
            item = mapping_of(event.get("item"))
            if item.get("type") == "function_call_output":
                self._unconfirmed.discard(str(item.get("call_id")))
        elif kind == "response.created":
            self._on_response_created(event)
        elif kind == "response.done":
            self._on_response_done(event)
        elif kind == "error":
            self._on_error(mapping_of(event.get("error")))
        return actions + self._ask()

    def on_client_event(self, event: Mapping[str, Any]) -> list[Action]:
        """Take in an event that the program sends."""
        item = mapping_of(event.get("item"))
        if (
            event.get("type") != "conversation.item.create"
            or item.get("type") != "function_call_output"
        ):
            return []
        call_id = str(item.get("call_id"))
        # The program may answer a call of ours, too; then that one is settled.
        is_known = self._running.pop(call_id, None) is not None or call_id in self._foreign
        self._foreign.discard(call_id)
        if is_known and not self._foreign and not self._running:
            self._is_owed = False
        return []

    def on_output(self, call_id: str, output: str) -> list[Action]:
        """Take in what a function returned, or in words why it did not."""
        if self._running.pop(call_id, None) is None:
            return []
        self._unconfirmed.add(call_id)
        if call_id not in self._quiet:
            self._is_owed = True
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        event = {
            "type": "conversation.item.create",
            "event_id": _output_id(call_id),
            "item": item,
        }
        return [event, *self._ask()]

    def on_interruption(self) -> None:
        """Note that the program interrupts the model."""
        if not self._is_speaking:
            self._quiet.update(self._running)
            self._is_owed = False

    def hold(self) -> None:
        """Ask nothing until `release`: the person speaks, and only the program knows it."""
        self._is_held = True

    def release(self) -> list[Action]:
        """The person has spoken."""
        self._is_held = False
        return self._ask()

    @property
    def _is_speaking(self) -> bool:
        return self._is_held or self._conversation.is_user_speaking

    def _on_item(self, event: Mapping[str, Any]) -> list[Action]:
        call = call_in(event)
        if call is None or call.call_id in self._seen:
            return []
        response = self._conversation.response(call.response_id)
        # Outputs belong to the conversation, so calls beside it cannot be answered.
        if response is not None and response.is_out_of_band:
            return []
        self._seen.add(call.call_id)
        if call.name not in self._names:
            self._foreign.add(call.call_id)
            return []
        self._running[call.call_id] = call
        return [call]

    def _on_response_created(self, event: Mapping[str, Any]) -> None:
        response = self._conversation.response(_response_id(event))
        if response is not None and response.is_out_of_band:
            return
        self._foreign.clear()
        if not self._unconfirmed:
            self._is_owed = False
        if not self._unconfirmed & self._asked_behind:
            # Ours, or one that saw the same; then ours is refused.
            self._asked = None

    def _on_response_done(self, event: Mapping[str, Any]) -> None:
        response = self._conversation.response(_response_id(event))
        if response is None or response.is_out_of_band:
            return
        self._is_blocked = False
        if self._asked is not None and not self._has_confirmed:
            # Of a server that confirms no items: this one was ours, for all that can be known.
            self._asked, self._is_owed = None, False
        if response.reason == "client_cancelled" and not self._is_speaking:
            self._quiet |= {
                call.call_id for call in self._running.values() if call.response_id == response.id
            }
            self._is_owed = False

    def _on_error(self, error: Mapping[str, Any]) -> None:
        event_id = error.get("event_id")
        self._unconfirmed = {call for call in self._unconfirmed if _output_id(call) != event_id}
        if self._asked is None or event_id not in (self._asked, None):
            return
        if error.get("code") == _IS_BUSY:
            self._asked, self._is_blocked = None, True
        elif event_id == self._asked:
            # Asking again would fail again; the program sees the error.
            self._asked, self._is_owed = None, False

    def _ask(self) -> list[Action]:
        """Return the `response.create` of the round when its time has come."""
        if (
            not self._is_owed
            or self._running
            or self._foreign
            or self._asked
            or self._is_blocked
            or self._conversation.active_response is not None
            or self._is_speaking
        ):
            return []
        self._count += 1
        self._asked = f"event_tools_{self._count}"
        self._asked_behind = frozenset(self._unconfirmed)
        return [{"type": "response.create", "event_id": self._asked}]


def _output_id(call_id: str) -> str:
    return f"event_{call_id}"


def _response_id(event: Mapping[str, Any]) -> str:
    return str(mapping_of(event.get("response")).get("id"))
