"""The tables of the two dialects in docs/protocol.md."""

import pytest

from rtclient.protocol import dialects
from rtclient.protocol.events import SERVER_EVENTS
from scripts import dialect_tables


@pytest.mark.parametrize(
    "name",
    [
        "conversation.item.created",
        "conversation.item.done",
        *(name for pair in dialects.EVENT_NAMES for name in pair),
        *(name for pair in dialects.TRANSCRIPTION_EVENT_NAMES for name in pair),
        *dialects.GA_ONLY_EVENTS,
        *(field.preview for field in dialects.SESSION_FIELDS),
        *(".".join(field.ga) for field in dialects.SESSION_FIELDS),
        *dialects.PREVIEW_ONLY,
        *dialects.GA_ONLY,
        *(preview for preview, _ in dialects.FORMATS),
    ],
)
def test_the_tables_have(name: str) -> None:
    assert f"`{name}`" in dialect_tables.text()


def test_no_table_names_an_event_that_does_not_exist() -> None:
    ga = {name for _, name in dialects.EVENT_NAMES} | set(dialects.GA_ONLY_EVENTS)
    assert ga <= SERVER_EVENTS
