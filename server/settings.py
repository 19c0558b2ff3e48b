"""What the operator wants: every setting with its type, default, unit and one sentence.

Rules of the file:
- the only reader of the environment in the server; everything else is handed values;
- all faults are found in one go, and each says what to set;
- no value is ever repeated in a fault: people paste keys into the wrong line.

.env.example and docs/configuration.md are made from `Settings` by scripts/generate_docs.py.
"""

import difflib
import os
import secrets
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rtclient import endpoints
from rtclient.endpoints import Endpoint, clean
from rtclient.environment import find_dotenv
from rtclient.protocol.dialects import Dialect
from rtclient.service.opening import has_azure_identity
from rtclient.service.retirements import openai_model_warning, transcription_warning
from rtclient.service.settings import KINDS, ServiceSettings
from server.local_models import LocalModels
from server.network import Names, NetworkSettings
from server.setting import setting

UpstreamKind = endpoints.Kind
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_OURS = ("AZURE_OPENAI_", "LOCAL_", "PARLEY_", "TLS_")
_WITHOUT_KEY = "install what Microsoft Entra ID needs with EXTRAS=azure ./start.sh"
_MIN_TOKEN_CHARS = 8
_PAID_MAX_SESSIONS = 10


class SettingsError(ValueError):
    """The server cannot start: `faults` says all that is wrong, one sentence or two each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        count = "One setting is" if len(faults) == 1 else f"{len(faults)} settings are"
        super().__init__(
            "\n".join([f"{count} not right:", *(f"  - {fault}" for fault in faults)])
            + "\nWrite them into a file named .env (see .env.example) or into the environment."
            " UPSTREAM=engine needs no account at all."
        )


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _unbracketed(value: object) -> object:
    return value.strip("[]") if isinstance(value, str) else value


class Settings(LocalModels, NetworkSettings, BaseSettings):
    """All settings, read-only. Made by `load_settings`; made by hand it reads nothing itself."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    azure_openai_endpoint: str | None = setting(
        "AZURE_OPENAI_ENDPOINT",
        "Azure OpenAI",
        "The resource's address as the portal shows it, such as https://NAME.openai.azure.com.",
    )
    azure_openai_api_key: SecretStr | None = setting(
        "AZURE_OPENAI_API_KEY",
        "Azure OpenAI",
        "The resource's key; without one Microsoft Entra ID is used (EXTRAS=azure ./start.sh).",
    )
    azure_openai_deployment: str | None = setting(
        "AZURE_OPENAI_DEPLOYMENT",
        "Azure OpenAI",
        "The name that you gave to the deployment of a realtime model.",
    )
    azure_openai_api_version: str | None = setting(
        "AZURE_OPENAI_API_VERSION",
        "Azure OpenAI",
        "The version of the preview API, with AZURE_OPENAI_DIALECT=preview; else not needed: the"
        " generally available API has none, and a value here only brings a warning.",
    )
    azure_openai_dialect: Annotated[Dialect, BeforeValidator(_lower)] = setting(
        "AZURE_OPENAI_DIALECT",
        "Azure OpenAI",
        "ga, the generally available API; preview, the older one, for a deployment that is served"
        " at /openai/realtime only.",
        default="ga",
    )
    azure_openai_voice: str = setting(
        "AZURE_OPENAI_VOICE",
        "Voice and transcription",
        "The voice of the answers, with every upstream.",
        default="alloy",
    )
    azure_openai_transcription_deployment: str | None = setting(
        "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT",
        "Azure OpenAI",
        "The name of a transcription deployment in the same resource, for the user's words.",
    )
    openai_api_key: SecretStr | None = setting("OPENAI_API_KEY", "OpenAI", "The key.")
    openai_model: str = setting(
        "OPENAI_MODEL",
        "OpenAI",
        "The realtime model.",
        default=endpoints.DEFAULT_OPENAI_MODEL,
    )
    openai_base_url: str | None = setting(
        "OPENAI_BASE_URL",
        "OpenAI",
        "The address of another server that speaks this API, ending in /v1; such a server may need"
        " no key.",
    )
    upstream_choice: Annotated[UpstreamKind | None, BeforeValidator(_lower)] = setting(
        "UPSTREAM",
        "Which voice service",
        "azure, openai or engine; by default Azure when one of its settings is there, else OpenAI,"
        " else the built-in engine.",
    )
    providers: Names = setting(
        "PARLEY_PROVIDERS",
        "Which voice service",
        "Which services besides that one clients of /realtime may choose, of azure, openai and"
        " engine, separated by commas; none by default, so that nobody spends by a word.",
        default=(),
    )
    transcription_model: str = setting(
        "TRANSCRIPTION_MODEL",
        "Voice and transcription",
        "The model that writes down what the user says; `off` writes nothing down.",
        default="whisper-1",
    )
    host: Annotated[str, BeforeValidator(_unbracketed)] = setting(
        "HOST",
        "Server",
        "The address to listen on; 127.0.0.1 is this machine only, 0.0.0.0 the whole network.",
        default="127.0.0.1",
    )
    port: int = setting(
        "PORT", "Server", "The port to listen on; 0 takes a free one.", default=3000, ge=0, le=65535
    )
    access_token: SecretStr | None = setting(
        "ACCESS_TOKEN",
        "Server",
        "What visitors must present; `auto` makes one at the start and prints a login link. At"
        " least 8 characters.",
    )
    strict_models: bool = setting(
        "STRICT_MODELS",
        "Server",
        "`on` refuses programs that name another model than the configured one, as the real service"
        " does; else they are served by the configured one.",
        default=False,
    )
    max_sessions_choice: int | None = setting(
        "MAX_SESSIONS",
        "Limits",
        "How many sessions may be open at once; by default 10 with a paid service, else no limit.",
        ge=1,
    )
    session_limit_s: float = setting(
        "SESSION_LIMIT_S",
        "Limits",
        "The longest duration of a session; the service has a limit of its own.",
        default=3600.0,
        unit="seconds",
        gt=0,
        le=86_400,
    )
    idle_limit_s: float = setting(
        "IDLE_LIMIT_S",
        "Limits",
        "How long nobody may speak, write or answer before the session ends.",
        default=300.0,
        unit="seconds",
        gt=0,
        le=86_400,
    )
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = setting(
        "PARLEY_LOG_LEVEL",
        "Server",
        "How much is logged: DEBUG, INFO, WARNING or ERROR.",
        default="INFO",
    )

    env_file: Path | None = None
    """The `.env` that was read."""
    access_token_is_new: bool = False
    """Whether the token was made at this start."""
    unknown_names: tuple[str, ...] = ()
    """Names in `.env` that look like settings and are none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load_settings` gives and nothing else, so that tests can say all of it."""
        return (init_settings,)

    @property
    def upstream(self) -> UpstreamKind:
        """The voice service to use."""
        return self.service.kind

    @property
    def service(self) -> ServiceSettings:
        """What leads to the voice service, in the form that the library has the rules for."""
        return ServiceSettings(
            azure_endpoint=self.azure_openai_endpoint,
            azure_key=_plain(self.azure_openai_api_key),
            azure_deployment=self.azure_openai_deployment,
            azure_api_version=self.azure_openai_api_version,
            azure_dialect=self.azure_openai_dialect,
            azure_transcription=self.azure_openai_transcription_deployment,
            openai_key=_plain(self.openai_api_key),
            openai_model=self.openai_model,
            openai_base_url=self.openai_base_url,
            choice=self.upstream_choice,
            transcription_model=self.transcription_model,
        )

    @property
    def services(self) -> tuple[UpstreamKind, ...]:
        """All voice services that may be dialled, the default one first."""
        chosen = (kind for kind in KINDS if kind in map(str.lower, self.providers))
        return (self.upstream, *(kind for kind in chosen if kind != self.upstream))

    def for_service(self, kind: UpstreamKind) -> Self:
        """Return these settings as if this service were the default one."""
        return self.model_copy(update={"upstream_choice": kind})

    @property
    def max_sessions(self) -> int | None:
        """How many sessions may be open at once; None is no limit."""
        if self.max_sessions_choice is None and self.is_paid:
            return _PAID_MAX_SESSIONS
        return self.max_sessions_choice

    @property
    def is_paid(self) -> bool:
        """Whether sessions cost somebody money; false only for servers on this machine."""
        return any(self.for_service(kind)._is_service_paid for kind in self.services)

    @property
    def _is_service_paid(self) -> bool:
        if self.upstream == "engine":
            return not all(server.is_loopback for server in self.servers)
        address = self.azure_openai_endpoint if self.upstream == "azure" else self.openai_base_url
        try:
            return not endpoints.is_loopback(urlsplit(address or "").hostname or "")
        except ValueError:
            return True  # no address at all: a fault of its own

    @property
    def transcription(self) -> str | None:
        """The model, or on Azure the deployment, that writes down what the user says."""
        return self.service.transcription

    def secret_values(self) -> list[str]:
        """Return what must never be shown or logged."""
        found = (
            self.azure_openai_api_key,
            self.openai_api_key,
            self.access_token,
            self.upstream_proxy,
        )
        keys = [secret.get_secret_value() for secret in found if secret is not None]
        return [*keys, *self.local_keys()]

    def endpoint(self, *, token: str | None = None) -> Endpoint | None:
        """Return where to dial, or None for the engine (its address is known when it runs).

        Args:
            token: A Microsoft Entra ID token, for Azure without a key.

        Raises:
            ValueError: The settings do not make an address; the text says what to set.
        """
        return self.service.endpoint(token=token)

    def warnings(self, today: date | None = None) -> list[str]:
        """Return what the operator should know, most urgent first."""
        today = today or date.today()
        found = []
        if not self.tls_verify and self.services != ("engine",):
            found.append(
                "TLS verification is off: anybody on the way to the voice service can read the key"
                " and the conversation. Delete the line PARLEY_TLS_VERIFY from .env."
            )
        found.extend(self._access_warnings())
        found.extend(self.network_warnings())
        for kind in self.services:
            found.extend(self.for_service(kind)._service_warnings(today))
        if "engine" not in self.services:
            found.extend(
                f"{server.prefix}_URL has no effect: the voice service is {self.upstream}. Set"
                " UPSTREAM=engine to use it."
                for server in self.servers
            )
        found.extend(_unknown_name_warning(name) for name in self.unknown_names)
        return found

    def _service_warnings(self, today: date) -> list[str]:
        endpoint = self.endpoint()
        if endpoint is None:
            return []
        # Another server may keep a model of the same name for as long as it likes.
        is_known = endpoint.kind == "azure" or endpoint.host.endswith("api.openai.com")
        return [*endpoint.warnings, *(self._retirement_warnings(today) if is_known else ())]

    def _retirement_warnings(self, today: date) -> list[str]:
        found = []
        if self.upstream == "openai":
            found.append(openai_model_warning(self.openai_model, today))
        if self.transcription:
            found.append(transcription_warning(self.upstream, self.transcription, today))
        return [warning for warning in found if warning]

    def faults(self) -> list[str]:
        """Return what is wrong with the settings taken together."""
        return [
            *self._provider_faults(),
            *(
                fault
                for kind in self.services
                for fault in self.for_service(kind)._upstream_faults()
            ),
            *self._access_faults(),
            *self.network_faults(),
        ]

    def _provider_faults(self) -> list[str]:
        if all(name.lower() in KINDS for name in self.providers):
            return []
        return [
            "PARLEY_PROVIDERS names something that is no service: write azure, openai or engine,"
            " separated by commas."
        ]

    def _upstream_faults(self) -> list[str]:
        if self.upstream == "engine":
            return self.local_faults()
        return self.service.faults(without_key=None if has_azure_identity() else _WITHOUT_KEY)

    def _access_faults(self) -> list[str]:
        found = []
        token = _plain(self.access_token)
        if token is None and self.is_paid and not endpoints.is_loopback(self.host):
            found.append(
                "ACCESS_TOKEN is missing: with this HOST other machines could use your paid account"
                " without asking. Set ACCESS_TOKEN=auto (or a secret of your own), or"
                " HOST=127.0.0.1."
            )
        if token is not None and token != "auto" and len(token) < _MIN_TOKEN_CHARS:
            found.append(
                f"ACCESS_TOKEN is shorter than {_MIN_TOKEN_CHARS} characters: set a longer one, or"
                " ACCESS_TOKEN=auto."
            )
        return found

    def _access_warnings(self) -> list[str]:
        if self.access_token is not None or not self.is_paid or not self.allowed_hosts:
            return []
        return [
            "Whoever reaches this server by a name in PARLEY_ALLOWED_HOSTS may use your paid"
            " account. Set ACCESS_TOKEN, unless a proxy in front asks who they are."
        ]

    def _with_token(self) -> Self:
        if _plain(self.access_token) != "auto":
            return self
        token = SecretStr(secrets.token_urlsafe(24))
        return self.model_copy(update={"access_token": token, "access_token_is_new": True})


