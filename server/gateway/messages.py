"""Every message of the gateway protocol, both ways: the types that the code uses.

Rules of the file:
- the JSON Schema at /realtime/schema.json and the tables of docs/gateway.md are made from here, so
  each field says what it is, in which unit;
- a change that an old client notices counts up `VERSION` (major, when it breaks one);
- a client may send fields that are not known: they are kept out and named in a notice.

Sound is no message: it goes as binary frames, PCM16, 24 000 Hz, mono, little-endian, both ways.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

VERSION: Final = "1.0"
MAX_AUDIO_BYTES: Final = 64 * 1024
"""The largest binary frame of a client."""
MAX_TEXT_BYTES: Final = 1024 * 1024
"""The largest text frame of a client."""
MAX_OUTPUT_TOKENS: Final = 4096

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]
Role = Literal["user", "assistant"]
TurnDetection = Literal["server_vad", "semantic_vad", "none"]
ErrorCode = Literal[
    "AuthenticationFailed",
    "NotConnected",
    "ConnectionFailed",
    "RateLimitExceeded",
    "InvalidMessage",
    "InvalidConfiguration",
    "ProviderError",
    "SessionEnded",
    "InternalError",
]


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


# From the client.


class Vad(_Message):
    """How the end of the user's turn is found."""

    enabled: bool = Field(
        default=True, description="Whether the service finds the turns by itself."
    )
    threshold: Fraction = Field(
        default=0.5,
        description="How sure it must be that somebody speaks, 0 to 1; server_vad only.",
    )
    silence_duration_ms: Milliseconds = Field(
        default=500, description="The silence that ends a turn, in milliseconds; server_vad only."
    )
    prefix_padding_ms: Milliseconds = Field(
        default=300,
        description="How much sound from before the speech is kept, in milliseconds; server_vad"
        " only.",
    )
    eagerness: Literal["low", "medium", "high", "auto"] = Field(
        default="auto", description="How soon it answers; semantic_vad only."
    )


class InputTranscription(_Message):
    """What becomes of the user's words."""

    enabled: bool = Field(default=True, description="Whether they are.")
    model: str = Field(
        default="whisper-1",
        description="By which model; the server's own one writes in place of another.",
    )


class Tool(_Message):
    """A function that the assistant may call."""

    type: Literal["function"] = Field(default="function", description="Always `function`.")
    name: str = Field(min_length=1, max_length=64, description="Its name.")
    description: str = Field(default="", description="What it does and when to call it.")
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="JSON Schema of its arguments.",
    )


class Config(_Message):
    """Set the session up, or change it; an option that is left out stays as it is."""

    type: Literal["config"]
    provider: str | None = Field(
        default=None,
        description="The voice service: `openai`, `azure` or `engine`; by default the server's.",
    )
    model: str = Field(
        default="gpt-4o-realtime-preview",
        description="The realtime model; the configured one answers in place of another.",
    )
    voice: str = Field(default="alloy", description="The voice of the answers.")
    instructions: str = Field(default="", description="What the assistant is and how it behaves.")
    turn_detection: TurnDetection = Field(
        default="server_vad",
        description="Who finds the end of a turn: the service, by silence (`server_vad`) or by"
        " what was said (`semantic_vad`), or the client (`none`).",
    )
    vad: Vad = Field(default_factory=lambda: Vad(), description="How the end of a turn is found.")
    input_transcription: InputTranscription = Field(
        default_factory=lambda: InputTranscription(),
        description="Whether the user's words are written down.",
    )
    temperature: float = Field(
        default=0.8,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="How free the answers are; today's API has no such setting, only a preview"
        " service takes it.",
    )
    max_response_tokens: Annotated[int, Field(ge=1, le=MAX_OUTPUT_TOKENS)] | Literal["inf"] = Field(
        default="inf", description="The longest answer, in tokens: 1 to 4096, or `inf`."
    )
    tools: list[Tool] = Field(
        default_factory=list, max_length=128, description="Functions that the assistant may call."
    )
    tool_choice: Literal["auto", "none", "required"] = Field(
        default="auto", description="Whether it may, must not or must call one."
    )


class Text(_Message):
    """Say something by writing; the assistant answers by itself."""

    type: Literal["text"]
    text: str = Field(min_length=1, description="The words.")


class CommitAudio(_Message):
    """End the user's turn and let the assistant answer; for `turn_detection: "none"`."""

    type: Literal["commit_audio"]


class ClearAudio(_Message):
    """Throw away the sound that no turn has taken yet."""

    type: Literal["clear_audio"]


class CreateResponse(_Message):
    """Let the assistant speak without a new turn of the user, for a greeting."""

    type: Literal["create_response"]


class CancelResponse(_Message):
    """Stop the assistant; `interrupted` answers."""

    type: Literal["cancel_response"]


class FunctionResult(_Message):
    """What a function returned; the assistant goes on by itself when all results are there."""

    type: Literal["function_result"]
    call_id: str = Field(min_length=1, description="The id that came with `function_call`.")
    result: JsonValue = Field(description="The result: a text, or any JSON.")


