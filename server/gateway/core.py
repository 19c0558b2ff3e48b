"""The gateway's layer: config JSON and binary PCM16 on one side, GA events on the other. Sans I/O.

It stands next to the client, see `server/relay/layers.py`. Rules of the file:
- whatever a client sends is answered, at worst with an `error`; nothing that it sends ends the
  session;
- the voice service is dialled at the first message that needs it, so a connection that only waits
  costs nothing;
- events of the service that have no place in this protocol are left out.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, Literal

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import to_base64
from rtclient.protocol.codec import decode, peek_type
from server.gateway import messages as wire
from server.gateway.conversation import Conversation
from server.gateway.faults import error_of_event
from server.gateway.reading import BadMessage, read
from server.gateway.session import Offer
from server.gateway.setup import Setup
from server.gateway.telling import as_count, as_dict, as_text, refused, to_client, to_upstream
from server.relay.actions import Action, Notice

MAX_UPSTREAM_BYTES: Final = 64 * 1024 * 1024
MIN_TURN_BYTES: Final = 4800
"""A turn of less than 100 ms is no turn: the service refuses it."""
_SAMPLE_BYTES: Final = 2
_MAX_NAMED: Final = 64
"""How many notices may name unknown fields."""
# The sequencer's: about events that this layer made.
_NOT_FOR_CLIENTS: Final = (
    "commit_too_short",
    "commit_not_needed",
    "response_joined",
    "response_not_needed",
    "response_cancelled",
)


class Gateway:
    """One session of the gateway."""

    def __init__(
        self,
        offers: Mapping[str, Offer],
        default: str,
        *,
        session_id: str,
        new_id: Callable[[str], str],
        today: date,
    ) -> None:
        """Prepare.

        Args:
            offers: What the configured voice services have, by the names that clients use.
            default: The service for clients that name none, or one that is not configured.
            session_id: What the client may call this session.
            new_id: prefix → a new id.
            today: For models that are gone.
        """
        self._session_id = session_id
        self._setup = Setup(offers, default, session_id=session_id, new_id=new_id, today=today)
        self._conversation = Conversation()
        self._carry = b""
        self._turn_bytes = 0
        self._named: set[tuple[str, ...]] = set()

    # What happens.

    def on_open(self, now: float) -> list[Action]:
        """The client is connected: it may begin."""
        return [to_client(wire.Ready(session_id=self._session_id))]

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """One message of the client: sound, or a message as JSON."""
        if isinstance(data, bytes):
            return self._on_audio(data)
        try:
            reading = read(data)
        except BadMessage as bad:
            return [refused(bad.code, bad.reason, bad.message, bad.param)]
        actions: list[Action] = [Notice("info", "other_spelling", hint) for hint in reading.hints]
        if reading.unknown:
            actions += self._name(reading.unknown)
        return actions + self._on_message(reading.message, now)

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """One event of the voice service, or one of the core's own."""
        handler = self.EVENTS.get(peek_type(data) or "") if isinstance(data, str) else None
        if handler is None:
            return []
        try:
            event = decode(data, max_bytes=MAX_UPSTREAM_BYTES)
        except RemoteProtocolError:
            return []
        return handler(self, event, now)

    def on_time(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    # From the client.

    def _on_message(self, message: wire.ClientMessage, now: float) -> list[Action]:
        match message:
            case wire.Config():
                return self._setup.configure(message)
            case wire.Text(text=text):
                content = [{"type": "input_text", "text": text}]
                return self._say({"type": "message", "role": "user", "content": content})
            case wire.CreateResponse():
                return [*self._setup.connect(), *self._on_create_response()]
        if not self._setup.is_connected:
            advice = "There is no conversation yet. Send `config`, sound or `text` first."
            return [refused("NotConnected", "not_connected", advice)]
        match message:
            case wire.CommitAudio():
                return self._on_commit()
            case wire.ClearAudio():
                self._carry, self._turn_bytes = b"", 0
                return [to_upstream("input_audio_buffer.clear")]
            case wire.CancelResponse():
                return self._conversation.cancel(now)
            case wire.FunctionResult():
                return self._on_function_result(message)

    def _on_audio(self, data: bytes) -> list[Action]:
        pcm = self._carry + data
        whole = len(pcm) - len(pcm) % _SAMPLE_BYTES
        self._carry = pcm[whole:]
        if len(data) > wire.MAX_AUDIO_BYTES:
            text = f"One binary frame may have {wire.MAX_AUDIO_BYTES} bytes; this one was dropped."
            return [refused("InvalidMessage", "frame_too_large", f"{text} Send smaller ones.")]
        if not whole:
            return []
        self._turn_bytes += whole
        append = to_upstream("input_audio_buffer.append", audio=to_base64(pcm[:whole]))
        return [*self._setup.connect(), append]

    def _say(self, item: dict[str, Any]) -> list[Action]:
        create = to_upstream("conversation.item.create", item=item)
        return [*self._setup.connect(), create, *self._conversation.answer()]

    def _on_create_response(self) -> list[Action]:
        if self._conversation.has_answer:
            text = "The assistant answers by itself; `create_response` is for when it is silent."
            return [Notice("info", "answers_already", text)]
        return self._conversation.answer()

    def _on_commit(self) -> list[Action]:
        # While the service finds the turns, only one that is going on can be cut short.
        if self._setup.finds_turns and not self._conversation.is_speaking:
            text = "The service ends the turns by itself; `commit_audio` did nothing. For turns of"
            text += ' your own set `turn_detection` to "none".'
            return [Notice("info", "commit_ignored", text)]
        if self._turn_bytes < MIN_TURN_BYTES:
            text = "A turn needs at least 100 ms of sound; `commit_audio` did nothing."
            return [Notice("info", "turn_too_short", text)]
        self._turn_bytes = 0
        self._conversation.is_speaking = False
        return [to_upstream("input_audio_buffer.commit"), *self._conversation.answer()]

    def _on_function_result(self, message: wire.FunctionResult) -> list[Action]:
        call_id, result = message.call_id, message.result
        if not self._conversation.take_result(call_id):
            text = "No function call with this id waits for a result. Send each result once, with"
            text += " the `call_id` of its `function_call`."
            return [refused("InvalidMessage", "unknown_call", text, "call_id")]
        output = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return self._say({"type": "function_call_output", "call_id": call_id, "output": output})

    def _name(self, unknown: tuple[str, ...]) -> list[Action]:
        """Name fields that nobody knows; to the client only, they are its words."""
        if unknown in self._named or len(self._named) >= _MAX_NAMED:
            return []
        self._named.add(unknown)
        names = ", ".join(f"`{name}`" for name in unknown)
        text = f"Not known here and left out: {names}. See /realtime/schema.json."
        return [to_client(wire.Notice(level="info", code="unknown_field", message=text))]

    # From the voice service and the core.

    def _on_said(self, event: dict[str, Any], now: float) -> list[Action]:
        if event["type"] == "input_audio_buffer.committed" and self._setup.finds_turns:
            self._turn_bytes = 0  # the service ended the turn: none of its sound is left
        return self._conversation.on_event(event, now)

    def _on_updated(self, event: dict[str, Any], now: float) -> list[Action]:
        return self._setup.on_updated(as_dict(event.get("session")))

    def _on_error(self, event: dict[str, Any], now: float) -> list[Action]:
        body = as_dict(event.get("error"))
        error = error_of_event(body)
        if self._setup.on_rejected(as_text(body.get("event_id"))):
            error = error.model_copy(update={"code": "InvalidConfiguration"})
        else:
            self._conversation.is_answer_due = False  # it may be what was refused
        return [to_client(error)]

    def _on_notice(self, event: dict[str, Any], now: float) -> list[Action]:
        if event.get("code") in _NOT_FOR_CLIENTS:
            return []
        is_warning = event.get("level") == "warning"
        level: Literal["info", "warning"] = "warning" if is_warning else "info"
        code, text = as_text(event.get("code")), as_text(event.get("message"))
        return [to_client(wire.Notice(level=level, code=code, message=text))]

    def _on_expiring(self, event: dict[str, Any], now: float) -> list[Action]:
        left_s = as_count(event.get("seconds_left"))
        text = f"The session ends in {left_s} s. Connect again to go on."
        return [to_client(wire.Notice(level="warning", code="session_expiring", message=text))]

    EVENTS: Final[Mapping[str, Callable[["Gateway", dict[str, Any], float], list[Action]]]] = {
        **dict.fromkeys(Conversation.EVENTS, _on_said),
        "session.updated": _on_updated,
        "error": _on_error,
        "parley.notice": _on_notice,
        "parley.session_expiring": _on_expiring,
    }
    """The events that mean something to a client: (event, now) → actions."""
