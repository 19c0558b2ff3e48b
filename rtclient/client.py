"""`RTClient`: a conversation with a realtime model.

    async with RTClient.to(endpoint) as client:
        await client.send_item(UserMessageItem(content=[InputTextContentPart(text="Hello")]))
        response = await client.generate_response()
        async for item in response:
            ...

Source: the constructor and the first methods are those of Microsoft's rtclient 0.5; the wire is GA.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from rtclient.event_client import NOT_CONNECTED
from rtclient.items import RTInputAudioItem, RTResponse, RTTurn
from rtclient.low_level_client import ClientState
from rtclient.models import (
    AudioFormat,
    Item,
    MaxTokensType,
    Modality,
    Model,
    ResponseItem,
    Session,
    ToolChoice,
    ToolsDefinition,
    TurnDetection,
)
from rtclient.models.base import plain
from rtclient.models.settings import InputAudioTranscription
from rtclient.protocol.audio import appended
from rtclient.protocol.dialects import item_to_ga, session_to_ga
from rtclient.requests import new_id
from rtclient.turn_taking.client import TurnTaking


class RTClient(TurnTaking):
    """A conversation: what is said and answered, as objects to await and to iterate over.

    After a lost connection it connects again and restores the conversation; programs need to do
    nothing for it. Every method that waits for the server raises `RealtimeException` when the
    server says no, and `ConnectionLost` when the connection ended first.
    """

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
            The settings then in force; `client.session` has the newest.
        """
        given = {
            "model": model,
            "modalities": _listed(modalities, "modalities"),
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
            "output_modalities": _listed(output_modalities, "output_modalities"),
            "audio": audio,
            "max_output_tokens": max_output_tokens,
            **more,
        }
        flat = plain({name: value for name, value in given.items() if value is not None})
        kind = (self.session and self.session.type) or "realtime"
        lost: list[str] = []
        session = session_to_ga(flat, lost, kind=kind, keeps_preview_only=self._has_temperature)
        self._tell_lost(lost)
        answer = await self.request({"type": "session.update", "session": session})
        return Session.from_dict(answer["session"])

    # Sound --------------------------------------------------------------------------------

    async def send_audio(self, audio: bytes) -> None:
        """Send sound of the person, in the session's input format: pcm16 at 24 kHz by default.

        Any length will do; 20 to 100 ms at a time make short delays. Waits while the connection
        takes nothing.
        """
        for event in appended(audio):
            await self.send_event(event)

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
        if not isinstance(item, Model | Mapping):
            raise TypeError(
                "an item is a model such as UserMessageItem, or a dict, not"
                f" {type(item).__name__}; to say something there is `ask`"
            )
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
        response: RTResponse = await self.request(self._response_create(fields))
        return response

    def events(self) -> AsyncIterator[RTTurn]:
        """Iterate over the turns and responses that begin by themselves, until the end.

        What `commit_audio` and `generate_response` return does not come here again. Each comes
        once, however many iterate. For a program that does not iterate the newest 16 are kept.
        """
        if self.state is ClientState.IDLE:
            raise RuntimeError(NOT_CONNECTED)
        return self._router.events


def _listed(modalities: Iterable[Modality] | None, name: str) -> list[Modality] | None:
    if isinstance(modalities, str):
        raise TypeError(f'{name} is a list, such as ["{modalities}"]')
    return None if modalities is None else sorted(modalities)