ClientMessage = (
    Config | Text | CommitAudio | ClearAudio | CreateResponse | CancelResponse | FunctionResult
)
"""What a client may send as text."""

CLIENT_MESSAGES: Final[dict[str, type[_Message]]] = {
    "config": Config,
    "text": Text,
    "commit_audio": CommitAudio,
    "clear_audio": ClearAudio,
    "create_response": CreateResponse,
    "cancel_response": CancelResponse,
    "function_result": FunctionResult,
}
"""Its classes by `type`."""


# From the server.


class Ready(_Told):
    """The first message: the session is there, and whatever the client sends is taken."""

    type: Literal["ready"] = "ready"
    session_id: str = Field(description="The session, for support and logs.")
    version: str = Field(default=VERSION, description="The version of this protocol.")


class SessionUpdated(_Told):
    """What is in force now; after each `config`."""

    type: Literal["session_updated"] = "session_updated"
    session_id: str = Field(description="The session, as in `ready`.")
    provider: str = Field(description="The voice service that answers.")
    model: str = Field(description="Its model, or on Azure the deployment.")
    voice: str = Field(description="The voice that speaks.")
    turn_detection: TurnDetection = Field(description="Who finds the end of a turn.")
    transcription: bool = Field(description="Whether the user's words are written down.")


class Transcript(_Told):
    """What somebody said: everything so far of one item, then once the whole."""

    type: Literal["transcript"] = "transcript"
    role: Role = Field(description="Who said it.")
    text: str = Field(description="All words of the item so far; in the final one all.")
    is_final: bool = Field(description="Whether it is complete; false ones may be skipped.")
    item_id: str = Field(description="What it belongs to: later ones replace earlier ones.")


class SpeechStarted(_Told):
    """The user began to speak."""

    type: Literal["speech_started"] = "speech_started"
    audio_ms: int = Field(description="When, in milliseconds of the sound that was sent.")
    item_id: str = Field(description="The item that the words become.")


class SpeechStopped(_Told):
    """The user stopped speaking."""

    type: Literal["speech_stopped"] = "speech_stopped"
    audio_ms: int = Field(description="When, in milliseconds of the sound that was sent.")
    item_id: str = Field(description="The item that the words become.")


class ResponseStarted(_Told):
    """The assistant begins to answer."""

    type: Literal["response_started"] = "response_started"
    response_id: str = Field(description="The answer.")


class Usage(_Told):
    """What an answer cost, in tokens."""

    input_tokens: int = Field(description="What the model read and heard.")
    output_tokens: int = Field(description="What it wrote and said.")
    total_tokens: int = Field(description="Both.")


class ResponseDone(_Told):
    """The answer is complete or has ended; its sound may still be playing."""

    type: Literal["response_done"] = "response_done"
    response_id: str = Field(description="The answer.")
    status: Literal["completed", "cancelled", "incomplete", "failed"] = Field(
        description="How it ended; `incomplete`: it reached `max_response_tokens` or a filter."
    )
    usage: Usage | None = Field(description="What it cost, where the service says so.")


class Interrupted(_Told):
    """The assistant was stopped: throw away its sound that has not been played yet."""

    type: Literal["interrupted"] = "interrupted"
    response_id: str = Field(description="The answer; none of its sound comes any more.")
    item_id: str = Field(description="What was playing; empty when nothing was.")
    audio_ms: int = Field(description="How much of its sound was sent, in milliseconds.")
    heard_ms: int = Field(
        description="How much of it was heard at most, in milliseconds: what the assistant"
        " remembers of it."
    )


class FunctionCall(_Told):
    """Run this function and send a `function_result`."""

    type: Literal["function_call"] = "function_call"
    call_id: str = Field(description="The call; once each.")
    name: str = Field(description="Which function.")
    arguments: str = Field(description="Its arguments, as JSON text.")


class Notice(_Told):
    """Something worth knowing; the session goes on. Each comes once in a session."""

    type: Literal["notice"] = "notice"
    level: Literal["info", "warning"] = Field(description="How much it matters.")
    code: str = Field(description="A stable name.")
    message: str = Field(description="What is so and what to do.")


class Error(_Told):
    """Something went wrong."""

    type: Literal["error"] = "error"
    code: ErrorCode = Field(description="What kind of trouble; stable.")
    message: str = Field(description="What happened and what to do.")
    reason: str = Field(description="The precise reason; a stable name.")
    param: str | None = Field(description="The option or field at fault, such as `vad.threshold`.")
    retry_after_ms: int | None = Field(
        description="How long to wait before trying again; null: trying again does not help."
    )
    fatal: bool = Field(description="Whether the server closes the connection now.")


ServerMessage = (
    Ready
    | SessionUpdated
    | Transcript
    | SpeechStarted
    | SpeechStopped
    | ResponseStarted
    | ResponseDone
    | Interrupted
    | FunctionCall
    | Notice
    | Error
)
"""What the server may send as text."""
