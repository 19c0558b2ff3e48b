"""The vocabulary of the GA dialect: every event's name and shape.

Rules of the file:
- shapes are TypedDicts: what arrives stays a plain dict with all its fields, also unknown ones;
- nothing is checked at run time; the real service leaves fields out, so readers use `.get`;
- nested objects that a client only passes on (`tools`, `usage`, `response`) stay open.

Source: Realtime API reference, client and server events (GA); the names are compared with the
models of the `openai` package in a test.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict

Item = dict[str, Any]
"""A conversation item: `message`, `function_call`, `function_call_output` or one of MCP."""

ContentPart = dict[str, Any]
Session = dict[str, Any]
Response = dict[str, Any]


class ErrorBody(TypedDict):
    """What went wrong; `event_id` repeats the id of the client event at fault."""

    type: str
    message: str
    code: NotRequired[str | None]
    param: NotRequired[str | None]
    event_id: NotRequired[str | None]


class RateLimit(TypedDict):
    """One entry of `rate_limits.updated`."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float


class ClientEventBase(TypedDict):
    """What every client event may carry."""

    event_id: NotRequired[str]


class ServerEventBase(TypedDict):
    """What every server event carries."""

    event_id: str


class ResponsePart(ServerEventBase):
    """What an event about one content part of a response carries."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseItem(ServerEventBase):
    """What an event about one item of a response carries."""

    response_id: str
    item_id: str
    output_index: int


class SessionUpdate(ClientEventBase):
    """`session.update`."""

    type: Literal["session.update"]
    session: Session


class InputAudioBufferAppend(ClientEventBase):
    """Append sound; `audio` is base64 of at most 15 MiB. Not acknowledged."""

    type: Literal["input_audio_buffer.append"]
    audio: str


class InputAudioBufferCommit(ClientEventBase):
    """`input_audio_buffer.commit`."""

    type: Literal["input_audio_buffer.commit"]


class InputAudioBufferClear(ClientEventBase):
    """`input_audio_buffer.clear`."""

    type: Literal["input_audio_buffer.clear"]


class OutputAudioBufferClear(ClientEventBase):
    """Stop the sound that the server plays (WebRTC and SIP only)."""

    type: Literal["output_audio_buffer.clear"]


class ConversationItemCreate(ClientEventBase):
    """`conversation.item.create`."""

    type: Literal["conversation.item.create"]
    item: Item
    previous_item_id: NotRequired[str | None]


class ConversationItemRetrieve(ClientEventBase):
    """`conversation.item.retrieve`."""

    type: Literal["conversation.item.retrieve"]
    item_id: str


class ConversationItemDelete(ClientEventBase):
    """`conversation.item.delete`."""

    type: Literal["conversation.item.delete"]
    item_id: str


class ConversationItemTruncate(ClientEventBase):
    """Cut an assistant item to what was heard."""

    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: int
    audio_end_ms: int


class ResponseCreate(ClientEventBase):
    """`response.create`."""

    type: Literal["response.create"]
    response: NotRequired[Response]


class ResponseCancel(ClientEventBase):
    """`response.cancel`."""

    type: Literal["response.cancel"]
    response_id: NotRequired[str]


class ErrorEvent(ServerEventBase):
    """`error`."""

    type: Literal["error"]
    error: ErrorBody


class SessionConfigured(ServerEventBase):
    """`session.created`, `session.updated`."""

    type: Literal["session.created", "session.updated"]
    session: Session


class ConversationCreated(ServerEventBase):
    """`conversation.created`."""

    type: Literal["conversation.created"]
    conversation: dict[str, Any]


class ConversationItemCreated(ServerEventBase):
    """A leftover of the preview dialect; `added` and `done` replace it."""

    type: Literal["conversation.item.created"]
    item: Item
    previous_item_id: NotRequired[str | None]


class ConversationItemArrived(ServerEventBase):
    """`conversation.item.added`, `conversation.item.done`."""

    type: Literal["conversation.item.added", "conversation.item.done"]
    item: Item
    previous_item_id: NotRequired[str | None]


class ConversationItemRetrieved(ServerEventBase):
    """`conversation.item.retrieved`."""

    type: Literal["conversation.item.retrieved"]
    item: Item


class ConversationItemDeleted(ServerEventBase):
    """`conversation.item.deleted` and its siblings."""

    type: Literal[
        "conversation.item.deleted",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
    ]
    item_id: str


class ConversationItemTruncated(ServerEventBase):
    """`conversation.item.truncated`."""

    type: Literal["conversation.item.truncated"]
    item_id: str
    content_index: int
    audio_end_ms: int


class ConversationItemInputAudioTranscriptionDelta(ServerEventBase):
    """`conversation.item.input_audio_transcription.delta`."""

    type: Literal["conversation.item.input_audio_transcription.delta"]
    item_id: str
    content_index: NotRequired[int]
    delta: NotRequired[str]
    logprobs: NotRequired[list[dict[str, Any]] | None]


class ConversationItemInputAudioTranscriptionSegment(ServerEventBase):
    """`conversation.item.input_audio_transcription.segment`."""

    type: Literal["conversation.item.input_audio_transcription.segment"]
    id: str
    item_id: str
    content_index: int
    text: str
    speaker: str
    start: float
    end: float


class ConversationItemInputAudioTranscriptionCompleted(ServerEventBase):
    """`conversation.item.input_audio_transcription.completed`."""

    type: Literal["conversation.item.input_audio_transcription.completed"]
    item_id: str
    content_index: int
    transcript: str
    usage: dict[str, Any]
    logprobs: NotRequired[list[dict[str, Any]] | None]


class ConversationItemInputAudioTranscriptionFailed(ServerEventBase):
    """`conversation.item.input_audio_transcription.failed`."""

    type: Literal["conversation.item.input_audio_transcription.failed"]
    item_id: str
    content_index: int
    error: dict[str, Any]


class InputAudioBufferCommitted(ServerEventBase):
    """`input_audio_buffer.committed`."""

    type: Literal["input_audio_buffer.committed"]
    item_id: str
    previous_item_id: NotRequired[str | None]


class InputAudioBufferCleared(ServerEventBase):
    """`input_audio_buffer.cleared`."""

    type: Literal["input_audio_buffer.cleared"]


class InputAudioBufferSpeechStarted(ServerEventBase):
    """`input_audio_buffer.speech_started`."""

    type: Literal["input_audio_buffer.speech_started"]
    item_id: str
    audio_start_ms: int


class InputAudioBufferSpeechStopped(ServerEventBase):
    """`input_audio_buffer.speech_stopped`."""

    type: Literal["input_audio_buffer.speech_stopped"]
    item_id: str
    audio_end_ms: int


class InputAudioBufferTimeoutTriggered(ServerEventBase):
    """Nobody spoke for `idle_timeout_ms` after an answer."""

    type: Literal["input_audio_buffer.timeout_triggered"]
    item_id: str
    audio_start_ms: int
    audio_end_ms: int


class InputAudioBufferDtmfEventReceived(ServerEventBase):
    """`input_audio_buffer.dtmf_event_received`."""

    type: Literal["input_audio_buffer.dtmf_event_received"]
    event: str
    received_at: int


class OutputAudioBufferChanged(ServerEventBase):
    """`output_audio_buffer.started` and its siblings."""

    type: Literal[
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "output_audio_buffer.cleared",
    ]
    response_id: str


class ResponseChanged(ServerEventBase):
    """`response.created`, `response.done`."""

    type: Literal["response.created", "response.done"]
    response: Response


class ResponseOutputItem(ServerEventBase):
    """`response.output_item.added`, `response.output_item.done`."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    response_id: str
    output_index: int
    item: Item


