"""The engine's core: one session of the Realtime API, server side, GA dialect.

`feed(input, now)` takes what happened and returns what to do (`actions.py`). Nothing here waits,
reads a clock or touches a socket.

Rules of the file:
- whatever a client sends, the answer is events; a fault answers with one `error` and changes
  nothing;
- client events are worked off in order; a large append or retrieval is worked off slice by slice
  (`has_backlog`, `Continued`), what came after it waits;
- stream positions run on the audio clock, pacing and expiry on `now` (seconds, monotonic);
- nothing that a session owns refers back to it, so that it goes with its last reference: the model
  of its voice activity takes megabytes that the garbage collector does not see.

Source: Realtime API reference, client events and server events.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from rtclient.engine.actions import (
    Action,
    Broken,
    Close,
    Continued,
    Expired,
    Input,
    Opened,
    Outbox,
    Received,
    Rejected,
    SenseFailed,
    Speaking,
    SpeakingEnded,
    Thinking,
    ThinkingEnded,
    TurnHeard,
    WakeAt,
    Woke,
)
from rtclient.engine.configuration import Fixed, updated
from rtclient.engine.desk import ResponseDesk
from rtclient.engine.hints import hints_of
from rtclient.engine.item_desk import ItemDesk, audio_of
from rtclient.engine.items import Conversation, Item, spoken_item
from rtclient.engine.listener import Guide, Listener
from rtclient.engine.microphone import MIN_COMMIT_MS, Microphone, TurnEnded, TurnStarted
from rtclient.engine.senses import Heard, Vad
from rtclient.engine.shapes import Fault
from rtclient.engine.strict import LOGPROBS, fault_in
from rtclient.engine.transcribing import Transcriber
from rtclient.engine.turn_detection import Rules, rules_of
from rtclient.engine.usage import TOKENS_PER_MINUTE
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import FORMATS, AudioFormat
from rtclient.protocol.codec import decode
from rtclient.protocol.session import default_session, default_transcription_session

SESSION_S = 3600.0
BETA_CODE = "beta_api_shape_disabled"


def _unused_id(new_id: Callable[[str], str], conversation: Conversation, prefix: str) -> str:
    """Make an id that no client has given to an item of its own."""
    while (made := new_id(prefix)) in conversation:
        pass
    return made


class Session:
    """One connection's session."""

    def __init__(
        self,
        vad: Vad,
        new_id: Callable[[str], str],
        *,
        model: str,
        expires_at: int,
        is_model_fixed: bool = False,
        session_s: float = SESSION_S,
        kind: Literal["realtime", "transcription"] = "realtime",
        preset: dict[str, Any] | None = None,
        transcription_models: frozenset[str] | None = None,
        tokens_per_minute: int = TOKENS_PER_MINUTE,
    ) -> None:
        """Make a session; nothing is said before `Opened`.

        Args:
            vad: voice activity of this session's microphone.
            new_id: makes an id for a prefix: `item` → `item_…`.
            model: what `session.model` says.
            expires_at: Unix time of the end, seconds.
            is_model_fixed: the client chose a model of its own when it connected.
            session_s: seconds until the session expires.
            kind: a conversation, or turns that are only transcribed (`?intent=transcription`).
            preset: the `session` of a client secret, merged before `session.created`.
            transcription_models: the only names that transcription may use; None: any name.
            tokens_per_minute: what responses may use together; beyond it they fail.

        Raises:
            ValueError: the preset does not fit the session; the text says why.
        """
        session_id = new_id("sess")
        self._kind = kind
        self._session = (
            default_session(model, session_id, expires_at)
            if kind == "realtime"
            else default_transcription_session(session_id, expires_at)
        )
        if preset is not None:
            event = {"type": "session.update", "session": preset}
            new = fault_in(event, kind) or updated(self._session, preset, Fixed())
            if isinstance(new, Fault):
                raise ValueError(new.message)
            self._session = new
        self._conversation = Conversation(new_id("conv"))
        self._out = Outbox(partial(_unused_id, new_id, self._conversation))
        self._items = ItemDesk(self._out, self._conversation)
        self._desk = ResponseDesk(self._out, self._conversation, tokens_per_minute)
        self._microphone = Microphone(self._out, vad, self._rules(), self._format("input"))
        self._is_model_fixed = is_model_fixed
        self._session_s = session_s
        self._expires: float | None = None
        self._wake: float | None = None
        self._is_closed = False
        self._has_told_vad = False
        self._waiting: deque[Received | Rejected] = deque()
        self._transcriber = Transcriber(self._out, transcription_models)
        self._guide_ears()

    @property
    def id(self) -> str:
        """The session's id."""
        return str(self._session["id"])

    @property
    def has_backlog(self) -> bool:
        """Whether `Continued` should be fed before the next frame is read."""
        return self._is_busy or bool(self._waiting)

    @property
    def _is_busy(self) -> bool:
        """Whether an event is being worked off; what came after it waits."""
        return self._microphone.has_backlog or self._items.has_backlog

    def feed(self, happened: Input, now: float) -> list[Action]:
        """Take what happened at `now`; return what to do, in order."""
        if self._is_closed:
            return []
        match happened:
            case Opened(is_beta):
                self._open(is_beta, now)
            case Received() | Rejected():
                self._waiting.append(happened)
                self._read(now)
            case Continued():
                self._items.work()
                self._listen(now)
                self._read(now)
            case Woke():
                self._wake = None
                self._desk.on_time(now)
                self._expire(now)
                self._watch_idle(now)
            case TurnHeard(work_id, heard):
                self._on_heard(work_id, heard, now)
            case Thinking(work_id, thought):
                self._desk.on_thought(work_id, thought, now)
            case ThinkingEnded(work_id):
                self._desk.on_thinking_ended(work_id, now)
            case Speaking(work_id, spoken):
                self._desk.on_spoken(work_id, spoken, now)
            case SpeakingEnded(work_id):
                self._desk.on_speaking_ended(work_id, now)
            case SenseFailed(work_id, message):
                self._on_failure(work_id, message, now)
            case Broken(fault):
                self._desk.fail_active(fault, now)
            case Expired():
                self._end_of_time()
        self._set_alarm()
        return self._out.take()

    # ------------------------------------------------------------ the connection

    def _open(self, is_beta: bool, now: float) -> None:
        if is_beta:
            self._out.error(
                Fault(
                    BETA_CODE,
                    "The beta shape of the Realtime API is no longer supported. "
                    "Leave out the OpenAI-Beta header and use the GA shape.",
                )
            )
            self._close(4000, f"invalid_request_error.{BETA_CODE}")
            return
        self._expires = now + self._session_s
        self._out.emit("session.created", session=self._public_session())

    def _expire(self, now: float) -> None:
        if self._expires is not None and now >= self._expires:
            self._end_of_time()

    def _end_of_time(self) -> None:
        text = f"Your session hit the maximum duration of {self._session_s / 60:g} minutes."
        self._out.error(Fault("session_expired", text))
        self._close(1001, text)

    def _close(self, code: int, reason: str) -> None:
        self._is_closed = True
        self._out.do(Close(code, reason))

    def _set_alarm(self) -> None:
        dues = (self._desk.next_due(), self._expires, self._idle_due())
        times = [due for due in dues if due is not None]
        at = None if self._is_closed else min(times, default=None)
        if at != self._wake:
            self._wake = at
            self._out.do(WakeAt(at))

    # ------------------------------------------------------------ client events

    def _read(self, now: float) -> None:
        while self._waiting and not self._is_busy and not self._is_closed:
            match self._waiting.popleft():
                case Received(data):
                    self._on_frame(data, now)
                case Rejected(fault, event_id):
                    self._out.error(fault, event_id)

    def _on_frame(self, data: str | bytes, now: float) -> None:
        try:
            event = decode(data)
        except RemoteProtocolError as exc:
            self._out.error(Fault(exc.code, str(exc), exc.param))
            return
        event_id = event.get("event_id")
        fault = fault_in(event, self._kind) or _HANDLERS[event["type"]](self, event, now)
        if fault is not None:
            self._out.error(fault, event_id if isinstance(event_id, str) else None)

    def _public_session(self) -> dict[str, Any]:
        return dict(self._session)

    def _rules(self) -> Rules | None:
        return rules_of(self._turn_detection)

    @property
    def _turn_detection(self) -> dict[str, Any] | None:
        detection: dict[str, Any] | None = self._session["audio"]["input"]["turn_detection"]
        return detection

    def _guide_ears(self) -> None:
        """Tell the ears what the session says about the words to come."""
        transcription = self._session["audio"]["input"]["transcription"] or {}
        language = transcription.get("language") or ""
        guide = Guide(hints_of(self._session), language)
        self._microphone.guide = self._items.guide = guide

    def _format(self, side: str) -> AudioFormat:
        audio = self._session["audio"]
        return FORMATS[audio.get(side, audio["input"])["format"]["type"]]

    def _update_session(self, event: dict[str, Any], _now: float) -> Fault | None:
        patch = event["session"]
        fixed = Fixed(self._desk.has_spoken, self._is_model_fixed)
        new = updated(self._session, patch, fixed)
        if isinstance(new, Fault):
            return new
        self._session = new
        asked = (patch.get("audio") or {}).get("output") or {}
        for key in ("voice", "speed"):
            if key in asked:  # what the client sets now is newer than what was said before
                self._desk.memory.pop(key, None)
        self._microphone.set_format(self._format("input"))
        self._microphone.set_rules(self._rules())
        self._guide_ears()
        self._out.emit("session.updated", session=self._public_session())
        return None

    # ------------------------------------------------------------ input audio

    def _append(self, event: dict[str, Any], now: float) -> Fault | None:
        data = audio_of(event["audio"], "audio", self._format("input"))
        if isinstance(data, Fault):
            return data
        if not self._microphone.has_room_for(len(data)):
            return Fault(
                "invalid_value",
                "The input audio buffer is full. Send input_audio_buffer.commit or "
                "input_audio_buffer.clear.",
                "audio",
            )
        self._microphone.append(data)
        self._listen(now)
        return None

    def _listen(self, now: float) -> None:
        for turn in self._microphone.work():
            if isinstance(turn, TurnStarted):
                self._on_turn_started(turn, now)
            else:
                self._on_turn_ended(turn, now)
        if self._microphone.has_broken_vad and not self._has_told_vad:
            self._has_told_vad = True
            message = (
                "Turn detection failed and is off for this session. "
                "Set turn_detection to null and commit turns, or connect again."
            )
            self._out.error(Fault("server_error", message, type="server_error"))

    def _on_turn_started(self, turn: TurnStarted, now: float) -> None:
        self._out.emit(
            "input_audio_buffer.speech_started",
            audio_start_ms=turn.audio_start_ms,
            item_id=turn.item_id,
        )
        self._desk.heard_at = None
        rules, active = self._microphone.rules, self._desk.active
        if active is not None and rules is not None and rules.interrupts:
            self._desk.end(active, "cancelled", "turn_detected", now)

    def _on_turn_ended(self, turn: TurnEnded, now: float) -> None:
        self._out.emit(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=turn.audio_end_ms,
            item_id=turn.listener.item_id,
        )
        self._add_turn(turn.listener, turn.pcm, now)
        rules = self._microphone.rules
        if rules is not None and rules.creates_response and self._kind == "realtime":
            self._answer(now)

    def _answer(self, now: float) -> None:
        """Begin a response that no client event asked for."""
        if (fault := self._begin_response({}, now)) is not None:
            self._out.error(fault)

    def _commit(self, _event: dict[str, Any], now: float) -> Fault | None:
        length_ms = self._microphone.buffer.length_ms
        if length_ms < MIN_COMMIT_MS:
            return Fault(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has {length_ms:.2f}ms of audio.",
            )
        self._add_turn(*self._microphone.commit(), now)
        return None

    def _clear(self, _event: dict[str, Any], _now: float) -> Fault | None:
        self._microphone.clear()
        self._out.emit("input_audio_buffer.cleared")
        return None

    def _add_turn(self, listener: Listener, pcm: bytes, now: float) -> None:
        """Put a spoken turn into the conversation; the ears are finishing or have finished."""
        self._desk.heard_at = None
        item = spoken_item(listener.item_id, pcm, is_hearing=True, work_id=listener.work_id)
        self._commit_item(item)
        if listener.result is not None:
            self._on_heard(listener.work_id, listener.result, now)
        elif listener.failure is not None:
            self._on_failure(listener.work_id, listener.failure, now)

    def _commit_item(self, item: Item) -> None:
        """Put audio of the input buffer into the conversation."""
        previous = self._conversation.last_id
        self._out.emit("input_audio_buffer.committed", item_id=item.id, previous_item_id=previous)
        self._items.add(item)
        self._transcriber.expect(item.id, self._session)

    # ------------------------------------------------------------ nobody speaks

    def _idle_due(self) -> float | None:
        """Return when the person has been quiet for too long; None: not while things are so."""
        timeout_ms = (self._turn_detection or {}).get("idle_timeout_ms")
        since = self._desk.heard_at
        if timeout_ms is None or since is None or self._microphone.item_id is not None:
            return None
        return since + float(timeout_ms) / 1000

    def _watch_idle(self, now: float) -> None:
        """Let the assistant speak to somebody who has been quiet for too long."""
        due = self._idle_due()
        if self._is_closed or self._turn_detection is None or due is None or now < due:
            return
        self._desk.heard_at = None  # once for each answer, also when no response may begin
        quiet = self._microphone.take_quiet(self._turn_detection["idle_timeout_ms"])
        item = spoken_item(self._out.new_id("item"), quiet.pcm, heard=Heard(""), is_silence=True)
        self._out.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=quiet.audio_start_ms,
            audio_end_ms=quiet.audio_end_ms,
            item_id=item.id,
        )
        self._commit_item(item)
        self._answer(now)
        self._tell_transcript(item, Heard(""))

    # ------------------------------------------------------------ the ears

    def _on_heard(self, work_id: str, heard: Heard, now: float) -> None:
        if self._microphone.on_result(work_id, heard):
            return
        item = self._items.take_heard(work_id)
        if item is None:
            return
        item.heard = heard
        self._desk.on_ears(now)  # first of all: an answer waits for it
        self._tell_transcript(item, heard)

    def _tell_transcript(self, item: Item, heard: Heard) -> None:
        with_logprobs = LOGPROBS in (self._session["include"] or ())
        self._transcriber.tell(item, heard, with_logprobs=with_logprobs)

    def _on_failure(self, work_id: str, message: str, now: float) -> None:
        if self._microphone.on_failure(work_id, message):
            return
        item = self._items.take_heard(work_id)
        if item is None:
            self._desk.on_failure(work_id, message, now)
            return
        item.failure = message
        self._transcriber.fail(item.id, message)
        self._desk.on_ears(now)

    # ------------------------------------------------------------ items and responses

    def _create_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        reserved = self._microphone.item_id
        return self._items.create(event, self._format("input"), reserved_id=reserved)

    def _retrieve_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        self._desk.sync()
        return self._items.retrieve(event["item_id"], self._format)

    def _delete_item(self, event: dict[str, Any], now: float) -> Fault | None:
        fault = self._items.delete(event["item_id"])
        self._transcriber.forget(event["item_id"])
        self._desk.on_ears(now)
        return fault

    def _truncate_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        self._desk.sync()
        return self._items.truncate(event["item_id"], event["content_index"], event["audio_end_ms"])

    def _create_response(self, event: dict[str, Any], now: float) -> Fault | None:
        return self._begin_response(event.get("response") or {}, now)

    def _begin_response(self, params: dict[str, Any], now: float) -> Fault | None:
        context = self._items.context(params.get("input"), self._format("input"))
        if isinstance(context, Fault):
            return context
        fault = self._desk.begin(self._session, params, context, now)
        for item in context or () if fault is None else ():
            self._items.hear(item, self._format("input"))  # the response waits for it
        return fault

    def _cancel_response(self, event: dict[str, Any], now: float) -> Fault | None:
        return self._desk.cancel(event.get("response_id"), now)


_HANDLERS: Mapping[str, Callable[[Session, dict[str, Any], float], Fault | None]] = {
    "session.update": Session._update_session,
    "input_audio_buffer.append": Session._append,
    "input_audio_buffer.commit": Session._commit,
    "input_audio_buffer.clear": Session._clear,
    "conversation.item.create": Session._create_item,
    "conversation.item.retrieve": Session._retrieve_item,
    "conversation.item.delete": Session._delete_item,
    "conversation.item.truncate": Session._truncate_item,
    "response.create": Session._create_response,
    "response.cancel": Session._cancel_response,
}
"""One for each event of `strict.EVENT`."""
