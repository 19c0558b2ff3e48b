"""A client of ours that talks to an engine, for tests of its methods."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from rtclient import RTClient
from rtclient.testing import PeerSession, engine

LONG: Final = "one two three four five six seven eight nine ten"
"""An answer that takes its time."""


class Sent:
    """What a client sends from now on."""

    def __init__(self, client: RTClient) -> None:
        self.events: list[dict[str, Any]] = []
        client.attach(self)

    def on_server_event(self, event: dict[str, Any]) -> None:
        """Take no notice."""

    def on_client_event(self, event: dict[str, Any]) -> None:
        """Keep it."""
        self.events.append(event)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return those of a type."""
        return [event for event in self.events if event["type"] == kind]


@contextlib.asynccontextmanager
async def talking(
    scenario: dict[str, Any] | None = None, faults: tuple[str, ...] = ()
) -> AsyncIterator[RTClient]:
    """Give a client that is connected to an engine."""
    async with engine(scenario, faults=faults) as endpoint, RTClient.to(endpoint) as client:
        yield client


async def handled(client: RTClient) -> None:
    """Wait until the server has handled what was sent before."""
    await client.configure(voice="alloy")


async def answer_with(session: PeerSession, response: dict[str, Any]) -> None:
    """Begin a response of a scripted peer and end it like this."""
    await session.expect("response.create")
    begun = {"id": "resp_1", "status": "in_progress", "conversation_id": "conv_1", "output": []}
    await session.send({"type": "response.created", "event_id": "event_1", "response": begun})
    ended = {**begun, **response}
    await session.send({"type": "response.done", "event_id": "event_2", "response": ended})
