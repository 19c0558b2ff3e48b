"""Which models are gone or going, and what takes their place. Pure: the date is passed in.

A retired name is sent unchanged all the same: the list can be older than the service.

Source: the shutdown dates in the `openai` package's models, as of November 2026; Microsoft's
retirement schedule of Foundry models, as of July 2026.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_WARN_BEFORE: Final = timedelta(days=120)

_GONE: Final = date.min
"""Shut down already; the day no longer matters."""

_OPENAI_MODELS: Final = {
    "gpt-4o-realtime-preview": (_GONE, "gpt-realtime-2.1"),
    "gpt-4o-mini-realtime-preview": (_GONE, "gpt-realtime-2.1-mini"),
    "gpt-realtime": (date(2027, 1, 20), "gpt-realtime-2.1"),
    "gpt-realtime-2025-08-28": (date(2027, 1, 20), "gpt-realtime-2.1"),
    "gpt-realtime-mini": (date(2027, 1, 20), "gpt-realtime-2.1-mini"),
    "gpt-realtime-mini-2025-12-15": (date(2027, 1, 20), "gpt-realtime-2.1-mini"),
}

_AZURE_MODELS: Final = {
    "gpt-4o-realtime-preview": (_GONE, "gpt-realtime-2.1"),
    "gpt-4o-mini-realtime-preview": (_GONE, "gpt-realtime-2.1-mini"),
    "gpt-realtime": (date(2027, 2, 28), "gpt-realtime-2.1"),
    "gpt-realtime-2025-08-28": (date(2027, 2, 28), "gpt-realtime-2.1"),
    "gpt-realtime-1.5": (date(2027, 2, 23), "gpt-realtime-2.1"),
    "gpt-realtime-1.5-2026-02-23": (date(2027, 2, 23), "gpt-realtime-2.1"),
    "gpt-realtime-2": (date(2027, 5, 6), "gpt-realtime-2.1"),
    "gpt-realtime-2.1": (date(2027, 6, 25), ""),
    "gpt-realtime-2.1-mini": (date(2027, 6, 25), ""),
    "gpt-realtime-mini": (date(2026, 12, 15), "gpt-realtime-2.1-mini"),
    "gpt-realtime-mini-2025-10-06": (date(2026, 7, 23), "gpt-realtime-2.1-mini"),
    "gpt-realtime-mini-2025-12-15": (date(2026, 12, 15), "gpt-realtime-2.1-mini"),
}
"""By the model behind a deployment, which `session.created` names; without a date the last one."""

_OPENAI_TRANSCRIBERS: Final[dict[str, tuple[date, str]]] = dict.fromkeys(
    (
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
    ),
    (date(2027, 2, 26), "gpt-transcribe"),
)

_AZURE_WHISPER_END: Final = date(2026, 12, 15)


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a realtime model."""

    on: date | None
    """Its last day; None: it is gone already."""
    successor: str
    """The model to take instead; "" when none is named yet."""

    def is_near(self, today: date) -> bool:
        """Whether it is time to change: the model is gone, or goes within some months."""
        return _is_near(self.on or _GONE, today)


def retirement(model: str) -> Retirement | None:
    """Return when this realtime model of OpenAI ends, or None when that is not known."""
    return _retirement(_OPENAI_MODELS.get(_undated(model)))


def azure_retirement(model: str) -> Retirement | None:
    """Return when Azure ends this realtime model, or None when that is not known.

    `model`: as `session.created` names it; the name of a deployment says nothing.
    """
    return _retirement(_AZURE_MODELS.get(_undated(model)))


def openai_model_warning(model: str, today: date) -> str | None:
    """Return what to tell the operator about this OPENAI_MODEL, or None."""
    entry = _OPENAI_MODELS.get(_undated(model))
    return _warning("OPENAI_MODEL", "OpenAI", model, entry, today)


def transcription_warning(kind: str, model: str, today: date) -> str | None:
    """Return what to tell the operator about this transcription model, or None."""
    if kind == "openai":
        entry = _OPENAI_TRANSCRIBERS.get(model)
        return _warning("TRANSCRIPTION_MODEL", "OpenAI", model, entry, today)
    if (
        kind == "azure"
        and model in ("whisper-1", "whisper")
        and _is_near(_AZURE_WHISPER_END, today)
    ):
        return (
            f"Azure {_tense(_AZURE_WHISPER_END, today)} whisper on {_AZURE_WHISPER_END}. Deploy"
            " a current transcription model in your resource and set"
            " AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT to the deployment's name."
        )
    return None


def _retirement(entry: tuple[date, str] | None) -> Retirement | None:
    if entry is None:
        return None
    end, successor = entry
    return Retirement(None if end == _GONE else end, successor)


def _warning(
    setting: str, who: str, model: str, entry: tuple[date, str] | None, today: date
) -> str | None:
    if entry is None or not _is_near(entry[0], today):
        return None
    end, successor = entry
    when = "" if end == _GONE else f" on {end}"
    return f"{who} {_tense(end, today)} {model}{when}. Set {setting}={successor}."


def _undated(model: str) -> str:
    for preview in ("gpt-4o-mini-realtime-preview", "gpt-4o-realtime-preview"):
        if model.startswith(preview):
            return preview
    return model


def _is_near(end: date, today: date) -> bool:
    return end == _GONE or today >= end - _WARN_BEFORE


def _tense(end: date, today: date) -> str:
    return "retired" if today >= end else "retires"
