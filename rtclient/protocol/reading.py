"""Reading values of the wire that may be missing or of the wrong type. Pure; nothing raises."""

from collections.abc import Mapping
from typing import Any


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return an object of the wire; {} for anything else."""
    return value if isinstance(value, Mapping) else {}


def value_at(value: object, *names: str) -> Any:
    """Return what stands in an object at this path of names; None when a part of it is absent."""
    for name in names:
        value = mapping_of(value).get(name)
    return value


def text_of(value: Mapping[str, Any], key: str) -> str:
    """Return a text field; "" when it is absent or no text."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def count_of(value: Mapping[str, Any], key: str) -> int:
    """Return a whole-number field; 0 when it is absent or no whole number."""
    found = value.get(key)
    return found if type(found) is int else 0


def index_of(event: Mapping[str, Any]) -> int:
    """Return an event's `content_index`; 0 when it is absent or cannot be."""
    index = event.get("content_index")
    return index if type(index) is int and 0 <= index < MAX_PARTS else 0


MAX_PARTS = 256
"""More content parts than any item has."""


def decoded_bytes(text: object) -> int:
    """Return how many bytes base64 text stands for, without decoding it."""
    if not isinstance(text, str):
        return 0
    padding = 2 if text.endswith("==") else 1 if text.endswith("=") else 0
    return max(0, len(text) // 4 * 3 - padding)
