"""The door over real sockets: profiles, client secrets, plain HTTP, limits, TLS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rtclient.engine import scripted
from rtclient.engine.door import DoorRules
from rtclient.engine.http import MAX_BODY_BYTES
from rtclient.engine.profiles import AZURE, OPENAI
from rtclient.engine.serve import serve
from rtclient.engine.stage import Stage
from rtclient.protocol.audio import to_base64
from tests.support.certificates import Authority
from tests.support.talker import Talker

KEY = {"Authorization": "Bearer key"}


@asynccontextmanager
async def engine(rules: DoorRules | None = None, **options: Any) -> AsyncIterator[str]:
    """An engine; gives host and port."""
    async with serve(scripted.senses(), rules=rules or DoorRules(key="key"), **options) as server:
        yield "{}:{}".format(*server.address)


async def minted(address: str, **body: Any) -> str:
    async with httpx2.AsyncClient(headers=KEY) as http:
        url = f"http://{address}/v1/realtime/client_secrets"
        answer = await http.post(url, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"])


async def exchange(address: str, *sent: bytes) -> bytes:
    """Send bytes as they are, return all that comes back."""
    reader, writer = await asyncio.open_connection(*address.split(":"))
    for data in sent:
        writer.write(data)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_official_client_makes_a_secret_that_opens_its_session_only() -> None:
    async with (
        engine() as address,
        AsyncOpenAI(api_key="key", base_url=f"http://{address}/v1") as program,
    ):
        made = await program.realtime.client_secrets.create(
            session={"type": "realtime", "instructions": "Be brief."}
        )
        headers = {"Authorization": f"Bearer {made.value}"}
        for _ in range(2):
            url = f"ws://{address}/v1/realtime?model=gpt-realtime"
            async with connect(url, additional_headers=headers) as connection:
                created = await Talker(connection).until("session.created")
            assert created["session"]["instructions"] == "Be brief."
            assert created["session"]["model"] == "gpt-realtime"
        async with httpx2.AsyncClient(headers=headers) as http:
            answer = await http.post(f"http://{address}/v1/realtime/client_secrets", json={})
            assert answer.status_code == 401
        assert [model.id async for model in program.models.list()] == ["parley-engine"]


async def test_a_secret_for_transcription_opens_such_a_session() -> None:
    async with engine() as address:
        secret = await minted(address, session={"type": "transcription"})
        headers = {"Authorization": f"Bearer {secret}"}
        async with connect(f"ws://{address}/v1/realtime", additional_headers=headers) as connection:
            created = await Talker(connection).until("session.created")
        assert created["session"]["type"] == "transcription"


async def test_health_needs_no_key_and_counts_sessions() -> None:
    async with engine() as address, httpx2.AsyncClient() as http:
        async with connect(f"ws://{address}/v1/realtime", additional_headers=KEY) as connection:
            await Talker(connection).until("session.created")
            health = (await http.get(f"http://{address}/healthz")).json()
            assert (health["status"], health["sessions"]) == ("ok", 1)
            assert "senses" not in health
            health = (await http.get(f"http://{address}/healthz", headers=KEY)).json()
            assert set(health["senses"]) >= {"ears", "brain", "voice"}

        while (await http.get(f"http://{address}/healthz")).json()["sessions"]:
            pass  # the engine learns a little later that the client is gone


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/v1/models", {}, b"", 401),
        ("GET", "/openai/v1/models", {"api-key": "key"}, b"", 200),
        ("POST", "/v1/models", KEY, b"", 405),
        ("GET", "/v1/realtime", {}, b"", 426),
        ("POST", "/v1/realtime", KEY, b"", 405),
        ("GET", "/openai/realtime", {}, b"", 426),
        ("GET", "/openai/models", KEY, b"", 404),
        ("POST", "/openai/realtime/client_secrets", KEY, b"{}", 404),
        ("POST", "/v1/realtime/client_secrets", {}, b"{}", 401),
        ("POST", "/v1/realtime/client_secrets", KEY, b"{", 400),
        ("POST", "/v1/realtime/client_secrets", KEY, b"[" * 100_000, 400),
        ("POST", "/v1/realtime/client_secrets", KEY, b'{"session":{"\\ud800":1}}', 400),
        ("POST", "/v1/realtime/client_secrets", KEY | {"Origin": "https://x.example"}, b"{}", 403),
        ("POST", "/v1/realtime/client_secrets", KEY, b" " * (MAX_BODY_BYTES + 1), 413),
        ("GET", "/_control/sessions", KEY, b"", 404),
        ("DELETE", "/elsewhere", KEY, b"", 404),
        ("HEAD", "/healthz", {}, b"", 405),
    ],
)
async def test_plain_requests(
    method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with engine() as address, httpx2.AsyncClient() as http:
        answer = await http.request(
            method, f"http://{address}{path}", headers=headers, content=body
        )
        assert answer.status_code == status
        assert answer.headers["connection"] == "close"
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([b"P", b"OST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\napi-key: key\r\n"
          b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n\r\n"], b"200"),
        ([b"G", b"ET /healthz HTTP/1.1\r\n", b"Host: x\r\n\r\n"], b"200"),
        ([b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"], b"431"),
        ([b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 4_000_000], b"431"),
        ([b"GET / HTTP/1.1\r\nHost: x\r\n", *[b"X: " + b"x" * 8000 + b"\r\n"] * 100], b"431"),
        ([b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
          b"1\r\nx\r\n" * 100_000], b"413"),
        ([b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n"], b"400"),
        ([b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"], b"400"),
    ],
)  # fmt: skip
async def test_requests_in_bits_and_those_that_are_none(sent: list[bytes], status: bytes) -> None:
    async with engine() as address:
        assert (await exchange(address, *sent)).startswith(b"HTTP/1.1 " + status)


async def test_the_answer_to_head_has_no_body() -> None:
    async with engine() as address:
        answer = await exchange(address, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405")
        assert answer.endswith(b"\r\n\r\n")


async def test_the_end_does_not_wait_for_who_says_nothing() -> None:
    async with engine() as address:
        writers = []
        for begun in (b"", b"PO", b"GET /v1", b"POST / HTTP/1.1\r\nHost: x\r\n"):
            _, writer = await asyncio.open_connection(*address.split(":"))
            writer.write(begun)
            writers.append(writer)
        await exchange(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        loop = asyncio.get_running_loop()
        leaving_at = loop.time()
    assert loop.time() - leaving_at < 3
    for writer in writers:
        writer.close()


async def test_a_fault_of_ours_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Stage):
        async def answer(self, method: str, path: str, body: bytes) -> Any:
            raise KeyError

    stage = Broken(is_controlled=True)
    async with engine(DoorRules(), stage=stage) as address, httpx2.AsyncClient() as http:
        answer = await http.post(f"http://{address}/_control/faults")
    assert answer.status_code == 500
    assert "could not be answered" in caplog.text


async def test_who_is_refused_after_the_upgrade_takes_no_session() -> None:
    async with engine(DoorRules(profile=OPENAI, key="key", max_sessions=1)) as address:
        url = f"ws://{address}/v1/realtime?model=gpt-realtime"
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(
            b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"invalid_api_key")
        async with connect(url, additional_headers=KEY) as connection:
            await Talker(connection).until("session.created")
        writer.close()


async def test_the_control_endpoint_wants_the_standing_key() -> None:
    rules = DoorRules(key="key", allowed_origins=("http://ok.example",))
    async with engine(rules, stage=Stage(is_controlled=True)) as address:
        secret = {"Authorization": f"Bearer {await minted(address)}"}
        async with httpx2.AsyncClient(base_url=f"http://{address}/_control/") as http:
            for headers, status in ((KEY, 200), ({}, 401), (secret, 401)):
                assert (await http.get("sessions", headers=headers)).status_code == status
            for name, value in (("Host", "evil.example"), ("Origin", "http://ok.example")):
                answer = await http.get("log", headers=KEY | {name: value})
                assert answer.status_code == 403, "a page, if only by its name"
            answer = await http.post("faults", headers=KEY, json={"fault": "refuse", "status": 599})
            assert answer.status_code == 200, answer.text
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{address}/v1/realtime", additional_headers=KEY)
        assert refused.value.response.status_code == 599
        assert json.loads(refused.value.response.body or b"")["error"]["code"] == "server_error"


async def test_a_client_that_waits_to_send_its_body_is_told_to_go_on() -> None:
    async with engine() as address:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(
            b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\napi-key: key\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"{}")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_openai_says_after_the_upgrade_what_is_wrong() -> None:
    async with engine(DoorRules(profile=OPENAI, key="key")) as address:
        for headers, query, code, reason in (
            ({}, "?model=gpt-realtime", 3000, "invalid_api_key"),
            (KEY, "?model=gpt-5", 4000, "invalid_model"),
        ):
            url = f"ws://{address}/v1/realtime{query}"
            async with connect(url, additional_headers=headers) as connection:
                talker = Talker(connection)
                assert await talker.closed() == (code, f"invalid_request_error.{reason}")
                assert [event["error"]["code"] for event in talker.events] == [reason]


async def test_azure_says_it_before_the_upgrade_and_says_when_to_come_again() -> None:
    rules = DoorRules(profile=AZURE, key="key", connections_per_minute=1)
    async with engine(rules) as address:
        url = f"ws://{address}/openai/v1/realtime?model=voice&api-key=key"
        async with connect(url) as connection:
            created = await Talker(connection).until("session.created")
            assert created["session"]["model"] == "voice"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        response = refused.value.response
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 60
        assert json.loads(response.body or b"")["error"]["code"] == "429"


async def test_a_session_too_many_waits_for_one_to_end() -> None:
    async with engine(DoorRules(max_sessions=1)) as address:
        url = f"ws://{address}/v1/realtime"
        async with connect(url) as connection:
            await Talker(connection).until("session.created")
            with pytest.raises(InvalidStatus) as refused:
                await connect(url)
            assert refused.value.response.status_code == 429
            assert "Retry-After" in refused.value.response.headers

        while not await has_room(url):
            pass  # the engine learns a little later that the client is gone


async def has_room(url: str) -> bool:
    try:
        async with connect(url):
            return True
    except InvalidStatus:
        return False


async def test_with_a_certificate_everything_is_encrypted() -> None:
    authority = Authority()
    trust = authority.client_context()
    async with engine(tls=authority.server_context()) as address:
        port = address.split(":")[1]
        url = f"wss://localhost:{port}/v1/realtime"
        async with connect(url, additional_headers=KEY, ssl=trust) as connection:
            await Talker(connection).until("session.created")
        async with httpx2.AsyncClient(headers=KEY, verify=trust) as http:
            url = f"https://localhost:{port}/v1/realtime/client_secrets"
            assert (await http.post(url, json={})).status_code == 200


async def test_transcription_fails_with_a_name_that_is_not_deployed() -> None:
    async with engine(DoorRules(profile=AZURE, transcription_deployments=("scribe",))) as address:
        url = f"ws://{address}/openai/v1/realtime?intent=transcription"
        kind = "conversation.item.input_audio_transcription"
        for model, end in (("whisper-1", f"{kind}.failed"), ("scribe", f"{kind}.completed")):
            async with connect(url) as connection:
                talker = Talker(connection)
                heard = {"transcription": {"model": model}, "turn_detection": None}
                session = {"type": "transcription", "audio": {"input": heard}}
                await talker.send("session.update", session=session)
                audio = to_base64(scripted.tone(300, 200))
                await talker.send("input_audio_buffer.append", audio=audio)
                await talker.send("input_audio_buffer.commit")
                await talker.until(end)
