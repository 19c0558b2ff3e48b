"""What a conversation in the terminal is to be like: `TalkOptions`, and its command line. Pure."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

GREETING: Final = "Greet the person in one short sentence and ask what you can do for them."
MIN_COMMIT_MS: Final = 100
"""The service refuses to commit less sound."""

KEYS: Final = {"space": " ", "enter": "\n", "tab": "\t"}
"""Names of keys that cannot be written as themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkOptions:
    """One conversation's options; each is the option of the same name of `rtclient talk`.

    Raises:
        ValueError: Options contradict each other; the text says why.
    """

    voice: str | None = None
    """None: the service's own."""
    instructions: str | None = None
    """None: the service's own."""
    greeting: str | None = None
    """What the model says first; "none": nothing; None: a greeting of its own, to a person at a
    microphone."""
    transcription: str | None = None
    """The model that writes down what the person says; None or "off": nobody does."""
    language: str | None = None
    """What is spoken, such as `de`."""
    text_only: bool = False
    """Answers are written, not spoken."""

    vad_threshold: float = 0.5
    """How sure the service must be that somebody speaks; 0 … 1."""
    silence_ms: int = 600
    """After how much silence a turn is over; 1 … 10 000 ms."""
    push_to_talk: bool = False
    """Turns begin and end with a key; the service detects none."""
    key: str = "space"
    """For push-to-talk: one character or a name of `KEYS`."""
    commit_every: int | None = None
    """In a push-to-talk turn, commit after this many chunks already."""
    chunk_ms: int = 100
    """How much sound goes into one event; 10 … 1000 ms."""

    input_device: str | None = None
    """Number or a part of the name; None: the system's choice."""
    output_device: str | None = None
    """Number or a part of the name; None: the system's choice."""
    device_rate: int | None = None
    """Samples per second of the sound card, or of raw PCM in pipes; None: its own, and 24 000."""
    echo_guard: str = "auto"
    """`on`, `off`, or `auto`: on with microphone and loudspeaker."""

    wav: Path | None = None
    """A sound file instead of the microphone."""
    out: Path | None = None
    """A WAV file instead of the loudspeaker."""
    stdin: bool = False
    """Raw PCM on stdin instead of the microphone."""
    stdout: bool = False
    """Raw PCM on stdout instead of the loudspeaker."""

    record: Path | None = None
    """A folder for the sound of both sides and what was said."""
    debug: str | None = None
    """A file for the event log; "-": show it. It has no words and no sound."""
    plain: bool = False
    """Lines of text also on a terminal."""

    def __post_init__(self) -> None:
        for is_wrong, reason in (
            (
                self.commit_every is not None and not self.push_to_talk,
                "--commit-every needs --push-to-talk: with voice activity detection the service"
                " commits by itself at the end of each turn, and a commit in between would cut the"
                " turn in two. For shorter delays lower --silence-ms.",
            ),
            (
                self.commit_every is not None and self.commit_every * self.chunk_ms < MIN_COMMIT_MS,
                f"--commit-every {self.commit_every} × --chunk-ms {self.chunk_ms} is less than"
                f" {MIN_COMMIT_MS} ms of sound, which the service refuses to commit.",
            ),
            (self.wav is not None and self.stdin, "--wav and --stdin both say what is heard."),
            (self.out is not None and self.stdout, "--out and --stdout both say where to."),
            (
                self.text_only and (self.out is not None or self.stdout),
                "--text-only has no sound for --out or --stdout: leave one of them out.",
            ),
            (
                self.has_microphone_file and self.input_device is not None,
                "--input-device is of no use with --wav or --stdin.",
            ),
            (
                len(KEYS.get(self.key, self.key)) != 1,
                f"--key must be one character or one of {', '.join(KEYS)}.",
            ),
        ):
            if is_wrong:
                raise ValueError(reason)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Self:
        """Return what a command line with `add_arguments` says. Raises ValueError."""
        return cls(**{field.name: getattr(arguments, field.name) for field in fields(cls)})

    @property
    def has_microphone_file(self) -> bool:
        """Whether the person's sound comes from a file or a pipe, and so has an end."""
        return self.wav is not None or self.stdin

    @property
    def key_character(self) -> str:
        """The character that the push-to-talk key sends."""
        return KEYS.get(self.key, self.key)

    @property
    def has_transcription(self) -> bool:
        """Whether what the person says is to be written down."""
        return self.transcription not in (None, "off")

    @property
    def greeting_instructions(self) -> str | None:
        """What the model is told for its first words; None when it is to wait."""
        if self.greeting == "none":
            return None
        if self.greeting:
            return f"Say exactly: {self.greeting}"
        return None if self.has_microphone_file or self.text_only else GREETING

    def session(self) -> dict[str, Any]:
        """Return the session's settings: fields of GA's `session.update`."""
        turns = None
        if not self.push_to_talk:
            turns = {
                "type": "server_vad",
                "threshold": self.vad_threshold,
                "silence_duration_ms": self.silence_ms,
                "prefix_padding_ms": 300,
            }
        transcription = None
        if self.has_transcription:
            language = {"language": self.language} if self.language else {}
            transcription = {"model": self.transcription, **language}
        sound = {"type": "audio/pcm", "rate": 24000}
        output = {"format": sound, **({"voice": self.voice} if self.voice else {})}
        return {
            "output_modalities": ["text" if self.text_only else "audio"],
            **({"instructions": self.instructions} if self.instructions else {}),
            "audio": {
                "input": {
                    "format": sound,
                    "turn_detection": turns,
                    "transcription": transcription,
                },
                **({} if self.text_only else {"output": output}),
            },
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every option of `TalkOptions`, and `--list-devices`."""
    add = parser.add_argument_group("conversation").add_argument
    add("--voice", metavar="NAME", help="who speaks, such as alloy or marin")
    add("--instructions", metavar="TEXT", help="how the model shall be")
    add("--greeting", metavar="TEXT", help="what the model says first; none: it waits for you")
    add("--transcription", metavar="MODEL", help="writes down what you say; off: nobody does")
    add("--language", metavar="CODE", help="what you speak, such as de; else it is recognised")
    add("--text-only", action="store_true", help="answers are written; you may type, too")

    add = parser.add_argument_group("turns").add_argument
    add(
        "--vad-threshold",
        type=_between(float, 0, 1),
        default=0.5,
        metavar="0…1",
        help="how sure it must be that you speak (default 0.5); higher in noise",
    )
    add(
        "--silence-ms",
        type=_between(int, 1, 10_000),
        default=600,
        metavar="MS",
        help="silence that ends your turn (default 600); less answers sooner",
    )
    add("--push-to-talk", action="store_true", help="a key begins and ends your turns")
    add("--key", default="space", help="for --push-to-talk: a character, space, enter or tab")
    add(
        "--commit-every",
        type=_between(int, 1, 1000),
        metavar="N",
        help="with --push-to-talk: commit a long turn after every N chunks",
    )
    add(
        "--chunk-ms",
        type=_between(int, 10, 1000),
        default=100,
        metavar="MS",
        help="sound per event (default 100); less has a shorter delay",
    )

    add = parser.add_argument_group("sound card").add_argument
    add("--list-devices", action="store_true", help="show microphones and loudspeakers, and end")
    add("--input-device", metavar="DEVICE", help="number or part of the name")
    add("--output-device", metavar="DEVICE", help="number or part of the name")
    add(
        "--device-rate",
        type=_between(int, 8_000, 192_000),
        metavar="HZ",
        help="instead of the device's own rate; of raw PCM in pipes (default 24000)",
    )
    add(
        "--echo-guard",
        choices=("auto", "on", "off"),
        default="auto",
        help="keep the loudspeaker from interrupting itself (default auto)",
    )

    add = parser.add_argument_group("files and pipes, without a sound card").add_argument
    add("--wav", type=Path, metavar="IN", help="a sound file instead of the microphone")
    add("--out", type=Path, metavar="OUT.wav", help="what the loudspeaker would have played")
    add("--stdin", action="store_true", help="raw PCM (16 bit, mono) instead of the microphone")
    add("--stdout", action="store_true", help="raw PCM instead of the loudspeaker")

    add = parser.add_argument_group("records").add_argument
    add("--record", type=Path, metavar="DIR", help="keep conversation.wav, .json and .md there")
    add(
        "--debug",
        nargs="?",
        const="-",
        metavar="FILE",
        help="log every event, without words and sound; show it when there is no FILE",
    )
    add("--plain", action="store_true", help="lines of text instead of the live screen")


def _between(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    return number
