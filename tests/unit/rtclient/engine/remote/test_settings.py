"""What the variables say: addresses, models, rates, and the faults in them."""

import pytest

from rtclient.engine.remote.settings import LocalSettingsError, ModelServer, Servers, servers_of

SECRET = "sk-canary"


def chat(url: str, **more: str) -> ModelServer:
    server = servers_of({"LOCAL_CHAT_URL": url, **more}).chat
    assert server is not None
    return server


def faults(**values: str) -> list[str]:
    with pytest.raises(LocalSettingsError) as caught:
        servers_of(values)
    assert SECRET not in str(caught.value)
    return caught.value.faults


def test_nothing_set_is_no_server() -> None:
    assert servers_of({"LOCAL_CHAT_URL": " ", "OTHER": "x"}) == Servers()
    assert list(Servers()) == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        (" 'http://127.0.0.1:11434/v1/' ", "http://127.0.0.1:11434/v1"),
        ("https://models.example/api/v3", "https://models.example/api/v3"),
        ("http://[::1]:8000/v1/chat/completions", "http://[::1]:8000/v1"),
        ("http://host/chat/completions/", "http://host/v1"),
    ],
)
def test_an_address_may_be_written_in_several_ways(given: str, meant: str) -> None:
    assert chat(given).url == meant


@pytest.mark.parametrize(
    "url",
    ["localhost:11434", "ws://host", "http://", "http://host:port", "http://[::1", "http://a b"],
)
def test_what_is_no_address_is_told(url: str) -> None:
    (fault,) = faults(LOCAL_CHAT_URL=url)
    assert fault == "LOCAL_CHAT_URL is no address: write it as http://HOST:PORT/v1."


def test_all_faults_are_found_at_once_and_name_their_variable() -> None:
    found = faults(
        LOCAL_STT_URL=f"http://{SECRET}@host",
        LOCAL_CHAT_URL=f"http://host/v1?key={SECRET}",
        LOCAL_TTS_URL="http://host",
        LOCAL_TTS_KEY=f"{SECRET}\nx",
        LOCAL_TTS_RATE="24k",
    )
    assert [fault.split()[0] for fault in found] == [
        "LOCAL_STT_URL",
        "LOCAL_CHAT_URL",
        "LOCAL_TTS_KEY",
        "LOCAL_TTS_RATE",
    ]
    assert "LOCAL_STT_KEY" in found[0]


@pytest.mark.parametrize(("text", "is_right"), [("8000", True), ("192000", True), ("7999", False)])
def test_a_rate_has_limits(text: str, is_right: bool) -> None:
    values = {"LOCAL_TTS_URL": "http://host", "LOCAL_TTS_RATE": text}
    if is_right:
        tts = servers_of(values).tts
        assert tts is not None
        assert tts.rate_hz == int(text)
    else:
        assert len(faults(**values)) == 1


def test_a_server_in_words_has_no_key() -> None:
    server = chat("http://127.0.0.1:11434", LOCAL_CHAT_MODEL="llama", LOCAL_CHAT_KEY=SECRET)
    assert str(server) == "LOCAL_CHAT_URL model llama at 127.0.0.1:11434"
    assert server.key == SECRET
    assert SECRET not in repr(server)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("a.b", False),
    ],
)
def test_a_server_on_this_machine_is_known(host: str, is_loopback: bool) -> None:
    assert chat(f"http://{host}:1").is_loopback is is_loopback


def test_a_variable_without_its_address_is_noted() -> None:
    servers = servers_of({"LOCAL_TTS_MODEL": "kokoro", "LOCAL_CHAT_URL": "http://host"})
    assert servers.notes == ("LOCAL_TTS_MODEL has no effect: LOCAL_TTS_URL is not set.",)
