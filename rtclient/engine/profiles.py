"""Profiles: like which service the engine lets clients in. Pure values and their error texts.

What differs is everything before the first event of a session: paths, credentials, names of
models, how a refusal is told, how long a session may last.

Facts, with where they come from:
- Azure refuses by HTTP status before the upgrade (401, 404 `DeploymentNotFound`, 400
  `OpperationNotSupported`, spelled so, 429). Sources: Microsoft's migration guide to the GA
  Realtime API, its question-and-answer pages, reports of users.
- Azure answers 401 when `api-version` stands on the v1 URL. Source: the same guide.
- Azure's preview address wants `api-version` and `deployment`; a transcription with a deployment is
  400. Sources: Azure's preview reference; a pull request of a client.
- Azure documents 60 minutes for a session; users report 30. The shorter one is emulated, so that
  who survives it survives both.
- Azure limits the rate of handshakes; its 429 names the operation `onHandshake`. Source: load tests
  of users. The figure, 200 a minute, is the documented quota of gpt-realtime in the first tier.
- OpenAI upgrades first, whatever the key or the model is. Then come one `error` event and a close
  whose reason is `<type>.<code>`: 3000 `invalid_api_key`, 4000 `invalid_model` and
  `missing_model`, 4004 `model_not_found` (seen for retired previews). Sources: captures of users.

Not known, and chosen here:
- what Azure answers without the name of a deployment: here 404, as for a wrong one;
- the body of Azure's 429 beyond its first words: here that of its HTTP API;
- what Azure answers on the v1 URL to `intent=transcription` with a model (on the preview URL it is
  400): here 400 too;
- what Azure's preview address answers to no version, or to one without a realtime API: here the 404
  that its other addresses give;
- how OpenAI refuses a session too many: here `rate_limit_exceeded` and close 4000.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

OPENAI_PATH: Final = "/v1/realtime"
AZURE_PATH: Final = "/openai/v1/realtime"
PREVIEW_PATH: Final = "/openai/realtime"
"""Azure's older address, where the preview dialect is spoken."""

RETIRED_PREFIXES: Final = ("gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview")
REALTIME_PREFIX: Final = "gpt-realtime"
TRANSCRIBERS: Final = frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
        "gpt-realtime-whisper",
    }
)
"""Models that transcribe only. Source: the official `openai` package."""
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_TRANSLATOR = "gpt-realtime-translate"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one service lets clients in."""

    name: Literal["default", "openai", "azure"]
    paths: tuple[str, ...]
    session_minutes: float
    """How long a session lasts, unless `--session-minutes` says otherwise."""
    connections_per_minute: int | None = None
    """Handshakes that are let in within a minute; None: any number."""


DEFAULT: Final = Profile("default", (OPENAI_PATH, AZURE_PATH, PREVIEW_PATH), 60)
OPENAI: Final = Profile("openai", (OPENAI_PATH,), 60)
AZURE: Final = Profile("azure", (AZURE_PATH, PREVIEW_PATH), 30, connections_per_minute=200)
PROFILES: Final = {profile.name: profile for profile in (DEFAULT, OPENAI, AZURE)}


@dataclass(frozen=True, slots=True)
class Denial:
    """Why somebody is not let in, in the service's words."""

    status: int
    """Of the HTTP answer, where the refusal is one."""
    code: str
    message: str
    type: str | None = None
    """None: the shape has no `type`, as Azure's."""
    close_code: int = 4000
    """Of the WebSocket, where the refusal comes after the upgrade."""
    retry_after_s: int | None = None


def transcribes_only(model: str) -> bool:
    """Say whether a name is that of a model without conversation."""
    return model in TRANSCRIBERS or model.startswith("gpt-realtime-whisper")


def converses(model: str) -> bool:
    """Say whether a name is that of one of OpenAI's models of conversation."""
    return model.startswith(REALTIME_PREFIX) and not (
        transcribes_only(model) or model.startswith(_TRANSLATOR)
    )


# ------------------------------------------------------------ how each one says no


