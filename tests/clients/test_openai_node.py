"""The official npm package `openai` on the engine itself: every kind of turn, by each class.

The engine has its real senses, and a certificate because the classes force wss. What goes through
our server is in the cells. `openai-node/turns.mjs` takes the turns and reports facts, judged here.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.certificates import Authority
from tests.support.matrix import KIT
from tests.support.official import SPEECH
from tests.support.servers import ROOT, child
from tests.support.waiting import ready_line

HERE = Path(__file__).parent / "openai-node"
OPENAI = ("OpenAIRealtimeWS", "OpenAIRealtimeWebSocket")
SECRET = ("OpenAIRealtimeWebSocketWithSecret",)
"""As a browser: with a client secret."""
AZURE = ("OpenAIRealtimeWS.azure", "OpenAIRealtimeWebSocket.azure")
"""They dial `/openai/v1/realtime`."""
ALL = OPENAI + SECRET + AZURE
LEAST_NODE = ("22", "0")
"""What the package asks for; from here on Node has a WebSocket of its own, as browsers have."""

Facts = dict[str, Any]
Report = dict[str, dict[str, Facts]]

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]


async def output_of(*command: str | Path, **environment: str) -> str:
    """Run a program; return what it prints. A failure says what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node_program() -> tuple[str, Path]:
    """A node that is new enough, and the program beside its packages."""
    node = await output_of("scripts/node.sh", *LEAST_NODE)
    packages = await output_of("scripts/client_environment.sh", HERE)
    shutil.copy(KIT / "openai_turns.mjs", packages)
    return node, Path(shutil.copy(HERE / "turns.mjs", packages))


@asynccontextmanager
async def engine_with_tls(authority: Authority, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """An engine with a certificate of its own; gives its port and key."""
    chain, key_file = authority.write_server(folder)
    arguments = ("--port", "0", "--tls-cert", str(chain), "--tls-key", str(key_file))
    environment = {"RTCLIENT_ENGINE_KEY": "npm-client-key"}
    async with child("-m", "rtclient.engine", *arguments, environment=environment) as engine:
        yield (await ready_line(engine))["port"], environment["RTCLIENT_ENGINE_KEY"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def report(
    node_program: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Report:
    """What the classes of the package say of all kinds of turn."""
    authority = Authority()
    folder = tmp_path_factory.mktemp("authority")
    trusted = str(authority.write(folder))
    async with engine_with_tls(authority, folder) as (port, key):
        told = await output_of(
            *(*node_program, SPEECH, f"https://localhost:{port}", key, *ALL),
            NODE_EXTRA_CA_CERTS=trusted,
        )
    found: Report = json.loads(told)
    assert set(found) == set(ALL)
    return found


def says_twelve(facts: Facts) -> bool:
    return "12" in facts["text"] or "twelve" in facts["text"].lower()


def is_spoken(facts: Facts) -> bool:
    kinds = facts["types"]
    return (
        "time" in facts["heard"].lower()
        and bool(facts["text"])
        and facts["audioBytes"] > 24_000
        and kinds.index("input_audio_buffer.committed") < kinds.index("response.created")
    )


def is_detected(facts: Facts) -> bool:
    kinds = facts["types"]
    started, stopped = (
        kinds.index(f"input_audio_buffer.speech_{w}") for w in ("started", "stopped")
    )
    return is_spoken(facts) and started < stopped < kinds.index("input_audio_buffer.committed")


EXPECTED: dict[str, Facts | Callable[[Facts], bool]] = {
    "text": lambda facts: says_twelve(facts) and facts["audioBytes"] == 0 and facts["tokens"] > 0,
    "aloud": lambda facts: says_twelve(facts) and facts["audioBytes"] > 24_000,
    "server_vad": is_detected,
    "semantic_vad": is_detected,
    "push_to_talk": lambda facts: (
        is_spoken(facts) and "input_audio_buffer.speech_started" not in facts["types"]
    ),
    "telephone": lambda facts: says_twelve(facts) and 4_000 < facts["audioBytes"] < 24_000,
    "tool": lambda facts: (
        facts["name"] == "get_weather"
        and facts["arguments"] == {"city": "Paris"}
        and "21" in facts["text"]
    ),
    "forced_tool": {"kinds": ["function_call"]},
    "out_of_band": lambda facts: (
        says_twelve(facts)
        and facts["metadata"] == {"topic": "sum"}
        and facts["conversations"] == [None, "string"]
        and facts["statuses"] == ["completed", "completed"]
    ),
    "too_long": {"status": "incomplete", "reason": "max_output_tokens"},
    "barge_in": {
        "statuses": ["cancelled", "completed"],
        "reason": "turn_detected",
        "keptBytes": 90 * 48,
    },
    "cancel": {"status": "cancelled", "reason": "client_cancelled"},
    "items": {"before": None, "text": "My name is Ada."},
    "transcription": lambda facts: (
        facts["type"] == "transcription"
        and "time" in facts["heard"].lower()
        and not facts["answers"]
    ),
    "error": {"code": "unknown_parameter", "param": "session.color", "event_id": "mine"},
}
"""Kind of turn → the facts, or what must hold for them."""


HANDSHAKES = {"text", "server_vad", "tool", "transcription"}
"""What the classes that differ only in their handshake do."""


@pytest.mark.parametrize("kind", EXPECTED)
async def test_a_turn(report: Report, kind: str) -> None:
    expected = EXPECTED[kind]
    for name in OPENAI if kind not in HANDSHAKES else report:
        facts = report[name][kind]
        assert "failed" not in facts, (name, facts["failed"])
        assert expected(facts) if callable(expected) else facts == expected, (name, facts)


async def test_every_kind_of_turn_is_judged(report: Report) -> None:
    for name, turns in report.items():
        assert turns.keys() == (EXPECTED.keys() if name in OPENAI else HANDSHAKES)