class ResponseContentPart(ResponsePart):
    """`response.content_part.added`, `response.content_part.done`."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    part: ContentPart


class ResponseTextDelta(ResponsePart):
    """`response.output_text.delta`, `response.output_audio_transcript.delta`."""

    type: Literal["response.output_text.delta", "response.output_audio_transcript.delta"]
    delta: str


class ResponseOutputTextDone(ResponsePart):
    """`response.output_text.done`."""

    type: Literal["response.output_text.done"]
    text: str


class ResponseOutputAudioDelta(ResponsePart):
    """A piece of sound; `delta` is base64 in the output format."""

    type: Literal["response.output_audio.delta"]
    delta: str


class ResponseOutputAudioDone(ResponsePart):
    """`response.output_audio.done`."""

    type: Literal["response.output_audio.done"]


class ResponseOutputAudioTranscriptDone(ResponsePart):
    """`response.output_audio_transcript.done`."""

    type: Literal["response.output_audio_transcript.done"]
    transcript: str


class ResponseFunctionCallArgumentsDelta(ResponseItem):
    """`response.function_call_arguments.delta`."""

    type: Literal["response.function_call_arguments.delta"]
    call_id: str
    delta: str


class ResponseFunctionCallArgumentsDone(ResponseItem):
    """`response.function_call_arguments.done`."""

    type: Literal["response.function_call_arguments.done"]
    call_id: str
    arguments: str
    name: NotRequired[str]


class ResponseMcpCallArgumentsDelta(ResponseItem):
    """`response.mcp_call_arguments.delta`."""

    type: Literal["response.mcp_call_arguments.delta"]
    delta: str


class ResponseMcpCallArgumentsDone(ResponseItem):
    """`response.mcp_call_arguments.done`."""

    type: Literal["response.mcp_call_arguments.done"]
    arguments: str


class McpCallProgress(ServerEventBase):
    """`response.mcp_call.in_progress` and its siblings."""

    type: Literal[
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
    ]
    item_id: str
    output_index: int


class RateLimitsUpdated(ServerEventBase):
    """`rate_limits.updated`."""

    type: Literal["rate_limits.updated"]
    rate_limits: list[RateLimit]


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemDelete
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
)
"""An event that a client sends."""

ServerEvent = (
    ErrorEvent
    | SessionConfigured
    | ConversationCreated
    | ConversationItemCreated
    | ConversationItemArrived
    | ConversationItemRetrieved
    | ConversationItemDeleted
    | ConversationItemTruncated
    | ConversationItemInputAudioTranscriptionDelta
    | ConversationItemInputAudioTranscriptionSegment
    | ConversationItemInputAudioTranscriptionCompleted
    | ConversationItemInputAudioTranscriptionFailed
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferTimeoutTriggered
    | InputAudioBufferDtmfEventReceived
    | OutputAudioBufferChanged
    | ResponseChanged
    | ResponseOutputItem
    | ResponseContentPart
    | ResponseTextDelta
    | ResponseOutputTextDone
    | ResponseOutputAudioDelta
    | ResponseOutputAudioDone
    | ResponseOutputAudioTranscriptDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | ResponseMcpCallArgumentsDelta
    | ResponseMcpCallArgumentsDone
    | McpCallProgress
    | RateLimitsUpdated
)
"""An event that a server sends; others may come and are passed on."""

CLIENT_EVENTS: Final = frozenset(
    {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.delete",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
    }
)
"""The names of all client events."""

SERVER_EVENTS: Final = frozenset(
    {
        "error",
        "session.created",
        "session.updated",
        "conversation.created",
        "conversation.item.created",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.retrieved",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.dtmf_event_received",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "output_audio_buffer.cleared",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "rate_limits.updated",
    }
)
"""The names of all server events."""
