"""The turn sequencer: keeps simple clients out of trouble. Sans I/O; a layer below the relay core.

Many programs send `response.create` while a response is under way, commit audio that the service
has committed already, or cut speech that was never sent. The service answers each with an error.
The sequencer lets such an event wait, changes it or leaves it out; docs/sequencer.md says which.

Rules of the file:
- everything is GA text; what needs no help passes untouched, the same text;
- nothing that was asked for is lost: it is sent, or left out for a reason that is documented;
- what cannot be prevented, because both sides spoke at once, is recognised by its `event_id`, put
  right, and never reaches the client;
- every wait ends (`WakeAt`), and everything that is remembered is bounded.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import MAX_BYTES, decode, encode, peek_type
from server.errors import FAULTS, error_event
from server.relay.actions import Action, Count, Notice, ToClient, ToUpstream, WakeAt
from server.relay.commits import Commits, Fate
from server.relay.input_audio import InputAudio
from server.relay.ledger import Ledger, benign_kind, is_benign
from server.relay.responses import Responses
from server.relay.session_view import SessionView
from server.relay.spoken_items import SpokenItems

_APPEND = "input_audio_buffer.append"
_AUDIO_DELTA = "response.output_audio.delta"

_JOINED = Notice(
    "info",
    "response_joined",
    "Several response.create that were waiting became one. Send one when all is said.",
)
_ANSWERED = Notice(
    "info",
    "response_not_needed",
    "A response.create was left out: what was said is answered without it. "
    "Send it only when nothing else asks for an answer; turns that are detected are answered "
    "unless create_response is false.",
)
_DROPPED = Notice(
    "info",
    "response_cancelled",
    "A response.cancel also took back the response.create that was waiting.",
)


class Sequencer:
    """The layer of one session."""

    def __init__(self) -> None:
        self._view = SessionView()
        self._audio = InputAudio(self._view)
        self._commits = Commits(self._view, self._audio)
        self._items = SpokenItems(self._view)
        self._responses = Responses(self._view, self._audio)
        self._ledger = Ledger()
        self._is_cancelling = False
        """The client's cancel is on its way, and nothing has come of it yet."""
        self._armed: float | None = None
        self._refusals = 0

    def on_open(self, now: float) -> list[Action]:
        """The client is connected."""
        return []

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """One event on its way to the upstream."""
        text = _text(data)
        event_type = peek_type(text)
        if event_type == _APPEND:
            self._audio.on_append(text, now)
            return [ToUpstream(text), *self._settle(now)]
        if event_type not in self._FROM_CLIENT:
            return [*self._before_other(), ToUpstream(text), *self._settle(now)]
        try:
            event = decode(text)
        except RemoteProtocolError:
            return [ToUpstream(text)]
        return [*self._FROM_CLIENT[event_type](self, event, text, now), *self._settle(now)]

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """One event on its way to the client."""
        text = _text(data)
        event_type = peek_type(text)
        if event_type == _AUDIO_DELTA:
            self._items.on_delta(text)
            return [ToClient(text)]
        if event_type not in self._FROM_UPSTREAM:
            return [ToClient(text)]
        try:
            event = decode(text, max_bytes=4 * MAX_BYTES)
        except RemoteProtocolError:
            return [ToClient(text)]
        return [*self._FROM_UPSTREAM[event_type](self, event, text, now), *self._settle(now)]

    def on_time(self, now: float) -> list[Action]:
        """A wait is over."""
        self._armed = None
        return self._settle(now)

    # The client: (event, its text, now) → actions.

    def _on_commit(self, _event: dict[str, Any], text: str, now: float) -> list[Action]:
        return self._decided(self._commits.on_commit(text, now))

    def _decided(self, fate: Fate) -> list[Action]:
        """Do what was decided about a commit."""
        match fate:
            case None:
                return []
            case Notice():
                return [_left_out(), fate]
            case text:
                self._audio.on_cut()
                self._responses.on_committed()
                return [ToUpstream(self._ledger.tag("commit", text))]

    def _before_other(self) -> list[Action]:
        return self._decided(self._commits.on_other())

    def _on_clear(self, _event: dict[str, Any], text: str, now: float) -> list[Action]:
        actions = self._before_other()
        self._audio.on_cut()
        return [*actions, ToUpstream(text)]

    def _on_update(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        actions = self._before_other()
        self._view.on_update(event, now)
        self._audio.on_session()
        return [*actions, ToUpstream(text)]

    def _on_item(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        actions = self._before_other()
        item = _dict(event.get("item"))
        self._items.on_created(item.get("id"))
        self._responses.on_item(item)
        return [*actions, ToUpstream(text)]

    def _on_create(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        if _dict(event.get("response")).get("conversation") == "none":
            self._responses.on_out_of_band()
            return [ToUpstream(text)]
        waiting = self._responses.new(event, text, now)
        waiting.after_commit = self._commits.are_left_to_upstream
        if not self._commits.is_held and self._responses.is_redundant(waiting, now):
            return [_left_out(), _ANSWERED]
        if not self._responses.has_room(waiting):
            return [self._refusal(event), _left_out()]
        if self._responses.add(waiting):
            return [_left_out(), _JOINED]
        return []

    def _refusal(self, event: Mapping[str, Any]) -> Action:
        self._refusals += 1
        told = error_event(FAULTS["too_many_responses"], f"parley_seq_refusal_{self._refusals}")
        event_id = event.get("event_id")
        told["error"]["event_id"] = event_id if isinstance(event_id, str) else None
        return ToClient(encode(told))

    def _on_cancel(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        response_id = event.get("response_id")
        actions: list[Action] = []
        if response_id is None:
            is_late = self._is_cancelling or not self._responses.is_busy(now)
            self._is_cancelling |= not is_late
            if dropped := self._responses.drop_all():
                actions += [_left_out(dropped), _DROPPED]
        else:
            is_late = isinstance(response_id, str) and not self._responses.under_way(response_id)
        if is_late:
            return [*actions, _left_out()]
        return [*actions, ToUpstream(self._ledger.tag("cancel", text))]

    def _on_truncate(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        match self._items.cut(event):
            case "nothing":
                return [_left_out()]
            case "delete":
                return [_left_out(), self._delete(str(event["item_id"]))]
            case "pass":
                return [ToUpstream(self._ledger.tag("item", text))]
            case end_ms:
                changed = encode({**event, "audio_end_ms": end_ms})
                return [Count("sequenced"), ToUpstream(self._ledger.tag("item", changed))]

    def _delete(self, item_id: str) -> Action:
        self._responses.on_item_gone(item_id)
        text = encode({"type": "conversation.item.delete", "item_id": item_id})
        return ToUpstream(self._ledger.tag("item", text))

    def _on_delete(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        item_id = event.get("item_id")
        if self._items.was_deleted_here(item_id):
            return [_left_out()]
        self._items.on_gone(item_id)
        self._responses.on_item_gone(item_id)
        return [ToUpstream(text)]

    def _on_retrieve(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        is_gone = self._items.was_deleted_here(event.get("item_id"))
        return [_left_out()] if is_gone else [ToUpstream(text)]

    _FROM_CLIENT: Mapping[
        str | None, Callable[["Sequencer", dict[str, Any], str, float], list[Action]]
    ] = {
        "session.update": _on_update,
        "input_audio_buffer.commit": _on_commit,
        "input_audio_buffer.clear": _on_clear,
        "conversation.item.create": _on_item,
        "conversation.item.truncate": _on_truncate,
        "conversation.item.delete": _on_delete,
        "conversation.item.retrieve": _on_retrieve,
        "response.create": _on_create,
        "response.cancel": _on_cancel,
    }

    # The upstream: (event, its text, now) → actions.

    def _on_session(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        self._view.on_session(event, now)
        self._audio.on_session()
        return [ToClient(text)]

    def _on_speech_started(self, _event: dict[str, Any], text: str, _now: float) -> list[Action]:
        self._audio.on_speech_started()
        self._responses.on_speech_started()
        return [ToClient(text)]

    def _on_speech_stopped(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        self._audio.on_turn_ended(event)
        self._responses.on_turn_ended(now, is_answered=self._view.answers_turns)
        return [ToClient(text), *self._decided(self._commits.on_turn_ended())]

    def _on_timeout(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        self._audio.on_turn_ended(event)
        self._responses.on_turn_ended(now, is_answered=True)
        return [ToClient(text), *self._decided(self._commits.on_turn_ended())]

    def _on_created(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        self._is_cancelling = False
        self._responses.on_created(_dict(event.get("response")))
        return [ToClient(text)]

    def _on_done(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        self._is_cancelling = False
        response = _dict(event.get("response"))
        self._responses.on_done(response, now)
        output = response.get("output")
        actions: list[Action] = [ToClient(text)]
        for item in output if isinstance(output, list) else ():
            actions += self._finish(_dict(item))
        return actions

    def _on_item_added(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        item = _dict(event.get("item"))
        item_id = item.get("id")
        if isinstance(item_id, str):
            response = self._responses.under_way(event.get("response_id"))
            writes = response is None or response.writes
            if item.get("type") == "function_call" and writes:
                self._responses.on_call(str(item.get("call_id")), item_id)
            else:
                ticks = response.output_ticks if response else self._view.output_ticks
                self._items.on_added(item_id, ticks, is_in_conversation=writes)
        return [ToClient(text)]

    def _on_item_done(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        return [ToClient(text), *self._finish(_dict(event.get("item")))]

    def _finish(self, item: Mapping[str, Any]) -> list[Action]:
        item_id = item.get("id")
        if item.get("type") == "function_call":
            if item.get("status") == "incomplete":
                self._responses.on_item_gone(item_id)
            return []
        is_due = isinstance(item_id, str) and self._items.on_done(item_id)
        return [self._delete(str(item_id))] if is_due else []

    def _on_deleted(self, event: dict[str, Any], text: str, _now: float) -> list[Action]:
        self._items.on_gone(event.get("item_id"))
        self._responses.on_item_gone(event.get("item_id"))
        return [ToClient(text)]

    def _on_error(self, event: dict[str, Any], text: str, now: float) -> list[Action]:
        error = _dict(event.get("error"))
        sent = self._ledger.take(error.get("event_id"))
        if sent is None:
            return self._on_other_error(error, text, now)
        benign = is_benign(sent.kind, error)
        self._is_cancelling &= sent.kind != "cancel"
        if sent.waiting is not None:
            waiting = sent.waiting
            if not benign:
                self._responses.on_failed(waiting)
            elif waiting.is_cancelled or self._responses.is_redundant(waiting, now):
                self._responses.on_failed(waiting)
                return [_left_out()]
            else:
                benign = self._responses.retry(waiting, now)
        if benign:
            return [Count("sequenced")]
        if not sent.is_renamed:
            return [ToClient(text)]
        return [ToClient(encode({**event, "error": {**error, "event_id": sent.client_id}}))]

    def _on_other_error(self, error: Mapping[str, Any], text: str, now: float) -> list[Action]:
        kind = benign_kind(error)
        if kind == "create":
            self._responses.on_own_answer_refused(now)
        if kind is not None:
            return [Count("sequenced")]
        self._view.on_error(error)
        self._audio.on_session()
        return [ToClient(text)]

    _FROM_UPSTREAM: Mapping[
        str | None, Callable[["Sequencer", dict[str, Any], str, float], list[Action]]
    ] = {
        "session.created": _on_session,
        "session.updated": _on_session,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.timeout_triggered": _on_timeout,
        "response.created": _on_created,
        "response.done": _on_done,
        "response.output_item.added": _on_item_added,
        "response.output_item.done": _on_item_done,
        "conversation.item.deleted": _on_deleted,
        "error": _on_error,
    }

    # What follows from all this.

    def _settle(self, now: float) -> list[Action]:
        """Do what has become possible, and ask to be woken for the rest."""
        if not (self._commits.is_held or self._responses.are_waiting):
            return []
        actions = self._decided(self._commits.on_time(now))
        due = self._commits.due()
        if due is None:
            if left_out := self._responses.take_redundant(now):
                actions += [_left_out(left_out), _ANSWERED]
            for waiting in self._responses.due(now):
                actions.append(ToUpstream(self._ledger.tag("create", waiting.text, waiting)))
            due = self._responses.next_due(now)
        if due is not None and due != self._armed:
            self._armed = due
            actions.append(WakeAt(due))
        return actions


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else data.decode(errors="replace")


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _left_out(amount: int = 1) -> Count:
    return Count("sequenced", amount)
