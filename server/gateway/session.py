"""The options of a `config` → a session of the Realtime API, and what cannot be had. Pure.

Rules of the file:
- whatever the page of the protocol names is accepted; what today's services lack becomes the
  nearest thing, with a notice that says so;
- a notice is only about an option that the client wrote, and never repeats what it wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from rtclient.protocol.audio import PCM16
from rtclient.service.retirements import retirement
from server.gateway.messages import Config
from server.relay.actions import Action, Count, Notice

_PREVIEW_TEMPERATURES: Final = (0.6, 1.2)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one voice service has for clients of the gateway."""

    provider: str
    model: str
    """The model, or on Azure the deployment, that answers."""
    voices: frozenset[str] | None
    """None: nobody can say; then any name is passed on."""
    voice: str
    """Speaks when a client asks for one that is not there."""
    transcription: str | None
    """What writes down the user's words; None: nothing does."""
    takes_temperature: bool = False
    """Whether it speaks the preview dialect, which has this option."""


class Wanted(NamedTuple):
    """A session that can be had, and what is to be told."""

    session: dict[str, Any]
    """As in a `session.update`, whole."""
    told: tuple[Action, ...]


def merged(old: Config, new: Config) -> Config:
    """Return the options after another `config`: those that it leaves out stay."""
    before = old.model_dump(exclude_unset=True)
    after = new.model_dump(exclude_unset=True)
    vad = before.get("vad", {})
    # Two options say whether the service finds the turns; the newer word counts.
    if "turn_detection" in after:
        vad.pop("enabled", None)
    elif after.get("vad", {}).get("enabled") and before.get("turn_detection") == "none":
        del before["turn_detection"]
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            before[name] = {**before[name], **value}
        else:
            before[name] = value
    return Config.model_validate(before)


def wanted(config: Config, offer: Offer, said: Config, today: date) -> Wanted:
    """Return the session of these options with this service.

    Args:
        config: All options, those of earlier messages included.
        offer: What the service has.
        said: The message at hand: notices are about what it says.
        today: For models that are gone.
    """
    told: list[Action] = []
    options = said.model_fields_set
    if "model" in options and said.model != offer.model:
        told.append(_other_model(said.model, today))
    session: dict[str, Any] = {
        "type": "realtime",
        "instructions": config.instructions,
        "output_modalities": ["audio"],
        "max_output_tokens": config.max_response_tokens,
        "tools": [tool.model_dump() for tool in config.tools],
        "tool_choice": config.tool_choice,
        "audio": {
            "input": {
                "format": PCM16.to_wire(),
                "turn_detection": _turn_detection(config, said, told),
                "transcription": _transcription(config, said, offer, told),
            },
            "output": {"format": PCM16.to_wire(), "voice": _voice(config, said, offer, told)},
        },
    }
    if offer.takes_temperature:
        low, high = _PREVIEW_TEMPERATURES
        session["temperature"] = min(high, max(low, config.temperature))
    elif "temperature" in options:
        told += [Notice("info", "temperature_not_supported", _TEMPERATURE), Count("fields_lost")]
    return Wanted(session, tuple(told))


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `session` of an update that makes `new` of `old`; empty when they are equal.

    Only what differs is sent: a service refuses some fields, such as the voice, once it has spoken.
    """
    found = {
        name: value
        for name, value in new.items()
        if name not in ("type", "audio") and old.get(name) != value
    }
    audio: dict[str, Any] = {}
    for side, fields in new["audio"].items():
        differing = {
            name: value for name, value in fields.items() if old["audio"][side].get(name) != value
        }
        if differing:
            audio[side] = differing
    if audio:
        found["audio"] = audio
    return {"type": "realtime", **found} if found else {}


_TEMPERATURE: Final = (
    "Today's Realtime API has no `temperature`; it is left out. Say in `instructions` how free the"
    " answers may be."
)


def _other_model(name: str, today: date) -> Notice:
    end = retirement(name)
    if end is None:
        message = "The server has no such model; the configured one answers."
        return Notice("info", "model_replaced", message)
    is_gone = end.on is None or end.on <= today
    fate = "is retired" if is_gone else f"will be retired on {end.on}"
    message = (
        f"This model {fate}, its successor is {end.successor}; here the configured one answers."
    )
    return Notice("warning" if is_gone else "info", "model_replaced", message)


def _voice(config: Config, said: Config, offer: Offer, told: list[Action]) -> str:
    if offer.voices is None or config.voice in offer.voices:
        return config.voice
    if "voice" in said.model_fields_set:
        message = f"The voice service has no such voice; it speaks with {offer.voice} instead."
        told.append(Notice("warning", "voice_replaced", message))
    return offer.voice


def _turn_detection(config: Config, said: Config, told: list[Action]) -> dict[str, Any] | None:
    vad, says_vad = config.vad, said.vad.model_fields_set
    says_both = "turn_detection" in said.model_fields_set and "enabled" in says_vad
    if says_both and (said.turn_detection == "none") == vad.enabled:
        told.append(Notice("warning", "turn_detection_disagrees", _DISAGREES))
    if config.turn_detection == "none" or not vad.enabled:
        return None
    answers = {"create_response": True, "interrupt_response": True}
    if config.turn_detection == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": vad.eagerness, **answers}
    return {
        "type": "server_vad",
        "threshold": vad.threshold,
        "prefix_padding_ms": vad.prefix_padding_ms,
        "silence_duration_ms": vad.silence_duration_ms,
        **answers,
    }


_DISAGREES: Final = (
    "`turn_detection` and `vad.enabled` say different things; off wins: end each turn with"
    " `commit_audio`."
)


def _transcription(
    config: Config, said: Config, offer: Offer, told: list[Action]
) -> dict[str, Any] | None:
    asked, says = config.input_transcription, said.input_transcription.model_fields_set
    if not asked.enabled:
        return None
    if offer.transcription is None:
        if says:
            message = "The operator has turned the transcription of speech off."
            told.append(Notice("info", "transcription_off", message))
        return None
    if "model" in says and asked.model != offer.transcription:
        message = "The server has its own transcription model; that one writes down what is said."
        told.append(Notice("info", "transcription_model_replaced", message))
    return {"model": offer.transcription}
