"""The relay on real sockets: what passes, in which order, and how both legs end."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from rtclient.testing import PeerSession, ScriptedPeer, session_created
from tests.support.app import serving
from tests.support.talker import talking


def environment(peer: ScriptedPeer, **extra: str) -> dict[str, str]:
    """Return the settings that dial this peer."""
    return {
        "UPSTREAM": "openai",
        "OPENAI_API_KEY": "sk-canary-of-the-tests",
        "OPENAI_BASE_URL": f"{peer.url}/v1".replace("ws", "http", 1),
        **extra,
    }


async def set_up(session: PeerSession) -> None:
    """Begin as the real service does: greet, and confirm the server's update."""
    await session.send(session_created(session_id="sess_1"))
    update = await session.expect("session.update")
    await session.send({"type": "session.updated", "session": update["session"]})


async def test_both_directions_pass_in_order_and_unchanged(tmp_path: Path) -> None:
    up = [
        f'{{ "type":"input_audio_buffer.append" ,"n":{n},"audio":"\\u00fc" }}' for n in range(200)
    ]
    down = [f'{{ "n":{n}, "type":"response.output_audio.delta", "delta":"ü"}}' for n in range(200)]
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        session = await peer.session()
        await client.until("session.updated")

        async def send_up() -> None:
            for text in up:
                await client.send_raw(text)

        async def send_down() -> None:
            for text in down:
                await session.send_text(text)

        sending = asyncio.gather(send_up(), send_down())
        assert [await client.connection.recv() for _ in down] == down
        await sending
        while len(session.texts) < 1 + len(up):
            await session.receive()
        assert session.texts[1:] == up


async def test_binary_json_of_the_upstream_reaches_the_client_as_text(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        await (await peer.session()).send_text('{"type":"x","a":"ü"}'.encode())
        assert await client.connection.recv() == '{"type":"x","a":"ü"}'


@pytest.mark.parametrize("data", [b"\xff\xfe", "no json", "[]"])
async def test_bad_data_of_the_upstream_ends_with_one_clean_error(
    tmp_path: Path, data: str | bytes
) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        await session.send_text(data)
        assert (await client.until("error"))["error"]["code"] == "upstream_bad_data"
        assert (await client.closed())[0] == 1011
        await session.closed.wait()


async def test_the_servers_update_comes_before_what_the_client_sent(tmp_path: Path) -> None:
    greet = asyncio.Event()

    async def late(session: PeerSession) -> None:
        await greet.wait()
        await set_up(session)

    async with (
        ScriptedPeer(late) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        for number in range(3):
            await client.send("an.event.of.the.future", n=number)
        greet.set()
        await client.until("session.updated")
        session = await peer.session()
        while len(session.events) < 4:
            await session.receive()
        assert session.events[0]["type"] == "session.update"
        assert session.events[0]["event_id"].startswith("parley_")
        assert [event["n"] for event in session.events[1:]] == [0, 1, 2]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, "done"), (3000, "ü" * 61)])
async def test_the_clients_close_reaches_the_upstream(
    tmp_path: Path, code: int, reason: str
) -> None:
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        async with talking(server.port) as client:
            await client.until("session.updated")
            await client.connection.close(code, reason)
        session = await peer.session()
        await session.closed.wait()
        assert (session.close_code, session.close_reason) == (code, reason)
        await server.until_idle()


async def test_a_client_that_vanishes_frees_the_upstream(tmp_path: Path) -> None:
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        async with talking(server.port) as client:
            await client.until("session.updated")
            client.connection.transport.abort()
            session = await peer.session()
            await session.closed.wait()
            assert session.close_code == 1011
        await server.until_idle()


async def test_a_client_that_goes_during_the_dial_frees_it(tmp_path: Path) -> None:
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        async with talking(server.port):
            pass
        await server.until_idle()


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "60 minutes"), (1008, "policy"), (4000, "beta")]
)
async def test_the_upstreams_close_reaches_the_client(
    tmp_path: Path, code: int, reason: str
) -> None:
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        async with talking(server.port) as client:
            await client.until("session.updated")
            await (await peer.session()).close(code, reason)
            assert await client.closed() == (code, reason)
        await server.until_idle()


