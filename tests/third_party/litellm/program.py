"""litellm: its proxy in front of our server, and the openai package as the proxy's client.

The proxy is all that litellm has for this API ("currently only supported on LiteLLM Proxy").
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.types.beta.realtime import RealtimeServerEvent as PreviewEvent
from openai.types.realtime import RealtimeServerEvent
from openai_turns import GA, HEARD, SERVER_VAD, SILENCE, STEPS, Models, Preview, Talk, opened
from report import Run, main, question

MODEL = "gpt-realtime"
MODELS = {GA: Models(RealtimeServerEvent), Preview: Models(PreviewEvent)}
KEY = f"sk-{secrets.token_hex(16)}"
"""The key of the proxy itself."""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


PORT = _free_port()


def _route(run: Run) -> Mapping[str, Any]:
    """Return how the proxy reaches our server; the run's id is the name of the model."""
    to = {"model": f"openai/{MODEL}", "api_base": run.origin, "api_key": run.key}
    if run.path.startswith("/openai"):
        to |= {"model": f"azure/{MODEL}", "api_version": "2025-04-01-preview"}
        to |= {"realtime_protocol": "GA" if run.path == "/openai/v1/realtime" else "beta"}
    return {"model_name": f"run-{run.id}", "litellm_params": to}


@contextlib.contextmanager
def proxy() -> Iterator[None]:
    """Run the proxy until the block ends."""
    routes = [_route(Run(**json.loads(told))) for told in sys.argv[2:]]
    config = {"model_list": routes, "general_settings": {"master_key": KEY}}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        program = Path(sys.executable).parent / "litellm"
        where = ("--host", "127.0.0.1", "--port", str(PORT))
        process = subprocess.Popen(
            [program, "--config", "config.yaml", *where],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                sys.stderr.buffer.write(line)
                if b"Uvicorn running on" in line:
                    break
            rest = process.stdout
            threading.Thread(target=lambda: list(rest), daemon=True).start()
            yield
        finally:
            process.terminate()
            process.wait()


async def voice(talk: Talk) -> None:
    """As always, but the proxy asks for an answer too, whenever words are heard; it is refused."""
    await talk.update(turn_detection=SERVER_VAD, transcription={"model": "whisper-1"})
    await talk.append(question() + SILENCE)
    assert (await talk.error()).code == "conversation_already_has_active_response"
    if not talk.of("response.done"):
        await talk.until("response.done")
    assert talk.of(HEARD)
    talk.is_spoken()


async def take(run: Run, step: str) -> None:
    is_beta = "beta" in run.kind
    base = f"ws://127.0.0.1:{PORT}/v1"
    client = AsyncOpenAI(api_key=KEY, base_url=f"http{base[2:]}", websocket_base_url=base)
    dialect = Preview if is_beta else GA
    realtime = client.beta.realtime if is_beta else client.realtime
    connection = realtime.connect(model=f"run-{run.id}")
    async with opened(connection, MODELS[dialect], dialect) as talk:
        await (voice if step == "voice" else STEPS[step])(talk)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the proxy ends too
with proxy():
    main(take)
