"""The messages of the server, and which one a dict is.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
Messages that came later have names made in the same way.
"""

from collections.abc import Mapping
from typing import Any, Literal

from rtclient.models.base import Model
from rtclient.models.items import ResponseItem, ResponseItemContentPart
from rtclient.models.responses import RateLimits, RealtimeError, Response
from rtclient.models.settings import Session


class ServerMessageBase(Model):
    """Any message of the server."""

    event_id: str


class UnknownMessage(ServerMessageBase):
    """A message that has no class here; its fields can be read all the same."""

    type: str = "unknown"


class ErrorMessage(ServerMessageBase):
    """Something that the client sent did not work, or the server failed."""

    type: Literal["error"] = "error"
    error: RealtimeError


class SessionCreatedMessage(ServerMessageBase):
    """The session begins, with these settings."""

    type: Literal["session.created"] = "session.created"
    session: Session


class SessionUpdatedMessage(ServerMessageBase):
    """The settings have changed to these."""

    type: Literal["session.updated"] = "session.updated"
    session: Session


class InputAudioBufferCommittedMessage(ServerMessageBase):
    """The sound sent so far has become an item."""

    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    previous_item_id: str | None
    item_id: str


class InputAudioBufferClearedMessage(ServerMessageBase):
    """The sound sent so far is thrown away."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class InputAudioBufferSpeechStartedMessage(ServerMessageBase):
    """The server hears speech."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    audio_start_ms: int
    """From the begin of all sound sent in this session."""
    item_id: str
    """The item that the speech will become."""


class InputAudioBufferSpeechStoppedMessage(ServerMessageBase):
    """The server hears that the turn is over."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    audio_end_ms: int
    item_id: str


class ItemCreatedMessage(ServerMessageBase):
    """An item is in the conversation. GA tells it by the next two."""

    type: Literal["conversation.item.created"] = "conversation.item.created"
    previous_item_id: str | None
    item: ResponseItem


class ItemAddedMessage(ServerMessageBase):
    """GA: an item has its place in the conversation; it may still grow."""

    type: Literal["conversation.item.added"] = "conversation.item.added"
    previous_item_id: str | None
    item: ResponseItem


class ItemDoneMessage(ServerMessageBase):
    """GA: an item is complete."""

    type: Literal["conversation.item.done"] = "conversation.item.done"
    previous_item_id: str | None
    item: ResponseItem


class ItemTruncatedMessage(ServerMessageBase):
    """An answer is cut to what was heard of it."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: str
    content_index: int
    audio_end_ms: int


class ItemDeletedMessage(ServerMessageBase):
    """An item is out of the conversation."""

    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: str


class ItemInputAudioTranscriptionDeltaMessage(ServerMessageBase):
    """More words of what the person said."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: int
    delta: str


class ItemInputAudioTranscriptionCompletedMessage(ServerMessageBase):
    """All words of what the person said."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: int
    transcript: str


class ItemInputAudioTranscriptionFailedMessage(ServerMessageBase):
    """What the person said could not be written down."""

    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: int
    error: RealtimeError


class ResponseCreatedMessage(ServerMessageBase):
    """A response begins."""

    type: Literal["response.created"] = "response.created"
    response: Response


class ResponseDoneMessage(ServerMessageBase):
    """A response is over."""

    type: Literal["response.done"] = "response.done"
    response: Response


class ResponseOutputItemAddedMessage(ServerMessageBase):
    """A response begins an item."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: str
    output_index: int
    item: ResponseItem


class ResponseOutputItemDoneMessage(ServerMessageBase):
    """A response has finished an item."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: str
    output_index: int
    item: ResponseItem


class _PartMessage(ServerMessageBase):
    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseContentPartAddedMessage(_PartMessage):
    """An item of a response begins a part: text or speech."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: ResponseItemContentPart


class ResponseContentPartDoneMessage(_PartMessage):
    """A part is complete."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: ResponseItemContentPart


