"""The settings `LOCAL_STT_…`, `LOCAL_CHAT_…` and `LOCAL_TTS_…`: which servers are asked.

An address is what OpenAI clients call `base_url`. `http://HOST:PORT` alone means
`http://HOST:PORT/v1`; any other path is taken as it is; a trailing slash and a pasted endpoint
(`/chat/completions`) are left out.

Rules of the file: pure; all faults are found in one go and none repeats a value, because people
paste keys into the wrong line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

VARIABLES: Final = (
    "LOCAL_STT_URL",
    "LOCAL_STT_MODEL",
    "LOCAL_STT_KEY",
    "LOCAL_CHAT_URL",
    "LOCAL_CHAT_MODEL",
    "LOCAL_CHAT_KEY",
    "LOCAL_TTS_URL",
    "LOCAL_TTS_MODEL",
    "LOCAL_TTS_KEY",
    "LOCAL_TTS_VOICE",
    "LOCAL_TTS_RATE",
)
"""Every variable of this package."""

DEFAULT_RATE_HZ: Final = 24_000
_RATES_HZ: Final = (8_000, 192_000)
_DEFAULT_MODELS: Final = {"STT": "whisper-1", "CHAT": "default", "TTS": "tts-1"}
_ENDPOINTS: Final = ("/audio/transcriptions", "/chat/completions", "/audio/speech", "/models")
_UNFIT_FOR_A_HEADER = re.compile(r"[^\x21-\x7e]")


class LocalSettingsError(ValueError):
    """The settings make no servers; `faults` says all that is wrong, a sentence or two each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class ModelServer:
    """One server that is asked over HTTP."""

    prefix: str
    """The beginning of its variables: `LOCAL_STT`, `LOCAL_CHAT` or `LOCAL_TTS`."""
    url: str
    """Base address without a trailing slash, user or query: endpoints are appended to it."""
    model: str
    key: str = field(default="", repr=False)
    """Sent as `Authorization: Bearer …`; empty: not sent."""
    voice: str = ""
    """`LOCAL_TTS_VOICE`; empty: the session's."""
    rate_hz: int = DEFAULT_RATE_HZ
    """Samples per second of the server's `pcm`."""

    @property
    def place(self) -> str:
        """Host and port, for people and logs."""
        return urlsplit(self.url).netloc

    @property
    def is_loopback(self) -> bool:
        """Whether it runs on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def __str__(self) -> str:
        """Return what it is in words, without the key."""
        return f"{self.prefix}_URL model {self.model} at {self.place}"


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that are to be used; None: the engine's own sense."""

    stt: ModelServer | None = None
    chat: ModelServer | None = None
    tts: ModelServer | None = None
    notes: tuple[str, ...] = ()
    """One sentence for each variable that has no effect."""

    def __iter__(self) -> Iterator[ModelServer]:
        """Iterate over those that are used."""
        return iter([server for server in (self.stt, self.chat, self.tts) if server is not None])


def servers_of(values: Mapping[str, str]) -> Servers:
    """Return the servers that the variables name.

    Args:
        values: variable → value; blank is not set, others than `VARIABLES` are ignored.

    Raises:
        LocalSettingsError: with all that is wrong.
    """
    # docker --env-file keeps quotes
    given = {name: values.get(name, "").strip().strip("\"'").strip() for name in VARIABLES}
    faults: list[str] = []
    found = {kind: _server(kind, given, faults) for kind in _DEFAULT_MODELS}
    if faults:
        raise LocalSettingsError(faults)
    notes = tuple(
        f"{name} has no effect: LOCAL_{kind}_URL is not set."
        for kind, server in found.items()
        if server is None
        for name in VARIABLES
        if name.startswith(f"LOCAL_{kind}_") and given[name]
    )
    return Servers(found["STT"], found["CHAT"], found["TTS"], notes)


def _server(kind: str, given: Mapping[str, str], faults: list[str]) -> ModelServer | None:
    prefix = f"LOCAL_{kind}"
    if not given[f"{prefix}_URL"]:
        return None
    key = given[f"{prefix}_KEY"]
    if _UNFIT_FOR_A_HEADER.search(key):
        faults.append(f"{prefix}_KEY holds characters that no key has: copy it again.")
    return ModelServer(
        prefix,
        _base_url(f"{prefix}_URL", given[f"{prefix}_URL"], faults),
        given[f"{prefix}_MODEL"] or _DEFAULT_MODELS[kind],
        key,
        voice=given.get(f"{prefix}_VOICE", ""),
        rate_hz=_rate(given.get(f"{prefix}_RATE", ""), faults),
    )


def _base_url(name: str, text: str, faults: list[str]) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_address = is_address and parts.port != 0 and not re.search(r"\s", text)
    except ValueError:
        parts, is_address = urlsplit(""), False
    if not is_address:
        faults.append(f"{name} is no address: write it as http://HOST:PORT/v1.")
        return ""
    if "@" in parts.netloc:
        kind = name.removesuffix("_URL")
        faults.append(f"{name} holds a user or a password: delete them and use {kind}_KEY.")
    if parts.query or parts.fragment:
        faults.append(f"{name} must end with its path: delete what begins with ? or #.")
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def _rate(text: str, faults: list[str]) -> int:
    if not text:
        return DEFAULT_RATE_HZ
    least, most = _RATES_HZ
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        faults.append(f"LOCAL_TTS_RATE must be a whole number of Hz from {least} to {most}.")
        return DEFAULT_RATE_HZ
    return int(text)
