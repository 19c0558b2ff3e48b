"""The responses of one session: when one may begin, what the brain is asked, where results go.

Rules of the file:
- one response writes to the conversation at a time; a few more may be out-of-band;
- `response.created` goes out at once; the brain is asked as soon as the ears are done with every
  item of the context, and not a moment later;
- a broken sense ends its response as `failed`; the session lives on.
"""

from collections.abc import Sequence
from typing import Any

from rtclient.engine.actions import Outbox, Think
from rtclient.engine.context import in_context
from rtclient.engine.items import Conversation, Item, prompt_costs
from rtclient.engine.ladder import Plan, Response
from rtclient.engine.senses import Heard, Prompt, Say, Spoken, Thought
from rtclient.engine.shapes import Fault
from rtclient.engine.strict import tool_choice_fault
from rtclient.engine.usage import TOKENS_PER_MINUTE, Cost, RateLimit
from rtclient.protocol.audio import FORMATS

DEAF = (
    "Sorry, I could not hear you. Speech recognition does not work right now; please try again, "
    "or type."
)
"""What somebody is told who spoke while the ears were broken."""
MAX_OPEN = 16
"""Responses of one session that may be under way at once."""


def server_error(message: str = "") -> Fault:
    """Return the fault of a response that a sense broke; empty: in the service's own words."""
    text = message or (
        "The server had an error while processing your request. "
        "Sorry about that! Send response.create to try again."
    )
    return Fault("server_error", text, type="server_error")


def plan_of(
    session: dict[str, Any],
    params: dict[str, Any],
    *,
    response_id: str,
    conversation_id: str,
    context: Sequence[Item] | None,
) -> Plan:
    """Return what a response is asked to be: `params` of `response.create` over the session's.

    Args:
        context: the items of `params["input"]`; None: the conversation.
    """

    def chosen(key: str) -> Any:
        value = params.get(key)
        return session.get(key) if value is None else value

    asked = (params.get("audio") or {}).get("output") or {}
    output = session["audio"]["output"]
    is_out_of_band = params.get("conversation") == "none"
    return Plan(
        id=response_id,
        conversation_id=None if is_out_of_band else conversation_id,
        output_modalities=chosen("output_modalities"),
        voice=asked.get("voice") or output["voice"],
        format=FORMATS[(asked.get("format") or output["format"])["type"]],
        speed=output["speed"],
        max_output_tokens=chosen("max_output_tokens"),
        instructions=chosen("instructions"),
        tools=tuple(chosen("tools")),
        tool_choice=chosen("tool_choice"),
        parallel_tool_calls=chosen("parallel_tool_calls"),
        metadata=params.get("metadata"),
        is_voice_chosen=asked.get("voice") is not None,
        context=tuple(context or ()),
        has_own_context=context is not None,
        truncation=session.get("truncation"),
    )


def _fitting(plan: Plan, items: list[Item]) -> list[Item] | Fault:
    """Return the items that the brain may look at, or why there can be no response."""
    if plan.has_own_context:
        return items  # what the client chose itself is not cut
    rules = prompt_costs(plan.instructions, plan.tools, ())
    return in_context(items, sum(cost.tokens for cost in rules), plan.truncation)


