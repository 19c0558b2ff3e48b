"""The gateway's layer: config JSON and binary PCM16 on one side, GA events on the other. Sans I/O.

It stands next to the client, see `server/relay/layers.py`. Rules of the file:
- whatever a client sends is answered, at worst with an `error`; nothing that it sends ends the
  session;
- the voice service is dialled at the first message that needs it, so a connection that only waits
  costs nothing;
- after `interrupted` not one byte of the sound of that response goes out;
- events of the service that have no place in this protocol are left out.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import from_base64, to_base64
from rtclient.protocol.codec import decode, encode, peek_type
from server.gateway import messages as wire
from server.gateway.faults import error_of_event
from server.gateway.reading import BadMessage, read
from server.gateway.session import Offer, changes, merged, wanted
from server.gateway.speech import Captions, Speaker
from server.relay.actions import Action, Dial, Notice, ToClient, ToUpstream

MAX_UPSTREAM_BYTES: Final = 64 * 1024 * 1024
MAX_CALLS: Final = 256
"""How many function calls are remembered."""
MAX_UPDATES: Final = 64
"""How many updates may wait for their answers."""
MIN_TURN_BYTES: Final = 4800
"""A turn of less than 100 ms is no turn: the service refuses it."""
_SAMPLE_BYTES: Final = 2
_STATUSES: Final = ("completed", "cancelled", "incomplete", "failed")


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
        self._offers = offers
        self._default = default
        self._session_id = session_id
        self._new_id = new_id
        self._today = today
        self._offer: Offer | None = None
        self._config = wire.Config(type="config")
        self._session: dict[str, Any] = {}
        self._updates: dict[str, tuple[wire.Config, dict[str, Any]]] = {}
        self._carry = b""
        self._turn_bytes = 0
        self._is_speaking = False
        self._response_id = ""
        self._is_answering = self._is_muted = False
        self._is_answer_due = self._is_cancel_due = False
        self._calls: dict[str, bool] = {}  # id → whether its result is to come
        self._captions: dict[str, Captions] = {"user": Captions(), "assistant": Captions()}
        self._speaker = Speaker()
        self._named: set[tuple[str, ...]] = set()

    # What happens.

    def on_open(self, now: float) -> list[Action]:
        """The client is connected: it may begin."""
        return [_told(wire.Ready(session_id=self._session_id))]

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """One message of the client: sound, or a message as JSON."""
        if isinstance(data, bytes):
            return self._on_audio(data)
        try:
            reading = read(data)
        except BadMessage as bad:
            return [_refused(bad.code, bad.reason, bad.message, bad.param)]
        actions: list[Action] = [Notice("info", "other_spelling", hint) for hint in reading.hints]
        if reading.unknown:
            actions += self._name(reading.unknown)
        return actions + self._on_message(reading.message, now)

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """One event of the voice service, or one of the core's own."""
        if isinstance(data, bytes):
            return []
        handler = self.EVENTS.get(peek_type(data) or "")
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
                return self._on_config(message)
            case wire.Text():
                return self._connect() + self._say(message.text)
            case wire.CreateResponse():
                return self._connect() + self._on_create_response()
        if self._offer is None:
            text = "There is no conversation yet. Send `config`, sound or `text` first."
            return [_refused("NotConnected", "not_connected", text)]
        match message:
            case wire.CommitAudio():
                return self._on_commit()
            case wire.ClearAudio():
                self._carry, self._turn_bytes = b"", 0
                return [_event("input_audio_buffer.clear")]
            case wire.CancelResponse():
                return self._on_cancel(now)
            case wire.FunctionResult():
                return self._on_function_result(message)

    def _on_audio(self, data: bytes) -> list[Action]:
        pcm = self._carry + data
        odd = len(pcm) % _SAMPLE_BYTES
        self._carry = pcm[len(pcm) - odd :]
        if len(data) > wire.MAX_AUDIO_BYTES:
            text = f"One binary frame may have {wire.MAX_AUDIO_BYTES} bytes; this one was dropped."
            return [_refused("InvalidMessage", "frame_too_large", f"{text} Send smaller ones.")]
        pcm = pcm[: len(pcm) - odd]
        if not pcm:
            return []
        self._turn_bytes += len(pcm)
        audio = to_base64(pcm)
        append = f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}'
        return [*self._connect(), ToUpstream(append)]

    def _on_config(self, config: wire.Config) -> list[Action]:
        if self._offer is None:
            return self._connect(config)
        notices: list[Action] = []
        if config.provider is not None and config.provider != self._offer.provider:
            text = "The provider is chosen once, by the first message. Connect again to change it."
            notices.append(Notice("warning", "provider_kept", text))
        before = (self._config, self._session)
        self._config = merged(self._config, config)
        session, told = wanted(self._config, self._offer, config, self._today)
        update = changes(self._session, session)
        if not update:
            return [*notices, *told, _told(self._in_force(self._session))]
        self._session = session
        event_id = self._new_id("gateway")
        self._updates[event_id] = before
        if len(self._updates) > MAX_UPDATES:
            del self._updates[next(iter(self._updates))]
        return [*notices, *told, _event("session.update", event_id=event_id, session=update)]

    def _connect(self, config: wire.Config | None = None) -> list[Action]:
        """Dial, unless that was done; the first message decides whom."""
        if self._offer is not None:
            return []
        notices: list[Action] = []
        said = config if config is not None else self._config
        name = (said.provider or self._default).strip().lower()
        if name not in self._offers:
            name = self._default
            text = "The server has no such provider for its clients; its own one answers."
            notices.append(Notice("warning", "provider_replaced", text))
        self._config, self._offer = said, self._offers[name]
        self._session, told = wanted(said, self._offer, said, self._today)
        return [*notices, *told, Dial(name, self._session)]

    def _say(self, text: str) -> list[Action]:
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        return [_event("conversation.item.create", item=item), *self._answer()]

    def _answer(self) -> list[Action]:
        self._is_answer_due, self._is_cancel_due = True, False
        return [_event("response.create")]

    def _on_create_response(self) -> list[Action]:
        if self._is_answer_due or self._is_answering:
            text = "The assistant answers by itself; `create_response` is for when it is silent."
            return [Notice("info", "answers_already", text)]
        return self._answer()

    def _on_commit(self) -> list[Action]:
        # While the service finds the turns, only one that is going on can be cut short.
        if self._finds_turns and not self._is_speaking:
            text = "The service ends the turns by itself; `commit_audio` did nothing. For turns of"
            text += ' your own set `turn_detection` to "none".'
            return [Notice("info", "commit_not_needed", text)]
        if self._turn_bytes < MIN_TURN_BYTES:
            text = "A turn needs at least 100 ms of sound; `commit_audio` did nothing."
            return [Notice("info", "turn_too_short", text)]
        self._turn_bytes = 0
        self._is_speaking = False
        return [_event("input_audio_buffer.commit"), *self._answer()]

    @property
    def _finds_turns(self) -> bool:
        return self._session["audio"]["input"]["turn_detection"] is not None

    def _on_cancel(self, now: float) -> list[Action]:
        if self._is_answering and not self._is_muted:
            self._is_answer_due = False  # the cancel takes back what waits, too
            return [_event("response.cancel"), *self._interrupt(now)]
        if self._speaker.is_playing(now):
            return self._interrupt(now)
        if self._is_answer_due:
            self._is_cancel_due = True
            return []
        text = "The assistant is silent; there was nothing to cancel."
        return [Notice("info", "nothing_to_cancel", text)]

    def _on_function_result(self, message: wire.FunctionResult) -> list[Action]:
        if not self._calls.get(message.call_id):
            text = "No function call with this id waits for a result. Send each result once, with"
            text += " the `call_id` of its `function_call`."
            return [_refused("InvalidMessage", "unknown_call", text, "call_id")]
        self._calls[message.call_id] = False
        result = message.result
        output = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        item = {"type": "function_call_output", "call_id": message.call_id, "output": output}
        return [_event("conversation.item.create", item=item), *self._answer()]

    def _name(self, unknown: tuple[str, ...]) -> list[Action]:
        """Name fields that nobody knows; to the client only, they are its words."""
        if unknown in self._named or len(self._named) >= MAX_UPDATES:
            return []
        self._named.add(unknown)
        names = ", ".join(f"`{name}`" for name in unknown)
        text = f"Not known here and left out: {names}. See /realtime/schema.json."
        return [_told(wire.Notice(level="info", code="unknown_field", message=text))]

    # From the voice service.

    def _on_updated(self, event: dict[str, Any], now: float) -> list[Action]:
        if self._updates:
            del self._updates[next(iter(self._updates))]
        return [_told(self._in_force(_dict(event.get("session"))))]

    def _in_force(self, session: Mapping[str, Any]) -> wire.SessionUpdated:
        assert self._offer is not None
        audio = _dict(session.get("audio"))
        asked, answers = _dict(audio.get("input")), _dict(audio.get("output"))
        detection = _dict(asked.get("turn_detection")).get("type")
        return wire.SessionUpdated(
            session_id=self._session_id,
            provider=self._offer.provider,
            model=_text(session.get("model")) or self._offer.model,
            voice=_text(answers.get("voice")),
            turn_detection=detection if detection in ("server_vad", "semantic_vad") else "none",
            transcription=asked.get("transcription") is not None,
        )

    def _on_speech_started(self, event: dict[str, Any], now: float) -> list[Action]:
        self._is_speaking = True
        item_id, audio_ms = _text(event.get("item_id")), _count(event.get("audio_start_ms"))
        started = _told(wire.SpeechStarted(audio_ms=audio_ms, item_id=item_id))
        is_barge_in = self._is_answering and not self._is_muted
        if is_barge_in or self._speaker.is_playing(now):
            return [started, *self._interrupt(now)]
        return [started]

    def _on_speech_stopped(self, event: dict[str, Any], now: float) -> list[Action]:
        item_id, audio_ms = _text(event.get("item_id")), _count(event.get("audio_end_ms"))
        return [_told(wire.SpeechStopped(audio_ms=audio_ms, item_id=item_id))]

    def _on_committed(self, event: dict[str, Any], now: float) -> list[Action]:
        self._is_speaking = False
        return []

    def _on_created(self, event: dict[str, Any], now: float) -> list[Action]:
        self._response_id = _text(_dict(event.get("response")).get("id"))
        self._is_answering, self._is_muted, self._is_answer_due = True, False, False
        self._speaker.forget_played(now)
        started = _told(wire.ResponseStarted(response_id=self._response_id))
        if not self._is_cancel_due:
            return [started]
        self._is_cancel_due = False
        return [started, *self._on_cancel(now)]

    def _on_audio_delta(self, event: dict[str, Any], now: float) -> list[Action]:
        is_current = self._is_answering and event.get("response_id") == self._response_id
        if self._is_muted or not is_current:
            return []
        try:
            pcm = from_base64(event.get("delta"), "delta")
        except RemoteProtocolError:
            return []
        if not pcm:
            return []
        item_id, part = _text(event.get("item_id")), _count(event.get("content_index"))
        self._speaker.add(item_id, part, len(pcm) // _SAMPLE_BYTES, now)
        return [ToClient(pcm)]

    def _interrupt(self, now: float) -> list[Action]:
        """Stop the assistant here; the service has stopped it or will."""
        self._is_muted = True
        stopped = self._speaker.stop(now)
        message = wire.Interrupted(
            response_id=self._response_id,
            item_id=stopped.item_id,
            audio_ms=stopped.sent_ms,
            heard_ms=stopped.heard_ms,
        )
        return [_told(message), *(ToUpstream(encode(event)) for event in stopped.events)]

    def _on_done(self, event: dict[str, Any], now: float) -> list[Action]:
        response = _dict(event.get("response"))
        response_id = _text(response.get("id"))
        status = _text(response.get("status"))
        actions: list[Action] = []
        if response_id == self._response_id:
            if status == "cancelled" and self._is_answering and not self._is_muted:
                actions += self._interrupt(now)
            self._is_answering = self._is_answer_due = False
        for item in _list(response.get("output")):
            item_id = _text(_dict(item).get("id"))
            if self._captions["assistant"].is_open(item_id):
                actions += self._final("assistant", item_id, None)
        details = _dict(_dict(response.get("status_details")).get("error"))
        if status == "failed":
            actions.append(_told(error_of_event(details)))
        done = wire.ResponseDone(
            response_id=response_id,
            status=status if status in _STATUSES else "failed",  # type: ignore[arg-type]
            usage=_usage(response.get("usage")),
        )
        return [*actions, _told(done)]

    def _on_words(self, event: dict[str, Any], now: float) -> list[Action]:
        """Words of either side, or of both sides' final ones."""
        item_id = _text(event.get("item_id"))
        role: wire.Role = "user" if event["type"] in _USER_WORDS else "assistant"
        if not event["type"].endswith(".delta"):
            whole = event.get("transcript", event.get("text"))
            return self._final(role, item_id, whole if isinstance(whole, str) else None)
        partial = self._captions[role].add(item_id, _text(event.get("delta")))
        return [] if partial is None else [_caption(role, item_id, partial, is_final=False)]

    def _final(self, role: wire.Role, item_id: str, whole: str | None) -> list[Action]:
        text = self._captions[role].finish(item_id, whole).strip()
        return [_caption(role, item_id, text, is_final=True)] if text else []

    def _on_words_failed(self, event: dict[str, Any], now: float) -> list[Action]:
        self._captions["user"].finish(_text(event.get("item_id")))
        text = "The user's words could not be written down; the assistant heard them all the same."
        return [Notice("warning", "transcription_failed", text)]

    def _on_item_done(self, event: dict[str, Any], now: float) -> list[Action]:
        item = _dict(event.get("item"))
        call_id = _text(item.get("call_id"))
        is_call = item.get("type") == "function_call" and item.get("status") != "incomplete"
        if not is_call or not call_id or call_id in self._calls:
            return []
        self._calls[call_id] = True
        if len(self._calls) > MAX_CALLS:
            del self._calls[next(iter(self._calls))]
        name, arguments = _text(item.get("name")), _text(item.get("arguments"))
        return [_told(wire.FunctionCall(call_id=call_id, name=name, arguments=arguments))]

    def _on_error(self, event: dict[str, Any], now: float) -> list[Action]:
        error = _dict(event.get("error"))
        told = error_of_event(error)
        before = self._updates.pop(_text(error.get("event_id")), None)
        if before is not None:
            self._config, self._session = before
            told = told.model_copy(update={"code": "InvalidConfiguration"})
        else:
            self._is_answer_due = False  # it may be what was refused
        return [_told(told)]

    def _on_notice(self, event: dict[str, Any], now: float) -> list[Action]:
        if event.get("code") in _NOT_FOR_CLIENTS:
            return []
        level: Literal["info", "warning"] = "warning" if event.get("level") == "warning" else "info"
        code, text = _text(event.get("code")), _text(event.get("message"))
        return [_told(wire.Notice(level=level, code=code, message=text))]

    def _on_expiring(self, event: dict[str, Any], now: float) -> list[Action]:
        text = f"The session ends in {_count(event.get('seconds_left'))} s. Connect again to go on."
        return [_told(wire.Notice(level="warning", code="session_expiring", message=text))]

    EVENTS: Final[Mapping[str, Callable[["Gateway", dict[str, Any], float], list[Action]]]] = {
        "session.updated": _on_updated,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.committed": _on_committed,
        "conversation.item.input_audio_transcription.delta": _on_words,
        "conversation.item.input_audio_transcription.completed": _on_words,
        "conversation.item.input_audio_transcription.failed": _on_words_failed,
        "response.created": _on_created,
        "response.output_audio.delta": _on_audio_delta,
        "response.output_audio_transcript.delta": _on_words,
        "response.output_audio_transcript.done": _on_words,
        "response.output_text.delta": _on_words,
        "response.output_text.done": _on_words,
        "response.output_item.done": _on_item_done,
        "response.done": _on_done,
        "error": _on_error,
        "parley.notice": _on_notice,
        "parley.session_expiring": _on_expiring,
    }
    """The events that mean something to a client: (event, now) → actions."""


# The sequencer's: about events that this layer made.
_NOT_FOR_CLIENTS: Final = ("response_joined", "response_not_needed", "response_cancelled")
_USER_WORDS: Final = (
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
)


def _told(message: BaseModel) -> ToClient:
    return ToClient(encode(message.model_dump()))


def _refused(code: wire.ErrorCode, reason: str, message: str, param: str | None = None) -> ToClient:
    return _told(
        wire.Error(
            code=code,
            message=message,
            reason=reason,
            param=param,
            retry_after_ms=None,
            fatal=False,
        )
    )


def _caption(role: wire.Role, item_id: str, text: str, *, is_final: bool) -> ToClient:
    return _told(wire.Transcript(role=role, text=text, is_final=is_final, item_id=item_id))


def _event(event_type: str, **fields: Any) -> ToUpstream:
    return ToUpstream(encode({"type": event_type, **fields}))


def _usage(value: object) -> wire.Usage | None:
    usage = _dict(value)
    if not usage:
        return None
    return wire.Usage(
        input_tokens=_count(usage.get("input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0
