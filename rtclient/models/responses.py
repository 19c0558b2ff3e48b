"""Responses: what is asked for, what came of it, what it used; and errors.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from rtclient.models.base import NESTED, Model, by_type
from rtclient.models.items import Item, ResponseItem, read_item
from rtclient.models.settings import (
    AudioFormat,
    AudioInput,
    AudioOutput,
    AudioSettings,
    MaxTokensType,
    Modality,
    Temperature,
    ToolChoice,
    ToolsDefinition,
    Voice,
)

ResponseStatus = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]


class ResponseCreateParams(Model):
    """What is different for this one response; the session's settings are the rest."""

    instructions: str | None = None
    modalities: Collection[Modality] | None = None
    voice: Voice | None = None
    temperature: Temperature | None = None
    max_output_tokens: MaxTokensType | None = None
    tools: ToolsDefinition | None = None
    tool_choice: ToolChoice | None = None
    output_audio_format: AudioFormat | None = None
    conversation: Literal["auto", "none"] | None = None
    """`none`: the response does not become part of the conversation."""
    input: Sequence[Item] | None = None
    """What the model shall see instead of the conversation."""
    metadata: dict[str, str] | None = None
    output_modalities: Collection[Modality] | None = None
    """GA's word for `modalities`."""
    audio: AudioSettings | dict[str, Any] | None = None
    """GA's place for `voice` and `output_audio_format`."""
    commit: bool | None = None
    cancel_previous: bool | None = None
    append_input_items: Sequence[Item] | None = None
    input_items: Sequence[Item] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what stands on the wire: without four fields that only the first beta knew.

        `input_items` is called `input` now; the others asked for what happens anyway or can be
        said by other messages.
        """
        raw = super().to_dict()
        if (items := raw.pop("input_items", None)) is not None:
            raw.setdefault("input", items)
        for name in ("commit", "cancel_previous", "append_input_items"):
            raw.pop(name, None)
        return raw


class ResponseCancelledDetails(Model):
    """Why a response was cancelled."""

    type: Literal["cancelled"] = "cancelled"
    reason: Literal["turn_detected", "client_cancelled"]


class ResponseIncompleteDetails(Model):
    """Why a response stopped early."""

    type: Literal["incomplete"] = "incomplete"
    reason: Literal["max_output_tokens", "content_filter"]


class ResponseFailedDetails(Model):
    """Why a response failed."""

    type: Literal["failed"] = "failed"
    error: Any


ResponseStatusDetails = ResponseCancelledDetails | ResponseIncompleteDetails | ResponseFailedDetails


class InputTokenDetails(Model):
    """What the input tokens were. Cached ones are counted in the others, too."""

    cached_tokens: int
    text_tokens: int
    audio_tokens: int
    image_tokens: int | None = None


class OutputTokenDetails(Model):
    """What the output tokens were."""

    text_tokens: int
    audio_tokens: int


class Usage(Model):
    """The tokens of one response."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: InputTokenDetails
    output_token_details: OutputTokenDetails


class Response(Model):
    """What the model makes of the conversation, once."""

    id: str
    status: ResponseStatus
    status_details: ResponseStatusDetails | None
    output: list[ResponseItem]
    usage: Usage | None
    conversation_id: str | None = None
    metadata: dict[str, str] | None = None


class RateLimits(Model):
    """One limit of the account."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float


class RealtimeError(Model):
    """What an `error` event says."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    """The field at fault, in wire spelling."""
    event_id: str | None = None
    """The id of the client's event that caused it."""


def _input(raw: Mapping[str, Any]) -> Model:
    return read_item(raw) if "type" in raw else AudioInput.from_dict(raw)


def _output(raw: Mapping[str, Any]) -> Model:
    return read_item(raw) if "type" in raw else AudioOutput.from_dict(raw)


NESTED.update(
    input=_input,
    output=_output,
    response=Response.from_dict,
    status_details=by_type(
        {"cancelled": ResponseCancelledDetails, "incomplete": ResponseIncompleteDetails},
        ResponseFailedDetails,
    ),
    usage=Usage.from_dict,
    input_token_details=InputTokenDetails.from_dict,
    output_token_details=OutputTokenDetails.from_dict,
    rate_limits=RateLimits.from_dict,
    error=RealtimeError.from_dict,
)
