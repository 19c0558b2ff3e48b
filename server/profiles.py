"""Session profiles: named configurations that the server owns.

There is one, the built-in `default`. What a client may change of it says `server/policy.py`.
"""

from dataclasses import dataclass
from typing import Any

from rtclient.protocol.audio import PCM16
from rtclient.protocol.session import default_turn_detection
from server.settings import Settings, UpstreamKind


@dataclass(frozen=True, slots=True)
class Profile:
    """A named session configuration."""

    name: str
    instructions: str
    silence_duration_ms: int
    """How long the user must be silent for the turn to end."""


DEFAULT = Profile(
    name="default",
    instructions=(
        "You are a friendly voice assistant. Talk the way people talk: short sentences, plain"
        " words, no lists and no markup. Answer in the language of the user. Ask when you are not"
        " sure what was meant, and say so when you do not know something."
    ),
    silence_duration_ms=500,
)

PROFILES = {DEFAULT.name: DEFAULT}
"""All profiles by name."""


def session_update(
    settings: Settings, kind: UpstreamKind, profile: Profile = DEFAULT
) -> dict[str, Any]:
    """Return the `session` of the update that the server sends at the start of a session (GA)."""
    transcription = {"model": settings.transcription} if settings.transcription else None
    session: dict[str, Any] = {
        "type": "realtime",
        "instructions": profile.instructions,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM16.to_wire(),
                "turn_detection": {
                    **default_turn_detection(),
                    "silence_duration_ms": profile.silence_duration_ms,
                },
                "transcription": transcription,
            },
            "output": {"format": PCM16.to_wire(), "voice": settings.azure_openai_voice},
        },
    }
    if kind == "engine":
        # How sure the ears were; the page shows a guess as one. Not all services know this field.
        session["include"] = ["item.input_audio_transcription.logprobs"]
    return session
