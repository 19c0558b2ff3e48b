"""The settings `LOCAL_…`: models of one's own, which the built-in engine asks.

What they mean is known to `rtclient.engine.remote.settings`; this page makes them settings of the
server: typed, described, hidden where they are keys, and handed to the engine.
"""

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from rtclient.engine.remote.settings import LocalSettingsError, Servers, servers_of
from server.setting import setting

_GROUP = "Models of your own, with the built-in engine"


class LocalModels(BaseSettings):
    """Servers that hear, think and speak for the built-in engine; each alone or together."""

    local_stt_url: str | None = setting(
        "LOCAL_STT_URL",
        _GROUP,
        "A server with /audio/transcriptions that hears, such as http://127.0.0.1:8000/v1.",
    )
    local_stt_model: str | None = setting(
        "LOCAL_STT_MODEL", _GROUP, "Its model; by default whisper-1."
    )
    local_stt_key: SecretStr | None = setting("LOCAL_STT_KEY", _GROUP, "Its key, if it wants one.")
    local_chat_url: str | None = setting(
        "LOCAL_CHAT_URL",
        _GROUP,
        "A server with /chat/completions that thinks, such as http://127.0.0.1:11434/v1.",
    )
    local_chat_model: str | None = setting(
        "LOCAL_CHAT_MODEL", _GROUP, "Its model; many servers need it."
    )
    local_chat_key: SecretStr | None = setting(
        "LOCAL_CHAT_KEY", _GROUP, "Its key, if it wants one."
    )
    local_tts_url: str | None = setting(
        "LOCAL_TTS_URL",
        _GROUP,
        "A server with /audio/speech that speaks, such as http://127.0.0.1:8880/v1.",
    )
    local_tts_model: str | None = setting("LOCAL_TTS_MODEL", _GROUP, "Its model; by default tts-1.")
    local_tts_key: SecretStr | None = setting("LOCAL_TTS_KEY", _GROUP, "Its key, if it wants one.")
    local_tts_voice: str | None = setting(
        "LOCAL_TTS_VOICE", _GROUP, "Its voice; by default the name of the session's voice is sent."
    )
    local_tts_rate: int = setting(
        "LOCAL_TTS_RATE",
        _GROUP,
        "Samples per second of the PCM that it sends.",
        default=24_000,
        unit="Hz",
        ge=8_000,
        le=192_000,
    )

    def local_environment(self) -> dict[str, str]:
        """Return every variable for the engine's process; empty where nothing is set."""
        found = {}
        for name, field in LocalModels.model_fields.items():
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            is_set = value is not None and value != field.default
            found[str(field.validation_alias)] = str(value) if is_set else ""
        return found

    def local_faults(self) -> list[str]:
        """Return what is wrong with the variables taken together."""
        try:
            servers_of(self.local_environment())
        except LocalSettingsError as exc:
            return exc.faults
        return []

    @property
    def servers(self) -> Servers:
        """The servers that are used; none while there is a fault."""
        return Servers() if self.local_faults() else servers_of(self.local_environment())

    def local_keys(self) -> tuple[str, ...]:
        """Return the keys, which must never be shown or logged."""
        return tuple(server.key for server in self.servers if server.key)

    def local_models(self) -> dict[str, str]:
        """Return sense → model, for those that are used."""
        servers = self.servers
        found = {"ears": servers.stt, "brain": servers.chat, "voice": servers.tts}
        return {sense: server.model for sense, server in found.items() if server is not None}
