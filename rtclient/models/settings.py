"""The settings of a session.

Source: Realtime API reference for the fields; the names are those of Microsoft's rtclient 0.5.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from rtclient.models.base import NESTED, Model, by_type
from rtclient.protocol.dialects import session_to_ga, session_to_preview

Voice = str
"""A voice of the service, such as `alloy` or `marin`. GA adds voices now and then."""
AudioFormat = Literal["pcm16", "g711_ulaw", "g711_alaw", "g711-ulaw", "g711-alaw"]
Modality = Literal["text", "audio"]
Temperature = float
"""0.6 to 1.2. GA has no temperature: it is left out there."""
ToolsDefinition = list[Any]
"""Tools as JSON: objects with `type`, `name`, `description` and `parameters`."""
MaxTokensType = int | Literal["inf"]


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


NESTED.update(
    session=Session.from_dict,
    audio=AudioSettings.from_dict,
    transcription=InputAudioTranscription.from_dict,
    input_audio_transcription=InputAudioTranscription.from_dict,
    turn_detection=by_type({"none": NoTurnDetection, "semantic_vad": SemanticVAD}, ServerVAD),
    tool_choice=by_type({"function": FunctionToolChoice}, Model),
)
