"""Where to dial and with which headers: URLs from what people paste. Pure.

Rules of the file:
- the result is a GA address, unless Azure's preview is asked for; a GA address has no api-version:
  one that is set is dropped with a warning that names the line to delete (on the v1 path it would
  come back as HTTP 401), a preview address always has one;
- a fault is a `ValueError` whose text says what to set and never repeats the value, because people
  paste keys into the wrong line;
- an `Endpoint` never shows its headers or secrets in its repr.

Source: Realtime API, connecting with WebSocket; Azure OpenAI, "Realtime API via WebSockets" and the
v1 migration guide; the normalisation rules of openai-node, LiveKit agents and pipecat.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from rtclient.protocol.dialects import Dialect, check_dialect

Kind = Literal["azure", "openai", "engine"]
SessionKind = Literal["realtime", "transcription"]
"""A conversation, or speech to text only (`intent=transcription` in the address)."""

DEFAULT_OPENAI_BASE_URL = "https://api.openai.com/v1"
DEFAULT_OPENAI_MODEL = "gpt-realtime-2.1"
DEFAULT_PREVIEW_VERSION = "2025-04-01-preview"
"""The last version of Azure's preview API."""

_OPENAI_HOST = "api.openai.com"
_SERVER_URL = "the server's address"
_EXAMPLES = {
    "AZURE_OPENAI_ENDPOINT": "https://NAME.openai.azure.com",
    "OPENAI_BASE_URL": DEFAULT_OPENAI_BASE_URL,
}
_PORTAL_HOSTS = ("portal.azure.com", "ai.azure.com", "oai.azure.com", "platform.openai.com")
_REGIONAL_SUFFIX = ".api.cognitive.microsoft.com"
_SECRET_PARAMETER = re.compile(r"key|token|secret|sig|code|password", re.IGNORECASE)
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest")
_PREVIEW_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_DEPLOYMENT_PATH = re.compile(r"/openai/deployments/([^/]+)")
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")
_LOGIN_LINK = re.compile(r"/login/?(\?|$)")
_LOOPBACK = re.compile(r"localhost|.+\.localhost|127(\.\d{1,3}){3}|::1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address to dial."""

    url: str
    """`ws://` or `wss://`, with the query; holds no secret."""
    kind: Kind
    label: str
    """What to call it to people, without host or key."""
    model: str = ""
    """The model, or on Azure the name of the deployment."""
    dialect: Dialect = "ga"
    """What is spoken there."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    subprotocols: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences for whoever set it up."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must never be shown to a client: the credential, and the host if it is a private one."""

    @property
    def host(self) -> str:
        """The host name that is dialled, without port."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI itself, not another server that speaks its API."""
        return self.host == _OPENAI_HOST

    def with_kind(self, kind: SessionKind) -> "Endpoint":
        """Return the address for sessions of this kind; a transcription's names no model."""
        if kind == "realtime":
            return self
        parts = urlsplit(self.url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in ("model", "deployment"):
            query.pop(name, None)
        url = parts._replace(query=urlencode({"intent": "transcription", **query})).geturl()
        return replace(self, url=url)


def azure(
    endpoint: str,
    deployment: str = "",
    *,
    key: str | None = None,
    token: str | None = None,
    api_version: str | None = None,
    dialect: Dialect = "ga",
) -> Endpoint:
    """Return the endpoint of an Azure OpenAI resource.

    Args:
        endpoint: The resource's address as the portal shows it; a pasted path, api-version or
            deployment in it is understood.
        deployment: The name of the deployment; empty takes the one in a pasted address.
        key: The resource's API key.
        token: A Microsoft Entra ID token, instead of a key.
        api_version: Of the preview; None takes a pasted one or `DEFAULT_PREVIEW_VERSION`. GA has
            none: dropped with a warning.
        dialect: `preview` for a deployment that is served at the older address only.

    Raises:
        ValueError: The address or the version cannot be used, or the name of a deployment is
            missing.
    """
    check_dialect(dialect)
    name = "AZURE_OPENAI_ENDPOINT"
    parts, warnings = _split(endpoint, name)
    host = parts.hostname or ""
    if host.endswith(_REGIONAL_SUFFIX):
        warnings.append(
            f"{name} is the address of a region. The Realtime API needs the resource's own address,"
            " https://NAME.openai.azure.com, shown under Keys and Endpoint."
        )
    path = _collapse(parts.path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    pasted = _DEPLOYMENT_PATH.search(path)
    deployment = (
        clean(deployment)
        or query.pop("deployment", "")
        or query.pop("model", "")
        or (pasted[1] if pasted else "")
    )
    if not deployment:
        raise ValueError(
            "AZURE_OPENAI_DEPLOYMENT is missing: set it to the name of your realtime deployment"
            " (the name you gave it, not the model's)."
        )
    pasted_version = query.pop("api-version", "")
    for parameter in ("deployment", "model"):
        query.pop(parameter, None)
    version = clean(api_version or "")
    if dialect == "preview":
        path = f"{_azure_prefix(path)}/openai/realtime"
        version = _preview_version(version or pasted_version)
        query = {"api-version": version, "deployment": deployment, **query}
    else:
        path = _azure_ga_path(path)
        query = {"model": deployment, **query}
        if version:
            warnings.append(_api_version_warning(version))
    headers, secrets = _azure_credential(key, token)
    return Endpoint(
        url=_build(parts, path, query),
        kind="azure",
        label="Azure OpenAI",
        model=deployment,
        dialect=dialect,
        headers=headers,
        warnings=tuple(warnings),
        secrets=(*secrets, *_private_host(host)),
    )


def openai(
    base_url: str | None = None, model: str | None = None, *, key: str | None = None
) -> Endpoint:
    """Return the endpoint of OpenAI, or of a server that speaks its GA dialect.

    Args:
        base_url: As in OpenAI's own clients, ending in `/v1`; None is OpenAI.
        model: None is `DEFAULT_OPENAI_MODEL`.
        key: The API key; may be absent for servers that need none.

    Raises:
        ValueError: The address or the key cannot be used.
    """
    return _openai(base_url or DEFAULT_OPENAI_BASE_URL, model, key, "OPENAI_BASE_URL")


def parley(url: str, model: str | None = None, *, key: str | None = None) -> Endpoint:
    """Return the endpoint of a Parley server, or of any other server with OpenAI's path.

    Args:
        url: The server's address as its start lines show it, such as `http://localhost:3000`;
            without `http://` before a name of this machine it is meant.
        model: The server takes its own for any name; None is `DEFAULT_OPENAI_MODEL`.
        key: Its access token, if it asks for one.

    Raises:
        ValueError: The address or the token cannot be used.
    """
    url = clean(url)
    if _LOGIN_LINK.search(url):
        raise ValueError(
            f"{_SERVER_URL} is the login link: give what stands before /login as the address, and"
            " set ACCESS_TOKEN to what stands after token=."
        )
    if "://" not in url and is_loopback(re.split(r"[:/?]", url, maxsplit=1)[0]):
        url = f"http://{url}"
    return replace(_openai(url, model, key, _SERVER_URL), label="a Parley server")


def engine(url: str, *, key: str | None = None, model: str = "engine") -> Endpoint:
    """Return the endpoint of an embedded engine. `url`: `ws://HOST:PORT`, the path is added."""
    parts, warnings = _split(url, "the engine's address")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return Endpoint(
        url=_build(parts, "/v1/realtime", {"model": model}),
        kind="engine",
        label="the built-in engine",
        model=model,
        headers=headers,
        warnings=tuple(warnings),
        secrets=() if key is None else (key,),
    )


def clean(text: str) -> str:
    """Return what was meant: without the blanks and quotes that come along when pasting.

    `docker --env-file` keeps them, too.
    """
    return text.strip().strip("\"'").strip()


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    return _LOOPBACK.fullmatch(host.lower().rstrip(".").strip("[]")) is not None


def _split(url: str, name: str) -> tuple[SplitResult, list[str]]:
    url = clean(url)
    if not url:
        raise ValueError(f"{name} is empty.")
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise ValueError(f"{name} has a space or another character that no address has.")
    has_scheme = "://" in url
    if not has_scheme:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{name} is not an address such as https://HOST.") from None
    scheme = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}.get(parts.scheme)
    if scheme is None:
        raise ValueError(f"{name} must begin with https:// (or http:// for a server of your own).")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{name} has a user name or password before the @: take it out.")
    if any(_SECRET_PARAMETER.search(key) for key, _ in parse_qsl(parts.query)):
        raise ValueError(
            f"{name} carries a key after the question mark: take it out of the address and set it"
            " as the API key. Make a new one if others have seen this address."
        )
    if host in _PORTAL_HOSTS:
        raise ValueError(
            f"{name} is the address of the portal's web page. Copy the endpoint of the resource"
            " instead, such as https://NAME.openai.azure.com."
        )
    is_word = "." not in host and ":" not in host and not is_loopback(host)
    if not host or (is_word and not has_scheme):
        example = _EXAMPLES.get(name, "http://localhost:3000")
        raise ValueError(f"{name} is not a full address such as {example}.")
    warnings = []
    if scheme == "ws" and not is_loopback(host):
        warnings.append(
            f"{name} begins with http://: everything, the key included, goes over the network"
            " unencrypted. Use https:// unless this network is yours alone."
        )
    return parts._replace(scheme=scheme, fragment=""), warnings


def _build(parts: SplitResult, path: str, query: Mapping[str, str]) -> str:
    return parts._replace(path=path, query=urlencode(query)).geturl()


def _openai(url: str, model: str | None, key: str | None, name: str) -> Endpoint:
    parts, warnings = _split(url, name)
    host = parts.hostname or ""
    path = _collapse(parts.path)
    if found := re.search(r"(.*?)/v1(/|$)", path):
        path = f"{found[1]}/v1/realtime"
    elif host.endswith(".azure.com") and path in ("", "/openai"):
        path = "/openai/v1/realtime"
    elif not path:
        path = "/v1/realtime"
    elif not path.endswith("/realtime"):
        path += "/realtime"
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.pop("model", None)
    chosen = clean(model or "") or DEFAULT_OPENAI_MODEL
    headers: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    if key is not None:
        key = _credential(key, "ACCESS_TOKEN" if name == _SERVER_URL else "OPENAI_API_KEY")
        headers["Authorization"] = f"Bearer {key}"
        secrets = (key,)
    return Endpoint(
        url=_build(parts, path, {"model": chosen, **query}),
        kind="openai",
        label="OpenAI" if host == _OPENAI_HOST else "an OpenAI-compatible server",
        model=chosen,
        headers=headers,
        warnings=tuple(warnings),
        secrets=(*secrets, *_private_host(host)),
    )


def _azure_ga_path(path: str) -> str:
    """Return the GA path for whatever path was pasted behind the host."""
    if path.endswith("/v1/realtime"):
        return path
    prefix = _azure_prefix(path)
    if found := re.fullmatch(r"(.*)/v1", prefix):
        return f"{found[1]}/v1/realtime"
    return f"{prefix}/openai/v1/realtime"


def _azure_prefix(path: str) -> str:
    """Return what stands before the paths of Azure's APIs; something only behind a gateway."""
    # Other APIs' paths of the resource, and the project's or the models' path of Foundry.
    return re.split(r"/openai(?:/|$)|/api/projects(?:/|$)|/models$", path, maxsplit=1)[0]


def _preview_version(version: str) -> str:
    if not version:
        return DEFAULT_PREVIEW_VERSION
    if not _PREVIEW_VERSION.fullmatch(version):
        raise ValueError(
            "AZURE_OPENAI_API_VERSION is not a version of the preview API: delete the line, or set"
            f" it to {DEFAULT_PREVIEW_VERSION}."
        )
    return version


def _azure_credential(key: str | None, token: str | None) -> tuple[dict[str, str], tuple[str, ...]]:
    if key is not None and token is not None:
        raise ValueError("Give Azure an API key or a token, not both.")
    if key is not None:
        key = _credential(key, "AZURE_OPENAI_API_KEY")
        return {"api-key": key}, (key,)
    if token is not None:
        token = _credential(token, "the Microsoft Entra ID token")
        return {"Authorization": f"Bearer {token}"}, (token,)
    return {}, ()


def _credential(text: str, name: str) -> str:
    text = clean(text)
    if not _HEADER_SAFE.fullmatch(text):
        raise ValueError(f"{name} is empty, or has a space or a character that no key has.")
    return text


def _api_version_warning(api_version: str) -> str:
    shown = f"={api_version}" if _API_VERSION.fullmatch(api_version) else ""
    return (
        f"Delete the line AZURE_OPENAI_API_VERSION{shown} from .env: the generally available"
        " Realtime API has no api-version. For a deployment that has the preview API only, set"
        " AZURE_OPENAI_DIALECT=preview."
    )


def _private_host(host: str) -> tuple[str, ...]:
    # A bare word ("realtime", the name of a container) tells nobody anything, and taking it out of
    # what passes would tear up events.
    is_word = "." not in host and ":" not in host
    return () if is_word or host == _OPENAI_HOST or is_loopback(host) else (host,)


def _collapse(path: str) -> str:
    return re.sub(r"/{2,}", "/", path).rstrip("/")
