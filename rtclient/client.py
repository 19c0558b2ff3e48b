"""`RTClient`: a conversation with a realtime model.

    async with RTClient.to(endpoint) as client:
        await client.send_item(UserMessageItem(content=[InputTextContentPart(text="Hello")]))
        response = await client.generate_response()
        async for item in response:
            ...

One task reads the connection. Each event goes to the conversation, then to the listeners in their
order, then to the objects that the program iterates over.

Source: the constructor and the first methods are those of Microsoft's rtclient 0.5; the wire is GA.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Literal, Protocol, Self

from rtclient.errors import ConnectionLost, LocalProtocolError
from rtclient.items import RTEvent, RTInputAudioItem, RTResponse
from rtclient.low_level_client import ClientState, EndpointSource, RTLowLevelClient
from rtclient.models import (
    AudioFormat,
    Item,
    MaxTokensType,
    Modality,
    ResponseItem,
    Session,
    ToolChoice,
    ToolsDefinition,
    TurnDetection,
)
from rtclient.models.base import plain
from rtclient.models.parts import InputAudioTranscription
from rtclient.protocol.conversation import Conversation
from rtclient.protocol.dialects import Dialect, item_to_ga, response_to_ga, session_to_ga
from rtclient.protocol.usage import Usage
from rtclient.requests import ANSWERS, Requests, as_exception, new_id
from rtclient.routing import Router
from rtclient.streams import Signal

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Something that is told every event, such as a recorder. It must not wait."""

    def on_server_event(self, event: dict[str, Any]) -> None:
        """Take in a GA event of the server, which the conversation has already."""

    def on_client_event(self, event: dict[str, Any]) -> None:
        """Take in a GA event of this client, which the conversation has already."""


