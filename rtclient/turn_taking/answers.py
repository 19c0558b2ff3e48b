"""An answer of the model, over all the responses that it takes: calls of tools, then words."""

import base64
from dataclasses import dataclass, field
from typing import Any

from rtclient.errors import ResponseFailed
from rtclient.protocol.conversation import Conversation
from rtclient.tools.rounds import ToolRounds


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

    transcript: str
    """Its words, spoken or written; a line for each message."""
    audio: bytes = field(repr=False)
    """Its sound in the session's output format; b"" when it wrote."""
    is_interrupted: bool = False
    """Whether it was cut short: the person spoke, or the program interrupted."""


class AnswerSoFar:
    """What came of an answer so far. A listener of the client, behind the tools."""

    def __init__(self, conversation: Conversation, rounds: ToolRounds) -> None:
        self._conversation = conversation
        self._rounds = rounds
        self._audio: dict[str, bytearray] = {}
        self._ids: list[str] = []
        self._is_between = False
        """Whether a response to outputs of tools is to come."""
        self.is_over = False

    def begin(self, response_id: str) -> None:
        """Follow this response, which may be over already."""
        self._ids.append(response_id)
        self._look()

    def on_server_event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "response.output_audio.delta":
            chunk = base64.b64decode(event["delta"])
            self._audio.setdefault(event["response_id"], bytearray()).extend(chunk)
        elif self._is_between and kind == "response.created":
            response = self._conversation.response(event["response"]["id"])
            if response is not None and not response.is_out_of_band:
                self._is_between = False
                self._ids.append(response.id)
        elif self._is_between or (kind == "response.done" and self._ids):
            self._look()

    def on_client_event(self, event: dict[str, Any]) -> None:
        pass

    def _look(self) -> None:
        response = self._conversation.response(self._ids[-1])
        if response is not None and response.is_active:
            return
        items = map(self._conversation.item, response.item_ids if response else ())
        has_calls = any(item is not None and item.type == "function_call" for item in items)
        self._is_between = has_calls and self._rounds.is_open
        self.is_over = not self._is_between

    def answer(self) -> Answer:
        """Return what was said. Raises `ResponseFailed`."""
        found = [self._conversation.response(response_id) for response_id in self._ids]
        responses = [response for response in found if response is not None]
        for response in responses:
            if response.status in ("failed", "incomplete"):
                code = (response.error or {}).get("code") or response.reason
                raise ResponseFailed(response.status, response_id=response.id, code=code)
        items = [self._conversation.item(i) for one in responses for i in one.item_ids]
        words = [
            item.transcript or item.text
            for item in items
            if item is not None and item.type == "message"
        ]
        return Answer(
            transcript="\n".join(filter(None, words)),
            audio=b"".join(bytes(self._audio.get(one, b"")) for one in self._ids),
            is_interrupted=bool(responses) and responses[-1].status == "cancelled",
        )
