"""What of a conversation a response may look at: the session's `truncation`.

The context takes `CONTEXT_TOKENS`, of which instructions and tools come first. When the rest is
full, the oldest items leave it for good (`Item.is_out_of_context`); they stay in the conversation.

Rules of the file: the newest item always stays; any other output leaves with its call.

Source: Realtime API reference, session.truncation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rtclient.engine.items import Item
from rtclient.engine.shapes import Fault

CONTEXT_TOKENS = 28_224
"""What the real service's models of 32k take, besides their answer."""


def in_context(items: Sequence[Item], rules_tokens: int, truncation: Any) -> list[Item] | Fault:
    """Return the items that fit, or why there can be no response.

    Args:
        items: of the conversation, in order; those that leave the context are marked.
        rules_tokens: what instructions and tools take.
        truncation: the session's field.
    """
    limit, ratio = CONTEXT_TOKENS - rules_tokens, 1.0
    if isinstance(truncation, Mapping):
        ratio = truncation["retention_ratio"]
        most = (truncation.get("token_limits") or {}).get("post_instructions")
        limit = limit if most is None else min(limit, most)
    kept = [item for item in items if not item.is_out_of_context]
    costs = [item.cost().tokens for item in kept]
    total = sum(costs)
    if total <= limit:
        return kept
    if truncation == "disabled":
        return Fault(
            "conversation_too_long",
            "Conversation is too long to create a Response. Delete items, or set 'truncation' to "
            "'auto'.",
        )
    first = 0
    last = len(kept) - 1
    while first < last and total > limit * ratio:
        total -= costs[first]
        first += 1
    # Calls of one response stand together, so an output may lie far behind its call.
    calls = {item.wire["call_id"] for item in kept[first:] if item.wire["type"] == "function_call"}
    for index, item in enumerate(kept[:last]):
        is_output = item.wire["type"] == "function_call_output"
        item.is_out_of_context = index < first or (is_output and item.wire["call_id"] not in calls)
    return [item for item in kept if not item.is_out_of_context]