class RTClient:
    """A conversation: what is said and answered, as objects to await and to iterate over.

    After a lost connection it connects again and restores the conversation; programs need to do
    nothing for it. Every method that waits for the server raises `RealtimeException` when the
    server says no, and `ConnectionLost` when the connection ended first.
    """

    def __init__(
        self,
        url: str | None = None,
        token_credential: Any = None,
        key_credential: Any = None,
        model: str | None = None,
        azure_deployment: str | None = None,
        *,
        dialect: Dialect = "preview",
    ) -> None:
        """Prepare, in the form of Microsoft's client; `connect` or `async with` dials.

        Args:
            url: Of Azure OpenAI (with `azure_deployment`) or of any server that speaks the API;
                None is OpenAI.
            token_credential: Anything with `get_token(scope)`, which may be asynchronous.
            key_credential: Anything with `.key`.
            model: For OpenAI and servers like it.
            azure_deployment: The name of the deployment on Azure.
            dialect: Whose words items and responses use (`text` or `output_text`). The session
                shows both.
        """
        low = RTLowLevelClient(
            url, token_credential, key_credential, model, azure_deployment, dialect="ga"
        )
        self._prepare(low, dialect)

    @classmethod
    def to(cls, endpoint: EndpointSource, *, dialect: Dialect = "ga") -> Self:
        """Return a client for an address of `rtclient.endpoints`, or a function that gives one."""
        self = cls.__new__(cls)
        self._prepare(RTLowLevelClient.to(endpoint, dialect="ga"), dialect)
        return self

    def _prepare(self, low: RTLowLevelClient, dialect: Dialect) -> None:
        self._low = low
        self._requests = Requests()
        self._router = Router(dialect, self.send_event)
        self._listeners: list[Listener] = []
        self._reader: asyncio.Task[None] | None = None
        self._greeting = Signal()
        self.conversation = Conversation()
        """What was said so far; a mirror of what the server has."""
        self.session: Session | None = None
        """The settings in force; None before the connection."""

    # Life ---------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """Where the connection is in its life."""
        return self._low.state

    @property
    def usage(self) -> Usage:
        """The tokens used so far."""
        return self.conversation.usage

    async def connect(self) -> None:
        """Dial, and wait until the session has begun.

        Raises:
            ConnectError: There is no connection; the text says why.
            RealtimeException: The server refused the session.
        """
        if self._reader is not None:
            raise RuntimeError("this client was connected before: make a new one")
        await self._low.connect()
        self._reader = asyncio.create_task(self._read(), name="RTClient")
        try:
            await self._greeting.wait()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close politely. What is iterated over ends. Safe to call twice."""
        await self._low.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    # Settings -----------------------------------------------------------------------------

    async def configure(
        self,
        model: str | None = None,
        modalities: Iterable[Modality] | None = None,
        voice: str | None = None,
        instructions: str | None = None,
        input_audio_format: AudioFormat | None = None,
        output_audio_format: AudioFormat | None = None,
        input_audio_transcription: InputAudioTranscription | Mapping[str, Any] | None = None,
        turn_detection: TurnDetection | Mapping[str, Any] | None = None,
        tools: ToolsDefinition | None = None,
        tool_choice: ToolChoice | Mapping[str, Any] | None = None,
        temperature: float | None = None,
        max_response_output_tokens: MaxTokensType | None = None,
        *,
        output_modalities: Iterable[Modality] | None = None,
        audio: Mapping[str, Any] | None = None,
        max_output_tokens: MaxTokensType | None = None,
        **more: Any,
    ) -> Session:
        """Change the session's settings; what is not given, or None, stays as it is.

        The words of both dialects are taken: `modalities`, `voice` and `turn_detection` as in
        preview, or `output_modalities` and `audio={"output": {"voice": "marin"}}` as in GA, and
        any other field of the GA session by its name. `NoTurnDetection()` switches the turn
        detection off; a None inside `audio` switches off what stands there. `temperature` exists
        in preview only: GA sessions do without it.

        Returns:
            The settings now in force; `client.session` is the same.
        """
        given = {
            "model": model,
            "modalities": None if modalities is None else sorted(modalities),
            "voice": voice,
            "instructions": instructions,
            "input_audio_format": input_audio_format,
            "output_audio_format": output_audio_format,
            "input_audio_transcription": input_audio_transcription,
            "turn_detection": turn_detection,
            "tools": tools,
            "tool_choice": tool_choice,
            "temperature": temperature,
            "max_response_output_tokens": max_response_output_tokens,
            "output_modalities": None if output_modalities is None else sorted(output_modalities),
            "audio": audio,
            "max_output_tokens": max_output_tokens,
            **more,
        }
        flat = plain({name: value for name, value in given.items() if value is not None})
        kind = (self.session and self.session.type) or "realtime"
        lost: list[str] = []
        session = session_to_ga(flat, lost, kind=kind)
        if lost:
            _log.info("GA has no %s: it is left out.", ", ".join(lost))
        await self.request({"type": "session.update", "session": session})
        assert self.session is not None
        return self.session

    # Sound --------------------------------------------------------------------------------

    async def send_audio(self, audio: bytes) -> None:
        """Send sound of the person, in the session's input format: pcm16 at 24 kHz by default.

        Any length will do; 20 to 100 ms at a time make short delays. Waits while the connection
        takes nothing.
        """
        text = base64.b64encode(audio).decode()
        await self.send_event({"type": "input_audio_buffer.append", "audio": text})

    async def commit_audio(self) -> RTInputAudioItem:
        """Say that the turn is over, where the server does not find that out by itself.

        Returns:
            The turn; await it for its transcript.
        """
        turn: RTInputAudioItem = await self.request({"type": "input_audio_buffer.commit"})
        return turn

    async def clear_audio(self) -> None:
        """Throw away the sound that was sent and has not become a turn."""
        await self.request({"type": "input_audio_buffer.clear"})

    # Items --------------------------------------------------------------------------------

    async def send_item(
        self, item: Item | Mapping[str, Any], previous_item_id: str | None = None
    ) -> ResponseItem:
        """Add an item to the conversation: a message, or the output of a function call.

        Args:
            item: A model such as `UserMessageItem`, or a dict.
            previous_item_id: Behind which item; None is the end, `root` the beginning.

        Returns:
            The item as the server has it.
        """
        body = item_to_ga(plain(item))
        body = {**body, "id": body.get("id") or new_id("item")}
        event: dict[str, Any] = {"type": "conversation.item.create", "item": body}
        if previous_item_id is not None:
            event["previous_item_id"] = previous_item_id
        answer = await self.request(event)
        return self._router.item(answer["item"])

    async def remove_item(self, item_id: str) -> None:
        """Take an item out of the conversation."""
        await self.request({"type": "conversation.item.delete", "item_id": item_id})

    # Responses ----------------------------------------------------------------------------

    async def generate_response(self, **fields: Any) -> RTResponse:
        """Let the model answer now.

        Args:
            fields: What is different for this response, by the names of either dialect:
                `instructions`, `output_modalities`, `audio`, `tools`, `tool_choice`, `input`,
                `max_output_tokens`, `metadata`; `conversation="none"` keeps it out of the
                conversation.

        Returns:
            The response, which has just begun: iterate over it, await it, or cancel it.
        """
        event: dict[str, Any] = {"type": "response.create"}
        if fields:
            event["response"] = response_to_ga(plain(fields), [])
        response: RTResponse = await self.request(event)
        return response

    def events(self) -> AsyncIterator[RTEvent]:
        """Iterate over the turns and responses that begin by themselves, until the end.

        What `commit_audio` and `generate_response` return does not come here again. Each comes
        once, however many iterate.
        """
        return self._router.events

    # Events -------------------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        """Tell `listener` every event from now on, behind those that were attached before."""
        self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Tell `listener` nothing more."""
        self._listeners.remove(listener)

    async def send_event(self, event: dict[str, Any]) -> None:
        """Send a GA event as it is, without waiting for an answer.

        Waits while the connection takes nothing. An event with an answer gets an `event_id`, if it
        has none.
        """
        await self._send(event)

    async def request(self, event: dict[str, Any]) -> Any:
        """Send a GA event and wait for what answers it.

        Args:
            event: Of a type that the server answers: `session.update`, `input_audio_buffer.commit`
                and `.clear`, `conversation.item.create`, `.delete`, `.truncate` and `.retrieve`,
                `response.create`.

        Returns:
            The event that answers; for a commit the `RTInputAudioItem`, for `response.create` the
            `RTResponse`.
        """
        if event["type"] not in ANSWERS:
            raise LocalProtocolError(f"The server does not answer {event['type']}.")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answered(value: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        sent = await self._send(event, answered)
        try:
            return await answer
        finally:
            self._requests.forget(sent)

    async def _send(self, event: dict[str, Any], answered: Any = None) -> dict[str, Any]:
        if event.get("type") in ANSWERS and not event.get("event_id"):
            event = {"event_id": new_id("event"), **event}
        # Noted before it leaves: its answer must not come first.
        self._requests.sent(event, answered)
        self.conversation.sent(event)
        self._tell("on_client_event", event)
        await self._low.send(event)
        return event

    # Reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        error: Exception | None = None
        try:
            while (event := await self._low.recv_event()) is not None:
                self._take(event)
        except Exception as exc:
            error = exc
        finally:
            self._requests.end(error or ConnectionLost(1000))
            self._greeting.set(error or ConnectionLost(1000))
            self._router.end(error)

    def _take(self, event: dict[str, Any]) -> None:
        begun: RTEvent | None = None
        try:
            self.conversation.apply(event)
            begun = self._router.see(event)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            # Of a server that is not the service: one odd event must not end the conversation.
            _log.warning("An event %.40s has an odd shape (%s).", event["type"], type(exc).__name__)
        self._tell("on_server_event", event)
        if event["type"] in ("session.created", "session.updated"):
            self.session = Session.from_dict(event["session"])
            self._greeting.set()
        if event["type"] == "error":
            self._greeting.set(as_exception(event.get("error")))
        is_awaited = self._requests.see(event, begun or event)
        if begun is not None and not is_awaited:
            self._router.events.put(begun)

    def _tell(
        self, what: Literal["on_server_event", "on_client_event"], event: dict[str, Any]
    ) -> None:
        for listener in tuple(self._listeners):
            try:
                getattr(listener, what)(event)
            except Exception:
                # One that fails must not take the others or the conversation with it.
                _log.exception("%s failed in %s", type(listener).__name__, what)