def names() -> tuple[str, ...]:
    """Return the names of all settings as they stand in the environment."""
    aliases = (field.validation_alias for field in Settings.model_fields.values())
    return tuple(alias for alias in aliases if isinstance(alias, str))


def load_settings(
    environ: Mapping[str, str] | None = None, dotenv_dir: Path | None = None
) -> Settings:
    """Read the settings from the environment and, for what is not there, from `.env`.

    Args:
        environ: The environment; None is that of the process.
        dotenv_dir: Where the search upward for `.env` begins; None is the working directory.

    Raises:
        SettingsError: with all that is wrong.
    """
    environ = os.environ if environ is None else environ
    env_file = find_dotenv(dotenv_dir)
    faults: list[str] = []
    from_file = _read_dotenv(env_file, faults)
    known = names()
    values: dict[str, Any] = {}
    for name in known:
        value = clean(environ.get(name, "")) or clean(from_file.get(name, ""))
        if value:
            values[name] = value
    about: dict[str, Any] = {
        "env_file": env_file,
        "unknown_names": tuple(
            name for name in from_file if name.startswith(_OURS) and name not in known
        ),
    }
    try:
        settings = Settings(**values, **about)
    except ValidationError as exc:
        for error in exc.errors(include_input=False, include_url=False, include_context=False):
            name = str(error["loc"][0])
            values.pop(name, None)
            faults.append(f"{name} {_demand(error['type'], error['msg'])}.")
        # The others are looked at all the same, so that one run shows every fault.
        settings = Settings(**values, **about)
    faults += settings.faults()
    if faults:
        # A misspelled name is often why another is missing.
        faults += [_unknown_name_warning(name) for name in settings.unknown_names]
        raise SettingsError(list(dict.fromkeys(faults)))
    return settings._with_token()


def hand_down(settings: Settings) -> None:
    """Let child processes, which read the settings anew, find the token made at this start."""
    token = _plain(settings.access_token)
    if token is not None and settings.access_token_is_new:
        os.environ["ACCESS_TOKEN"] = token


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return where this user's programs keep data: `XDG_DATA_HOME`, else ~/.local/share."""
    environ = os.environ if environ is None else environ
    named = Path(environ.get("XDG_DATA_HOME", ""))
    # The specification ignores a relative one.
    return (named if named.is_absolute() else Path.home() / ".local" / "share") / "parley"


def _read_dotenv(path: Path | None, faults: list[str]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        found = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        faults.append(f"{path} cannot be read: it must be a readable file in UTF-8.")
        return {}
    return {name: value for name, value in found.items() if value is not None}


def _demand(error_type: str, message: str) -> str:
    """Return what pydantic asks of a value, as the rest of a sentence; without the value."""
    if error_type == "bool_parsing":
        return "must be on or off"
    demand = message.partition(", unable")[0].replace("Input should be", "must be")
    return demand.replace("a valid integer", "a whole number").replace("valid ", "")


def _unknown_name_warning(name: str) -> str:
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{name} in .env is not a setting and has no effect.{hint}"


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
