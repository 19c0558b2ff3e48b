"""The steps that a program takes with a connection of the `openai` package, in either dialect.

It runs in the client's own environment. Every event that comes must be one of the client's own
models, all of it: `construct`, by which the client itself reads events, would let errors pass.
"""

import base64
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from report import question

SECRET_INSTRUCTIONS = "I come from the secret."
STARTS = ("session.created", "transcription_session.created")
LONG = "Count to thirty"
"""The answer takes many seconds to speak."""
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
}
HEARD = "conversation.item.input_audio_transcription.completed"
SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 300}
SILENCE = bytes(48 * 600)


class GA:
    """How a program of today says it."""

    text_delta = "response.output_text.delta"
    transcript_delta = "response.output_audio_transcript.delta"
    audio_delta = "response.output_audio.delta"
    item_added = "conversation.item.added"
    modalities = "output_modalities"

    @staticmethod
    def session(**fields: Any) -> Mapping[str, Any]:
        """Return a session as GA has it."""
        given = {"type": "realtime", **fields}
        given |= {"output_modalities": ["text"]} if given.pop("is_text", False) else {}
        hearing = {
            key: given.pop(key) for key in ("turn_detection", "transcription") if key in given
        }
        return given | ({"audio": {"input": hearing}} if hearing else {})


class Preview:
    """How a program of the preview said it."""

    text_delta = "response.text.delta"
    transcript_delta = "response.audio_transcript.delta"
    audio_delta = "response.audio.delta"
    item_added = "conversation.item.created"
    modalities = "modalities"

    @staticmethod
    def session(**fields: Any) -> Mapping[str, Any]:
        """Return a session as the preview has it."""
        given = dict(fields)
        given |= {"modalities": ["text"]} if given.pop("is_text", False) else {}
        if "transcription" in given:
            given["input_audio_transcription"] = given.pop("transcription")
        return given


class Models:
    """The client's own models of server events."""

    def __init__(self, server_event: Any, known_errors: Collection[tuple[str, str]] = ()) -> None:
        """Take the union of models.

        Args:
            server_event: `RealtimeServerEvent` of the package.
            known_errors: type of event, dotted place ("" is the whole event): what the package's
                models refuse although the real service sends it.
        """
        models: tuple[type[BaseModel], ...] = get_args(get_args(server_event)[0])
        self._by_type = {
            get_args(model.model_fields["type"].annotation)[0]: model for model in models
        }
        self._known_errors = known_errors

    def check(self, event: Mapping[str, Any]) -> None:
        """Raise when the event is none of the models."""
        type = event["type"]
        if (type, "") in self._known_errors:
            return
        try:
            self._by_type[type].model_validate(event)
        except ValidationError as exc:
            for error in exc.errors():
                place = ".".join(map(str, error["loc"]))
                if (type, place) not in self._known_errors:
                    raise AssertionError(f"{type}: {place}: {error['msg']}: {event}") from exc


