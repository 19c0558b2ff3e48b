"""The gateway example: its waits, its loudspeaker, and how it comes back with its configuration."""

import asyncio
import json
import ssl
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.utils import accept_key

from examples.gateway import FRAME_BYTES, FRAME_S, LEAD_S, Talk, retry_delay_s
from tests.support.certificates import Authority

CONFIG = {"provider": "engine", "voice": "coral"}


def test_the_wait_is_anything_from_0_up_to_a_bound_that_doubles_until_15_s() -> None:
    assert [retry_delay_s(attempt, 1.0) for attempt in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 15, 15]
    assert retry_delay_s(3, 0.0) == 0
    assert retry_delay_s(3, 0.25) == 1


async def test_an_interruption_takes_back_all_that_is_not_nearly_heard() -> None:
    played: list[bytes] = []
    talk = Talk(CONFIG)
    playing = asyncio.create_task(talk.play(played.append))
    talk.take(bytes(FRAME_BYTES) * 100)
    while len(played) < 2:
        await asyncio.to_thread(len, played)
    talk.take('{"type": "interrupted"}')
    assert len(played) <= LEAD_S / FRAME_S + 2
    talk.take(b"new.")
    while played[-1] != b"new.":
        await asyncio.to_thread(len, played)
    assert len(played) <= LEAD_S / FRAME_S + 3
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
        talk = Talk(CONFIG, jitter=lambda: 0.0)
        await talk.run(f"ws://127.0.0.1:{port}/")
    assert gateway.received == [{"type": "config", **CONFIG}] * 3


async def test_a_refusal_that_lasts_is_told_and_not_tried_again() -> None:
    asked: list[str | None] = []

    def refuse(client: ServerConnection, request: Any) -> Any:
        asked.append(request.headers.get("Authorization"))
        return client.respond(401, "no")

    async with serve(Gateway(), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(InvalidStatus):
            await Talk(CONFIG).run(f"ws://127.0.0.1:{port}/", "secret")
    assert asked == ["Bearer secret"]


async def test_a_normal_close_is_the_end() -> None:
    async def end(client: ServerConnection) -> None:
        await client.recv()

    async with serve(end, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await Talk(CONFIG).run(f"ws://127.0.0.1:{port}/")


async def test_a_connection_that_closes_before_the_configuration_is_sent_is_tried_again() -> None:
    codes = [1012, 1000]

    async def open_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line for line in request.splitlines() if line.startswith("Sec-WebSocket-Key"))
        answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        answer += f"Sec-WebSocket-Accept: {accept_key(key.partition(': ')[2])}\r\n\r\n"
        writer.write(answer.encode() + b"\x88\x02" + codes.pop(0).to_bytes(2, "big"))
        await reader.read(1)  # its answer to the close frame
        writer.close()

    async with await asyncio.start_server(open_and_close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await Talk(CONFIG, jitter=lambda: 0.0).run(f"ws://127.0.0.1:{port}/")
    assert codes == []


async def test_a_certificate_that_is_not_believed_ends_it() -> None:
    async with serve(Gateway(), "127.0.0.1", 0, ssl=Authority().server_context()) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ssl.SSLCertVerificationError):
            await Talk(CONFIG).run(f"wss://localhost:{port}/")
