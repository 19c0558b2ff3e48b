"""One response on its way to the client: which event follows which.

Rules of the file:
- `response.created`, then item after item, each closed before the next begins, then `response.done`
  and `rate_limits.updated`; whatever was opened is closed, also when the response is cut short;
- an item of the conversation is mirrored by `conversation.item.added` and `.done`; those of an
  out-of-band response are not;
- what has gone out counts: transcript, audio, usage and truncation all know only emitted deltas;
- thoughts are worked off in order; speech of one text is made while the one before goes out.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtclient.engine.actions import Outbox, Speak, Stop
from rtclient.engine.items import Conversation, Item
from rtclient.engine.message import Message
from rtclient.engine.senses import (
    Call,
    Remember,
    Replay,
    Say,
    Spoken,
    Stopped,
    Thought,
    Trouble,
    Used,
)
from rtclient.engine.shapes import Fault
from rtclient.engine.usage import (
    ASSISTANT_MS_PER_TOKEN,
    CHARS_PER_TOKEN,
    Cost,
    as_counted,
    text_tokens,
    usage,
)
from rtclient.protocol.audio import AudioFormat

ARGUMENTS_DELTA_CHARS = 24
MAX_OUTPUT_TOKENS = 4096
"""What the real service's models give at most; `max_output_tokens: "inf"` means this."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a response is asked to be: the session's settings and those of `response.create`."""

    id: str
    conversation_id: str | None
    output_modalities: list[str]
    voice: str
    format: AudioFormat
    speed: float
    max_output_tokens: int | str
    instructions: str
    tools: Sequence[Mapping[str, Any]]
    tool_choice: Any
    parallel_tool_calls: bool | None = None
    metadata: dict[str, str] | None = None
    is_voice_chosen: bool = False
    """The voice was named in `response.create`, so the session's memory does not change it."""
    context: Sequence[Item] = field(default_factory=tuple)
    """The items of an out-of-band context; empty with `has_own_context` False: the conversation."""
    has_own_context: bool = False
    truncation: Any = "auto"


@dataclass(frozen=True, slots=True)
class _Utterance:
    """A text to speak with the settings of the moment in which it was thought."""

    text: str
    voice: str
    speed: float
    volume: float