class Talk:
    """A connection of the client; `events` has all that came, as the client types it."""

    def __init__(self, connection: Any, models: Models, dialect: type[GA] | type[Preview]) -> None:
        self.connection = connection
        self.dialect = dialect
        self.events: list[Any] = []
        self._models = models

    async def next(self) -> Any:
        """Return the next event."""
        data = await self.connection.recv_bytes()
        self._models.check(json.loads(data))
        event = self.connection.parse_event(data)
        self.events.append(event)
        return event

    async def until(self, *types: str) -> Any:
        """Read until each of these types has come; return the last event. An error fails."""
        missing = set(types)
        while missing:
            event = await self.next()
            assert event.type != "error", event
            missing.discard(event.type)
        return event

    async def error(self) -> Any:
        """Read until an `error` event; return what is in it."""
        while (event := await self.next()).type != "error":
            pass
        return event.error

    def of(self, type: str) -> list[Any]:
        """Return the events of a type."""
        return [event for event in self.events if event.type == type]

    @property
    def text(self) -> str:
        """All that was written or spoken."""
        types = (self.dialect.text_delta, self.dialect.transcript_delta)
        return "".join(event.delta for event in self.events if event.type in types)

    @property
    def audio(self) -> bytes:
        """All that was spoken."""
        deltas = self.of(self.dialect.audio_delta)
        return b"".join(base64.b64decode(event.delta) for event in deltas)

    async def update(self, **fields: Any) -> Any:
        """Change the session; return the new one."""
        await self.connection.session.update(session=self.dialect.session(**fields))
        return (await self.until("session.updated")).session

    async def say(self, text: str, **fields: Any) -> Any:
        """Add a typed message; return the item."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.connection.conversation.item.create(item=item, **fields)
        return (await self.until(self.dialect.item_added)).item

    async def ask(self, text: str) -> None:
        """Add a typed message, and ask for an answer."""
        await self.say(text)
        await self.connection.response.create()

    async def done(self) -> Any:
        """Wait for the end of the answer."""
        return (await self.until("response.done")).response

    async def append(self, audio: bytes) -> None:
        """Send audio in pieces."""
        for at in range(0, len(audio), 4800):
            piece = base64.b64encode(audio[at : at + 4800]).decode()
            await self.connection.input_audio_buffer.append(audio=piece)

    def is_spoken(self) -> None:
        """Check an answer to the recorded question."""
        (heard,) = self.of(HEARD)
        assert heard.transcript == "What time is it?", heard
        assert self.text == "You said: What time is it?", self.text
        assert len(self.audio) > 24_000


@asynccontextmanager
async def opened(
    dial: AbstractAsyncContextManager[Any], models: Models, dialect: type[GA] | type[Preview]
) -> AsyncIterator[Talk]:
    """Open a session."""
    async with dial as connection:
        talk = Talk(connection, models, dialect)
        assert (await talk.next()).type in STARTS
        yield talk


async def refused(dial: AbstractAsyncContextManager[Any]) -> None:
    """Check that the client is turned away, and that it says why."""
    said = "welcome"
    try:
        async with dial:
            pass
    except Exception as exc:
        said = str(exc)
    assert "401" in said, said


async def connect(talk: Talk) -> None:
    """The session is there already, as the dialect shows it."""
    session = talk.events[-1].session
    assert session.model == "gpt-realtime", session
    assert getattr(session, talk.dialect.modalities), session


async def update(talk: Talk) -> None:
    """What was set is shown, what was not is as before."""
    before = talk.events[0].session
    session = await talk.update(instructions="Be brief.", is_text=True, tools=[WEATHER])
    assert session.instructions == "Be brief."
    assert getattr(session, talk.dialect.modalities) == ["text"]
    assert session.tools[0].name == "get_weather"
    assert session.id == before.id


async def text(talk: Talk) -> None:
    """A typed question is answered in text."""
    await talk.update(is_text=True)
    await talk.ask("Good morning")
    response = await talk.done()
    assert talk.text == "You said: Good morning"
    assert response.status == "completed"
    assert response.output[0].content[0].text == talk.text
    assert response.usage.total_tokens > 0
    assert not talk.audio


async def voice(talk: Talk) -> None:
    """A spoken question is found and answered."""
    await talk.update(turn_detection=SERVER_VAD, transcription={"model": "whisper-1"})
    await talk.append(question() + SILENCE)
    await talk.until("response.done", HEARD)
    order = [event.type for event in talk.events]
    parts = ("speech_started", "speech_stopped", "committed")
    started, stopped, committed = (order.index(f"input_audio_buffer.{part}") for part in parts)
    assert started < stopped < committed < order.index("response.created")
    talk.is_spoken()


async def manual(talk: Talk) -> None:
    """Push to talk."""
    await talk.update(turn_detection=None, transcription={"model": "whisper-1"})
    await talk.append(question())
    await talk.connection.input_audio_buffer.commit()
    await talk.connection.response.create()
    await talk.until("response.done", HEARD)
    assert not talk.of("input_audio_buffer.speech_started")
    talk.is_spoken()


async def tool(talk: Talk) -> None:
    """A tool is called and its output used."""
    await talk.update(is_text=True, tools=[WEATHER])
    await talk.ask("get_weather in Paris")
    await talk.done()
    (call,) = talk.of("response.function_call_arguments.done")
    assert json.loads(call.arguments) == {"city": "get_weather in Paris"}
    (item,) = [event.item for event in talk.of("response.output_item.done")]
    assert (item.name, item.call_id) == ("get_weather", call.call_id)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}
    await talk.connection.conversation.item.create(item=output)
    await talk.connection.response.create()
    await talk.done()
    assert talk.text == "The tool says: 21 degrees"


async def interruption(talk: Talk) -> None:
    """Speaking over an answer cancels it."""
    await talk.update(turn_detection=SERVER_VAD)
    await talk.ask(LONG)
    delta = await talk.until(talk.dialect.audio_delta)
    await talk.append(question())
    response = await talk.done()
    assert response.status == "cancelled"
    assert response.status_details.reason == "turn_detected"
    item = talk.connection.conversation.item
    await item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=90)
    assert (await talk.until("conversation.item.truncated")).audio_end_ms == 90
    await talk.append(SILENCE)
    assert (await talk.done()).status == "completed"


async def cancel(talk: Talk) -> None:
    """The program cancels an answer."""
    await talk.ask(LONG)
    await talk.until(talk.dialect.audio_delta)
    await talk.connection.response.cancel()
    response = await talk.done()
    assert response.status == "cancelled"
    assert response.status_details.reason == "client_cancelled"


async def items(talk: Talk) -> None:
    """Items have the client's ids and places, and go."""
    first = await talk.say("My name is Ada.")
    second = await talk.say("Good morning", previous_item_id=first.id)
    assert talk.events[-1].previous_item_id == first.id
    item = talk.connection.conversation.item
    if hasattr(item, "retrieve"):
        await item.retrieve(item_id=first.id)
        found = (await talk.until("conversation.item.retrieved")).item
        assert found.content[0].text == "My name is Ada."
    await item.delete(item_id=second.id)
    assert (await talk.until("conversation.item.deleted")).item_id == second.id


async def error(talk: Talk) -> None:
    """A mistake is told, and the session goes on."""
    await talk.connection.response.cancel(event_id="mine")
    told = await talk.error()
    assert (told.code, told.event_id) == ("response_cancel_not_active", "mine")
    await talk.connection.input_audio_buffer.clear()
    await talk.until("input_audio_buffer.cleared")


async def transcription(talk: Talk) -> None:
    """Only what was said comes back."""
    given = {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": SERVER_VAD}
    if talk.dialect is GA:
        session = await talk.update(type="transcription", **given)
        assert session.type == "transcription"
    else:
        session = talk.dialect.session(**given)
        await talk.connection.transcription_session.update(session=session)
        await talk.until("transcription_session.updated")
    await talk.append(question() + SILENCE)
    assert (await talk.until(HEARD)).transcript == "What time is it?"
    assert not talk.of("response.created")


async def secret(talk: Talk) -> None:
    """The session is as the client secret has it."""
    assert talk.events[0].session.instructions == SECRET_INSTRUCTIONS


STEPS = {
    step.__name__: step
    for step in (
        *(connect, update, text, voice, manual, tool),
        *(interruption, cancel, items, error, transcription, secret),
    )
}
