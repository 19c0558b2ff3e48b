"""A session with a real service for the live tests, and the money that it costs."""

import json
from dataclasses import dataclass
from typing import Any

from rtclient.transport import Transport
from server.settings import Settings

TEXT_IN, AUDIO_IN, TEXT_OUT, AUDIO_OUT = 5.0, 40.0, 24.0, 80.0
"""US dollars per million tokens; cached input is counted in full."""


@dataclass
class Budget:
    """Money of one run in US dollars."""

    cap_usd: float
    spent_usd: float = 0.0

    def check(self) -> None:
        """Raise AssertionError when the cap is reached."""
        assert self.spent_usd < self.cap_usd, (
            f"the spend cap is reached: {self.spent_usd:.3f} of {self.cap_usd:.2f} USD "
            "(PARLEY_LIVE_SPEND_CAP_USD)"
        )

    def enter(self, usage: dict[str, Any]) -> None:
        """Add what one response cost."""
        inputs = usage.get("input_token_details") or {}
        outputs = usage.get("output_token_details") or {}
        self.spent_usd += (
            inputs.get("text_tokens", 0) * TEXT_IN
            + inputs.get("audio_tokens", 0) * AUDIO_IN
            + outputs.get("text_tokens", 0) * TEXT_OUT
            + outputs.get("audio_tokens", 0) * AUDIO_OUT
        ) / 1e6


class Conversation:
    """One open session; `events` has all that came."""

    def __init__(self, transport: Transport, budget: Budget, settings: Settings) -> None:
        self.settings = settings
        self.events: list[dict[str, Any]] = []
        self._transport = transport
        self._budget = budget

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one event; asking for a response is refused beyond the spend cap."""
        if kind == "response.create":
            self._budget.check()
        await self._transport.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this type; an unexpected `error` fails the test."""
        while True:
            event: dict[str, Any] = json.loads(await self._transport.recv())
            self.events.append(event)
            if event["type"] == "response.done":
                self._budget.enter(event["response"].get("usage") or {})
            if event["type"] == kind:
                return event
            assert event["type"] != "error", event["error"]

    async def error(self) -> dict[str, Any]:
        """The next `error` object."""
        found: dict[str, Any] = (await self.until("error"))["error"]
        return found

    async def say(self, text: str) -> None:
        """Add a typed message of the user."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)
