"""A turn as long as a key is held; with a service it is tested in tests/integration."""

from typing import Any, cast

import pytest

from rtclient.errors import LocalProtocolError
from rtclient.event_client import EventClient
from rtclient.protocol.conversation import Conversation
from rtclient.testing import session_created
from rtclient.tools.runner import Tools
from rtclient.turn_taking.push_to_talk import PushToTalk


class FullClient:
    """A client that has no room for another `input_audio_buffer.clear`."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.conversation.apply(session_created())
        self.detections: list[Any] = []

    async def send_event(self, event: dict[str, Any]) -> None:
        if event["type"] == "input_audio_buffer.clear":
            raise LocalProtocolError("There is no more room.", code="send_buffer_full")
        self.detections.append(event["session"]["audio"]["input"]["turn_detection"])


async def test_a_turn_that_cannot_begin_leaves_the_turn_detection_as_it_was() -> None:
    async def nothing(*_: Any) -> Any:
        return None

    client = FullClient()
    tools = Tools(client.conversation, nothing, lambda *_: None)
    turn = PushToTalk(cast(EventClient, client), tools, nothing, nothing)
    with pytest.raises(LocalProtocolError):
        await turn.__aenter__()
    before = session_created()["session"]["audio"]["input"]["turn_detection"]
    assert client.detections == [None, before]
