"""The brain of `LOCAL_CHAT_URL`: a language model behind `POST /chat/completions`.

Rules of the file:
- the first sentence is said while the model still writes the second;
- a fault is an `error` event and a sentence that is spoken; what was said before stays, what was
  not yet a whole sentence is left out; the next turn asks again;
- closing the iterator closes the stream, so that the server stops to compute.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from rtclient.engine.remote import trouble
from rtclient.engine.remote.client import Client
from rtclient.engine.remote.completion import BadCall, BadCompletion, Completion
from rtclient.engine.remote.messages import request_of
from rtclient.engine.senses import Prompt, Say, SenseError, Thought, Trouble

CODE: Final = "chat_server_failed"
SORRY: Final = "Sorry, the language model does not work right now. Please try again."

log = logging.getLogger("rtclient.engine")


class RemoteBrain:
    """Thinks with a chat server. One serves all sessions."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def think(self, prompt: Prompt) -> AsyncIterator[Thought]:
        """Yield the answer sentence by sentence, then its calls; closing it cancels the request."""
        try:
            async with aclosing(self._ask(prompt)) as thoughts:
                async for thought in thoughts:
                    yield thought
        except SenseError as fault:
            log.warning("%s (%s)", fault, self._client.server.place)
            yield Trouble(CODE, str(fault))
            yield Say(SORRY)

    async def _ask(self, prompt: Prompt) -> AsyncGenerator[Thought, None]:
        server = self._client.server
        completion = Completion([tool["name"] for tool in prompt.tools])
        body = request_of(prompt, server.model)
        try:
            async with (
                self._client.post("/chat/completions", json=body) as reply,
                aclosing(reply.events()) as events,
            ):
                async for data in events:
                    for thought in completion.feed(data):
                        yield thought
                    if completion.is_over:
                        return
        except BadCompletion:
            raise SenseError(trouble.nonsense(server, "a streamed completion")) from None
        except BadCall:
            raise SenseError(trouble.wrong_functions(server)) from None
        if not completion.is_finished:
            raise SenseError(trouble.broken_off(server))
