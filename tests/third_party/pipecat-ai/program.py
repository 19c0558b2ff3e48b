"""pipecat-ai: a pipeline around its realtime service, as in its realtime example, no transport.

The service reads no more after an `error` event,
and after an event that does not fit its types: each step would then wait in vain.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from conversation import (
    INSTRUCTIONS,
    LONG_REQUEST,
    MODEL,
    RATE_HZ,
    REQUEST,
    TOOL_REQUEST,
    VOICE,
    WEATHER,
    silence,
    speech,
)
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.azure.realtime.llm import AzureRealtimeLLMService
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from report import Run, main

logger.remove()
logger.add(sys.stderr, level="WARNING")

TOOL = FunctionSchema(
    name="get_weather",
    description="Get the current weather of a city",
    properties={"city": {"type": "string"}},
    required=["city"],
)


async def get_weather(call: Any) -> None:
    """Answer a call of the tool."""
    assert "Paris" in call.arguments["city"], call.arguments
    await call.result_callback(WEATHER)


class Talk(BaseObserver):
    """A pipeline, and what its service told."""

    def __init__(self, run: Run, request: str) -> None:
        super().__init__()
        self.sessions: list[Any] = []
        self.responses: list[Any] = []
        self.frames: list[Any] = []
        self._changed = asyncio.Event()
        self.llm = self._service(run)
        self.llm.register_function("get_weather", get_weather)
        messages: Any = [{"role": "user", "content": request}] if request else []
        self.context = LLMContext(messages, ToolsSchema(standard_tools=[TOOL]))
        both = LLMContextAggregatorPair(self.context)
        self.worker = PipelineWorker(
            Pipeline([both.user(), self.llm, both.assistant()]),
            params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
            observers=[self],
        )

    def _service(self, run: Run) -> OpenAIRealtimeLLMService:
        talk = self
        base: Any = (
            AzureRealtimeLLMService if run.path.startswith("/openai") else OpenAIRealtimeLLMService
        )

        class Service(base):
            """The service; it shows what the server told of sessions and responses."""

            async def _handle_evt_session_updated(self, event: Any) -> None:
                talk.sessions.append(event.session)
                await super()._handle_evt_session_updated(event)
                talk._changed.set()

            async def _handle_evt_response_done(self, event: Any) -> None:
                talk.responses.append(event.response)
                await super()._handle_evt_response_done(event)
                talk._changed.set()

        detection = events.TurnDetection(silence_duration_ms=300)
        audio = events.AudioConfiguration(
            input=events.AudioInput(
                transcription=events.InputAudioTranscription(model="whisper-1"),
                turn_detection=detection,
            ),
            output=events.AudioOutput(voice=VOICE),
        )
        settings = base.Settings(
            model=MODEL,
            system_instruction=INSTRUCTIONS,
            session_properties=events.SessionProperties(audio=audio),
        )
        return Service(api_key=run.key, base_url=f"{run.socket_base}/realtime", settings=settings)

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.source is self.llm:
            self.frames.append(data.frame)
            self._changed.set()

    def of(self, kind: type[Any]) -> list[Any]:
        """What the service pushed of this kind."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    @property
    def said(self) -> str:
        """All that the assistant said."""
        return "".join(frame.text for frame in self.of(TTSTextFrame))

    async def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            await self.worker.queue_frame(InputAudioRawFrame(piece, RATE_HZ, 1))

    async def ask(self) -> None:
        """Speak the question; what stops the answer of before has run when the turn ends."""
        await self.hear(speech())
        await self.until(lambda: self.of(InterruptionFrame))
        await self.hear(silence())

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait until this holds; an error that the service tells fails."""
        while not done():
            assert not self.of(ErrorFrame), self.of(ErrorFrame)
            self._changed.clear()
            await self._changed.wait()


@asynccontextmanager
async def talking(run: Run, request: str) -> AsyncIterator[Talk]:
    talk = Talk(run, request)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(talk.worker)
    running = asyncio.create_task(runner.run())
    try:
        await talk.worker.queue_frame(LLMRunFrame())
        await talk.until(lambda: len(talk.sessions) == 2)
        yield talk
        assert not talk.of(ErrorFrame), talk.of(ErrorFrame)
    finally:
        await talk.worker.cancel()
        await running


async def connect(talk: Talk) -> None:
    await talk.until(lambda: talk.responses)  # greets, as in the example


async def update(talk: Talk) -> None:
    session = talk.sessions[-1]
    assert session.audio.output.voice == VOICE, session
    assert session.instructions == INSTRUCTIONS, session


async def text(talk: Talk) -> None:
    await talk.until(lambda: talk.responses)
    assert "banana" in talk.said.lower(), talk.said
    assert sum(len(frame.audio) for frame in talk.of(TTSAudioRawFrame)) > 12_000, "no sound"


async def voice(talk: Talk) -> None:
    await talk.until(lambda: talk.responses)
    await talk.ask()
    await talk.until(lambda: len(talk.responses) == 2 and talk.of(TranscriptionFrame))
    heard = talk.of(TranscriptionFrame)[0].text
    assert "time" in heard.lower(), heard


async def tool(talk: Talk) -> None:
    await talk.until(lambda: len(talk.responses) == 2)
    assert "21" in talk.said, talk.said


async def interruption(talk: Talk) -> None:
    await talk.until(lambda: len(talk.of(TTSAudioRawFrame)) > 3)
    # The service cuts the item to what was played; were that refused, it would read no more.
    await talk.ask()
    await talk.until(lambda: len(talk.responses) == 2)
    statuses = [response.status for response in talk.responses]
    assert statuses == ["cancelled", "completed"], statuses


REQUESTS = {"text": REQUEST, "tool": TOOL_REQUEST, "interruption": LONG_REQUEST}
"""Step → what the conversation begins with; without it the assistant greets."""
STEPS = {step.__name__: step for step in (connect, update, text, voice, tool, interruption)}


async def take(run: Run, step: str) -> None:
    async with talking(run, REQUESTS.get(step, "")) as talk:
        await STEPS[step](talk)


main(take)
