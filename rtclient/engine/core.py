"""The engine's core: one session of the Realtime API, server side, GA dialect.

`feed(input, now)` takes what happened and returns what to do (`actions.py`). Nothing here waits,
reads a clock or touches a socket.

Rules of the file:
- whatever a client sends, the answer is events; a fault answers with one `error` and changes
  nothing;
- client events are worked off in order; a large append is worked off slice by slice
  (`has_backlog`, `Continued`), what came after it waits;
- stream positions run on the audio clock, pacing and expiry on `now` (seconds, monotonic).

Source: protocol.md §2-§3 (GA).
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from rtclient.engine.actions import (
    Action,
    Close,
    Continued,
    Hear,
    Input,
    Opened,
    Outbox,
    Received,
    SenseFailed,
    Speaking,
    SpeakingEnded,
    Stop,
    Thinking,
    ThinkingEnded,
    TurnHeard,
    WakeAt,
    Woke,
)
from rtclient.engine.configuration import Fixed, updated
from rtclient.engine.desk import ResponseDesk, plan_of
from rtclient.engine.hearing import deltas_of, logprobs_of, transcription_usage
from rtclient.engine.items import ROOT, Conversation, Item
from rtclient.engine.microphone import MIN_COMMIT_MS, Microphone, TurnEnded, TurnStarted
from rtclient.engine.pcm import pcm_ms
from rtclient.engine.senses import Heard, Vad
from rtclient.engine.shapes import Fault
from rtclient.engine.strict import LOGPROBS, fault_in, tool_choice_fault
from rtclient.engine.telephony import FromWire, ToWire
from rtclient.engine.turn_detection import rules_of
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import FORMATS, AudioFormat, from_base64, to_base64
from rtclient.protocol.codec import decode
from rtclient.protocol.session import default_session

SESSION_S = 3600.0
BETA_CODE = "beta_api_shape_disabled"


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
    ) -> None:
        """Make a session; nothing is said before `Opened`.

        Args:
            vad: voice activity of this session's microphone.
            new_id: makes an id for a prefix: `item` → `item_…`.
            model: what `session.model` says.
            expires_at: Unix time of the end, seconds.
            is_model_fixed: the client named the model when it connected.
            session_s: seconds until the session expires.
        """
        self._out = Outbox(new_id)
        self._session = default_session(model, new_id("sess"), expires_at)
        self._conversation = Conversation(new_id("conv"))
        self._desk = ResponseDesk(self._out, self._conversation)
        self._microphone = Microphone(self._out, vad, self._rules(), self._input_format)
        self._is_model_fixed = is_model_fixed
        self._session_s = session_s
        self._expires: float | None = None
        self._wake: float | None = None
        self._is_closed = False
        self._has_told_vad = False
        self._waiting: deque[Received] = deque()
        self._transcribing: dict[str, str] = {}
        self._handlers: dict[str, Callable[[dict[str, Any], float], Fault | None]] = {
            "session.update": self._update_session,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    @property
    def id(self) -> str:
        """The session's id."""
        return str(self._session["id"])

    @property
    def has_backlog(self) -> bool:
        """Whether `Continued` should be fed before the next frame is read."""
        return self._microphone.has_backlog or bool(self._waiting)

    def feed(self, happened: Input, now: float) -> list[Action]:
        """Take what happened at `now`; return what to do, in order."""
        if self._is_closed:
            return []
        match happened:
            case Opened(is_beta):
                self._open(is_beta, now)
            case Received():
                self._waiting.append(happened)
                self._read(now)
            case Continued():
                self._listen(now)
                self._read(now)
            case Woke():
                self._wake = None
                self._desk.on_time(now)
                self._expire(now)
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
            case SenseFailed(work_id):
                self._on_failure(work_id, now)
        self._set_alarm()
        return self._out.take()

    # ------------------------------------------------------------ the connection

    def _open(self, is_beta: bool, now: float) -> None:
        if is_beta:
            self._error(
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
        if self._expires is None or now < self._expires:
            return
        text = f"Your session hit the maximum duration of {round(self._session_s / 60)} minutes."
        self._error(Fault("session_expired", text))
        self._close(1001, text)

    def _close(self, code: int, reason: str) -> None:
        self._is_closed = True
        self._out.do(Close(code, reason))

    def _set_alarm(self) -> None:
        times = [t for t in (self._desk.next_due(), self._expires) if t is not None]
        at = None if self._is_closed else min(times, default=None)
        if at != self._wake:
            self._wake = at
            self._out.do(WakeAt(at))

    def _error(self, fault: Fault, event_id: str | None = None) -> None:
        self._out.emit(
            "error",
            error={
                "type": fault.type,
                "code": fault.code,
                "message": fault.message,
                "param": fault.param,
                "event_id": event_id,
            },
        )

    # ------------------------------------------------------------ client events

    def _read(self, now: float) -> None:
        while self._waiting and not self._microphone.has_backlog and not self._is_closed:
            self._on_frame(self._waiting.popleft().data, now)

    def _on_frame(self, data: str | bytes, now: float) -> None:
        try:
            event = decode(data)
        except RemoteProtocolError as exc:
            self._error(Fault(exc.code, str(exc), exc.param))
            return
        event_id = event.get("event_id")
        fault = fault_in(event) or self._handlers[event["type"]](event, now)
        if fault is not None:
            self._error(fault, event_id if isinstance(event_id, str) else None)

    def _public_session(self) -> dict[str, Any]:
        return dict(self._session)

    def _rules(self) -> Any:
        return rules_of(self._session["audio"]["input"]["turn_detection"])

    @property
    def _input_format(self) -> AudioFormat:
        return FORMATS[self._session["audio"]["input"]["format"]["type"]]

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
        self._microphone.set_format(self._input_format)
        self._microphone.set_rules(self._rules())
        self._out.emit("session.updated", session=self._public_session())
        return None

    # ------------------------------------------------------------ input audio

    def _append(self, event: dict[str, Any], now: float) -> Fault | None:
        data = self._audio(event["audio"], "audio", self._input_format)
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

    def _audio(self, text: str, param: str, form: AudioFormat) -> bytes | Fault:
        try:
            return from_base64(text, param)
        except RemoteProtocolError:
            names = {"audio/pcm": "mono PCM16 at 24kHz"}
            kind = names.get(form.type, f"{form.type} at 8kHz")
            return Fault(
                "invalid_value",
                f"Invalid '{param}'. Expected base64-encoded audio bytes ({kind}) "
                "but got an invalid value.",
                param,
            )

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
            self._error(Fault("server_error", message, type="server_error"))

    def _on_turn_started(self, turn: TurnStarted, now: float) -> None:
        self._out.emit(
            "input_audio_buffer.speech_started",
            audio_start_ms=turn.audio_start_ms,
            item_id=turn.item_id,
        )
        rules, active = self._microphone.rules, self._desk.active
        if active is not None and rules is not None and rules.interrupts:
            self._desk.end(active, "cancelled", "turn_detected", now)

    def _on_turn_ended(self, turn: TurnEnded, now: float) -> None:
        self._out.emit(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=turn.audio_end_ms,
            item_id=turn.item_id,
        )
        self._add_turn(turn.item_id, turn.pcm)
        rules = self._microphone.rules
        if rules is not None and rules.creates_response:
            fault = self._begin_response({}, now)
            if fault is not None:
                self._error(fault)

    def _commit(self, _event: dict[str, Any], _now: float) -> Fault | None:
        length_ms = self._microphone.buffer.length_ms
        if length_ms < MIN_COMMIT_MS:
            return Fault(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has {length_ms:.2f}ms of audio.",
            )
        self._add_turn(*self._microphone.commit())
        return None

    def _clear(self, _event: dict[str, Any], _now: float) -> Fault | None:
        self._microphone.clear()
        self._out.emit("input_audio_buffer.cleared")
        return None

    def _add_turn(self, item_id: str, pcm: bytes) -> None:
        """Put a spoken turn into the conversation; the ears are already told to finish."""
        part = {"type": "input_audio", "transcript": None}
        item = Item(
            {
                "id": item_id,
                "type": "message",
                "status": "completed",
                "role": "user",
                "content": [part],
            },
            audio={0: pcm},
            is_hearing=True,
        )
        transcription = self._session["audio"]["input"]["transcription"]
        if transcription is not None:
            self._transcribing[item_id] = str(transcription["model"])
        self._out.emit(
            "input_audio_buffer.committed",
            item_id=item_id,
            previous_item_id=self._conversation.last_id,
        )
        self._add_item(item, None)

    # ------------------------------------------------------------ the ears

    def _on_heard(self, work_id: str, heard: Heard, now: float) -> None:
        item = self._conversation.get(work_id)
        if item is None or not item.is_hearing:
            return
        item.is_hearing = False
        item.heard = heard
        self._desk.on_ears(now)  # first of all: an answer waits for it
        model = self._transcribing.pop(work_id, None)
        if model is None:
            return
        item.wire["content"][0]["transcript"] = heard.text
        place = {"item_id": work_id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        for delta in deltas_of(heard, model):
            self._out.emit(f"{kind}.delta", **place, delta=delta)
        extra = {}
        if LOGPROBS in (self._session["include"] or ()):
            extra["logprobs"] = logprobs_of(heard)
        usage = transcription_usage(item, heard, model)
        self._out.emit(f"{kind}.completed", **place, transcript=heard.text, usage=usage, **extra)

    def _on_failure(self, work_id: str, now: float) -> None:
        item = self._conversation.get(work_id)
        if item is None or not item.is_hearing:
            self._desk.on_failure(work_id, now)
            return
        item.is_hearing = False
        item.has_failed = True
        if self._transcribing.pop(work_id, None) is not None:
            self._out.emit(
                "conversation.item.input_audio_transcription.failed",
                item_id=work_id,
                content_index=0,
                error={
                    "type": "server_error",
                    "code": None,
                    "message": f"Input transcription failed for item '{work_id}'.",
                    "param": None,
                },
            )
        self._desk.on_ears(now)

    # ------------------------------------------------------------ items

    def _create_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        item_id = event["item"].get("id") or self._out.new_id("item")
        if item_id in self._conversation:
            return Fault(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item_id}' already exists.",
                "item.id",
            )
        after = event.get("previous_item_id")
        if after is not None and after != ROOT and after not in self._conversation:
            return Fault(
                "invalid_value",
                f"Error adding item: the previous item with id '{after}' does not exist.",
                "previous_item_id",
            )
        item = self._item_of(event["item"], item_id, "item")
        if isinstance(item, Fault):
            return item
        self._add_item(item, after)
        if item.is_hearing:
            pcm = b"".join(item.audio[index] for index in sorted(item.audio))
            self._out.do(Hear(item_id, pcm, is_last=True))
        return None

    def _item_of(self, given: dict[str, Any], item_id: str, path: str) -> Item | Fault:
        """Make an item of a valid `item` of a client."""
        wire: dict[str, Any] = {"id": item_id, "type": given["type"], "status": "completed"}
        wire.update({k: v for k, v in given.items() if k not in ("id", "object", "status")})
        item = Item(wire)
        if wire["type"] == "function_call" and wire.get("call_id") is None:
            wire["call_id"] = self._out.new_id("call")
        if wire["type"] != "message":
            return item
        content = []
        for index, part in enumerate(wire["content"]):
            if part["type"] == "input_audio":
                param = f"{path}.content[{index}].audio"
                data = self._audio(part["audio"], param, self._input_format)
                if isinstance(data, Fault):
                    return data
                item.audio[index] = FromWire(self._input_format).feed(data)
                item.is_hearing = True
                part = {"type": "input_audio", "transcript": part.get("transcript")}
            content.append(dict(part))
        wire["content"] = content
        return item

    def _add_item(self, item: Item, after: str | None) -> None:
        self._conversation.add(item, after)
        previous = self._conversation.previous_id(item)
        for event_type in ("conversation.item.added", "conversation.item.done"):
            self._out.emit(event_type, previous_item_id=previous, item=item.public())

    def _retrieve_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        item = self._conversation.get(event["item_id"])
        if item is None:
            return _no_item("retriev", "retrieve", event["item_id"])
        self._desk.sync()
        wire = {"object": "realtime.item", **item.public()}
        side = "output" if wire.get("role") == "assistant" else "input"
        form = FORMATS[self._session["audio"][side]["format"]["type"]]
        for index, part in enumerate(wire.get("content", ())):
            if part["type"] in ("input_audio", "output_audio"):
                part["audio"] = to_base64(ToWire(form).feed(item.audio.get(index, b"")))
        self._out.emit("conversation.item.retrieved", item=wire)
        return None

    def _delete_item(self, event: dict[str, Any], now: float) -> Fault | None:
        item = self._conversation.get(event["item_id"])
        if item is None:
            return _no_item("delet", "delete", event["item_id"])
        self._conversation.remove(item)
        self._transcribing.pop(item.id, None)
        self._out.emit("conversation.item.deleted", item_id=item.id)
        if item.is_hearing:
            item.is_hearing = False
            self._out.do(Stop(item.id))
            self._desk.on_ears(now)
        return None

    def _truncate_item(self, event: dict[str, Any], _now: float) -> Fault | None:
        item = self._conversation.get(event["item_id"])
        if item is None:
            return _no_item("truncat", "truncate", event["item_id"])
        end_ms = event["audio_end_ms"]
        if not item.is_assistant_audio or end_ms == 0:
            return Fault(
                "unsupported_content_type",
                "Only model output audio messages can be truncated.",
                "item_id" if end_ms else "audio_end_ms",
            )
        if event["content_index"] != 0:
            return Fault(
                "invalid_value",
                f"Invalid 'content_index': the item has no content at {event['content_index']}.",
                "content_index",
            )
        self._desk.sync()
        length_ms = int(pcm_ms(item.audio.get(0, b"")))
        if end_ms > length_ms:
            return Fault(
                "invalid_value",
                f"Audio content of {length_ms}ms is already shorter than {end_ms}ms",
                "audio_end_ms",
            )
        item.truncate(end_ms)
        self._out.emit(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=end_ms,
        )
        return None

    # ------------------------------------------------------------ responses

    def _create_response(self, event: dict[str, Any], now: float) -> Fault | None:
        return self._begin_response(event.get("response") or {}, now)

    def _begin_response(self, params: dict[str, Any], now: float) -> Fault | None:
        active = self._desk.active
        if active is not None and params.get("conversation") != "none":
            return Fault(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{active.plan.id}. Wait until the response is finished before creating a new one.",
            )
        context = self._context(params.get("input"))
        if isinstance(context, Fault):
            return context
        plan = plan_of(
            self._session,
            params,
            response_id=self._out.new_id("resp"),
            conversation_id=self._conversation.id,
            context=context,
        )
        fault = tool_choice_fault(plan.tool_choice, plan.tools, "response.tool_choice")
        if fault is not None:
            return fault
        has_other_voice = plan.voice != self._session["audio"]["output"]["voice"]
        if self._desk.has_spoken and plan.conversation_id and has_other_voice:
            return Fault(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "response.audio.output.voice",
            )
        for item in context or ():
            if item.is_hearing and item.id not in self._conversation:
                return Fault(
                    "invalid_value",
                    "Invalid value for 'response.input': the embedded engine takes audio only by "
                    "reference. Create the item first and use an 'item_reference'.",
                    "response.input",
                )
        self._desk.create(plan, now)
        return None

    def _context(self, given: list[dict[str, Any]] | None) -> list[Item] | Fault | None:
        if given is None:
            return None
        context: list[Item] = []
        for index, wire in enumerate(given):
            path = f"response.input[{index}]"
            if wire["type"] == "item_reference":
                found = self._conversation.get(wire["id"])
                if found is None:
                    message = f"Item with id '{wire['id']}' not found in the conversation."
                    return Fault("invalid_value", message, f"{path}.id")
            else:
                made = self._item_of(wire, wire.get("id") or self._out.new_id("item"), path)
                if isinstance(made, Fault):
                    return made
                found = made
            context.append(found)
        return context

    def _cancel_response(self, event: dict[str, Any], now: float) -> Fault | None:
        wanted = event.get("response_id")
        response = self._desk.get(wanted) if wanted is not None else self._desk.active
        if response is None:
            return Fault(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        self._desk.end(response, "cancelled", "client_cancelled", now)
        return None


def _no_item(stem: str, verb: str, item_id: str) -> Fault:
    return Fault(
        f"item_{verb}_invalid_item_id",
        f"Error {stem}ing item: the item with id '{item_id[:64]}' does not exist.",
        "item_id",
    )