def wrong_key(profile: Profile) -> Denial:
    """Return the answer to a missing or wrong key. No part of the key is repeated."""
    if profile is AZURE:
        return Denial(
            401,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to "
            "provide a valid key for an active subscription and use a correct regional API "
            "endpoint for your resource.",
        )
    return Denial(
        401,
        "invalid_api_key",
        "Incorrect API key provided. Send the value of RTCLIENT_ENGINE_KEY as "
        "'Authorization: Bearer …' or 'api-key'.",
        "invalid_request_error",
        close_code=3000,
    )


def wrong_model(profile: Profile, model: str, served: Collection[str]) -> Denial | None:
    """Return the answer to `?model=` (or a deployment) that is not served; None: it is.

    `served`: the names that the operator gave; for Azure and the default door, none means any.
    """
    if profile is OPENAI:
        return _wrong_openai_model(model, served)
    if transcribes_only(model) and model not in served:
        if profile is AZURE:
            return wrong_operation(model)
        return None
    if (served and model not in served) or (profile is AZURE and not model):
        return _not_deployed(profile, model)
    return None


def wrong_version(version: str) -> Denial | None:
    """Return the preview address's answer to `?api-version=`; None: there is a realtime API."""
    if _VERSION.fullmatch(version):
        return None
    return Denial(404, "404", "Resource not found")


def wrong_operation(model: str) -> Denial:
    """Return Azure's answer to a model that cannot do what the address is for."""
    return Denial(
        400,
        "OpperationNotSupported",
        f"The realtime operation does not work with the specified model, {model}. Please choose "
        "different model and try again.",
    )


def _not_deployed(profile: Profile, model: str) -> Denial:
    if profile is AZURE:
        return Denial(
            404,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment "
            "within the last 5 minutes, please wait a moment and try again.",
        )
    message = f"The model '{model}' does not exist here. `GET /v1/models` lists those that do."
    return Denial(404, "model_not_found", message, "invalid_request_error")


def _wrong_openai_model(model: str, served: Collection[str]) -> Denial | None:
    if not model:
        code, message = "missing_model", "You must provide a model parameter."
    elif model in served or converses(model):
        return None
    elif model.startswith(RETIRED_PREFIXES):
        message = f"The model `{model}` does not exist or you do not have access to it."
        return Denial(404, "model_not_found", message, "invalid_request_error", close_code=4004)
    elif transcribes_only(model):
        code = "invalid_model"
        message = (
            f'Model "{model}" is a transcription model and cannot be used as the realtime session '
            "model. Pass this transcription model as audio.input.transcription.model instead."
        )
    else:
        code, message = "invalid_model", f'Model "{model}" is not supported in realtime mode.'
    return Denial(400, code, message, "invalid_request_error")


def too_often(profile: Profile, retry_after_s: int) -> Denial:
    """Return the answer to one connection too many within a minute."""
    if profile is AZURE:
        return Denial(
            429,
            "429",
            "Requests to the onHandshake Operation under Azure OpenAI API have exceeded call rate "
            f"limit of your current OpenAI S0 pricing tier. Please retry after {retry_after_s} "
            "seconds.",
            retry_after_s=retry_after_s,
        )
    return Denial(
        429,
        "rate_limit_exceeded",
        f"Too many connections within a minute. Try again in {retry_after_s} s.",
        "rate_limit_error",
        retry_after_s=retry_after_s,
    )


def too_many(profile: Profile, most: int, retry_after_s: int) -> Denial:
    """Return the answer to one open session too many."""
    if profile is AZURE:
        return too_often(profile, retry_after_s)
    return Denial(
        429,
        "rate_limit_exceeded",
        f"All {most} sessions of this engine are in use. Try again in {retry_after_s} s, or start "
        "it with a larger --max-sessions.",
        "rate_limit_error",
        retry_after_s=retry_after_s,
    )


def on_purpose(profile: Profile, status: int, retry_after_s: int) -> Denial:
    """Return a refusal that a test asked for: the service's words where they are known."""
    if status == 401:
        return wrong_key(profile)
    if status == 429:
        return too_often(profile, max(1, retry_after_s))
    return Denial(
        status,
        str(status) if profile is AZURE else "server_error",
        "The server had an error while processing your request. Sorry about that!",
        None if profile is AZURE else "server_error",
        retry_after_s=retry_after_s,
    )
