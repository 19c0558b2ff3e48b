"""How the application and its upstream live together."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from websockets.asyncio.client import connect

from rtclient.endpoints import Endpoint, SessionKind
from rtclient.protocol.dialects import Dialect
from rtclient.testing import ScriptedPeer
from rtclient.transport import Transport, dial
from server.__main__ import uvicorn_config
from server.app import create_app
from server.errors import FaultError
from server.settings import load_settings
from server.upstreams import State
from server.upstreams.dialling import Dialler
from server.upstreams.engine import EngineUpstream
from tests.integration.test_relay import set_up
from tests.support.canary import CANARY, found
from tests.support.model_servers import Fault, model_servers
from tests.support.servers import child_server, running
from tests.support.talker import talking
from tests.support.waiting import engine_ready


class StartingEngine:
    """An engine that is ready when the test says so."""

    kind: Literal["engine"] = "engine"
    label = "an engine"
    model = "engine"
    secrets = ()
    dialect: Dialect = "ga"
    voices = None
    notes = ("The voice is a plain one.",)

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.now: State = "starting"
        self.calls: list[str] = []
        self.dialled = asyncio.Event()
        self.ready = asyncio.Event()

    def state(self) -> State:
        return self.now

    async def start(self) -> None:
        self.calls.append("start")

    async def dial(self, kind: SessionKind = "realtime") -> Transport:
        self.dialled.set()
        await self.ready.wait()
        if self.now == "failed":
            raise FaultError("engine_failed")
        return await dial(Endpoint(self.url, "engine", "an engine"))

    async def close(self) -> None:
        self.calls.append("close")


def client(
    upstream: StartingEngine, folder: Path, environ: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    """Return an HTTP client for an app with this upstream."""
    settings = load_settings({"UPSTREAM": "engine", **(environ or {})}, folder)
    app = create_app(settings, upstream=upstream)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.mark.parametrize(("state", "status"), [("starting", 200), ("ready", 200), ("failed", 503)])
async def test_health_says_how_the_engine_is(tmp_path: Path, state: State, status: int) -> None:
    upstream = StartingEngine()
    upstream.now = state
    async with client(upstream, tmp_path) as http:
        answer = await http.get("/healthz")
        assert answer.status_code == status
        assert answer.json()["engine"] == state
        assert (await http.head("/healthz")).status_code == status


async def test_the_page_learns_about_the_engine(tmp_path: Path) -> None:
    async with client(StartingEngine(), tmp_path) as http:
        config = (await http.get("/config.json")).json()
    assert config["greeting"] is True
    assert config["engine"]["state"] == "starting"
    assert len(config["engine"]["phrases"]) == 6
    assert config["engine"]["all_phrases"][:6] == config["engine"]["phrases"]
    assert len(config["engine"]["all_phrases"]) >= 30
    assert config["engine"]["notes"] == ["The voice is a plain one."]


async def test_the_page_learns_which_models_are_used_and_where_phrases_help(tmp_path: Path) -> None:
    chat = {"LOCAL_CHAT_URL": "http://127.0.0.1:9", "LOCAL_CHAT_MODEL": "llama"}
    stt = {"LOCAL_STT_URL": "http://127.0.0.1:9", "LOCAL_STT_MODEL": "whisper"}
    for environ, models, has_phrases in (
        (chat, {"brain": "llama"}, True),
        (chat | stt, {"ears": "whisper", "brain": "llama"}, False),
    ):
        async with client(StartingEngine(), tmp_path, environ) as http:
            answer = await http.get("/config.json")
        engine = answer.json()["engine"]
        assert engine["models"] == models
        assert bool(engine["phrases"]) is bool(engine["all_phrases"]) is has_phrases
        assert "127.0.0.1:9" not in answer.text


async def test_the_server_hands_its_models_to_the_engine(tmp_path: Path) -> None:
    async with model_servers() as models:
        (tmp_path / ".env").write_text(
            f"LOCAL_CHAT_URL={models.url}\nLOCAL_TTS_URL={models.url}\nLOCAL_STT_URL={models.url}\n"
            f"LOCAL_CHAT_KEY='{CANARY}'\n"
        )
        models.plan("chat", Fault(status=401))
        environ = {"UPSTREAM": "engine", "PARLEY_LOG_LEVEL": "DEBUG"}
        async with child_server(environ, folder=tmp_path) as (server, port):
            await engine_ready(port)
            async with talking(port) as page:
                await page.until("session.updated")
                part = {"type": "input_text", "text": "Are you there?"}
                item = {"type": "message", "role": "user", "content": [part]}
                await page.send("conversation.item.create", item=item)
                for _ in range(2):  # refused, then answered
                    await page.send("response.create", response={"output_modalities": ["text"]})
                    done = await page.until("response.done")
        assert not found(repr(page.texts).encode() + server.stdout + server.stderr)
    assert [error["code"] for error in page.errors()] == ["chat_server_failed"]
    (message,) = done["response"]["output"]
    assert message["content"][0]["text"].startswith("You said:")
    assert models.of("chat")[1].headers["authorization"] == f"Bearer {CANARY}"


async def test_a_client_waits_for_an_engine_that_is_starting_and_is_told(tmp_path: Path) -> None:
    settings = load_settings({"UPSTREAM": "engine", "PORT": "0"}, tmp_path)
    async with ScriptedPeer(set_up) as peer:
        upstream = StartingEngine(peer.url)
        app = create_app(settings, upstream=upstream)
        async with running(uvicorn_config(app, settings)) as server:
            assert upstream.calls == ["start"]
            async with talking(server.port) as page:
                notice = await page.until("parley.notice")
                assert (notice["level"], notice["code"]) == ("info", "engine_starting")
                upstream.now = "ready"
                upstream.ready.set()
                await page.until("session.updated")
        assert upstream.calls == ["start", "close"]


BUSY = """
import json, pathlib, sys
say = lambda **line: print(json.dumps(line), flush=True)
say(event="ready", host="127.0.0.1", port=PORT)
wait = lambda: pathlib.Path("FIFO").read_text()
wait(); say(event="load", queue_ms=1800); wait(); say(event="load", queue_ms=0)
sys.stdin.read()
"""


def is_busy(event: dict[str, Any]) -> bool:
    return bool(event["code"] == "engine_busy")


async def test_open_pages_are_told_when_the_engine_is_busy_and_when_no_more(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    settings = load_settings({"UPSTREAM": "engine", "PORT": "0"}, tmp_path)
    async with ScriptedPeer(set_up) as peer:
        code = BUSY.replace("PORT", str(peer.port)).replace("FIFO", str(fifo))
        upstream = EngineUpstream(Dialler(), command=(sys.executable, "-S", "-c", code))
        app = create_app(settings, upstream=upstream)
        async with (
            running(uvicorn_config(app, settings)) as server,
            httpx.AsyncClient() as http,
            talking(server.port) as page,
        ):
            await page.until("session.updated")
            await asyncio.to_thread(fifo.write_text, "busy")
            notice = await page.until("parley.notice", is_busy)
            assert notice["level"] == "warning"
            assert "about 2 s longer" in notice["message"]
            health = (await http.get(f"http://127.0.0.1:{server.port}/healthz")).json()
            assert health["engine_queue_ms"] == 1800
            async with talking(server.port) as late:
                await late.until("parley.notice", is_busy)
            await asyncio.to_thread(fifo.write_text, "idle")
            assert (await page.until("parley.notice", is_busy))["level"] == "info"


async def test_a_client_is_told_when_the_engine_failed(tmp_path: Path) -> None:
    settings = load_settings({"UPSTREAM": "engine", "PORT": "0"}, tmp_path)
    upstream = StartingEngine()
    upstream.now = "failed"
    upstream.ready.set()
    app = create_app(settings, upstream=upstream)
    async with (
        running(uvicorn_config(app, settings)) as server,
        talking(server.port) as page,
    ):
        assert (await page.closed())[0] == 1011
        assert [error["code"] for error in page.errors()] == ["engine_failed"]


async def test_compression_is_never_taken(tmp_path: Path) -> None:
    settings = load_settings({"UPSTREAM": "engine", "PORT": "0"}, tmp_path)
    app = create_app(settings, upstream=StartingEngine())
    async with (
        running(uvicorn_config(app, settings)) as server,
        connect(f"ws://127.0.0.1:{server.port}/ws", compression="deflate", proxy=None) as page,
    ):
        assert page.protocol.extensions == []
