"""The gateway on real sockets: before a scripted service, and before the engine."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from rtclient.engine import scripted
from rtclient.engine.senses import Say
from rtclient.engine.serve import serve
from rtclient.testing import PeerSession, ScriptedPeer, session_created
from tests.integration.test_relay import environment, set_up
from tests.support.app import RunningApp, azure_environment, serving
from tests.support.azure_peer import AzurePeer
from tests.support.gateway_talker import SILENCE, VOICE, GatewayTalker, talking_simply

LONG = {"tell me": [Say(" ".join(["one two three four five"] * 20))]}
TIME = {"type": "function", "name": "get_time", "description": "The time.", "parameters": {}}


@contextlib.asynccontextmanager
async def before_engine(
    folder: Path, *turns: str, dialect: str = "ga", **settings: str
) -> AsyncIterator[RunningApp]:
    """Serve the app before an engine that hears these turns."""
    async with serve(scripted.senses(*turns, answers=LONG)) as engine:
        address = f"http://127.0.0.1:{engine.address[1]}"
        azure = azure_environment(address) | {"AZURE_OPENAI_DIALECT": dialect}
        async with serving(azure | settings, folder) as server:
            yield server


def final(talker: GatewayTalker, role: str) -> list[str]:
    """Return what somebody said, by the final transcripts."""
    return [
        each["text"]
        for each in talker.messages
        if each["type"] == "transcript" and each["role"] == role and each["is_final"]
    ]


class TestBeforeAScriptedService:
    async def test_a_client_that_says_nothing_costs_nothing(self, tmp_path: Path) -> None:
        async with (
            ScriptedPeer(set_up) as peer,
            serving(environment(peer), tmp_path) as server,
        ):
            async with talking_simply(server.port) as silent:
                await silent.until("ready")
            async with talking_simply(server.port) as talker:
                await talker.until("ready")
                await talker.send("config", voice="verse")
                updated = await talker.until("session_updated")
            assert (updated["provider"], updated["voice"]) == ("openai", "verse")
            assert (await peer.session()).number == 1

    async def test_what_is_sent_before_the_service_answers_is_kept_in_order(
        self, tmp_path: Path
    ) -> None:
        async def answer(session: PeerSession) -> None:
            await set_up(session)
            update = await session.expect("session.update")
            await session.send({"type": "session.updated", "session": update["session"]})

        async with (
            ScriptedPeer(answer) as peer,
            serving(environment(peer), tmp_path) as server,
            talking_simply(server.port) as talker,
        ):
            await talker.connection.send(bytes(480))
            await talker.send("config", instructions="Be short.")
            await talker.send("text", text="Hello.")
            session = await peer.session()
            await talker.until("session_updated")
            await talker.until("session_updated")
            while not session.events or session.events[-1]["type"] != "response.create":
                await session.receive()
            kinds = [event["type"] for event in session.events]
        assert kinds == [
            "session.update",
            "input_audio_buffer.append",
            "session.update",
            "conversation.item.create",
            "response.create",
        ]

    async def test_a_wrong_key_is_told_and_closes(self, tmp_path: Path) -> None:
        async def refuse(session: PeerSession) -> None:
            error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "No."}
            await session.send({"type": "error", "error": error})

        async with (
            ScriptedPeer(refuse) as peer,
            serving(environment(peer), tmp_path) as server,
            talking_simply(server.port) as talker,
        ):
            await talker.send("config")
            error = await talker.until("error")
            assert (error["code"], error["fatal"]) == ("AuthenticationFailed", True)
            assert await talker.closed() == (1008, "upstream_auth_failed")

    async def test_a_service_that_closes_is_told_in_words(self, tmp_path: Path) -> None:
        async def leave(session: PeerSession) -> None:
            await set_up(session)
            await session.expect("conversation.item.create")
            await session.connection.close(1001, "deploying host-7")

        async with (
            ScriptedPeer(leave) as peer,
            serving(environment(peer), tmp_path) as server,
            talking_simply(server.port) as talker,
        ):
            await talker.send("text", text="Hello.")
            error = await talker.until("error")
            assert (error["code"], error["reason"]) == ("ConnectionFailed", "upstream_closed")
            assert await talker.closed() == (1011, "upstream_closed")

    async def test_a_service_that_is_not_there_is_a_failed_connection(self, tmp_path: Path) -> None:
        async with ScriptedPeer(set_up) as peer:
            settings = environment(peer)
        async with serving(settings, tmp_path) as server, talking_simply(server.port) as talker:
            await talker.until("ready")
            await talker.send("text", text="Hello.")
            error = await talker.until("error")
            assert (error["code"], error["retry_after_ms"]) == ("ConnectionFailed", 5000)
            assert await talker.closed() == (1013, "upstream_unreachable")

    async def test_a_full_house_says_when_to_come_again(self, tmp_path: Path) -> None:
        async with (
            ScriptedPeer(set_up) as peer,
            serving(environment(peer, MAX_SESSIONS="1"), tmp_path) as server,
            talking_simply(server.port) as first,
        ):
            await first.until("ready")
            async with talking_simply(server.port) as second:
                error = await second.until("error")
                assert error["code"] == "RateLimitExceeded"
                assert error["retry_after_ms"] == 10_000
                assert await second.closed() == (1013, "too_many_sessions")

    async def test_secrets_of_every_service_are_taken_out(self, tmp_path: Path) -> None:
        async def leak(session: PeerSession) -> None:
            await set_up(session)
            said = "azure-test-key-0123456789 and sk-canary-of-the-tests"
            error = {"type": "server_error", "code": None, "message": said}
            await session.send({"type": "error", "error": error})

        async with AzurePeer() as azure, ScriptedPeer(leak) as peer:
            both = azure_environment(azure.endpoint) | environment(peer)
            settings = both | {"PARLEY_PROVIDERS": "azure"}
            async with serving(settings, tmp_path) as server, talking_simply(server.port) as talker:
                await talker.send("config")
                assert (await talker.until("error"))["message"] == "[removed] and [removed]"


class TestProviders:
    async def test_a_client_may_choose_what_the_operator_named(self, tmp_path: Path) -> None:
        async with AzurePeer() as azure, ScriptedPeer(set_up) as peer:
            both = azure_environment(azure.endpoint) | environment(peer)
            settings = both | {"PARLEY_PROVIDERS": "azure"}
            async with serving(settings, tmp_path) as server:
                for asked, answers in (("azure", "azure"), ("openai", "openai"), ("x", "openai")):
                    async with talking_simply(server.port) as talker:
                        await talker.send("config", provider=asked)
                        updated = await talker.until("session_updated")
                        assert updated["provider"] == answers
                        assert ("provider_replaced" in talker.notices) == (asked == "x")
                models = (await server.get("/realtime/models")).json()
        assert [each["provider"] for each in models["providers"]] == ["openai", "azure"]

    async def test_without_a_word_of_the_operator_there_is_one(self, tmp_path: Path) -> None:
        async with AzurePeer() as azure, ScriptedPeer(set_up) as peer:
            settings = azure_environment(azure.endpoint) | environment(peer)
            async with serving(settings, tmp_path) as server, talking_simply(server.port) as talker:
                await talker.send("config", provider="azure")
                assert (await talker.until("session_updated"))["provider"] == "openai"
                assert "provider_replaced" in talker.notices


class TestBeforeTheEngine:
    async def test_a_spoken_turn_is_answered_with_words_and_sound(self, tmp_path: Path) -> None:
        async with (
            before_engine(tmp_path, "what time is it") as server,
            talking_simply(server.port) as talker,
        ):
            await talker.speak()
            started = await talker.until("speech_started")
            stopped = await talker.until("speech_stopped")
            assert 0 <= started["audio_ms"] < stopped["audio_ms"]
            assert await talker.until_sound()
            done = await talker.until("response_done")
            assert done["status"] == "completed"
            assert done["usage"]["total_tokens"] > 0
            if not final(talker, "user"):
                await talker.until("transcript", lambda each: each["role"] == "user")
        assert final(talker, "user") == ["what time is it"]
        assert final(talker, "assistant") == ["You said: what time is it"]

    async def test_speech_interrupts_and_no_sound_of_the_answer_follows(
        self, tmp_path: Path
    ) -> None:
        async with (
            before_engine(tmp_path, "tell me", "stop") as server,
            talking_simply(server.port) as talker,
        ):
            await talker.speak()
            await talker.until_sound(4800)
            await talker.speak()
            interrupted = await talker.until("interrupted")
            assert interrupted["heard_ms"] <= interrupted["audio_ms"]
            here = len(talker.came)
            answer = await talker.until("response_started")
            assert answer["response_id"] != interrupted["response_id"]
            assert not [each for each in talker.came[here:] if isinstance(each, bytes)]
            await talker.until("response_done", lambda each: each["status"] == "completed")
            assert not [each for each in talker.messages if each["type"] == "error"]

    async def test_cancelling_stops_the_sound_at_once(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server, talking_simply(server.port) as talker:
            await talker.send("text", text="tell me")
            await talker.until_sound(4800)
            await talker.send("cancel_response")
            await talker.until("interrupted")
            here = len(talker.came)
            assert (await talker.until("response_done"))["status"] == "cancelled"
            assert not [each for each in talker.came[here:] if isinstance(each, bytes)]

    async def test_manual_turns_end_when_the_client_says_so(self, tmp_path: Path) -> None:
        async with (
            before_engine(tmp_path, "one", "two") as server,
            talking_simply(server.port) as talker,
        ):
            await talker.send("config", turn_detection="none")
            assert (await talker.until("session_updated"))["turn_detection"] == "none"
            for words in ("one", "two"):
                await talker.speak(VOICE)
                await talker.send("commit_audio")
                await talker.until("response_done")
                assert final(talker, "assistant")[-1] == f"You said: {words}"

    async def test_functions_are_called_and_their_results_answered(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server, talking_simply(server.port) as talker:
            await talker.send("config", tools=[TIME])
            await talker.send("text", text="please get_time")
            call = await talker.until("function_call")
            assert call["name"] == "get_time"
            assert isinstance(json.loads(call["arguments"]), dict)
            await talker.send("function_result", call_id=call["call_id"], result="noon")
            await talker.until(
                "transcript", lambda each: each["is_final"] and "noon" in each["text"]
            )

    async def test_a_second_config_changes_the_session(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server, talking_simply(server.port) as talker:
            await talker.send("config", voice="verse")
            assert (await talker.until("session_updated"))["voice"] == "verse"
            await talker.send("update_session", voice="sage", transcribe_input=False)
            updated = await talker.until("session_updated")
            assert (updated["voice"], updated["transcription"]) == ("sage", False)
            assert talker.notices == {"other_spelling"}
            await talker.send("text", text="Hello.")
            await talker.until("response_done")
            await talker.send("config", voice="verse")
            error = await talker.until("error")
            assert (error["code"], error["param"]) == ("InvalidConfiguration", "voice")
            await talker.send("config", instructions="Be short.")
            assert (await talker.until("session_updated"))["voice"] == "sage"

    @pytest.mark.parametrize("dialect", ["ga", "preview"])
    async def test_temperature_is_kept_where_the_service_has_it(
        self, tmp_path: Path, dialect: str
    ) -> None:
        async with (
            before_engine(tmp_path, dialect=dialect) as server,
            talking_simply(server.port) as talker,
        ):
            await talker.send("config", temperature=0.9, voice="nova")
            assert (await talker.until("session_updated"))["voice"] == "alloy"
            await talker.send("text", text="Hello.")
            assert await talker.until_sound()
            lost = {"temperature_not_supported"} if dialect == "ga" else set()
            assert talker.notices == {"voice_replaced", *lost}

    async def test_nonsense_is_answered_and_the_session_goes_on(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server, talking_simply(server.port) as talker:
            for data in ("", "{", '{"type":"nothing"}', '{"type":"text","text":3}', bytes(70_000)):
                await talker.connection.send(data)
                assert (await talker.until("error"))["code"] == "InvalidMessage"
            await talker.speak(SILENCE)
            await talker.send("text", text="Hello.")
            await talker.until("response_done")


class TestTheDoor:
    TOKEN = "let-me-in-please"
    WAYS: tuple[dict[str, Any], ...] = (
        {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"additional_headers": {"api-key": TOKEN}},
        {
            "subprotocols": [
                Subprotocol(f"openai-insecure-api-key.{TOKEN}"),
                Subprotocol("realtime"),
            ]
        },
    )

    async def test_the_token_opens_in_every_form_and_nothing_else_does(
        self, tmp_path: Path
    ) -> None:
        async with before_engine(tmp_path, ACCESS_TOKEN=self.TOKEN) as server:
            for way in self.WAYS:
                async with talking_simply(server.port, **way) as talker:
                    await talker.until("ready")
            with pytest.raises(InvalidStatus) as refused:
                async with talking_simply(server.port):
                    pass
            assert refused.value.response.status_code == 401
            assert (await server.get("/realtime/models")).status_code == 401

    async def test_a_page_of_another_origin_is_refused(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server:
            with pytest.raises(InvalidStatus) as refused:
                async with talking_simply(server.port, origin="https://evil.example"):
                    pass
            assert refused.value.response.status_code == 403

    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            ("?model=gpt-realtime", {}),
            ("?api-version=2025-04-01-preview&deployment=x", {}),
            ("", {"OpenAI-Beta": "realtime=v1"}),
        ],
    )
    async def test_a_client_of_the_api_is_told_where_to_go(
        self, tmp_path: Path, query: str, headers: dict[str, str]
    ) -> None:
        async with before_engine(tmp_path) as server:
            with pytest.raises(InvalidStatus) as refused:
                async with talking_simply(server.port, query, additional_headers=headers):
                    pass
        assert refused.value.response.status_code == 400
        assert b"/v1/realtime" in (refused.value.response.body or b"")

    async def test_there_is_something_to_read(self, tmp_path: Path) -> None:
        async with before_engine(tmp_path) as server:
            plain = await server.get("/realtime")
            assert plain.status_code == 426
            assert plain.headers["upgrade"] == "websocket"
            schema = (await server.get("/realtime/schema.json")).json()
            assert schema["$id"] == "urn:parley:realtime-gateway:1.0"
            models = (await server.get("/realtime/models")).json()
        (azure,) = models["providers"]
        assert (models["default_provider"], azure["model"]) == ("azure", "gpt-realtime")
        assert azure["voices"][0] == "alloy"


async def test_a_session_without_update_is_told_in_time(tmp_path: Path) -> None:
    async def greet(session: PeerSession) -> None:
        await session.send(session_created(session_id="sess_1"))
        await session.expect("session.update")
        await session.close(1011, "gone")

    async with (
        ScriptedPeer(greet) as peer,
        serving(environment(peer), tmp_path) as server,
        talking_simply(server.port) as talker,
    ):
        await talker.send("config")
        assert (await talker.closed())[0] == 1011
