"""What to tell people when something does not work: what happened and what to do. Pure.

Rules of the file:
- a sentence holds no key, no address and nothing that the service wrote, codes aside;
- the advice names the setting or the option to change, for the voice service that is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rtclient.errors import ServerError
from rtclient.service.causes import (
    Cause,
    account_cause,
    cause_of,
    words_of,
    words_of_event,
)

Service = Literal["azure", "openai", "server", "engine"]
"""Which voice service is used; `server` is what `--url` names."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that does not work."""

    code: str
    """Stable, for programs."""
    message: str
    """What happened, one sentence."""
    advice: str
    """What to do about it."""
    said: tuple[str, ...] = ()
    """Codes of the service, such as `HTTP 404`."""

    @property
    def text(self) -> str:
        """What happened and what to do, in one line."""
        said = f" The service said: {', '.join(self.said)}." if self.said else ""
        return f"{self.message} {self.advice}{said}"


_KEY: Final[Mapping[Service, str]] = {
    "azure": "Check AZURE_OPENAI_API_KEY, that it belongs to the resource in"
    " AZURE_OPENAI_ENDPOINT, and the name in AZURE_OPENAI_DEPLOYMENT.",
    "openai": "Check OPENAI_API_KEY.",
    "server": "Set ACCESS_TOKEN to that server's access token, in .env or in the environment.",
    "engine": "Start the command again.",
}
_MODEL: Final[Mapping[Service, str]] = {
    "azure": "Check AZURE_OPENAI_DEPLOYMENT (the deployment's own name; a new one needs some"
    " minutes) and AZURE_OPENAI_ENDPOINT. A deployment that has the preview API only needs"
    " AZURE_OPENAI_DIALECT=preview.",
    "openai": "Check OPENAI_MODEL, and OPENAI_BASE_URL if it is set.",
    "server": "Check the address in --url and the name in --model.",
    "engine": "Start the command again.",
}
_ADDRESS: Final[Mapping[Service, str]] = {
    "azure": "Check the network, AZURE_OPENAI_ENDPOINT, and PARLEY_UPSTREAM_PROXY when the network"
    " needs a proxy.",
    "openai": "Check the network, OPENAI_BASE_URL if it is set, and PARLEY_UPSTREAM_PROXY when the"
    " network needs a proxy.",
    "server": "Check the address in --url and that the server runs.",
    "engine": "pip install 'rtclient[engine,voice-gpl]' brings what the built-in engine needs;"
    " `rtclient engine` shows why it does not start.",
}

_MESSAGES: Final[Mapping[Cause, str]] = {
    "auth_failed": "The voice service refused the key.",
    "token_failed": "No Microsoft Entra ID token could be had.",
    "forbidden": "The voice service does not allow this access.",
    "not_found": "The voice service does not know the deployment or model.",
    "bad_request": "The voice service did not accept the request.",
    "redirected": "The voice service answered with a redirect, which is never followed because the"
    " key would go along.",
    "quota_exhausted": "The account at the voice service has no credit left.",
    "rate_limited": "The voice service has too many requests right now.",
    "unavailable": "The voice service is not available right now.",
    "unreachable": "The voice service cannot be reached.",
    "timeout": "The voice service did not answer in time.",
    "tls_failed": "The voice service's certificate is not trusted.",
    "closed": "The voice service ended the connection.",
    "bad_data": "The voice service sent something that cannot be understood.",
    "dialect_mismatch": "The voice service speaks another dialect than the one that is set.",
    "settings_rejected": "The voice service did not accept the session's settings.",
}
_ADVICE: Final[Mapping[Cause, str | Mapping[Service, str]]] = {
    "auth_failed": _KEY,
    "token_failed": "Sign in with `az login`, or set AZURE_OPENAI_API_KEY.",
    "forbidden": "With Microsoft Entra ID give the identity the role Cognitive Services OpenAI"
    " User; else check the resource's network rules and region.",
    "not_found": _MODEL,
    "bad_request": "Check that the deployment or model is a realtime one, such as gpt-realtime.",
    "redirected": "Set the final address in AZURE_OPENAI_ENDPOINT, OPENAI_BASE_URL or --url.",
    "quota_exhausted": "Add credit or raise the limit in the account's billing settings.",
    "rate_limited": "Try again in a minute, or raise the deployment's quota.",
    "unavailable": "Try again in a minute.",
    "unreachable": _ADDRESS,
    "timeout": "Try again; if it stays so, check the network and the firewall.",
    "tls_failed": "Check the address; behind a proxy that inspects TLS, or with a private"
    " authority, name its certificate in EXTRA_CA_FILE.",
    "closed": "Start the command again.",
    "bad_data": "Check that the address is that of a Realtime API; if so, please report it.",
    "dialect_mismatch": "On Azure set AZURE_OPENAI_DIALECT=preview for an older API version, or"
    " take that line out for the generally available API.",
    "settings_rejected": "Check --voice and the model; older models do not know every setting.",
}