class ResponseDesk:
    """All responses that are not over yet."""

    def __init__(
        self,
        outbox: Outbox,
        conversation: Conversation,
        tokens_per_minute: int = TOKENS_PER_MINUTE,
    ) -> None:
        """Begin with none."""
        self.memory: dict[str, Any] = {}
        self.has_spoken = False
        """Assistant audio is present in the session."""
        self._out = outbox
        self._conversation = conversation
        self._open: dict[str, Response] = {}
        self._costs: Sequence[Cost] = ()
        self._limit = RateLimit(tokens_per_minute)
        self.heard_at: float | None = None
        """When the newest response of the conversation has been heard to its end; None: no such
        response, or something happened since."""

    @property
    def active(self) -> Response | None:
        """The response that writes to the conversation."""
        return next((r for r in self._open.values() if r.writes_to_conversation), None)

    def next_due(self) -> float | None:
        """Return when `on_time` has something to send."""
        dues = [due for r in self._open.values() if (due := r.next_due()) is not None]
        return min(dues, default=None)

    # ------------------------------------------------------------ begin

    def begin(
        self,
        session: dict[str, Any],
        params: dict[str, Any],
        context: Sequence[Item] | None,
        now: float,
    ) -> Fault | None:
        """Begin a response, or return why it may not begin.

        Args:
            session: the session as it is.
            params: the `response` of a `response.create`, valid by its shape; may be empty.
            context: the items of `params["input"]`; None: the conversation.
            now: seconds.
        """
        active = self.active
        if active is not None and params.get("conversation") != "none":
            return Fault(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{active.plan.id}. Wait until the response is finished before creating a new one.",
            )
        if len(self._open) >= MAX_OPEN:
            return Fault(
                "rate_limit_exceeded",
                f"{len(self._open)} responses are in progress. Wait for a response.done before "
                "creating another one.",
            )
        plan = plan_of(
            session,
            params,
            response_id=self._out.new_id("resp"),
            conversation_id=self._conversation.id,
            context=context,
        )
        fault = tool_choice_fault(plan.tool_choice, plan.tools, "response.tool_choice")
        if fault is not None:
            return fault
        has_other_voice = plan.voice != session["audio"]["output"]["voice"]
        if self.has_spoken and plan.conversation_id and has_other_voice:
            return Fault(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "response.audio.output.voice",
            )
        # Last, because it marks what leaves the context.
        if isinstance(too_long := _fitting(plan, list(self._conversation)), Fault):
            return too_long
        response = Response(plan, self._out, self._conversation, self.memory)
        self._open[plan.id] = response
        if response.writes_to_conversation:
            self.heard_at = None
        if (wait_s := self._limit.wait_s(now)) > 0:
            self.fail(response, self._limit.fault(wait_s), now)
        else:
            self._think(response, now)
        return None

    def on_ears(self, now: float) -> None:
        """An item was heard, failed or went away: ask the brain where that was waited for."""
        for response in list(self._open.values()):
            if response.waits_for_ears:
                self._think(response, now)

    def _think(self, response: Response, now: float) -> None:
        plan = response.plan
        items = list(plan.context if plan.has_own_context else self._conversation)
        if any(item.is_hearing for item in items):
            return
        response.waits_for_ears = False
        newest = next((item for item in reversed(items) if item.wire.get("role") == "user"), None)
        if newest is not None and newest.failure is not None:
            fault = server_error(newest.failure)
            newest.failure = None  # said once; asked again, the brain answers without words
            response.on_thought(Say(DEAF), now)
            response.fail_after(fault)
            response.on_thinking_ended(now)
            self._settle(response, now)
            return
        fitting = _fitting(plan, items)
        if isinstance(fitting, Fault):
            self.fail(response, fitting, now)
            return
        tools = () if plan.tool_choice == "none" else plan.tools
        limit = plan.max_output_tokens
        heard: Heard | None = newest.heard if newest is not None else None
        response.prompt_costs = prompt_costs(plan.instructions, plan.tools, fitting)
        response.previous_costs = self._costs
        prompt = Prompt(
            items=[item.for_brain() for item in fitting],
            instructions=plan.instructions,
            tools=tools,
            tool_choice=plan.tool_choice,
            heard=heard,
            memory=dict(self.memory),
            is_spoken=plan.output_modalities == ["audio"],
            max_output_tokens=limit if isinstance(limit, int) else None,
            parallel_tool_calls=plan.parallel_tool_calls,
            is_idle=newest is not None and newest.is_silence,
        )
        self._out.do(Think(plan.id, prompt))

    # ------------------------------------------------------------ results

    def on_thought(self, work_id: str, thought: Thought, now: float) -> None:
        """Take a piece of a response."""
        if response := self._open.get(work_id):
            response.on_thought(thought, now)
            self._settle(response, now)

    def on_thinking_ended(self, work_id: str, now: float) -> None:
        """The brain is done with a response."""
        if response := self._open.get(work_id):
            response.on_thinking_ended(now)
            self._settle(response, now)

    def on_spoken(self, work_id: str, spoken: Spoken, now: float) -> None:
        """Take a piece of speech."""
        if response := self._speaker(work_id):
            response.on_spoken(work_id, spoken, now)
            self._settle(response, now)

    def on_speaking_ended(self, work_id: str, now: float) -> None:
        """A text has been spoken."""
        if response := self._speaker(work_id):
            response.on_speaking_ended(work_id, now)
            self._settle(response, now)

    def on_failure(self, work_id: str, message: str, now: float) -> None:
        """The brain or the voice broke; `message`: what to tell the client, may be empty."""
        if response := self._open.get(work_id) or self._speaker(work_id):
            self.fail(response, server_error(message), now)

    def on_time(self, now: float) -> None:
        """Send what is due."""
        for response in list(self._open.values()):
            response.advance(now)
            self._settle(response, now)

    def _speaker(self, work_id: str) -> Response | None:
        return next((r for r in self._open.values() if r.speech_id == work_id), None)

    # ------------------------------------------------------------ end

    def cancel(self, response_id: str | None, now: float) -> Fault | None:
        """Cancel a response for the client; None: the one that writes to the conversation."""
        response = self.active if response_id is None else self._open.get(response_id)
        if response is None:
            return Fault(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        self.end(response, "cancelled", "client_cancelled", now)
        return None

    def end(self, response: Response, status: str, reason: str | None, now: float) -> None:
        """Cut a response short."""
        response.end(status, reason, now)
        self._settle(response, now)

    def fail(self, response: Response, fault: Fault, now: float) -> None:
        """End a response as failed."""
        response.fail(fault, now)
        self._settle(response, now)

    def fail_active(self, fault: Fault, now: float) -> None:
        """End the response that writes to the conversation as failed, if there is one."""
        if (active := self.active) is not None:
            self.fail(active, fault, now)

    def sync(self) -> None:
        """Bring the open items up to what has gone out, before somebody looks at them."""
        for response in self._open.values():
            response.sync()

    def _settle(self, response: Response, now: float) -> None:
        if response.has_spoken and response.writes_to_conversation:
            self.has_spoken = True
        if response.is_over and self._open.pop(response.plan.id, None) is not None:
            if response.prompt_costs:
                self._costs = response.prompt_costs
            is_answer = response.status in ("completed", "incomplete") and not response.has_called
            if response.writes_to_conversation and is_answer:
                self.heard_at = now + response.audio_ms / 1000
            limits = self._limit.spend(response.spent_tokens, now)
            self._out.emit("rate_limits.updated", rate_limits=limits)
