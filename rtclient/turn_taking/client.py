"""`TurnTaking`: asking, interrupting, push-to-talk, cost.

`RTClient` has these methods; the words of the wire stay inside.

Source: Realtime API guide, conversations and voice activity detection.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rtclient.errors import ConnectionLost, ServerError
from rtclient.items import RTResponse
from rtclient.low_level_client import RTLowLevelClient
from rtclient.models.base import plain
from rtclient.protocol.audio import to_base64
from rtclient.protocol.dialects import Dialect, response_to_ga
from rtclient.protocol.reading import value_at
from rtclient.requests import new_id
from rtclient.turn_taking.answers import Answer, AnswerSoFar
from rtclient.turn_taking.interruption import cut
from rtclient.turn_taking.push_to_talk import PushToTalk
from rtclient.turn_taking.registering import Registering

if TYPE_CHECKING:
    from rtclient.prices import Cost

MAX_QUESTION_BYTES: Final = 10 * 1024 * 1024
"""Sound in one item; the service takes 15 MiB of base64."""

_MAX_ATTEMPTS: Final = 5

_log = logging.getLogger(__name__)


class TurnTaking(Registering):
    """The turns of an `RTClient`."""

    def _prepare(self, low: RTLowLevelClient, dialect: Dialect) -> None:
        super()._prepare(low, dialect)
        self._news = asyncio.Event()
        self._over: Exception | None = None
        self._asking = asyncio.Lock()
        self.attach(_Wakes(self._wake))

    # Turns ----------------------------------------------------------------------------------

    async def say(self, text: str) -> Answer:
        """Let the model say a text word for word, such as a greeting.

        It waits until nothing else is being answered, and becomes part of the conversation. The
        words are an instruction, which models follow closely, not a recording. The sound can be
        taken from `on("audio")` while it comes.
        """
        if not isinstance(text, str):
            raise TypeError(f"what to say is a text, not {type(text).__name__}")
        if not text.strip():
            raise ValueError("there is nothing to say: the text is empty")
        words = f"Add nothing and leave nothing out. Say exactly the following text: {text}"
        return await self._answer({"instructions": words, "tool_choice": "none"})

    async def ask(self, question: str | bytes, **fields: Any) -> Answer:
        """Say something to the model, in writing or in sound, and wait for its answer.

        Tools that the model calls for it are run first. Several tasks may ask: they wait for each
        other.

        Args:
            question: A text, or sound in the session's input format: pcm16, mono, 24 kHz by
                default, at most 10 MiB (218 s). Sound goes into the conversation as a whole,
                whatever the turn detection; the service does not transcribe it.
            fields: What is different for this response, as for `generate_response`, such as
                `output_modalities=["text"]` or `instructions="…"`.

        Raises:
            ResponseFailed: The model failed; its `code` says why.
            RealtimeException: The server refused something.
        """
        if not isinstance(question, str | bytes | bytearray | memoryview):
            raise TypeError(f"a question is a text or sound, not {type(question).__name__}")
        if not question:
            raise ValueError("there is nothing to ask: the question is empty")
        if isinstance(question, str):
            part = {"type": "input_text", "text": question}
        elif len(question) > MAX_QUESTION_BYTES:
            raise ValueError("the sound is longer than 10 MiB: use send_audio and commit_audio")
        else:
            part = {"type": "input_audio", "audio": to_base64(question)}
        # With an id: else any item that the server adds at this moment would count as this one.
        item = {"id": new_id("item"), "type": "message", "role": "user", "content": [part]}
        return await self._answer(fields, item)

    async def interrupt(self, played_ms: int | None = None, *, item_id: str | None = None) -> None:
        """Stop what the model says, and let it forget what was not heard.

        The model makes sound faster than it sounds, so only the program knows how much was played.
        It is safe when nothing is being said. When the person's speech stopped the model already,
        it only cuts what was said. Tools that run come to their end; unless the person speaks, the
        model does not go on about them before it is asked again.

        Args:
            played_ms: Milliseconds of the message that was playing that came out of the
                loudspeaker; None leaves the message whole.
            item_id: Of that message; None is the newest spoken one.
        """
        self._tools.interrupt()
        active = self.conversation.active_response
        if active is not None:
            await self.send_event({"type": "response.cancel", "response_id": active.id})
        elif self.conversation.is_awaiting:
            # One may begin right now. When none does, the server says so, which is no harm.
            await self.send_event({"type": "response.cancel"})
        if played_ms is not None and (event := cut(self.conversation, played_ms, item_id)):
            await self.send_event(event)
        if active is not None:
            await self._until(lambda: not self._is_active(active.id))

    def push_to_talk(self, played_ms: int | None = None) -> PushToTalk:
        """Return a turn that lasts as long as its `async with`, such as while a key is held.

            async with client.push_to_talk() as turn:
                async for pcm in microphone:
                    await turn.send(pcm)
            await turn.response

        At its begin the model is interrupted and the turn detection goes off; at its end the model
        answers and the turn detection is as it was. A turn of less than 100 ms, and one that ends
        with an exception, is thrown away.

        Args:
            played_ms: As for `interrupt`.
        """
        return PushToTalk(self, self._tools, lambda: self.interrupt(played_ms), self._answered)

    # Cost -----------------------------------------------------------------------------------

    @property
    def cost(self) -> "Cost | None":
        """What the session costs so far, at list prices; None when its model has no known price.

        For prices of your own: `rtclient.prices.cost_of(client.usage, Prices(…))`.
        """
        # Late: most programs never ask.
        from rtclient.prices import cost_of, prices_of, transcription_prices_of

        session = self.conversation.session
        prices = prices_of(session.get("model"))
        if prices is None:
            return None
        transcriber = value_at(session, "audio", "input", "transcription", "model")
        return cost_of(self.usage, prices, transcription_prices_of(transcriber))

    # Parts of the above ---------------------------------------------------------------------

    async def _answer(self, fields: dict[str, Any], item: dict[str, Any] | None = None) -> Answer:
        async with self._asking:
            await self._until(self._is_quiet)
            following = AnswerSoFar(self.conversation, self._tools.rounds)
            self.attach(following)
            try:
                if item is not None:
                    event = {"type": "conversation.item.create", "item": item}
                    _, response = await self._answered(event, fields)
                else:
                    response = await self._respond(fields)
                following.begin(response.id)
                await self._until(lambda: following.is_over)
            finally:
                self.detach(following)
            return following.answer()

    async def _answered(
        self, turn: dict[str, Any], fields: Mapping[str, Any] | None = None
    ) -> tuple[Any, RTResponse]:
        """Send what makes a turn and let the model answer it; return what came of both.

        Both at once: the server handles them in their order, and the answer comes sooner.
        """
        made: Any
        response: RTResponse | BaseException
        made, response = await asyncio.gather(
            self.request(turn), self._respond(fields), return_exceptions=True
        )
        if isinstance(made, BaseException):
            # Without the turn there is nothing to answer.
            if not isinstance(response, BaseException):
                await response.cancel()
            raise made
        if isinstance(response, BaseException):
            raise response
        return made, response

    async def _respond(self, fields: Mapping[str, Any] | None = None) -> RTResponse:
        """Begin a response as soon as none is being made, and return it."""
        event = self._response_create(fields or {})
        response: RTResponse | None = None
        attempts = 0
        while response is None:
            await self._until(self._is_quiet)
            attempts += 1
            try:
                response = await self.request(event)
            except ServerError as error:
                # The turn detection was faster.
                is_busy = error.code == "conversation_already_has_active_response"
                if not is_busy or attempts == _MAX_ATTEMPTS:
                    raise
        return response

    def _response_create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the event that asks for a response; `fields` may use the words of preview."""
        event: dict[str, Any] = {"type": "response.create"}
        if fields:
            lost: list[str] = []
            event["response"] = response_to_ga(
                plain(fields), lost, keeps_preview_only=self._has_temperature
            )
            self._tell_lost(lost)
        return event

    @property
    def _has_temperature(self) -> bool:
        # A session of a preview service shows one, a GA session does not.
        return self.session is not None and self.session.temperature is not None

    @staticmethod
    def _tell_lost(lost: list[str]) -> None:
        if lost:
            _log.info("GA has no %s: it is left out.", ", ".join(lost))

    def _is_quiet(self) -> bool:
        return self.conversation.active_response is None

    def _is_active(self, response_id: str) -> bool:
        response = self.conversation.response(response_id)
        return response is not None and response.is_active

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait for events until something is so. Raises when the connection ends first."""
        while not is_so():
            if self._over is not None:
                raise self._over
            await self._news.wait()

    def _wake(self) -> None:
        # Who waits now is woken; who comes later waits for the next event.
        self._news.set()
        self._news = asyncio.Event()

    def _end(self, error: Exception | None) -> None:
        super()._end(error)
        self._over = error or ConnectionLost(1000)
        self._wake()


class _Wakes:
    """Calls a function at each event of the server."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_server_event(self, event: dict[str, Any]) -> None:
        self._wake()

    def on_client_event(self, event: dict[str, Any]) -> None:
        pass