class ResponseTextDeltaMessage(_PartMessage):
    """More text."""

    type: Literal["response.text.delta", "response.output_text.delta"] = "response.text.delta"
    delta: str


class ResponseTextDoneMessage(_PartMessage):
    """All text of a part."""

    type: Literal["response.text.done", "response.output_text.done"] = "response.text.done"
    text: str


class ResponseAudioTranscriptDeltaMessage(_PartMessage):
    """More words of what the model says."""

    type: Literal["response.audio_transcript.delta", "response.output_audio_transcript.delta"] = (
        "response.audio_transcript.delta"
    )
    delta: str


class ResponseAudioTranscriptDoneMessage(_PartMessage):
    """All words of what the model says in a part."""

    type: Literal["response.audio_transcript.done", "response.output_audio_transcript.done"] = (
        "response.audio_transcript.done"
    )
    transcript: str


class ResponseAudioDeltaMessage(_PartMessage):
    """More sound."""

    type: Literal["response.audio.delta", "response.output_audio.delta"] = "response.audio.delta"
    delta: str
    """Base64."""


class ResponseAudioDoneMessage(_PartMessage):
    """All sound of a part has come."""

    type: Literal["response.audio.done", "response.output_audio.done"] = "response.audio.done"


class ResponseFunctionCallArgumentsDeltaMessage(ServerMessageBase):
    """More of the arguments of a call."""

    type: Literal["response.function_call_arguments.delta"] = (
        "response.function_call_arguments.delta"
    )
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str


class ResponseFunctionCallArgumentsDoneMessage(ServerMessageBase):
    """All arguments of a call."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    name: str
    arguments: str


class RateLimitsUpdatedMessage(ServerMessageBase):
    """What is left of the account's limits."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: list[RateLimits]


ServerMessageType = (
    UnknownMessage
    | ErrorMessage
    | SessionCreatedMessage
    | SessionUpdatedMessage
    | InputAudioBufferCommittedMessage
    | InputAudioBufferClearedMessage
    | InputAudioBufferSpeechStartedMessage
    | InputAudioBufferSpeechStoppedMessage
    | ItemCreatedMessage
    | ItemAddedMessage
    | ItemDoneMessage
    | ItemTruncatedMessage
    | ItemDeletedMessage
    | ItemInputAudioTranscriptionDeltaMessage
    | ItemInputAudioTranscriptionCompletedMessage
    | ItemInputAudioTranscriptionFailedMessage
    | ResponseCreatedMessage
    | ResponseDoneMessage
    | ResponseOutputItemAddedMessage
    | ResponseOutputItemDoneMessage
    | ResponseContentPartAddedMessage
    | ResponseContentPartDoneMessage
    | ResponseTextDeltaMessage
    | ResponseTextDoneMessage
    | ResponseAudioTranscriptDeltaMessage
    | ResponseAudioTranscriptDoneMessage
    | ResponseAudioDeltaMessage
    | ResponseAudioDoneMessage
    | ResponseFunctionCallArgumentsDeltaMessage
    | ResponseFunctionCallArgumentsDoneMessage
    | RateLimitsUpdatedMessage
)


def _types(model: type[Model]) -> tuple[str, ...]:
    kinds: tuple[str, ...] = model.__annotations__["type"].__args__
    return kinds


_BY_TYPE: Mapping[str, type[ServerMessageType]] = {
    kind: model
    for model in ServerMessageType.__args__
    if model is not UnknownMessage
    for kind in _types(model)
}


def create_message_from_dict(data: Mapping[str, Any]) -> ServerMessageType:
    """Return the message that a dict from the wire is, in either dialect.

    A type that is not known here gives an `UnknownMessage`, which has all fields of the dict.
    """
    kind = data.get("type")
    model = _BY_TYPE.get(kind, UnknownMessage) if isinstance(kind, str) else UnknownMessage
    return model.from_dict(data)