# The sound card ----------------------------------------------------------------------------------

NO_AUDIO_EXTRA: Final = Advice(
    "no_audio_extra",
    "The packages for microphone and loudspeaker are missing.",
    "pip install 'rtclient[audio]' brings them; --wav, --stdin and --text-only need none.",
)
NO_PORTAUDIO: Final = Advice(
    "no_portaudio",
    "The PortAudio library is missing.",
    "On Debian and Ubuntu: sudo apt install libportaudio2. --wav, --stdin and --text-only need"
    " none.",
)
NO_INPUT_DEVICE: Final = Advice(
    "no_input_device",
    "There is no microphone.",
    "Plug one in, or choose one of `rtclient talk --list-devices` with --input-device.",
)
NO_OUTPUT_DEVICE: Final = Advice(
    "no_output_device",
    "There is no loudspeaker.",
    "Plug one in, or choose one of `rtclient talk --list-devices` with --output-device.",
)
INPUT_BUSY: Final = Advice(
    "input_busy",
    "The microphone cannot be opened.",
    "Close other programs that use it, and allow the terminal to use it in the system's privacy"
    " settings.",
)
OUTPUT_BUSY: Final = Advice(
    "output_busy",
    "The loudspeaker cannot be opened.",
    "Close other programs that use it, or choose another of `rtclient talk --list-devices` with"
    " --output-device.",
)
NO_PLAYBACK: Final = Advice(
    "no_playback",
    "The answer came, but the loudspeaker took no sound.",
    "Check its volume, and choose another of `rtclient talk --list-devices` with --output-device.",
)

# The user's words --------------------------------------------------------------------------------

_TRANSCRIPTION: Final[Mapping[Service, str]] = {
    "azure": "Deploy a transcription model in the resource and set"
    " AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT to the deployment's name.",
    "openai": "Set TRANSCRIPTION_MODEL to a model of the account, such as gpt-4o-transcribe.",
    "server": "Look at the settings of that server, or name a model with --transcription.",
    "engine": "Look at the settings LOCAL_STT_URL and LOCAL_STT_MODEL if they are set.",
}


def transcription_absent(
    service: Service, *, is_configured: bool, after_s: float, in_conversation: bool = True
) -> Advice:
    """Return what to say when no transcription came for a turn."""
    if not is_configured:
        return Advice(
            "transcription_off",
            "What you say is not written down: transcription is off.",
            "Set TRANSCRIPTION_MODEL, or name a model with --transcription.",
        )
    if not in_conversation:
        return Advice(
            "transcription_absent",
            f"No transcription came within {after_s:.0f} seconds.",
            _TRANSCRIPTION[service],
        )
    return Advice(
        "transcription_absent",
        f"No transcription came within {after_s:.0f} seconds after you spoke.",
        f"The conversation goes on. {_TRANSCRIPTION[service]}",
    )


def transcription_failed(
    service: Service, said: tuple[str, ...] = (), *, in_conversation: bool = True
) -> Advice:
    """Return what to say about `conversation.item.input_audio_transcription.failed`.

    `said`: its codes, as `rtclient.service.causes.words_of_event` finds them.
    """
    if not in_conversation:
        return Advice(
            "transcription_failed", "The transcription failed.", _TRANSCRIPTION[service], said
        )
    return Advice(
        "transcription_failed",
        "The transcription of what you said failed.",
        f"The conversation goes on. {_TRANSCRIPTION[service]}",
        said,
    )


# Anything else -----------------------------------------------------------------------------------


def of_cause(cause: Cause, service: Service, said: tuple[str, ...] = ()) -> Advice:
    """Return what to say about this cause with this voice service."""
    advice = _ADVICE[cause]
    return Advice(
        cause, _MESSAGES[cause], advice if isinstance(advice, str) else advice[service], said
    )


def of_exception(
    exc: BaseException, service: Service, secrets: tuple[str, ...] = ()
) -> Advice | None:
    """Return what to say about a failed dial, a lost connection or an `error` about the account.

    None for anything else.
    """
    if isinstance(exc, ServerError):
        error = {"code": exc.code, "param": exc.param, "message": exc.message}
        return of_error_event({"error": error}, service, secrets)
    cause = cause_of(exc)
    if cause is None:
        return None
    return of_cause(cause, service, words_of(exc, secrets))


def of_error_event(
    event: Mapping[str, Any], service: Service, secrets: tuple[str, ...] = ()
) -> Advice | None:
    """Return what to say about an `error` event on key, model or account; None for others."""
    body = event.get("error")
    cause = account_cause(body) if isinstance(body, Mapping) else None
    if cause is None:
        return None
    return of_cause(cause, service, words_of_event(event, secrets))
