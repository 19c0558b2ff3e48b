"""Addresses from what people paste."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.protocol.dialects import Dialect

HOST = "https://myres.openai.azure.com"
GA = "wss://myres.openai.azure.com/openai/v1/realtime?model=voice"
KEY = "canary0123456789abcdef"


def azure(endpoint: str, deployment: str = "voice", **options: Any) -> Endpoint:
    """An Azure endpoint with a key."""
    return endpoints.azure(endpoint, deployment, key=KEY, **options)


@pytest.mark.parametrize(
    "pasted",
    [
        HOST,
        HOST + "/",
        HOST + "//",
        f"  {HOST}/ \n",
        f'"{HOST}"',
        "myres.openai.azure.com",
        "wss://myres.openai.azure.com",
        "HTTPS://myres.openai.azure.com/",
        HOST + "/openai",
        HOST + "/openai/v1",
        HOST + "/openai/v1/",
        HOST + "//openai//v1//realtime",
        HOST + "/openai/v1/realtime?model=other",
        HOST + "/openai/realtime?api-version=2024-10-01-preview&deployment=other",
        HOST + "/openai/deployments/other/chat/completions?api-version=2024-08-01-preview",
        HOST + "/openai/v1/chat/completions",
        HOST + "/openai/responses?api-version=2025-04-01-preview",
        HOST + "/api/projects/my-project",
        HOST + "/models",
        HOST + "/#fragment",
    ],
)
def test_every_pasted_azure_address_is_the_ga_one(pasted: str) -> None:
    assert azure(pasted).url == GA


@pytest.mark.parametrize("suffix", ["cognitiveservices.azure.com", "services.ai.azure.com"])
def test_the_hosts_of_foundry_stay(suffix: str) -> None:
    url = azure(f"https://myres.{suffix}/api/projects/p").url
    assert url == f"wss://myres.{suffix}/openai/v1/realtime?model=voice"


def test_a_gateway_keeps_its_path_and_parameters() -> None:
    url = azure("https://gateway.example/voice/openai?region=eu").url
    assert url == "wss://gateway.example/voice/openai/v1/realtime?model=voice&region=eu"


@pytest.mark.parametrize(
    "pasted",
    [
        HOST + "/openai/realtime?api-version=x&deployment=voice",
        HOST + "/openai/v1/realtime?model=voice",
        HOST + "/openai/deployments/voice/realtime",
    ],
)
def test_a_pasted_deployment_is_taken(pasted: str) -> None:
    assert azure(pasted, "").url == GA
    assert azure(pasted, "").model == "voice"


def test_a_deployment_is_escaped() -> None:
    assert azure(HOST, "a b&c=d/../e").url.endswith("?model=a+b%26c%3Dd%2F..%2Fe")


@pytest.mark.parametrize("version", ["2024-10-01-preview", "2025-08-28", "v1", "preview"])
def test_an_api_version_is_dropped_and_the_line_to_delete_is_named(version: str) -> None:
    endpoint = azure(HOST, api_version=version)
    assert endpoint.url == GA
    (warning,) = endpoint.warnings
    assert f"Delete the line AZURE_OPENAI_API_VERSION={version} from .env" in warning
    assert "AZURE_OPENAI_DIALECT=preview" in warning


def test_a_key_in_the_line_of_the_version_is_not_repeated() -> None:
    (warning,) = azure(HOST, api_version=KEY).warnings
    assert KEY not in warning
    assert azure(HOST, api_version=" ").warnings == ()


PREVIEW = (
    "wss://myres.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=voice"
)


@pytest.mark.parametrize(
    "pasted",
    [
        HOST,
        HOST + "/openai/v1",
        HOST + "/openai/v1/realtime?model=other",
        HOST + "/openai/realtime?deployment=other",
        HOST + "/openai/deployments/other/chat/completions",
    ],
)
def test_every_pasted_azure_address_can_be_the_preview_one(pasted: str) -> None:
    endpoint = azure(pasted, dialect="preview")
    assert (endpoint.url, endpoint.dialect, endpoint.warnings) == (PREVIEW, "preview", ())
    assert azure(pasted).dialect == "ga"


def test_the_version_of_the_preview_is_the_set_one_before_the_pasted_one() -> None:
    pasted = HOST + "/openai/realtime?api-version=2024-10-01-preview"
    assert "?api-version=2024-10-01-preview&" in azure(pasted, dialect="preview").url
    newest = azure(pasted, dialect="preview", api_version="2024-12-17")
    assert "?api-version=2024-12-17&" in newest.url
    assert newest.warnings == ()


@pytest.mark.parametrize("version", ["v1", "preview", KEY])
def test_the_preview_has_dated_versions_only(version: str) -> None:
    with pytest.raises(ValueError, match="AZURE_OPENAI_API_VERSION") as caught:
        azure(HOST, dialect="preview", api_version=version)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("dialect", ["ga", "preview"])
def test_no_address_of_azure_asks_for_the_beta(dialect: Dialect) -> None:
    endpoint = azure(HOST, dialect=dialect)
    assert endpoint.headers == {"api-key": KEY}
    assert endpoint.subprotocols == ()


def test_transcription_on_the_preview_names_no_deployment() -> None:
    url = azure(HOST, dialect="preview").with_kind("transcription").url
    query = "intent=transcription&api-version=2025-04-01-preview"
    assert url == f"wss://myres.openai.azure.com/openai/realtime?{query}"


def test_azure_has_one_credential() -> None:
    assert azure(HOST).headers == {"api-key": KEY}
    with_token = endpoints.azure(HOST, "voice", token="tok123")
    assert with_token.headers == {"Authorization": "Bearer tok123"}
    assert "tok123" in with_token.secrets
    assert endpoints.azure(HOST, "voice").headers == {}
    with pytest.raises(ValueError, match="not both"):
        endpoints.azure(HOST, "voice", key=KEY, token="tok123")


@pytest.mark.parametrize("key", ["", " ", "a b", "a\r\nb", "kéy", "\x00"])
def test_a_key_that_no_header_may_have_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="AZURE_OPENAI_API_KEY"):
        endpoints.azure(HOST, "voice", key=key)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "empty"),
        ("https://", "full address"),
        ("myres", "full address"),
        ("ftp://myres.openai.azure.com", "https://"),
        (f"https://user:{KEY}@myres.openai.azure.com", "before the @"),
        (f"https://{KEY}@myres.openai.azure.com", "before the @"),
        (HOST + f"/?api-key={KEY}", "make a new one".capitalize()),
        (HOST + f"/?subscription-key={KEY}", "carries a key"),
        (HOST + f"/?sig={KEY}", "carries a key"),
        ("https://portal.azure.com/#home", "portal"),
        ("https://ai.azure.com/resource/overview", "portal"),
        ("https://my res.openai.azure.com", "space"),
        ("https://myres.openai.azure.com\\@evil.example", "character"),
        ("https://host:port", "not an address"),
        ("https://[::1", "not an address"),
        (KEY, "full address"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(pasted: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        azure(pasted)
    assert "AZURE_OPENAI_ENDPOINT" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_example_is_one_of_that_service() -> None:
    with pytest.raises(ValueError, match=r"such as https://NAME\.openai"):
        endpoints.azure("myres", "voice")
    with pytest.raises(ValueError, match=r"such as https://api\.openai"):
        endpoints.openai("myres")
    with pytest.raises(ValueError, match="such as http://localhost:3000"):
        endpoints.parley("myres")


def test_a_missing_deployment_is_named() -> None:
    with pytest.raises(ValueError, match="AZURE_OPENAI_DEPLOYMENT is missing"):
        azure(HOST, "")


def test_a_regional_address_brings_a_warning() -> None:
    (warning,) = azure("https://eastus.api.cognitive.microsoft.com/").warnings
    assert "region" in warning


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        (None, "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1/", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1/chat/completions", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1/realtime?model=x", "wss://api.openai.com/v1/realtime?model=m"),
        ("http://localhost:8080/v1", "ws://localhost:8080/v1/realtime?model=m"),
        ("http://[::1]:8080", "ws://[::1]:8080/v1/realtime?model=m"),
        ("https://gateway.example/openai/v1", "wss://gateway.example/openai/v1/realtime?model=m"),
        ("https://gateway.example/llm", "wss://gateway.example/llm/realtime?model=m"),
        (HOST, "wss://myres.openai.azure.com/openai/v1/realtime?model=m"),
    ],
)
def test_every_pasted_openai_address_is_the_realtime_one(pasted: str | None, url: str) -> None:
    assert endpoints.openai(pasted, "m", key="sk-x").url == url


def test_openai_has_a_bearer_and_never_the_beta_header() -> None:
    endpoint = endpoints.openai(key="sk-abc")
    assert endpoint.headers == {"Authorization": "Bearer sk-abc"}
    assert endpoint.model == endpoints.DEFAULT_OPENAI_MODEL
    assert endpoint.label == "OpenAI"
    assert endpoint.secrets == ("sk-abc",)
    assert endpoints.openai("http://localhost:1/v1").headers == {}


def test_the_host_of_others_is_a_secret() -> None:
    assert "myres.openai.azure.com" in azure(HOST).secrets
    assert "gateway.example" in endpoints.openai("https://gateway.example/v1", key="k").secrets
    assert "10.0.0.7" in endpoints.openai("http://10.0.0.7:8000/v1").secrets
    # As a secret it would be taken out of `"type":"realtime"`, and of what people say.
    assert endpoints.openai("http://realtime:8000/v1").secrets == ()


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        ("http://localhost:1", False),
        ("http://127.0.0.1:1", False),
        ("http://[::1]:1", False),
        ("http://gateway:8080", True),
        ("http://10.0.0.5", True),
        ("https://gateway.example", False),
    ],
)
def test_an_unencrypted_address_is_dialled_with_a_warning(url: str, is_warned: bool) -> None:
    endpoint = endpoints.openai(url)
    assert endpoint.url.startswith("ws://" if url.startswith("http:") else "wss://")
    assert any("unencrypted" in warning for warning in endpoint.warnings) is is_warned


def test_the_engine_gets_its_path_and_key() -> None:
    endpoint = endpoints.engine("ws://127.0.0.1:4321", key="k1234567", model="parley-engine")
    assert endpoint.url == "ws://127.0.0.1:4321/v1/realtime?model=parley-engine"
    assert endpoint.headers == {"Authorization": "Bearer k1234567"}
    assert endpoint.host == "127.0.0.1"


def test_a_repr_shows_no_secret() -> None:
    assert KEY not in repr(azure(HOST))
    assert "sk-abc" not in repr(endpoints.openai(key="sk-abc"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
    ],
)
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert endpoints.is_loopback(host) is expected


@given(st.text(max_size=40) | st.text("htps:/.@?#[]ab-\\% \n", max_size=40))
def test_any_text_becomes_an_address_or_a_value_error(text: str) -> None:
    for make in (azure, endpoints.openai, endpoints.parley):
        try:
            endpoint = make(text)
        except ValueError:
            continue
        assert endpoint.url.startswith(("ws://", "wss://"))
        assert "@" not in endpoint.url.split("?")[0].split("/")[2]


def test_the_address_of_a_transcription_names_no_model() -> None:
    for endpoint in (
        endpoints.openai(key="sk-1", model="m"),
        endpoints.azure("https://x.openai.azure.com", "d"),
    ):
        url = endpoint.with_kind("transcription").url
        assert url == endpoint.url.partition("?")[0] + "?intent=transcription"
        assert endpoint.with_kind("realtime") is endpoint


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:3000", "ws://localhost:3000/v1/realtime"),
        ("localhost:3000", "ws://localhost:3000/v1/realtime"),
        ("https://voice.example/", "wss://voice.example/v1/realtime"),
        ("voice.example/talk/v1", "wss://voice.example/talk/v1/realtime"),
    ],
)
def test_a_parley_server_is_dialled_at_openais_path(given: str, url: str) -> None:
    endpoint = endpoints.parley(given, "m", key=KEY)
    assert endpoint.url == f"{url}?model=m"
    assert endpoint.headers == {"Authorization": f"Bearer {KEY}"}
    assert endpoint.secrets[0] == KEY


def test_a_login_link_is_told_apart_and_its_token_not_repeated() -> None:
    with pytest.raises(ValueError, match="ACCESS_TOKEN") as caught:
        endpoints.parley(f"http://localhost:3000/login?token={KEY}")
    assert KEY not in str(caught.value)