async def test_what_the_upstream_said_last_comes_before_its_close(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        for number in range(50):
            await session.send({"type": "x", "n": number})
        await session.close(1001, "over")
        numbers = [json.loads(text)["n"] async for text in client.connection]
        assert numbers == list(range(50))
        assert client.connection.close_code == 1001


async def test_an_upstream_that_vanishes_is_told(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        (await peer.session()).abort()
        assert (await client.until("error"))["error"]["code"] == "upstream_closed"
        assert (await client.closed())[0] == 1011


async def test_an_upstream_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with ScriptedPeer() as peer:
        settings = environment(peer)
    async with serving(settings, tmp_path) as server, talking(server.port) as client:
        error = (await client.until("error"))["error"]
        assert error["code"] == "upstream_unreachable"
        assert settings["OPENAI_BASE_URL"] not in json.dumps(error)
        assert (await client.closed())[0] == 1013


@pytest.mark.parametrize(
    ("status", "code", "close_code"),
    [
        (401, "upstream_auth_failed", 1008),
        (404, "upstream_not_found", 1008),
        (429, "upstream_rate_limited", 1013),
        (503, "upstream_unavailable", 1013),
    ],
)
async def test_an_upstream_that_refuses_is_told(
    tmp_path: Path, status: int, code: str, close_code: int
) -> None:
    async with (
        ScriptedPeer(status=status, body="secret body") as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        error = (await client.until("error"))["error"]
        assert error["code"] == code
        assert "secret body" not in json.dumps(error)
        assert (await client.closed())[0] == close_code


async def test_refused_events_are_answered_and_the_session_lives(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        for sent, code in [
            ("{", "invalid_json"),
            (b"\x00", "binary_not_supported"),
            ('{"type":"session.update","session":{"tracing":"auto"}}', "not_allowed"),
        ]:
            await client.send_raw(sent)
            assert (await client.until("error"))["error"]["code"] == code
        await client.send_raw('{"type":"input_audio_buffer.clear"}')
        session = await peer.session()
        cleared = await session.expect("input_audio_buffer.clear")
        assert cleared == {"type": "input_audio_buffer.clear"}
        assert [event["type"] for event in session.events] == [
            "session.update",
            "input_audio_buffer.clear",
        ]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["realtime"], "realtime"),
        (["openai-insecure-api-key.x", "realtime"], "realtime"),
        (["other"], None),
        ([], None),
    ],
)
async def test_the_subprotocol_is_realtime_when_offered(
    tmp_path: Path, offered: list[str], chosen: str | None
) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, subprotocols=offered) as client,
    ):
        assert client.connection.subprotocol == chosen


async def test_too_many_sessions_are_told_and_a_place_is_given_back(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer, MAX_SESSIONS="1"), tmp_path) as server,
    ):
        async with talking(server.port) as first:
            await first.until("session.updated")
            async with talking(server.port) as second:
                assert (await second.until("error"))["error"]["code"] == "too_many_sessions"
                assert (await second.closed())[0] == 1013
            assert len(peer.requests) == 1
        await server.until_idle()
        async with talking(server.port) as third:
            await third.until("session.updated")


async def test_a_session_ends_at_its_limit(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer, SESSION_LIMIT_S="1"), tmp_path) as server,
        talking(server.port) as client,
    ):
        assert (await client.until("parley.session_expiring"))["seconds_left"] == 1
        assert (await client.until("error"))["error"]["code"] == "session_limit_reached"
        await client.closed()
        session = await peer.session()
        await session.closed.wait()


async def test_the_upstreams_end_is_announced(tmp_path: Path) -> None:
    async def short(session: PeerSession) -> None:
        await session.send(session_created(expires_at=int(time.time()) + 20))

    async with (
        ScriptedPeer(short) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        expiring = await client.until("parley.session_expiring")
        assert 15 <= expiring["seconds_left"] <= 20


async def test_a_server_that_stops_closes_both_legs(tmp_path: Path) -> None:
    async with ScriptedPeer(set_up) as peer, AsyncExitStack() as stack:
        async with serving(environment(peer), tmp_path) as server:
            client = await stack.enter_async_context(talking(server.port))
            await client.until("session.updated")
        assert (await client.closed())[0] == 1012
        session = await peer.session()
        await session.closed.wait()
        assert session.close_code == 1012


async def test_each_session_leaves_one_line_without_content(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedPeer(set_up) as peer, serving(environment(peer), tmp_path) as server:
        with caplog.at_level("INFO", logger="server.session"):
            async with talking(server.port) as client:
                await client.until("session.updated")
                await client.send_raw('{"type":"input_audio_buffer.append","audio":"AAAAAAAA"}')
                await (await peer.session()).expect("input_audio_buffer.append")
                await client.connection.close(1000, "private words")
            await server.until_idle()
    lines = [record for record in caplog.records if record.name == "server.session"]
    assert [record.message for record in lines] == ["session ended"]
    fields = vars(lines[0])
    assert fields["session_id"] == "sess_1"
    assert fields["upstream"] == "openai"
    assert (fields["close_side"], fields["close_code"]) == ("client", 1000)
    assert fields["path"] == "/ws"
    assert "private words" not in str(fields)


async def test_a_closed_connection_takes_no_more(tmp_path: Path) -> None:
    async with (
        ScriptedPeer(set_up) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        await (await peer.session()).close(1000)
        await client.closed()
        with pytest.raises(ConnectionClosed):
            await client.send_raw("{}")
