"""The messages of the client.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
Messages that came later have names made in the same way.
"""

from typing import Literal

from rtclient.models.base import Model
from rtclient.models.items import Item
from rtclient.models.responses import ResponseCreateParams
from rtclient.models.settings import SessionUpdateParams


class ClientMessageBase(Model):
    """Any message of the client."""

    event_id: str | None = None
    """An id of the program's choice; an error that it causes names it."""


class SessionUpdateMessage(ClientMessageBase):
    """Change the session's settings."""

    type: Literal["session.update"] = "session.update"
    session: SessionUpdateParams


class InputAudioBufferAppendMessage(ClientMessageBase):
    """Send sound, in the input format of the session."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: str
    """Base64."""


class InputAudioBufferCommitMessage(ClientMessageBase):
    """Make an item of the sound sent so far."""

    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioBufferClearMessage(ClientMessageBase):
    """Throw the sound sent so far away."""

    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class ItemCreateMessage(ClientMessageBase):
    """Add an item to the conversation."""

    type: Literal["conversation.item.create"] = "conversation.item.create"
    previous_item_id: str | None = None
    """Behind which item; None is the end, `root` the beginning."""
    item: Item


class ItemTruncateMessage(ClientMessageBase):
    """Cut an answer to what was heard of it."""

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: int
    audio_end_ms: int


class ItemDeleteMessage(ClientMessageBase):
    """Take an item out of the conversation."""

    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


class ResponseCreateMessage(ClientMessageBase):
    """Let the model answer now."""

    type: Literal["response.create"] = "response.create"
    response: ResponseCreateParams | None = None


class ResponseCancelMessage(ClientMessageBase):
    """Stop an answer."""

    type: Literal["response.cancel"] = "response.cancel"
    response_id: str | None = None


UserMessageType = (
    SessionUpdateMessage
    | InputAudioBufferAppendMessage
    | InputAudioBufferCommitMessage
    | InputAudioBufferClearMessage
    | ItemCreateMessage
    | ItemTruncateMessage
    | ItemDeleteMessage
    | ResponseCreateMessage
    | ResponseCancelMessage
)
