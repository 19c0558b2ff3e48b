"""semantic-kernel: a kernel with a plugin behind its realtime service, as in its samples.

Its `OpenAIRealtimeWebsocket` rides on the openai package; `AzureRealtimeWebsocket` dials
`/openai/v1/realtime` by itself, by wss only. Both send JSON with line breaks and indents.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from conversation import (
    INSTRUCTIONS,
    LONG_REQUEST,
    MODEL,
    REQUEST,
    TOOL_REQUEST,
    VOICE,
    WEATHER,
    silence,
    speech,
)
from openai import AsyncOpenAI
from report import Run, main
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import (
    AzureRealtimeExecutionSettings,
    AzureRealtimeWebsocket,
    InputAudioTranscription,
    ListenEvents,
    OpenAIRealtimeExecutionSettings,
    OpenAIRealtimeWebsocket,
    SendEvents,
    TurnDetection,
)
from semantic_kernel.contents import AudioContent, TextContent
from semantic_kernel.contents.realtime_events import (
    RealtimeAudioEvent,
    RealtimeEvent,
    RealtimeTextEvent,
)
from semantic_kernel.functions import kernel_function

HEARD = "conversation.item.input_audio_transcription.completed"


class Weather:
    """A plugin; the service is told of it as `weather-get_weather`."""

    @kernel_function(name="get_weather", description="Get the current weather of a city")
    def get_weather(self, city: str) -> str:
        """Get the current weather of a city."""
        assert "Paris" in city, city
        return WEATHER


class Talk:
    """A session and what it told."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self._told = aiter(service.receive())
        self._events: list[Any] = []

    def of(self, kind: str) -> list[Any]:
        """The events of this type, as the SDK gives them."""
        return [event for event in self._events if event.service_type == kind]

    @property
    def said(self) -> str:
        """All that the assistant said."""
        return "".join(e.text.text for e in self._events if isinstance(e, RealtimeTextEvent))

    @property
    def audio_bytes(self) -> int:
        """How much sound came."""
        return sum(len(e.audio.data) for e in self._events if isinstance(e, RealtimeAudioEvent))

    async def until(self, done: Callable[[], Any]) -> None:
        """Read until this holds; an error of the server fails."""
        while not done():
            event = await anext(self._told)
            self._events.append(event)
            assert event.service_type != "error", event.service_event

    async def say(self, text: str) -> None:
        """Add a typed message and ask for an answer."""
        await self.service.send(
            RealtimeTextEvent(
                service_type=SendEvents.CONVERSATION_ITEM_CREATE, text=TextContent(text=text)
            )
        )
        await self.service.send(RealtimeEvent(service_type=SendEvents.RESPONSE_CREATE))

    async def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            sound = AudioContent(data=piece, data_format="base64")
            await self.service.send(RealtimeAudioEvent(audio=sound))


@asynccontextmanager
async def talking(run: Run) -> AsyncIterator[Talk]:
    kernel = Kernel()
    kernel.add_plugin(Weather(), plugin_name="weather")
    is_azure = run.kind == "AzureRealtimeWebsocket"
    settings = (AzureRealtimeExecutionSettings if is_azure else OpenAIRealtimeExecutionSettings)(
        instructions=INSTRUCTIONS,
        voice=VOICE,
        input_audio_transcription=InputAudioTranscription(model="whisper-1"),
        turn_detection=TurnDetection(type="server_vad", create_response=True),
        function_choice_behavior=FunctionChoiceBehavior.Auto(),
    )
    service: Any
    if is_azure:
        service = AzureRealtimeWebsocket(
            endpoint=run.origin, deployment_name=MODEL, api_key=run.key, api_version="2025-08-28"
        )
    else:
        client = AsyncOpenAI(api_key=run.key, base_url=run.base)
        service = OpenAIRealtimeWebsocket(ai_model_id=MODEL, client=client)
    async with service(settings=settings, kernel=kernel, create_response=False):
        talk = Talk(service)
        await talk.until(lambda: talk.of("session.updated"))
        yield talk


async def connect(talk: Talk) -> None:
    assert talk.of("session.created")


async def update(talk: Talk) -> None:
    session = talk.of("session.updated")[0].service_event.session
    assert session.audio.output.voice == VOICE, session
    assert session.instructions == INSTRUCTIONS, session
    assert session.tools[0].name == "weather-get_weather", session


async def text(talk: Talk) -> None:
    await talk.say(REQUEST)
    await talk.until(lambda: talk.of("response.done"))
    assert "banana" in talk.said.lower(), talk.said
    assert talk.audio_bytes > 12_000, "no sound"


async def voice(talk: Talk) -> None:
    await talk.hear(speech())
    await talk.hear(silence())
    await talk.until(lambda: talk.of("response.done") and talk.of(HEARD))
    heard = talk.of(HEARD)[0].service_event.transcript
    assert "time" in heard.lower(), heard
    assert talk.said, "no answer"


async def tool(talk: Talk) -> None:
    await talk.say(TOOL_REQUEST.replace("get_weather", "weather-get_weather"))
    await talk.until(lambda: len(talk.of("response.done")) == 2)
    assert "21" in talk.said, talk.said


async def interruption(talk: Talk) -> None:
    await talk.say(LONG_REQUEST)
    await talk.until(lambda: len(talk.of(ListenEvents.RESPONSE_AUDIO_DELTA)) > 3)
    item_id = talk.of(ListenEvents.RESPONSE_AUDIO_DELTA)[0].service_event.item_id
    await talk.hear(speech())
    await talk.until(lambda: talk.of("input_audio_buffer.speech_started"))
    cut = {"item_id": item_id, "audio_end_ms": 100}
    await talk.service.send(
        RealtimeEvent(service_type=SendEvents.CONVERSATION_ITEM_TRUNCATE, service_event=cut)
    )
    await talk.until(lambda: talk.of("conversation.item.truncated"))
    await talk.hear(silence())
    await talk.until(lambda: len(talk.of("response.done")) == 2)
    statuses = [event.service_event.response.status for event in talk.of("response.done")]
    assert statuses == ["cancelled", "completed"], statuses


STEPS = {step.__name__: step for step in (connect, update, text, voice, tool, interruption)}


async def take(run: Run, step: str) -> None:
    async with talking(run) as talk:
        await STEPS[step](talk)


main(take)
