"""`RealtimeConfig`: where one-shot calls go, and with which voice."""

import datetime
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Self

from rtclient import environment
from rtclient.endpoints import DEFAULT_OPENAI_MODEL, Kind
from rtclient.extras import MissingExtraError
from rtclient.protocol.audio import PCM16
from rtclient.protocol.dialects import Dialect
from rtclient.resampling import Resampler
from rtclient.service.config_files import read_config
from rtclient.service.settings import KINDS, ServiceSettings

_REQUIRED: Final = ("endpoint", "api_key", "deployment")


class _Default(str):
    """A text that the caller did not set."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RealtimeConfig:
    """Where to call and with which voice."""

    endpoint: str
    """The resource's address, such as https://NAME.openai.azure.com. For OpenAI, or a server that
    speaks its API, the base URL, which ends in `/v1`."""
    api_key: str = field(repr=False)
    """Empty for Azure with Microsoft Entra ID (extra `azure`), and for a server that asks none."""
    deployment: str
    """The name of the deployment; the model, where the service is not Azure."""
    api_version: str = _Default("2025-08-28")
    """Without effect: the generally available API has no versions, and a value of one's own brings
    a warning. With `dialect="preview"` the version of the preview API."""
    voice: str = "alloy"
    """The voice of the answers, unless a call names another."""
    sample_rate_hz: int = PCM16.rate_hz
    """Of the sound that goes in and comes out. The service has 24 000 Hz; another rate is
    resampled at both ends, which needs the extra `audio`."""
    timeout_s: float = 30.0
    """How long the service may say nothing while an answer is awaited, in seconds."""
    dialect: Dialect = "ga"
    """`preview` for an Azure deployment that has the older API only."""
    upstream: Kind | None = None
    """Which service it is. None: OpenAI for an address that ends in `/v1`, else Azure."""
    settings: ServiceSettings = field(default_factory=ServiceSettings, repr=False)
    """The rest: proxy, certificates. `from_env` fills it."""

    def __post_init__(self) -> None:
        """Check the values. Raises `ValueError`."""
        if self.dialect not in ("ga", "preview"):
            raise ValueError("dialect must be ga or preview.")
        if self.upstream is not None and self.upstream not in KINDS:
            raise ValueError("upstream must be azure, openai or engine.")
        if self.timeout_s <= 0:
            raise ValueError("timeout_s must be more than 0.")
        try:
            Resampler(self.sample_rate_hz)
        except MissingExtraError as exc:
            raise ValueError(
                f"sample_rate_hz must be {PCM16.rate_hz}, the rate of the service, because nothing"
                f" is here to resample with ({exc.name}): pip install 'rtclient[audio]'"
            ) from None

    @classmethod
    def from_env(cls, upstream: str | None = None) -> Self:
        """Return what the environment, or else the nearest `.env`, describes.

        Args:
            upstream: `azure`, `openai` or `engine`, instead of what `UPSTREAM` says. An engine
                runs as a child process while it is called.

        Raises:
            ValueError: A setting is wrong; what is missing is told when the client is made.
        """
        found = environment.service_settings(upstream)
        if found.kind == "azure":
            own: dict[str, Any] = {
                "endpoint": found.azure_endpoint or "",
                "api_key": found.azure_key or "",
                "deployment": found.azure_deployment or "",
                "dialect": found.azure_dialect,
            }
            if found.azure_api_version:
                own["api_version"] = found.azure_api_version
        else:
            own = {
                "endpoint": found.openai_base_url or "",
                "api_key": found.openai_key or "",
                "deployment": found.openai_model,
            }
        return cls(**own, voice=found.voice, upstream=found.kind, settings=found)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Return what a YAML or TOML file describes: the fields of this class by their names.

        Raises:
            ValueError: The file cannot be read, or a field is missing, unknown or wrong; the text
                never repeats a value.
        """
        found = read_config(path)
        kinds = {one.name: _accepted(one.default) for one in fields(cls) if one.name != "settings"}
        faults = [f"{name} is missing." for name in _REQUIRED if name not in found]
        for name, value in found.items():
            if name not in kinds:
                import difflib  # late: for people who mistype

                near = difflib.get_close_matches(name, kinds, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                faults.append(f"{name[:64]} is no setting.{hint}")
            elif type(value) is datetime.date:
                found[name] = value.isoformat()  # an api_version without quotes
            elif isinstance(value, bool) or not isinstance(value, kinds[name]):
                faults.append(f"{name} must be a {'text' if kinds[name] is str else 'number'}.")
        if faults:
            raise ValueError(f"{path}: {' '.join(faults)}")
        try:
            return cls(**found)
        except ValueError as exc:
            raise ValueError(f"{path}: {exc}") from None

    def service_settings(self) -> ServiceSettings:
        """Return the same as settings of a voice service."""
        if self._kind == "azure":
            return replace(
                self.settings,
                choice="azure",
                azure_endpoint=self.endpoint,
                azure_key=self.api_key or None,
                azure_deployment=self.deployment,
                azure_api_version=self._version if self.dialect == "preview" else None,
                azure_dialect=self.dialect,
            )
        return replace(
            self.settings,
            choice=self._kind,
            openai_base_url=self.endpoint or None,
            openai_key=self.api_key or None,
            openai_model=self.deployment or DEFAULT_OPENAI_MODEL,
        )

    def warnings(self) -> list[str]:
        """Return sentences for whoever set it up. Raises `ValueError` for what is no address."""
        endpoint = self.service_settings().endpoint()
        found = list(endpoint.warnings) if endpoint else []
        if self.dialect == "ga" and self._version:
            found.append(
                "api_version has no effect: the generally available Realtime API has none. Leave it"
                " out (in .env: AZURE_OPENAI_API_VERSION). For a deployment that has the preview"
                " API only, set the dialect to preview (in .env: AZURE_OPENAI_DIALECT=preview)."
            )
        return found

    @property
    def _version(self) -> str | None:
        """The version that the caller set."""
        return None if isinstance(self.api_version, _Default) else self.api_version

    @property
    def _kind(self) -> Kind:
        if self.upstream is not None:
            return self.upstream
        path = self.endpoint.partition("?")[0].rstrip("/")
        return "openai" if path.endswith("/v1") and not path.endswith("/openai/v1") else "azure"


def _accepted(default: object) -> type | tuple[type, ...]:
    """Return what a file may hold for a field with this default."""
    if isinstance(default, float):
        return (int, float)
    return int if isinstance(default, int) else str
