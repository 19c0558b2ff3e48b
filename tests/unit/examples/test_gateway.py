"""The gateway example: its waits, its loudspeaker, and how it comes back with its configuration."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus

from examples.gateway import FRAME_SAMPLES, LEAD_S, RATE_HZ, Speaker, Talk, retry_delay_s

CONFIG = {"provider": "engine", "voice": "coral"}
FRAME = bytes(2 * FRAME_SAMPLES)


def test_the_wait_is_anything_from_0_up_to_a_bound_that_doubles_until_15_s() -> None:
    assert [retry_delay_s(attempt, 1.0) for attempt in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 15, 15]
    assert retry_delay_s(3, 0.0) == 0
    assert retry_delay_s(3, 0.25) == 1


async def test_an_interruption_takes_back_all_that_is_not_nearly_heard() -> None:
    played: list[bytes] = []
    speaker = Speaker(played.append)
    playing = asyncio.create_task(speaker.run())
    speaker.add(FRAME * 100)
    while len(played) < 2:
        await asyncio.to_thread(lambda: None)
    speaker.interrupt()
    await speaker.finish()
    assert len(played) <= LEAD_S * RATE_HZ / FRAME_SAMPLES + 2
    speaker.add(b"new")
    await speaker.finish()
    assert played[-1] == b"new"
    playing.cancel()


class Gateway:
    """A server that does with the first connections what `turns` says, then ends the talk."""

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)
        self.received: list[dict[str, Any]] = []

    async def __call__(self, client: ServerConnection) -> None:
        self.received.append(json.loads(await client.recv()))
        error = {"type": "error", "message": "m", "fatal": True, "retry_after_ms": None}
        if self.turns:
            code, more = self.turns.pop(0)
            await client.send(json.dumps(error | more))
            await client.close(code)
            return
        await client.send(json.dumps(error))
        await client.close(1008)


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
async def test_after_a_loss_the_configuration_is_sent_again(code: int) -> None:
    gateway = Gateway((code, {"fatal": False}), (code, {"retry_after_ms": 1}))
    async with serve(gateway, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        talk = Talk(CONFIG, Speaker(lambda _: None), jitter=lambda: 0.0)
        await talk.run(f"ws://127.0.0.1:{port}/", "")
    assert gateway.received == [{"type": "config", **CONFIG}] * 3


async def test_a_refusal_that_lasts_is_told_and_not_tried_again() -> None:
    asked: list[str | None] = []

    def refuse(client: ServerConnection, request: Any) -> Any:
        asked.append(request.headers.get("Authorization"))
        return client.respond(401, "no")

    async with serve(Gateway(), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(InvalidStatus):
            await Talk(CONFIG, Speaker(lambda _: None)).run(f"ws://127.0.0.1:{port}/", "secret")
    assert asked == ["Bearer secret"]
