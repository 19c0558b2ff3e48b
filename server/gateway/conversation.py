"""What is being said: turns, answers, captions, calls, and who is silenced. Pure.

Rules of the file:
- after `interrupted` not one byte of the sound of that response goes out;
- what was not heard is cut from the conversation;
- an event of an unexpected shape is taken as far as it makes sense.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import from_base64
from rtclient.protocol.codec import encode
from server.gateway import messages as wire
from server.gateway.faults import error_of_event
from server.gateway.speech import Captions, Speaker
from server.gateway.telling import as_count, as_dict, as_list, as_text, to_client, to_upstream
from server.relay.actions import Action, Notice, ToClient, ToUpstream

MAX_CALLS: Final = 256
"""How many function calls are remembered."""
_SAMPLE_BYTES: Final = 2
_STATUSES: Final = ("completed", "cancelled", "incomplete", "failed")
_USER_WORDS: Final = (
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
)

Handler = Callable[["Conversation", dict[str, Any], float], list[Action]]


class Conversation:
    """One conversation, as the client may see it. Times: monotonic seconds."""

    def __init__(self) -> None:
        self.is_speaking = False
        """Whether the user speaks, where the service finds the turns."""
        self.is_answer_due = False
        """Whether an answer was asked for that has not begun."""
        self._response_id = ""
        self._is_answering = self._is_muted = False
        self._is_turn_due = False  # the service ended a turn and is about to answer it
        self._is_cancel_due = False
        self._calls: dict[str, bool] = {}  # id → whether its result is to come
        self._captions: dict[wire.Role, Captions] = {"user": Captions(), "assistant": Captions()}
        self._speaker = Speaker()

    # What the client wants.

    @property
    def has_answer(self) -> bool:
        """Whether the assistant answers or is about to."""
        return self.is_answer_due or self._is_answering

    def answer(self) -> list[Action]:
        """Ask for an answer."""
        self.is_answer_due, self._is_cancel_due = True, False
        return [to_upstream("response.create")]

    def cancel(self, now: float) -> list[Action]:
        """Stop the assistant, even one that is only about to speak."""
        is_under_way = self._is_answering and not self._is_muted
        is_due = self.is_answer_due or self._is_turn_due
        actions: list[Action] = []
        if is_under_way or is_due:
            # It also takes back what waits. What has gone is cancelled again when it begins.
            actions.append(to_upstream("response.cancel"))
            self.is_answer_due = self._is_turn_due = False
            self._is_cancel_due = is_due and not is_under_way
        if is_under_way or self._speaker.is_playing(now):
            actions += self._interrupt(now)
        if actions:
            return actions
        text = "The assistant is silent; there was nothing to cancel."
        return [Notice("info", "nothing_to_cancel", text)]

    def take_result(self, call_id: str) -> bool:
        """Return whether this call waits for its result, which is there now."""
        is_waiting = self._calls.get(call_id, False)
        if is_waiting:
            self._calls[call_id] = False
        return is_waiting

    # What the voice service says.

    def on_event(self, event: dict[str, Any], now: float) -> list[Action]:
        """Take one of `EVENTS`."""
        return self.EVENTS[event["type"]](self, event, now)

    def _on_speech_started(self, event: dict[str, Any], now: float) -> list[Action]:
        self.is_speaking = True
        self._is_turn_due = False
        item_id, audio_ms = as_text(event.get("item_id")), as_count(event.get("audio_start_ms"))
        started = to_client(wire.SpeechStarted(audio_ms=audio_ms, item_id=item_id))
        is_barge_in = self._is_answering and not self._is_muted
        if is_barge_in or self._speaker.is_playing(now):
            return [started, *self._interrupt(now)]
        return [started]

    def _on_speech_stopped(self, event: dict[str, Any], now: float) -> list[Action]:
        # A cancel from before was not about this turn.
        self._is_turn_due, self._is_cancel_due = True, False
        item_id, audio_ms = as_text(event.get("item_id")), as_count(event.get("audio_end_ms"))
        return [to_client(wire.SpeechStopped(audio_ms=audio_ms, item_id=item_id))]

    def _on_committed(self, event: dict[str, Any], now: float) -> list[Action]:
        self.is_speaking = False
        return []

    def _on_created(self, event: dict[str, Any], now: float) -> list[Action]:
        self._response_id = as_text(as_dict(event.get("response")).get("id"))
        self._is_answering, self._is_muted = True, False
        self.is_answer_due = self._is_turn_due = False
        self._speaker.forget_played(now)
        started = to_client(wire.ResponseStarted(response_id=self._response_id))
        if not self._is_cancel_due:
            return [started]
        self._is_cancel_due = False
        return [started, *self.cancel(now)]

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
        item_id, part = as_text(event.get("item_id")), as_count(event.get("content_index"))
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
        return [to_client(message), *(ToUpstream(encode(cut)) for cut in stopped.events)]

    def _on_done(self, event: dict[str, Any], now: float) -> list[Action]:
        response = as_dict(event.get("response"))
        response_id, status = as_text(response.get("id")), as_text(response.get("status"))
        actions: list[Action] = []
        if response_id == self._response_id:
            if status == "cancelled" and self._is_answering and not self._is_muted:
                actions += self._interrupt(now)
            self._is_answering = self.is_answer_due = False
        for item in as_list(response.get("output")):
            item_id = as_text(as_dict(item).get("id"))
            if self._captions["assistant"].is_open(item_id):
                actions += self._final("assistant", item_id, None)
        if status == "failed":
            details = as_dict(as_dict(response.get("status_details")).get("error"))
            actions.append(to_client(error_of_event(details)))
        done = wire.ResponseDone(
            response_id=response_id,
            status=status if status in _STATUSES else "failed",  # type: ignore[arg-type]
            usage=_usage(response.get("usage")),
        )
        return [*actions, to_client(done)]

    def _on_words(self, event: dict[str, Any], now: float) -> list[Action]:
        """More words of either side, or all of them."""
        item_id = as_text(event.get("item_id"))
        role: wire.Role = "user" if event["type"] in _USER_WORDS else "assistant"
        if not event["type"].endswith(".delta"):
            whole = event.get("transcript", event.get("text"))
            return self._final(role, item_id, whole if isinstance(whole, str) else None)
        partial = self._captions[role].add(item_id, as_text(event.get("delta")))
        return [] if partial is None else [_caption(role, item_id, partial, is_final=False)]

    def _final(self, role: wire.Role, item_id: str, whole: str | None) -> list[Action]:
        text = self._captions[role].finish(item_id, whole).strip()
        return [_caption(role, item_id, text, is_final=True)] if text else []

    def _on_words_failed(self, event: dict[str, Any], now: float) -> list[Action]:
        self._captions["user"].finish(as_text(event.get("item_id")))
        text = "The user's words could not be written down; the assistant heard them all the same."
        return [Notice("warning", "transcription_failed", text)]

    def _on_item_done(self, event: dict[str, Any], now: float) -> list[Action]:
        item = as_dict(event.get("item"))
        call_id = as_text(item.get("call_id"))
        is_call = item.get("type") == "function_call" and item.get("status") != "incomplete"
        if not is_call or not call_id or call_id in self._calls:
            return []
        self._calls[call_id] = True
        if len(self._calls) > MAX_CALLS:
            del self._calls[next(iter(self._calls))]
        name, arguments = as_text(item.get("name")), as_text(item.get("arguments"))
        return [to_client(wire.FunctionCall(call_id=call_id, name=name, arguments=arguments))]

    EVENTS: Final[Mapping[str, Handler]] = {
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
    }
    """The events that belong to the conversation: (event, now) → actions."""


def _caption(role: wire.Role, item_id: str, text: str, *, is_final: bool) -> ToClient:
    return to_client(wire.Transcript(role=role, text=text, is_final=is_final, item_id=item_id))


def _usage(value: object) -> wire.Usage | None:
    usage = as_dict(value)
    if not usage:
        return None
    return wire.Usage(
        input_tokens=as_count(usage.get("input_tokens")),
        output_tokens=as_count(usage.get("output_tokens")),
        total_tokens=as_count(usage.get("total_tokens")),
    )
