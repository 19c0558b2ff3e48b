"""The relay's face between two peers in memory: order, back-pressure, stalls, ends, bugs."""

import asyncio
import json
from typing import Any

import pytest

from rtclient.errors import ConnectError, ConnectionLost, RemoteProtocolError
from server.policy import Policy
from server.relay.actions import Notice, Plan
from server.relay.core import RelayCore
from server.relay.layers import Stack
from server.relay.pump import Relay

CREATED = '{"type":"session.created","session":{"id":"sess_1"}}'


class Memory:
    """A connection in memory: a test says what comes and sees what went."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | bytes | Exception] = asyncio.Queue()
        self.sent: list[str] = []
        self.changed = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()
        self.closed: tuple[int, str] | None = None
        self.pending_bytes = 0
        self.close_code: int | None = None
        self.close_reason: str | None = None

    async def send(self, text: str) -> None:
        await self.takes.wait()
        self.sent.append(text)
        self.changed.set()

    async def recv(self) -> Any:
        data = await self.incoming.get()
        if isinstance(data, Exception):
            raise data
        return data

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = self.closed or (code, reason)

    def abort(self) -> None:
        self.closed = self.closed or (1006, "")

    def says(self, *data: str | bytes | Exception) -> None:
        for one in data:
            self.incoming.put_nowait(one)

    async def until_sent(self, count: int) -> list[str]:
        while len(self.sent) < count:
            self.changed.clear()
            await self.changed.wait()
        return self.sent


class Scene:
    """A relay between two memories."""

    def __init__(self, *, stall_s: float = 60.0, dial: Any = None, **plan: Any) -> None:
        self.client, self.upstream = Memory(), Memory()
        loop = asyncio.get_running_loop()
        core = RelayCore(
            Plan(**plan), now=loop.time(), unix_now=1.8e9, new_id=lambda prefix: f"{prefix}_1"
        )
        self.relay = Relay(
            Stack(core),
            self.client,
            dial or self._dial,
            clock=loop.time,
            stall_s=stall_s,
            label="test",
        )
        self.running = asyncio.create_task(self.relay.run())

    async def _dial(self, _target: str) -> Memory:
        return self.upstream

    def client_errors(self) -> list[str]:
        events = [json.loads(text) for text in self.client.sent]
        return [event["error"]["code"] for event in events if event["type"] == "error"]


async def test_held_events_go_before_later_ones_though_the_upstream_is_slow() -> None:
    scene = Scene(session={"type": "realtime"})
    texts = [f'{{"type":"response.cancel","n":{number}}}' for number in range(6)]
    scene.client.says(*texts[:3])
    scene.upstream.says(CREATED)
    await scene.upstream.until_sent(1)
    scene.upstream.takes.clear()
    scene.upstream.says('{"type":"session.updated","session":{}}')
    await scene.client.until_sent(2)
    scene.client.says(*texts[3:])
    scene.upstream.takes.set()
    assert (await scene.upstream.until_sent(7))[1:] == texts
    scene.client.says(ConnectionLost(1000))
    await scene.running


async def test_nothing_more_is_read_while_the_other_side_takes_nothing() -> None:
    scene = Scene()
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    scene.client.takes.clear()
    scene.upstream.says(*[f'{{"type":"x","n":{number}}}' for number in range(100)])
    scene.client.says('{"type":"response.cancel"}')
    await scene.upstream.until_sent(1)  # the other direction goes on
    assert scene.upstream.incoming.qsize() >= 99
    scene.client.takes.set()
    sent = await scene.client.until_sent(101)
    assert [json.loads(text)["n"] for text in sent[1:]] == list(range(100))
    scene.client.says(ConnectionLost(1000))
    await scene.running


async def test_a_page_is_told_what_others_notice_however_quiet_its_session_is() -> None:
    scene = Scene()
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    scene.relay.tell(Notice("warning", "engine_busy", "Wait."))
    scene.relay.tell(Notice("info", "engine_busy", "Go on."))
    _, *told = map(json.loads, await scene.client.until_sent(3))
    assert [(event["type"], event["message"]) for event in told] == [
        ("parley.notice", "Wait."),
        ("parley.notice", "Go on."),
    ]
    scene.client.says(ConnectionLost(1000))
    await scene.running
    scene.relay.tell(Notice("info", "engine_busy", "Too late."))
    assert len(scene.client.sent) == 3


@pytest.mark.parametrize(
    ("leg", "code"), [("client", "slow_client"), ("upstream", "slow_upstream")]
)
async def test_a_leg_that_takes_nothing_ends_both(leg: str, code: str) -> None:
    scene = Scene(stall_s=0.05)
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    getattr(scene, leg).takes.clear()
    scene.upstream.says('{"type":"x"}')
    scene.client.says('{"type":"response.cancel"}')
    await scene.running
    assert scene.client.closed == (1013, code)
    assert scene.upstream.closed == (1013, code)
    if leg == "upstream":
        assert scene.client_errors() == [code]


async def test_a_leg_whose_buffer_shrinks_is_slow_and_not_stuck() -> None:
    scene = Scene(stall_s=0.05)
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    scene.client.takes.clear()
    scene.upstream.says('{"type":"x"}')
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.2
    while loop.time() < end:
        scene.client.pending_bytes += 1
        await asyncio.wait({scene.running}, timeout=0.01)
    assert not scene.running.done()
    scene.client.takes.set()
    scene.client.says(ConnectionLost(1000))
    await scene.running


async def test_a_bug_ends_both_and_lets_nothing_pass(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Policy):
        @property
        def mode(self) -> Any:
            raise ZeroDivisionError

        @mode.setter
        def mode(self, value: Any) -> None:
            """Let the constructor of the base class pass."""

    scene = Scene(policy=object.__new__(Broken))
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    scene.client.says('{"type":"session.update","session":{"prompt":"canary"}}')
    await scene.running
    assert scene.client_errors() == ["internal_error"]
    assert scene.client.closed == (1011, "internal_error")
    assert scene.upstream.closed == (1011, "internal_error")
    assert scene.upstream.sent == []
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "relay failed"
    ]


async def test_a_dial_that_fails_is_told() -> None:
    async def dial(_target: str) -> Memory:
        raise ConnectError("dns")

    scene = Scene(dial=dial)
    await scene.running
    assert scene.client_errors() == ["upstream_unreachable"]
    assert scene.client.closed == (1013, "upstream_unreachable")
    assert scene.upstream.closed is None


async def test_a_client_that_goes_during_the_dial_cancels_it() -> None:
    cancelled = asyncio.Event()

    async def dial(_target: str) -> Memory:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    scene = Scene(dial=dial)
    scene.client.says(ConnectionLost(1001))
    await scene.running
    assert cancelled.is_set()


async def test_cancelling_frees_both_legs() -> None:
    scene = Scene()
    scene.upstream.says(CREATED)
    await scene.client.until_sent(1)
    scene.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scene.running
    assert scene.client.closed is not None
    assert scene.upstream.closed is not None


async def test_upstream_bytes_that_are_no_text_end_the_session() -> None:
    scene = Scene()
    scene.upstream.says(CREATED, RemoteProtocolError("x"))
    await scene.running
    assert scene.client_errors() == ["upstream_bad_data"]
    assert scene.client.closed == (1011, "upstream_bad_data")


async def test_what_came_before_the_end_is_still_sent_to_the_client() -> None:
    scene = Scene()
    scene.client.takes.clear()
    scene.upstream.says(CREATED, '{"type":"x"}', ConnectionLost(4001, "why"))
    scene.client.takes.set()
    await scene.running
    assert len(scene.client.sent) == 2
    assert scene.client.closed == (4001, "why")


async def test_reading_the_client_stops_while_too_much_is_held() -> None:
    scene = Scene(session={"type": "realtime"})
    text = '{"type":"input_audio_buffer.append","audio":"%s"}' % ("A" * 100_000)
    scene.client.says(*[text] * 10)
    scene.upstream.says(CREATED)
    await scene.upstream.until_sent(1)
    await scene.client.until_sent(1)
    assert scene.client.incoming.qsize() == 7
    scene.upstream.says('{"type":"session.updated","session":{}}')
    await scene.upstream.until_sent(11)
    scene.client.says(ConnectionLost(1000))
    await scene.running
