"""The low-level client over real sockets: losses, restorations, and how it ends."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from rtclient import endpoints
from rtclient.endpoints import Endpoint
from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    LocalProtocolError,
    ReconnectExhausted,
    RemoteProtocolError,
)
from rtclient.low_level_client import (
    MAX_UNREAD,
    ClientState,
    ConnectionError,
    ReconnectPolicy,
    Restoration,
    RTLowLevelClient,
)
from rtclient.testing import PeerSession, ScriptedPeer, session_created

SOON = ReconnectPolicy(max_attempts=5, base_s=0.01, cap_s=0.02, budget_s=5.0)


async def serve(session: PeerSession) -> None:
    """Confirm items and settings; a response begins and never ends."""
    await session.send(session_created(session_id=f"sess_{session.number}"))
    while True:
        event = await session.receive()
        item = {**event.get("item", {}), "status": "completed"}
        match event["type"]:
            case "conversation.item.create":
                for kind in ("added", "done"):
                    await session.send({"type": f"conversation.item.{kind}", "item": item})
            case "session.update":
                shown = session_created()["session"] | event["session"]
                await session.send({"type": "session.updated", "session": shown})
            case "response.create":
                response = {"id": f"resp_{session.number}", "status": "in_progress"}
                await session.send({"type": "response.created", "response": response})


def client_of(peer: ScriptedPeer, **options: Any) -> RTLowLevelClient:
    endpoint = endpoints.openai(f"{peer.url}/v1", "model", key="key")
    given = {"connect_policy": SOON, "reconnect_policy": SOON, **options}
    return RTLowLevelClient.to(endpoint, **given)


def message(item_id: str, words: str = "hello") -> dict[str, Any]:
    content = [{"type": "input_text", "text": words}]
    item = {"id": item_id, "type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item}


async def until(client: RTLowLevelClient, kind: str) -> dict[str, Any]:
    while (event := await client.recv_event()) is not None:
        if event["type"] == kind:
            return event
    raise AssertionError(f"the session ended before {kind}")


async def restored(client: RTLowLevelClient, cut: Callable[[], None]) -> Restoration:
    """Break the connection and wait until another one has the conversation."""
    found: asyncio.Future[Restoration] = asyncio.get_running_loop().create_future()
    client.on_restored(found.set_result)
    cut()
    return await found


async def test_a_program_goes_on_over_a_lost_connection() -> None:
    async with ScriptedPeer(serve) as peer, client_of(peer) as client:
        states: list[ClientState] = []
        client.on_state(states.append)
        await client.send({"type": "session.update", "session": {"instructions": "Be kind."}})
        await client.send(message("one"))
        await client.send({"type": "response.create"})
        await until(client, "response.created")
        restoration = await restored(client, peer.sessions[0].abort)
        await client.send(message("two"))

        done = await until(client, "response.done")
        assert done["response"]["id"] == "resp_1"
        assert done["response"]["status"] == "cancelled"
        assert (await until(client, "conversation.item.done"))["item"]["id"] == "two"
        assert states == [ClientState.RECONNECTING, ClientState.CONNECTED]
        assert restoration.lost == ("resp_1: the rest of an answer",)
        update, one, two = peer.sessions[1].events
        assert update["session"]["instructions"] == "Be kind."
        assert [one["item"]["id"], two["item"]["id"]] == ["one", "two"]


async def test_what_is_sent_without_a_connection_is_kept() -> None:
    async with ScriptedPeer(serve) as peer, client_of(peer) as client:
        await until(client, "session.created")
        peer.sessions[0].abort()
        await client.wait_for(ClientState.RECONNECTING)
        await client.send(message("meanwhile"))
        shown = await until(client, "conversation.item.added")
        assert shown["item"]["id"] == "meanwhile"
        assert client.state is ClientState.CONNECTED


async def test_a_program_that_speaks_preview_sees_nothing_of_it() -> None:
    async with ScriptedPeer(serve) as peer, client_of(peer, dialect="preview") as client:
        await client.send(message("one"))
        created = await client.recv_event()
        assert created is not None
        assert created["type"] == "session.created"
        assert (await until(client, "conversation.item.created"))["item"]["id"] == "one"
        await restored(client, peer.sessions[0].abort)
        await client.send(message("two"))
        event = await client.recv_event()
        assert event is not None
        assert (event["type"], event["item"]["id"]) == ("conversation.item.created", "two")


async def test_a_service_that_speaks_preview_is_restored_in_its_words() -> None:
    async def serve_preview(session: PeerSession) -> None:
        await session.send({"type": "session.created", "session": {"instructions": "Old."}})
        while True:
            event = await session.receive()
            if event["type"] == "conversation.item.create":
                item = {**event["item"], "status": "completed"}
                await session.send({"type": "conversation.item.created", "item": item})
            elif event["type"] == "session.update":
                await session.send({"type": "session.updated", "session": event["session"]})

    async with ScriptedPeer(serve_preview) as peer:
        endpoint = Endpoint(peer.url, "openai", "preview", dialect="preview")
        async with RTLowLevelClient.to(endpoint, reconnect_policy=SOON) as client:
            session = {"type": "realtime", "instructions": "New."}
            await client.send({"type": "session.update", "session": session})
            await client.send(message("one"))
            await until(client, "conversation.item.done")
            restoration = await restored(client, peer.sessions[0].abort)
            assert restoration.is_restored
            update, create = peer.sessions[1].events
            assert update["session"]["instructions"] == "New."
            assert "type" not in update["session"], "preview sessions have no type"
            assert create["item"]["content"] == [{"type": "input_text", "text": "hello"}]


@pytest.mark.parametrize(("code", "is_clean"), [(1000, True), (4001, False), (1008, False)])
async def test_a_close_that_is_meant_ends_the_session(code: int, is_clean: bool) -> None:
    async with ScriptedPeer() as peer, client_of(peer) as client:
        await until(client, "session.created")
        await peer.sessions[0].close(code)
        if is_clean:
            assert await client.recv_event() is None
        else:
            with pytest.raises(ConnectionLost, match=f"code {code}"):
                await client.recv_event()
        assert client.closed
        assert len(peer.sessions) == 1
        with pytest.raises(ConnectionLost):
            await client.send(message("late"))


async def test_a_server_that_stays_away_is_given_up() -> None:
    async with ScriptedPeer() as peer:
        client = client_of(peer)
        await client.connect()
        await until(client, "session.created")
    with pytest.raises(ReconnectExhausted) as caught:
        await client.recv_event()
    assert caught.value.attempts == 5
    assert isinstance(caught.value.__cause__, ConnectError)
    assert client.state is ClientState.FAILED
    with pytest.raises(ReconnectExhausted):
        await client.wait_for(ClientState.CONNECTED)
    await client.close()


async def test_a_token_is_asked_for_again_before_each_dial_and_once_more_when_refused() -> None:
    asked = 0

    async with ScriptedPeer(status=401) as peer:

        async def fresh() -> Endpoint:
            nonlocal asked
            asked += 1
            return endpoints.openai(f"{peer.url}/v1", "model", key=f"token-{asked}")

        client = RTLowLevelClient.to(fresh, connect_policy=SOON)
        with pytest.raises(AuthError):
            await client.connect()
        sent = [request.headers["Authorization"] for request in peer.requests]
        assert sent == ["Bearer token-1", "Bearer token-2"]


async def test_what_the_function_raises_that_gives_the_address_reaches_the_program() -> None:
    async def nowhere() -> Endpoint:
        raise LookupError("no token today")

    client = RTLowLevelClient.to(nowhere)
    with pytest.raises(LookupError, match="no token today"):
        await client.connect()
    assert client.state is ClientState.FAILED


async def test_a_function_that_gives_no_endpoint_is_told_so() -> None:
    async def wrong() -> Any:
        return "wss://somewhere"

    with pytest.raises(TypeError, match="gave str, not an Endpoint"):
        await RTLowLevelClient.to(wrong).connect()


async def test_a_busy_server_is_asked_again_when_it_says() -> None:
    async with ScriptedPeer(status=429, headers={"Retry-After-Ms": "5"}) as peer:
        with pytest.raises(ConnectionError, match="HTTP 429"):
            await client_of(peer).connect()
        assert len(peer.requests) == 5


async def test_close_writes_first_what_was_sent() -> None:
    async with ScriptedPeer() as peer:
        async with client_of(peer) as client:
            for number in range(200):
                await client.send(message(f"item_{number}"))
        await peer.sessions[0].closed.wait()
        assert len(peer.sessions[0].events) == 200
        assert peer.sessions[0].close_code == 1000


async def test_close_is_quick_though_nobody_reads() -> None:
    is_flooded = asyncio.Event()

    async def flood(session: PeerSession) -> None:
        await session.send(session_created())
        for number in range(100_000):
            await session.send({"type": "response.output_text.delta", "delta": "x" * 1000})
            if number == 2 * MAX_UNREAD:
                is_flooded.set()

    async with ScriptedPeer(flood) as peer:
        client = client_of(peer)
        await client.connect()
        await is_flooded.wait()
        started = asyncio.get_running_loop().time()
        await client.close()
        assert asyncio.get_running_loop().time() - started < 1.0


async def test_a_frame_that_is_no_event_is_told_and_the_session_goes_on() -> None:
    async def mumble(session: PeerSession) -> None:
        await session.send(session_created())
        await session.send_text("{")
        await session.send({"type": "after"})

    async with ScriptedPeer(mumble) as peer, client_of(peer) as client:
        await until(client, "session.created")
        with pytest.raises(RemoteProtocolError, match="not valid JSON"):
            await client.recv_event()
        assert await client.recv_event() == {"type": "after"}


async def test_cancelling_a_wait_loses_nothing() -> None:
    async with ScriptedPeer(serve) as peer, client_of(peer) as client:
        await until(client, "session.created")
        waiting = asyncio.create_task(client.recv_event())
        waiting.cancel()
        await asyncio.wait([waiting])
        await client.send(message("one"))
        assert (await until(client, "conversation.item.added"))["item"]["id"] == "one"


async def test_cancelling_connect_leaves_nothing_behind() -> None:
    async def silent(session: PeerSession) -> None:
        await session.receive()

    async with ScriptedPeer(silent) as peer:
        client = client_of(peer)
        connecting = asyncio.create_task(client.connect())
        session = await peer.session()
        connecting.cancel()
        await asyncio.wait([connecting])
        assert connecting.cancelled()
        assert client.state is ClientState.CLOSED
        await session.closed.wait()


async def test_a_callback_that_fails_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedPeer(serve) as peer, client_of(peer) as client:

        @client.on_state
        def fail(state: ClientState) -> None:
            raise ZeroDivisionError(state)

        await restored(client, peer.sessions[0].abort)
        await client.send(message("one"))
        await until(client, "conversation.item.done")
    assert "A callback of the program failed." in caplog.text


async def test_the_calls_of_a_program_that_does_not_connect_first() -> None:
    async with ScriptedPeer() as peer:
        client = client_of(peer)
        with pytest.raises(RuntimeError, match=r"call connect\(\) first"):
            await client.send(message("one"))
        await client.connect()
        with pytest.raises(RuntimeError, match="make a new one"):
            await client.connect()
        with pytest.raises(LocalProtocolError):
            await client.send({"type": "x", "value": object()})
        await client.close()
        await client.close()
        assert await client.recv_event() is not None, "what came is still there"
        assert await client.recv_event() is None


async def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="proxi"):
        RTLowLevelClient.to(endpoints.engine("ws://127.0.0.1:1"), proxi="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("log_content", [False, True])
async def test_words_are_in_the_log_only_if_asked_for(
    caplog: pytest.LogCaptureFixture, log_content: bool
) -> None:
    caplog.set_level(logging.DEBUG, logger="rtclient.low_level_client")
    async with ScriptedPeer(serve) as peer, client_of(peer, log_content=log_content) as client:
        await client.send(message("one", "a secret of mine"))
        await until(client, "conversation.item.done")
        await restored(client, peer.sessions[0].abort)
    logged = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("rtclient"))
    assert "conversation.item.create" in logged
    assert "reconnecting" in logged
    assert ("a secret of mine" in logged) is log_content
    assert "Bearer" not in logged


async def test_azure_is_told_the_id_of_each_dial() -> None:
    async with ScriptedPeer(serve) as peer:
        endpoint = endpoints.azure(peer.url, "deployment", key="key")
        async with RTLowLevelClient.to(endpoint, reconnect_policy=SOON) as client:
            assert peer.requests[0].headers["x-ms-client-request-id"] == str(client.request_id)
            await restored(client, peer.sessions[0].abort)
            assert peer.requests[1].headers["x-ms-client-request-id"] == str(client.request_id)
    ids = {request.headers["x-ms-client-request-id"] for request in peer.requests}
    assert len(ids) == 2


async def test_a_program_that_reads_slowly_slows_the_server_and_loses_nothing() -> None:
    total = 4 * MAX_UNREAD

    async def count(session: PeerSession) -> None:
        await session.send(session_created())
        for number in range(total):
            await session.send_text(json.dumps({"type": "count", "number": number}))

    async with ScriptedPeer(count) as peer, client_of(peer) as client:
        await until(client, "session.created")
        numbers = []
        for _ in range(total):
            numbers.append((await until(client, "count"))["number"])
            assert len(client._unread) <= MAX_UNREAD
        assert numbers == list(range(total))
