"""The foot of the screen while a conversation goes on: what is going on, and what can be done."""

from collections.abc import Iterator

from rtclient.client import RTClient
from rtclient.low_level_client import ClientState
from rtclient.talk.core import TalkCore
from rtclient.talk.options import TalkOptions
from rtclient.talk.view import View, clock


class Foot:
    """Looks at the client and the core, and says what to show."""

    def __init__(
        self, options: TalkOptions, client: RTClient, core: TalkCore, *, has_source: bool
    ) -> None:
        """Begin. `has_source`: whether there is a microphone, or what stands for one."""
        self._options = options
        self._client = client
        self._core = core
        self._has_source = has_source

    def view(self, seconds: float, *, is_ready: bool, draft: str = "") -> View:
        """Return what to show now.

        Args:
            seconds: Since the begin.
            is_ready: Whether the session has begun.
            draft: What is being typed.
        """
        core, is_pushed = self._core, self._options.push_to_talk
        return View(
            status=self._status() if is_ready else "connecting",
            live=tuple(core.captions.live()),
            you_db=core.you.db if self._has_source else None,
            model_db=None if self._options.text_only else core.model.db,
            is_muted=core.guard.is_closed or (is_pushed and not core.is_talking),
            facts=(clock(seconds), *self._facts()),
            hint=self._hint() if is_ready else "Ctrl+C ends",
            draft=draft,
        )

    def _status(self) -> str:
        known = self._client.conversation
        if self._client.state is ClientState.RECONNECTING:
            return "connecting again"
        if self._core.is_talking:
            return "you talk"
        if known.is_user_speaking:
            return "you speak"
        if not self._core.is_silent:
            return "the model speaks"
        if known.is_awaiting or known.active_response is not None:
            return "the model thinks"
        if self._options.push_to_talk:
            return "waiting"
        return "listening" if self._has_source else "ready"

    def _facts(self) -> Iterator[str]:
        if self._core.answer_ms is not None:
            yield f"answer in {self._core.answer_ms / 1000:.1f} s"
        if self._client.usage.total_tokens:
            yield f"{self._client.usage.total_tokens} tokens"
        if (cost := self._client.cost) is not None and cost.usd:
            yield f"${cost.usd:.4f}"

    def _hint(self) -> str:
        if self._options.text_only:
            return "type and press Enter, Ctrl+C ends"
        if self._options.push_to_talk:
            what = "to be answered" if self._core.is_talking else "to talk"
            return f"{self._options.key} {what}, Ctrl+C ends"
        return "Ctrl+C ends"
