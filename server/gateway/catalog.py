"""Which models and voices clients of the gateway may name, and what becomes of each. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from rtclient.protocol.session import VOICES
from rtclient.service.retirements import retirement
from server.gateway.session import Offer

MODELS: Final = (
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-realtime",
    "gpt-realtime-mini",
    "gpt-4o-realtime-preview",
    "gpt-4o-mini-realtime-preview",
)
"""The realtime models of the services, the newest first; what is not configured is replaced."""


def catalog(offers: Mapping[str, Offer], default: str, today: date) -> dict[str, Any]:
    """Return what `/realtime/models` answers."""
    return {
        "default_provider": default,
        "providers": [_provider(offer, today) for offer in offers.values()],
    }


def _provider(offer: Offer, today: date) -> dict[str, Any]:
    others = [name for name in MODELS if name != offer.model]
    return {
        "provider": offer.provider,
        "model": offer.model,
        "models": [_model(name, offer, today) for name in (offer.model, *others)],
        "voice": offer.voice,
        "voices": None if offer.voices is None else sorted(offer.voices, key=_order),
        "transcription": offer.transcription is not None,
        "temperature": offer.takes_temperature,
    }


def _model(name: str, offer: Offer, today: date) -> dict[str, Any]:
    # A deployment or another server's model may have any name; its end is the operator's to know.
    is_openai = offer.provider == "openai" or name != offer.model
    end = retirement(name) if is_openai else None
    is_retired = end is not None and (end.on is None or end.on <= today)
    return {
        "model": name,
        "answers": name == offer.model,
        "retired": is_retired,
        "retires_on": str(end.on) if end is not None and end.on is not None else None,
        "successor": end.successor if end is not None else None,
    }


def _order(voice: str) -> tuple[int, str]:
    return (VOICES.index(voice) if voice in VOICES else len(VOICES), voice)
