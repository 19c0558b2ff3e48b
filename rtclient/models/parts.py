"""What messages carry: settings, items, responses, errors.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from rtclient.models.base import NESTED, Model, by_type
from rtclient.protocol.dialects import session_to_ga, session_to_preview

Voice = str
"""A voice of the service, such as `alloy` or `marin`. GA adds voices now and then."""
AudioFormat = Literal["pcm16", "g711_ulaw", "g711_alaw", "g711-ulaw", "g711-alaw"]
Modality = Literal["text", "audio"]
MessageRole = Literal["system", "assistant", "user"]
MessageItemType = Literal["message"]
Temperature = float
"""0.6 to 1.2. GA has no temperature: it is left out there."""
ToolsDefinition = list[Any]
"""Tools as JSON: objects with `type`, `name`, `description` and `parameters`."""
MaxTokensType = int | Literal["inf"]
ItemParamStatus = Literal["completed", "incomplete"]
ResponseItemStatus = Literal["in_progress", "completed", "incomplete"]
ResponseStatus = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]


# Settings -------------------------------------------------------------------------------------


class NoTurnDetection(Model):
    """The program itself says when a turn ends, by `commit_audio`."""

    type: Literal["none"] = "none"


class ServerVAD(Model):
    """The server ends a turn after silence."""

    type: Literal["server_vad"] = "server_vad"
    threshold: float | None = None
    """How sure the server must be that it hears speech, 0 to 1."""
    prefix_padding_ms: int | None = None
    """How much sound before the speech belongs to it."""
    silence_duration_ms: int | None = None
    """How long a silence ends the turn."""
    create_response: bool | None = None
    """Whether the end of a turn makes the model answer."""
    interrupt_response: bool | None = None
    """Whether speech cancels the answer."""
    idle_timeout_ms: int | None = None
    """GA only: after how long a silence the model speaks again."""


class SemanticVAD(Model):
    """A model decides from the words whether the speaker has finished."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


TurnDetection = NoTurnDetection | ServerVAD | SemanticVAD


class FunctionToolChoice(Model):
    """The model must call this function."""

    type: Literal["function"] = "function"
    function: str
    """Its name; on the wire the key is `name`."""

    def to_dict(self) -> dict[str, Any]:
        """Return what stands on the wire."""
        raw = super().to_dict()
        if "function" in raw:
            raw["name"] = raw.pop("function")
        return raw

    def _missing(self, name: str) -> Any:
        return self._raw.get("name") if name == "function" else None


ToolChoice = Literal["auto", "none", "required"] | FunctionToolChoice


class InputAudioTranscription(Model):
    """How the speech of the person is written down."""

    model: str
    """Such as `whisper-1` or `gpt-4o-transcribe`; on Azure it may be a deployment's name."""
    language: str | None = None
    """ISO 639-1, such as `de`."""
    prompt: str | None = None


class AudioInput(Model):
    """GA: the settings of what the person says."""

    format: dict[str, Any] | None = None
    transcription: InputAudioTranscription | None = None
    noise_reduction: dict[str, Any] | None = None
    turn_detection: TurnDetection | None = None


class AudioOutput(Model):
    """GA: the settings of what the model says."""

    format: dict[str, Any] | None = None
    voice: Voice | None = None
    speed: float | None = None


class AudioSettings(Model):
    """GA: the settings of sound in both directions."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


class SessionUpdateParams(Model):
    """The settings to change; what is not given stays, None is "off"."""

    model: str | None = None
    modalities: Collection[Modality] | None = None
    voice: Voice | None = None
    instructions: str | None = None
    input_audio_format: AudioFormat | None = None
    output_audio_format: AudioFormat | None = None
    input_audio_transcription: InputAudioTranscription | None = None
    turn_detection: TurnDetection | None = None
    tools: ToolsDefinition | None = None
    tool_choice: ToolChoice | None = None
    temperature: Temperature | None = None
    max_response_output_tokens: MaxTokensType | None = None
    # The words of GA, for a client that speaks them.
    type: Literal["realtime", "transcription"] | None = None
    output_modalities: Collection[Modality] | None = None
    audio: AudioSettings | dict[str, Any] | None = None
    max_output_tokens: MaxTokensType | None = None
    tracing: Any = None
    truncation: Any = None


class Session(Model):
    """The settings in force, in the words of both dialects whichever the server speaks."""

    id: str
    model: str
    instructions: str | None = None
    tools: ToolsDefinition
    tool_choice: ToolChoice | None = None
    expires_at: int | None = None
    """When the service ends the session, in seconds of Unix time."""
    # The words of preview.
    modalities: list[Modality]
    voice: Voice | None = None
    input_audio_format: AudioFormat | None = None
    output_audio_format: AudioFormat | None = None
    input_audio_transcription: InputAudioTranscription | None = None
    input_audio_noise_reduction: dict[str, Any] | None = None
    turn_detection: TurnDetection | None = None
    temperature: Temperature | None = None
    max_response_output_tokens: MaxTokensType | None = None
    # The words of GA.
    type: Literal["realtime", "transcription"] | None = None
    output_modalities: list[Modality]
    audio: AudioSettings | None = None
    max_output_tokens: MaxTokensType | None = None
    tracing: Any = None
    truncation: Any = None
    include: list[str] | None = None

    def _missing(self, name: str) -> Any:
        raw = self.to_dict()
        for translate in (session_to_preview, session_to_ga):
            other = translate(raw, [])
            if name in other:
                value, make = other[name], NESTED.get(name)
                return make(value) if make and isinstance(value, Mapping) else value
        return None


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


# Responses ------------------------------------------------------------------------------------


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


def _input(raw: Mapping[str, Any]) -> Model:
    return read_item(raw) if "type" in raw else AudioInput.from_dict(raw)


def _output(raw: Mapping[str, Any]) -> Model:
    return read_item(raw) if "type" in raw else AudioOutput.from_dict(raw)


NESTED.update(
    session=Session.from_dict,
    audio=AudioSettings.from_dict,
    input=_input,
    output=_output,
    transcription=InputAudioTranscription.from_dict,
    input_audio_transcription=InputAudioTranscription.from_dict,
    turn_detection=by_type({"none": NoTurnDetection, "semantic_vad": SemanticVAD}, ServerVAD),
    tool_choice=by_type({"function": FunctionToolChoice}, Model),
    item=read_item,
    content=_PART,
    part=_PART,
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