class Response:
    """A response from `response.created` to `response.done`."""

    def __init__(
        self,
        plan: Plan,
        outbox: Outbox,
        conversation: Conversation,
        memory: dict[str, Any],
    ) -> None:
        """Emit `response.created`. `memory` is the session's and is changed by `Remember`."""
        self.plan = plan
        self.waits_for_ears = True
        """The brain has not been asked yet."""
        self.prompt_costs: Sequence[Cost] = ()
        self.previous_costs: Sequence[Cost] = ()
        self.status = "in_progress"
        self.output_tokens = 0
        self.has_spoken = False
        self.audio_ms = 0.0
        """Speech that went out, closed messages only."""
        self.speech_id: str | None = None
        """The work of the voice that is being taken."""
        self._out = outbox
        self._conversation = conversation
        self._memory = memory
        self._queue: deque[_Utterance | Call | Replay] = deque()
        self._is_thinking = True
        self.has_called = False
        """A tool was called, whose output the client still has to bring."""
        self._message: Message | None = None
        self._output: list[Item] = []
        self._text_tokens = 0
        self._audio_tokens = 0
        self._used: Used | None = None
        self._told: set[Trouble] = set()
        self._ending: tuple[str, dict[str, Any] | None] = ("completed", None)
        """Status and details with which it ends once all has gone out."""
        outbox.emit("response.created", response=self._wire(None))

    # ------------------------------------------------------------ what comes in

    @property
    def is_over(self) -> bool:
        """Whether `response.done` has gone out."""
        return self.status != "in_progress"

    @property
    def writes_to_conversation(self) -> bool:
        """Whether its items enter the conversation."""
        return self.plan.conversation_id is not None

    def sync(self) -> None:
        """Bring the open item up to what has gone out, before somebody looks at it."""
        if self._message is not None:
            self._message.sync_audio()

    def next_due(self) -> float | None:
        """Return when `advance` has something to send."""
        return self._message.next_due() if self._message else None

    def on_thought(self, thought: Thought, now: float) -> None:
        """Take a piece of what the brain made."""
        if isinstance(thought, Remember):
            self._memory.update(thought.facts)
            return
        if isinstance(thought, Trouble):
            self._tell(thought)
            return
        if isinstance(thought, Used):
            self._used = thought
            return
        if isinstance(thought, Stopped):
            self._ending = ("incomplete", {"type": "incomplete", "reason": thought.reason})
            return
        if isinstance(thought, Call) and not self._may_call(thought.name):
            return
        if isinstance(thought, Say):
            if not thought.text:
                return
            remembered = None if self.plan.is_voice_chosen else self._memory.get("voice")
            self._queue.append(
                _Utterance(
                    thought.text,
                    str(remembered or self.plan.voice),
                    float(self._memory.get("speed") or self.plan.speed),
                    float(self._memory.get("volume") or 1.0),
                )
            )
        else:
            self._queue.append(thought)
        self.advance(now)

    def _may_call(self, name: str) -> bool:
        """Whether the client let this response call this tool, and now."""
        choice = self.plan.tool_choice
        names = {tool.get("name") for tool in self.plan.tools} if choice != "none" else set()
        if isinstance(choice, Mapping):
            names &= {choice["name"]}
        is_one_too_many = self.plan.parallel_tool_calls is False and self.has_called
        if name not in names or is_one_too_many:
            return False
        self.has_called = True
        return True

    def on_thinking_ended(self, now: float) -> None:
        """The brain has said all."""
        self._is_thinking = False
        self.advance(now)

    def on_spoken(self, work_id: str, spoken: Spoken, now: float) -> None:
        """Take a piece of speech."""
        if work_id == self.speech_id and self._message is not None:
            if spoken.trouble is not None:
                self._tell(spoken.trouble)
            self._message.on_spoken(spoken)
            if self._message.made_ms > self._longest_ms:
                self._stop_speech()  # the rest could never go out
                self._message.on_speaking_ended()
            self.advance(now)

    def on_speaking_ended(self, work_id: str, now: float) -> None:
        """A text has been spoken whole."""
        if work_id == self.speech_id and self._message is not None:
            self._message.on_speaking_ended()
            self.speech_id = None
            self.advance(now)

    def _tell(self, trouble: Trouble) -> None:
        """Send an `error` event; once, however many sentences have the same trouble."""
        if trouble not in self._told:
            self._told.add(trouble)
            self._out.error(Fault(trouble.code, trouble.message, type="server_error"))

    # ------------------------------------------------------------ the ladder

    def advance(self, now: float) -> None:
        """Send what is due and go on to the next thought."""
        while not self.is_over:
            if self._message is not None and self._send_due(self._message, now):
                return
            if not self._queue:
                break
            if not self._begin_next(now):
                return
        if self.is_over or self._is_thinking or self.speech_id is not None:
            return
        if self._message is None or self._message.is_drained:
            status, details = self._ending
            self._close_message("completed" if status == "completed" else "incomplete")
            self._finish(status, details, now)

    def _send_due(self, message: Message, now: float) -> bool:
        """Send the deltas that are due; True when the token limit ended the response."""
        while message.send_next(now):
            self._count()
            if self.output_tokens >= self._limit:
                self.end("incomplete", "max_output_tokens", now)
                return True
        return False

    def _begin_next(self, now: float) -> bool:
        """Begin the first thought of the queue if its time has come."""
        thought = self._queue[0]
        if isinstance(thought, Call):
            if self._message is not None:
                if self.speech_id is not None or not self._message.is_drained:
                    return False
                self._close_message("completed")
            self._queue.popleft()
            self._call(thought, now)
            return True
        if self.speech_id is not None:
            return False
        self._queue.popleft()
        message = self._message or self._open_message()
        if isinstance(thought, Replay):
            item = self._conversation.get(thought.item_id)
            pcm = item.audio.get(0, b"") if item else b""
            text = item.heard.text if item and item.heard else ""
            message.replay(text, pcm)
        elif message.is_audio:
            message.begin_text(thought.text)
            self.speech_id = self._out.new_id("speech")
            self._out.do(
                Speak(self.speech_id, thought.text, thought.voice, thought.speed, thought.volume)
            )
        else:
            message.write(thought.text)
        return True

    def _open_message(self) -> Message:
        item = Item(
            {
                "id": self._out.new_id("item"),
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
        )
        self._add(item)
        self._message = Message(
            self._out,
            item,
            response_id=self.plan.id,
            output_index=len(self._output) - 1,
            audio_format=self.plan.format if self.plan.output_modalities == ["audio"] else None,
        )
        return self._message

    def _close_message(self, status: str) -> None:
        if self._message is None:
            return
        message, self._message = self._message, None
        message.close()
        self._text_tokens += text_tokens(message.sent_text)
        self._audio_tokens += message.audio_tokens
        self.audio_ms += message.sent_ms
        self._done(message.item, status)
        self._count()

    def _call(self, call: Call, now: float) -> None:
        call_id = self._out.new_id("call")
        item = Item(
            {
                "id": self._out.new_id("item"),
                "type": "function_call",
                "status": "in_progress",
                "name": call.name,
                "call_id": call_id,
                "arguments": "",
            }
        )
        self._add(item)
        place = {
            "response_id": self.plan.id,
            "item_id": item.id,
            "output_index": len(self._output) - 1,
            "call_id": call_id,
        }
        left_chars = (self._limit - self.output_tokens) * CHARS_PER_TOKEN - len(call.name)
        arguments = call.arguments[: max(left_chars, 0)]
        is_whole = arguments == call.arguments
        for at in range(0, len(arguments), ARGUMENTS_DELTA_CHARS):
            delta = arguments[at : at + ARGUMENTS_DELTA_CHARS]
            self._out.emit("response.function_call_arguments.delta", **place, delta=delta)
        self._out.emit(
            "response.function_call_arguments.done",
            **place,
            name=call.name,
            arguments=arguments,
        )
        item.wire["arguments"] = arguments
        self._text_tokens += text_tokens(call.name + arguments)
        self._done(item, "completed" if is_whole else "incomplete")
        self._count()
        if not is_whole:
            self.end("incomplete", "max_output_tokens", now)

    def _add(self, item: Item) -> None:
        self._output.append(item)
        self._out.emit(
            "response.output_item.added",
            response_id=self.plan.id,
            output_index=len(self._output) - 1,
            item=item.public(),
        )
        if self.writes_to_conversation:
            self._conversation.add(item)
            self._mirror("conversation.item.added", item)

    def _done(self, item: Item, status: str) -> None:
        item.wire["status"] = status
        self._out.emit(
            "response.output_item.done",
            response_id=self.plan.id,
            output_index=self._output.index(item),
            item=item.public(),
        )
        if self.writes_to_conversation and item.id in self._conversation:
            self._mirror("conversation.item.done", item)
            self._conversation.keep_within_bounds()

    def _mirror(self, event_type: str, item: Item) -> None:
        previous = self._conversation.previous_id(item)
        self._out.emit(event_type, previous_item_id=previous, item=item.public())

    # ------------------------------------------------------------ the end

    def end(self, status: str, reason: str | None, now: float) -> None:
        """Cut the response short: `cancelled` or `incomplete`, with closers."""
        details = {"type": status} if reason is None else {"type": status, "reason": reason}
        self._cut(status, details, now)

    def fail(self, fault: Fault, now: float) -> None:
        """End the response as `failed`, with closers."""
        self._cut("failed", _failed(fault), now)

    def fail_after(self, fault: Fault) -> None:
        """End the response as `failed` once what was thought so far has gone out."""
        self._ending = ("failed", _failed(fault))

    def _cut(self, status: str, details: dict[str, Any], now: float) -> None:
        if self.is_over:
            return
        if self._is_thinking:
            self._out.do(Stop(self.plan.id))
        self._stop_speech()
        self._queue.clear()
        self._close_message("incomplete")
        self._finish(status, details, now)

    def _stop_speech(self) -> None:
        if self.speech_id is not None:
            self._out.do(Stop(self.speech_id))
            self.speech_id = None

    def _finish(self, status: str, details: dict[str, Any] | None, now: float) -> None:
        self.status = status
        wire = self._wire(self._counted())
        wire["status_details"] = details
        self._out.emit("response.done", response=wire)

    def _counted(self) -> dict[str, Any]:
        """Return the `usage`."""
        counted = usage(
            self.prompt_costs, self.previous_costs, self._text_tokens, self._audio_tokens
        )
        return counted if self._used is None else as_counted(counted, self._used)

    @property
    def _limit(self) -> int:
        limit = self.plan.max_output_tokens
        return limit if isinstance(limit, int) else MAX_OUTPUT_TOKENS

    @property
    def _longest_ms(self) -> int:
        """More speech than this ends the response by its tokens alone."""
        return self._limit * ASSISTANT_MS_PER_TOKEN

    @property
    def spent_tokens(self) -> int:
        """Tokens that count for the rate limit: the output and what of the prompt is new."""
        counted = self._counted()
        cached = counted["input_token_details"]["cached_tokens"]
        return int(counted["total_tokens"]) - int(cached)

    def _count(self) -> None:
        self.output_tokens = self._text_tokens + self._audio_tokens
        if self._message is not None:
            self.output_tokens += text_tokens(self._message.sent_text) + self._message.audio_tokens
            self.has_spoken = self.has_spoken or self._message.audio_tokens > 0

    def _wire(self, counted: dict[str, Any] | None) -> dict[str, Any]:
        plan = self.plan
        return {
            "object": "realtime.response",
            "id": plan.id,
            "status": self.status,
            "status_details": None,
            "output": [item.public() for item in self._output] if counted else [],
            "conversation_id": plan.conversation_id,
            "output_modalities": list(plan.output_modalities),
            "max_output_tokens": plan.max_output_tokens,
            "audio": {"output": {"format": plan.format.to_wire(), "voice": plan.voice}},
            "usage": counted,
            "metadata": plan.metadata,
        }


def _failed(fault: Fault) -> dict[str, Any]:
    error = {"type": fault.type, "code": fault.code, "message": fault.message}
    return {"type": "failed", "error": error}
