"""The items of a conversation: what a program sends, and what the server shows.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from rtclient.models.base import NESTED, Model, by_type

MessageRole = Literal["system", "assistant", "user"]
MessageItemType = Literal["message"]
ItemParamStatus = Literal["completed", "incomplete"]
ResponseItemStatus = Literal["in_progress", "completed", "incomplete"]


# Items that a program sends -------------------------------------------------------------------


class InputTextContentPart(Model):
    """Text of the person or of the system."""

    type: Literal["input_text"] = "input_text"
    text: str


class InputAudioContentPart(Model):
    """Speech of the person."""

    type: Literal["input_audio"] = "input_audio"
    audio: str
    """Base64."""
    transcript: str | None = None


class InputImageContentPart(Model):
    """GA: a picture."""

    type: Literal["input_image"] = "input_image"
    image_url: str
    """A `data:` URL."""
    detail: Literal["auto", "low", "high"] | None = None


class OutputTextContentPart(Model):
    """Text of the assistant."""

    type: Literal["text"] = "text"
    text: str


SystemContentPart = InputTextContentPart
UserContentPart = InputTextContentPart | InputAudioContentPart | InputImageContentPart
AssistantContentPart = OutputTextContentPart


class SystemMessageItem(Model):
    """Something that the model shall know or do from now on."""

    type: MessageItemType = "message"
    role: Literal["system"] = "system"
    id: str | None = None
    content: Sequence[SystemContentPart]
    status: ItemParamStatus | None = None


class UserMessageItem(Model):
    """What the person says."""

    type: MessageItemType = "message"
    role: Literal["user"] = "user"
    id: str | None = None
    content: Sequence[UserContentPart]
    status: ItemParamStatus | None = None


class AssistantMessageItem(Model):
    """What the assistant is to have said before."""

    type: MessageItemType = "message"
    role: Literal["assistant"] = "assistant"
    id: str | None = None
    content: Sequence[AssistantContentPart]
    status: ItemParamStatus | None = None


MessageItem = SystemMessageItem | UserMessageItem | AssistantMessageItem


class FunctionCallItem(Model):
    """A call that the model is to have made before."""

    type: Literal["function_call"] = "function_call"
    id: str | None = None
    name: str
    call_id: str
    arguments: str
    """JSON."""
    status: ItemParamStatus | None = None


class FunctionCallOutputItem(Model):
    """What a call has given."""

    type: Literal["function_call_output"] = "function_call_output"
    id: str | None = None
    call_id: str
    output: str
    status: ItemParamStatus | None = None


Item = MessageItem | FunctionCallItem | FunctionCallOutputItem


# Items that the server shows ------------------------------------------------------------------


class ResponseItemInputTextContentPart(Model):
    """Text of the person or of the system."""

    type: Literal["input_text"] = "input_text"
    text: str


class ResponseItemInputAudioContentPart(Model):
    """Speech of the person."""

    type: Literal["input_audio"] = "input_audio"
    transcript: str | None


class ResponseItemTextContentPart(Model):
    """Text of the assistant. GA says `output_text`."""

    type: Literal["text", "output_text"] = "text"
    text: str


class ResponseItemAudioContentPart(Model):
    """Speech of the assistant. GA says `output_audio`."""

    type: Literal["audio", "output_audio"] = "audio"
    transcript: str | None


ResponseItemContentPart = (
    ResponseItemInputTextContentPart
    | ResponseItemInputAudioContentPart
    | ResponseItemTextContentPart
    | ResponseItemAudioContentPart
)


class ResponseItemBase(Model):
    """Any item of the conversation."""

    id: str


class ResponseMessageItem(ResponseItemBase):
    """Something said or written."""

    type: MessageItemType = "message"
    status: ResponseItemStatus
    role: MessageRole
    content: list[ResponseItemContentPart]


class ResponseFunctionCallItem(ResponseItemBase):
    """The model calls a function."""

    type: Literal["function_call"] = "function_call"
    status: ResponseItemStatus
    name: str
    call_id: str
    arguments: str
    """JSON."""


class ResponseFunctionCallOutputItem(ResponseItemBase):
    """What a call has given."""

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str


ResponseItem = ResponseMessageItem | ResponseFunctionCallItem | ResponseFunctionCallOutputItem


read_item: Callable[[Mapping[str, Any]], Any] = by_type(
    {
        "message": ResponseMessageItem,
        "function_call": ResponseFunctionCallItem,
        "function_call_output": ResponseFunctionCallOutputItem,
    },
    ResponseItemBase,
)
_PART = by_type(
    {
        "input_text": ResponseItemInputTextContentPart,
        "input_audio": ResponseItemInputAudioContentPart,
        "input_image": InputImageContentPart,
        "text": ResponseItemTextContentPart,
        "output_text": ResponseItemTextContentPart,
        "audio": ResponseItemAudioContentPart,
        "output_audio": ResponseItemAudioContentPart,
    },
    Model,
)

NESTED.update(item=read_item, content=_PART, part=_PART)
