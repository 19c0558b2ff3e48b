"""The four senses of the engine, as contracts, and the values that cross between them and the core.

The core (`core.py`) decides; the face (`serve.py`) carries actions to the senses and their results
back through `feed`. A sense never touches the conversation.

Rules of the file:
- values and Protocols only: no sockets, clocks, threads, environment;
- pcm is always pcm16: little-endian signed 16-bit, mono, 24 000 Hz, no header;
- every `*_ms` is an int on the audio clock (samples, not wall time).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


class SenseError(RuntimeError):
    """A sense failed. The text says what happened and what to do, and is fit for clients.

    No words of a conversation, no key and no address with a password is ever in it.
    """


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ears made of one turn."""

    text: str
    """The words; empty when nothing was understood."""
    confidence: float = 0.0
    """0.0 to 1.0. Reaches clients as the log probability of the transcription."""
    is_certain: bool = False
    """True only when two independent passes agree, or a speech model of the user's own says so;
    anything else is a guess and is shown as one."""
    rival: str = ""
    """What else it may have been, when two numbers that sound alike fit about as well."""


@dataclass(frozen=True, slots=True)
class Word:
    """When one word of a spoken text sounds, relative to the start of that text's audio."""

    start_ms: int
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong that the client should see: an `error` event of type `server_error`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One piece of speech: pcm16 and the words that begin in it."""

    pcm: bytes
    words: tuple[Word, ...] = ()
    trouble: Trouble | None = None
    """What went wrong meanwhile, although the speech goes on (by another voice)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that the brain may know when it thinks of a response."""

    items: Sequence[Mapping[str, Any]]
    """The conversation in order, GA items; user audio parts carry their `transcript`."""
    instructions: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = "auto"
    heard: Heard | None = None
    """Set when the newest user turn was spoken: whether its words are certain."""
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What the brain asked to remember in this session (`Remember`)."""
    is_spoken: bool = True
    """Whether the response is spoken; else it is read."""
    max_output_tokens: int | None = None
    """The client's limit; None: no limit of its own."""
    parallel_tool_calls: bool | None = None
    """The session's field; None: not set."""
    is_idle: bool = False
    """Nobody has spoken for the session's idle timeout; the newest item is that silence."""


@dataclass(frozen=True, slots=True)
class Say:
    """A stretch of text to speak (or write); several may follow each other."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function to call; `arguments` is the JSON text of an object that fits the tool's schema."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Replay:
    """Play back the audio of a user item instead of speaking (instant replay)."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Merge `facts` into the session's memory; the core itself reads `voice speed volume`."""

    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The brain had to stop before its end; the response ends `incomplete` for this reason.

    It is the last thought; what was thought before goes out first.
    """

    reason: Literal["max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class Used:
    """The text tokens that a language model counted; they replace the engine's own count."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


Thought = Say | Call | Replay | Remember | Trouble | Stopped | Used


class Vad(Protocol):
    """Voice activity of one session's microphone."""

    frame_ms: int
    """Length of the stretch of audio that one probability covers."""

    def feed(self, pcm: bytes) -> Sequence[float]:
        """Take pcm16 of any length; return the speech probability of each frame completed by it."""
        ...


class Listening(Protocol):
    """One turn being heard."""

    def feed(self, pcm: bytes) -> None:
        """Add audio. Never blocks: what no worker has taken yet is kept."""
        ...

    async def finish(self) -> Heard:
        """Say that the turn is over and wait for what was understood."""
        ...

    def cancel(self) -> None:
        """Forget the turn and give the worker back. Safe to call twice."""
        ...


class Ears(Protocol):
    """Speech recognition."""

    def listen(self, session_id: str, hints: Sequence[str] = (), language: str = "") -> Listening:
        """Begin to hear a turn of a session. Never blocks, whether a worker is free or not.

        `hints`: words that are likely in this session (`hints.hints_of`); `language`: the
        session's `transcription.language`, "" when it names none.
        """
        ...

    def forget(self, session_id: str) -> None:
        """Drop what was learned about a session's sound (its cepstral mean)."""
        ...


class Brain(Protocol):
    """What to answer."""

    def think(self, prompt: Prompt) -> AsyncIterator[Thought]:
        """Yield the response piece by piece; closing the iterator cancels it."""
        ...


class Voice(Protocol):
    """Speech synthesis."""

    def speak(
        self, text: str, *, voice: str, speed: float, volume: float = 1.0
    ) -> AsyncIterator[Spoken]:
        """Yield the speech of `text`; closing the iterator stops it.

        `speed`: 0.25 to 1.5; `volume`: 0.25 to 2.0, a factor on the samples.
        """
        ...


@dataclass(slots=True)
class Senses:
    """All four senses of one engine process, shared by its sessions."""

    vad: Callable[[], Vad]
    """Makes the voice activity of one session; called once per connection."""
    ears: Ears
    brain: Brain
    voice: Voice
    names: Mapping[str, str] = field(default_factory=dict)
    """What each sense is made of, for the ready line: keys `vad ears voice brain`."""
    notes: Sequence[str] = ()
    """One sentence for each sense that is missing or replaced; read after `start`."""
    load: Callable[[], Mapping[str, Mapping[str, int]]] = dict
    """How busy the workers of each sense are (`workers.Load`, by field); read after `start`."""
    on_start: Callable[[], Awaitable[None]] | None = None
    on_close: Callable[[], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Make the senses ready to work (start worker processes, warm models)."""
        if self.on_start is not None:
            await self.on_start()

    async def close(self) -> None:
        """Give everything back. Safe to call twice."""
        closing, self.on_close = self.on_close, None
        if closing is not None:
            await closing()
