"""`RTClient` over real sockets: calls, listeners, ends, and what a lost connection leaves whole."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rtclient import (
    ClientState,
    InputTextContentPart,
    RealtimeException,
    RTClient,
    UserMessageItem,
    endpoints,
)
from rtclient.errors import AuthError, ConnectionLost, LocalProtocolError, RemoteProtocolError
from rtclient.low_level_client import ReconnectPolicy
from rtclient.service.settings import NAMES, SettingsError
from rtclient.testing import PeerSession, ScriptedPeer
from tests.support.azure_peer import KEY, REPLY, AzurePeer

Event = dict[str, Any]

ROOT = Path(__file__).parent.parent.parent
FAST = ReconnectPolicy(max_attempts=3, base_s=0.01, cap_s=0.01, budget_s=2.0)
NEVER = ReconnectPolicy(max_attempts=0)
HELLO = UserMessageItem(content=[InputTextContentPart(text="Hello")])


class Tape:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def on_server_event(self, event: Event) -> None:
        self.kinds.append(f"< {event['type']}")

    def on_client_event(self, event: Event) -> None:
        self.kinds.append(f"> {event['type']}")


class Broken:
    """A listener that fails."""

    def on_server_event(self, event: Event) -> None:
        raise ValueError(event["type"])

    def on_client_event(self, event: Event) -> None:
        raise ValueError(event["type"])


@pytest.fixture
async def azure() -> AsyncIterator[AzurePeer]:
    async with AzurePeer() as peer:
        yield peer


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    async with ScriptedPeer() as scripted:
        yield scripted


def to_azure(peer: AzurePeer, **options: Any) -> RTClient:
    return RTClient.to(endpoints.azure(peer.endpoint, "gpt-realtime", key=KEY), **options)


def to_script(peer: ScriptedPeer, **options: Any) -> RTClient:
    return RTClient.to(endpoints.engine(peer.url), reconnect_policy=NEVER, **options)


async def words_of(client: RTClient) -> str:
    response = await client.generate_response()
    message = await anext(response)
    assert message.type == "message"
    part = await anext(message)
    assert part.type == "audio"
    return "".join([words async for words in part.transcript_chunks()])


# From the environment -------------------------------------------------------------------------


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine or of this checkout."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES.values():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("nothing_set")
async def test_the_environment_names_the_service(
    azure: AzurePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", azure.endpoint)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT", "gpt-realtime")
    async with RTClient.from_env(reconnect_policy=NEVER) as client:
        assert await words_of(client) == REPLY
    monkeypatch.delenv("AZURE_OPENAI_DEPLOYMENT")
    with pytest.raises(SettingsError, match="AZURE_OPENAI_DEPLOYMENT"):
        RTClient.from_env()


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("nothing_set")
async def test_without_any_setting_the_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the checkout is not installed
    async with RTClient.from_env() as client:
        response = await client.generate_response(
            output_modalities=["text"], instructions="Say exactly: well done"
        )
        await response
        (item,) = client.conversation.items
        assert "well done" in item.text.lower()


# Calls ----------------------------------------------------------------------------------------


async def test_words_of_both_dialects_configure_a_ga_session(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        session = await client.configure(
            voice="marin",
            modalities=["text", "audio"],
            audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": None}},
            max_output_tokens=100,
            temperature=0.7,
        )
        assert session == client.session
        assert session.voice == "marin"
        assert session.turn_detection is None
        assert session.max_response_output_tokens == 100
        update = await azure.sessions[0].until("session.update")
    assert update["session"] == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "max_output_tokens": 100,
        "audio": {
            "output": {"voice": "marin"},
            "input": {"transcription": {"model": "whisper-1"}, "turn_detection": None},
        },
    }


async def test_what_ga_does_not_have_is_told(
    azure: AzurePeer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "rtclient"):
        async with to_azure(azure) as client:
            await client.configure(temperature=0.7)
    assert "GA has no session.temperature: it is left out." in caplog.messages


async def test_what_the_server_refuses_is_raised_where_it_was_asked(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        with pytest.raises(RealtimeException) as caught:
            await client.configure(foresight=1)
        assert caught.value.code == "unknown_parameter"
        assert caught.value.param == "session.foresight"
        with pytest.raises(RealtimeException, match="buffer too small"):
            await client.commit_audio()
        assert await words_of(client) == REPLY


async def test_calls_side_by_side_get_their_own_answers(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        results = await asyncio.gather(
            client.configure(instructions="One."),
            client.configure(foresight=1),
            client.send_item(HELLO),
            client.configure(instructions="Two."),
            return_exceptions=True,
        )
    first, refused, item, second = results
    assert not isinstance(first, BaseException)
    assert first.instructions == "One."
    assert isinstance(refused, RealtimeException)
    assert not isinstance(item, BaseException)
    assert item.id.startswith("item_")
    assert not isinstance(second, BaseException)
    assert second.instructions == "Two."


async def test_a_call_that_was_given_up_leaves_the_next_its_answer(peer: ScriptedPeer) -> None:
    async with to_script(peer) as client:
        session = await peer.session()
        giving_up = asyncio.ensure_future(client.configure(instructions="One."))
        await session.expect("session.update")
        giving_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving_up
        second = asyncio.ensure_future(client.configure(instructions="Two."))
        await session.expect("session.update")
        for words in ("One.", "Two."):
            update = {"type": "session.updated", "event_id": words, "session": {}}
            await session.send({**update, "session": {"instructions": words}})
        assert (await second).instructions == "Two."


async def test_a_call_given_up_while_it_waits_for_room_takes_no_answer(peer: ScriptedPeer) -> None:
    client, tape = to_script(peer), Tape()
    client.attach(tape)
    async with client:
        session = await peer.session()
        session.pause()
        sending = asyncio.ensure_future(client.send_audio(bytes(12_000_000)))
        giving_up = asyncio.ensure_future(client.configure(instructions="One."))
        while tape.kinds[-1] != "> session.update":
            await asyncio.wait([giving_up], timeout=0)
        assert not sending.done()
        giving_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving_up
        session.resume()
        await sending
        second = asyncio.ensure_future(client.configure(instructions="Two."))
        for words in ("One.", "Two."):
            update = await session.expect("session.update")
            assert update["session"]["instructions"] == words
            answer = {"type": "session.updated", "event_id": words, "session": update["session"]}
            await session.send(answer)
        assert (await second).instructions == "Two."


async def test_a_turn_that_the_server_found_can_be_committed_early(peer: ScriptedPeer) -> None:
    async with to_script(peer) as client:
        session = await peer.session()
        began = {"type": "input_audio_buffer.speech_started", "event_id": "1", "item_id": "item_1"}
        await session.send({**began, "audio_start_ms": 300})
        turn = await anext(client.events())
        committing = asyncio.ensure_future(client.commit_audio())
        await session.expect("input_audio_buffer.commit")
        committed = {"type": "input_audio_buffer.committed", "event_id": "2", "item_id": "item_1"}
        await session.send(committed)
        assert await committing is turn
        await session.close()
        assert [event async for event in client.events()] == []


async def test_only_what_is_answered_can_be_requested(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        with pytest.raises(LocalProtocolError, match=r"does not answer response\.cancel"):
            await client.request({"type": "response.cancel"})


async def test_a_response_may_differ_from_the_session(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        response = await client.generate_response(
            modalities=["text"], voice="marin", input=[HELLO], metadata={"n": "1"}
        )
        assert (await response).status == "completed"
        asked = await azure.sessions[0].until("response.create")
    assert asked["response"] == {
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "marin"}},
        "input": [HELLO.to_dict()],
        "metadata": {"n": "1"},
    }


# Listeners ------------------------------------------------------------------------------------


async def test_listeners_are_told_everything_in_order(azure: AzurePeer) -> None:
    client, tape = to_azure(azure), Tape()
    client.attach(tape)
    async with client:
        await client.send_item(HELLO)
        await client.send_audio(bytes(4800))
        client.detach(tape)
        await client.configure(instructions="Unheard.")
    assert tape.kinds[:3] == [
        "< session.created",
        "> conversation.item.create",
        "< conversation.item.added",
    ]
    assert tape.kinds[-1] == "> input_audio_buffer.append"


async def test_a_listener_that_fails_takes_nobody_with_it(
    azure: AzurePeer, caplog: pytest.LogCaptureFixture
) -> None:
    client, tape = to_azure(azure), Tape()
    client.attach(Broken())
    client.attach(tape)
    async with client:
        assert await words_of(client) == REPLY
    assert "< response.created" in tape.kinds
    assert "Broken failed in on_server_event" in caplog.text


async def test_the_conversation_is_mirrored(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        await client.send_item(HELLO)
        assert await words_of(client) == REPLY
        assert [item.role for item in client.conversation.items] == ["user", "assistant"]
        assert client.usage is client.conversation.usage


# Ends -----------------------------------------------------------------------------------------


async def test_a_refused_credential_is_an_auth_error(azure: AzurePeer) -> None:
    client = RTClient.to(endpoints.azure(azure.endpoint, "gpt-realtime", key="wrong"))
    with pytest.raises(AuthError) as caught:
        await client.connect()
    assert client.state is ClientState.FAILED
    assert caught.value.headers["x-ms-region"] == "East US 2"


async def test_closing_ends_what_is_read_and_fails_what_waits(peer: ScriptedPeer) -> None:
    client = to_script(peer)
    await client.connect()
    assert client.state is ClientState.CONNECTED
    session = await peer.session()
    reading = asyncio.ensure_future(anext(client.events(), None))
    waiting = asyncio.ensure_future(client.commit_audio())
    await session.expect("input_audio_buffer.commit")
    await client.close()
    await client.close()
    assert await reading is None
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):
        await client.send_audio(bytes(100))
    assert client.state is ClientState.CLOSED


async def test_a_client_that_is_not_connected_says_so(azure: AzurePeer) -> None:
    client = to_azure(azure)
    assert client.state is ClientState.IDLE
    assert client.session is None
    with pytest.raises(RuntimeError, match="not connected"):
        await client.send_audio(bytes(100))
    await client.close()
    assert client.state is ClientState.CLOSED


async def test_what_cannot_be_sent_leaves_the_next_call_its_answer(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        with pytest.raises(LocalProtocolError, match="cannot be written as JSON"):
            await client.configure(instructions="One.", tracing={"odd": object()})
        assert (await client.configure(instructions="Two.")).instructions == "Two."


async def test_a_client_is_for_one_session(azure: AzurePeer) -> None:
    async with to_azure(azure) as client:
        with pytest.raises(RuntimeError, match="make a new one"):
            await client.connect()
        assert client.state is ClientState.CONNECTED


async def test_a_second_connect_leaves_the_first_alone(peer: ScriptedPeer) -> None:
    client = to_script(peer)
    first, second = await asyncio.gather(client.connect(), client.connect(), return_exceptions=True)
    assert first is None
    assert isinstance(second, RuntimeError)
    assert client.state is ClientState.CONNECTED
    await client.close()


async def test_a_connection_that_is_lost_for_good_ends_everything(peer: ScriptedPeer) -> None:
    async with to_script(peer) as client:
        session = await peer.session()
        reading = asyncio.ensure_future(anext(client.events()))
        waiting = asyncio.ensure_future(client.commit_audio())
        await session.expect("input_audio_buffer.commit")
        session.abort()
        for task in (reading, waiting):
            with pytest.raises(ConnectionLost):
                await task
        assert client.state is ClientState.FAILED


async def test_a_server_that_greets_with_an_error_says_why() -> None:
    async def refuse(session: PeerSession) -> None:
        error = {"type": "invalid_request_error", "code": "model_not_found", "message": "No."}
        await session.send({"type": "error", "event_id": "event_1", "error": error})

    async with ScriptedPeer(refuse) as peer:
        with pytest.raises(RealtimeException, match="No") as caught:
            await to_script(peer).connect()
        assert caught.value.code == "model_not_found"


# Odd servers ----------------------------------------------------------------------------------


async def test_odd_events_are_passed_over(
    peer: ScriptedPeer, caplog: pytest.LogCaptureFixture
) -> None:
    async with to_script(peer) as client:
        session = await peer.session()
        odd_answer = asyncio.ensure_future(client.configure(instructions="Go on."))
        await session.expect("session.update")
        for odd in (
            {"type": "response.created"},
            {"type": "response.created", "response": None},
            {"type": "conversation.item.added", "item": 3},
            {"type": "session.updated", "session": "soon"},
            {"type": "error", "error": "secret words"},
        ):
            await session.send(odd)
        await session.send_text("no event")
        with pytest.raises(RemoteProtocolError, match="odd shape"):
            await odd_answer
        calling = asyncio.ensure_future(client.configure(instructions="Go on."))
        await session.expect("session.update")
        update = {"type": "session.updated", "event_id": "event_2"}
        await session.send({**update, "session": {"instructions": "Go on."}})
        assert (await calling).instructions == "Go on."
    assert "odd shape" in caplog.text
    assert "secret words" not in caplog.text


async def test_an_error_about_nothing_that_was_asked_is_logged_without_its_words(
    peer: ScriptedPeer, caplog: pytest.LogCaptureFixture
) -> None:
    client, tape = to_script(peer), Tape()
    client.attach(tape)
    with caplog.at_level(logging.WARNING, "rtclient"):
        async with client:
            session = await peer.session()
            error = {"type": "server_error", "code": "overloaded", "message": "secret words"}
            await session.send({"type": "error", "event_id": "event_1", "error": error})
            await session.close()
            assert [event async for event in client.events()] == []
    assert "server_error overloaded" in caplog.text
    assert "secret words" not in caplog.text
    assert tape.kinds[-1] == "< error"


# Lost connections -----------------------------------------------------------------------------


async def test_a_conversation_goes_on_after_a_lost_connection(azure: AzurePeer) -> None:
    async with to_azure(azure, reconnect_policy=FAST) as client:
        await client.configure(instructions="Be kind.")
        item = await client.send_item(HELLO)
        azure.sessions[0].connection.transport.abort()
        assert await words_of(client) == REPLY
        assert client.session is not None
        assert client.session.instructions == "Be kind."
        again = await azure.session(2)
    assert again.config["instructions"] == "Be kind."
    restored = [event["item"]["id"] for event in again.received if "item" in event]
    assert restored == [item.id]


async def test_a_call_whose_answer_was_lost_is_answered_all_the_same() -> None:
    async def answer_the_second_time(session: PeerSession) -> None:
        session_body: Event = {"id": f"sess_{session.number}", "type": "realtime"}
        await session.send({"type": "session.created", "event_id": "1", "session": session_body})
        await session.expect("session.update")
        if session.number == 1:
            session.abort()
        else:
            session_body["instructions"] = "Heard."
            event = {"type": "session.updated", "event_id": "2", "session": session_body}
            await session.send(event)

    async with ScriptedPeer(answer_the_second_time) as peer:
        client = RTClient.to(endpoints.engine(peer.url), reconnect_policy=FAST)
        async with client:
            assert (await client.configure(instructions="Heard.")).instructions == "Heard."


async def test_a_response_that_a_lost_connection_cut_ends_as_cancelled() -> None:
    async def begin(session: PeerSession) -> None:
        await session.send({"type": "session.created", "event_id": "1", "session": {"id": "s"}})
        if session.number == 1:
            await session.expect("response.create")
            response = {"id": "resp_1", "status": "in_progress", "conversation_id": "conv_1"}
            await session.send({"type": "response.created", "event_id": "2", "response": response})

    async with ScriptedPeer(begin) as peer:
        client = RTClient.to(endpoints.engine(peer.url), reconnect_policy=FAST)
        async with client:
            response = await client.generate_response()
            peer.sessions[0].abort()
            assert (await response).status == "cancelled"
            await peer.session()
            assert [item async for item in response] == []
