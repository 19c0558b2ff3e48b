"""What of a conversation a response may look at: the session's `truncation`.

The context takes `CONTEXT_TOKENS`, of which instructions and tools come first. When the rest is
full, the oldest items leave it for good (`Item.is_out_of_context`); they stay in the conversation.

Rules of the file: the newest item always stays; an output never stays without its call.

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
    while first < len(kept) - 1 and (total > limit * ratio or _is_output(kept[first])):
        kept[first].is_out_of_context = True
        total -= costs[first]
        first += 1
    return kept[first:]


def _is_output(item: Item) -> bool:
    return str(item.wire["type"]) == "function_call_output"
