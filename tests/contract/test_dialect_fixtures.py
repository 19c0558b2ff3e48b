"""The recorded conversations cross from GA to preview and back, and stay the same conversations."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rtclient.engine.preview_rules import preview_fault_in
from rtclient.engine.strict import fault_in
from rtclient.protocol.bridge import Crossing, PreviewClient, PreviewUpstream

FIXTURES = Path(__file__).parents[1] / "fixtures"
BETA = FIXTURES / "conversation_beta_voice_turn.jsonl"
GA = sorted(set(FIXTURES.glob("conversation_*.jsonl")) - {BETA})

Event = dict[str, Any]


def said_by(side: str, path: Path) -> list[Event]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line[side] for line in lines if side in line]


def crossed(events: Iterable[Event], *steps: Callable[[str], Crossing]) -> list[Event]:
    texts = [json.dumps(event) for event in events]
    for step in steps:
        texts = [made for text in texts for made in step(text).texts]
    return [json.loads(text) for text in texts]


def told(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """What a conversation consists of; that an item is done may be told a little earlier or later.

    GA items have their `status` where preview has it, and ids where one was given.
    """
    keys = ("item_id", "response_id", "delta", "transcript", "text", "arguments", "audio_end_ms")
    return [
        (event["type"], *(event.get(key) for key in keys), (event.get("item") or {}).get("content"))
        for event in events
        if event["type"] != "conversation.item.done"
    ]


def done(events: Iterable[Event]) -> set[str]:
    return {e["item"]["id"] for e in events if e["type"] == "conversation.item.done"}


def ga_names(events: Iterable[Event]) -> list[str]:
    ga = ("response.output_text.", "response.output_audio", "conversation.item.added")
    return [e["type"] for e in events if e["type"].startswith(ga)]


@pytest.mark.parametrize("path", GA, ids=lambda path: path.stem)
def test_what_a_client_says_is_accepted_on_both_sides(path: Path) -> None:
    events = said_by("client", path)
    outside = crossed(events, PreviewUpstream().to_outer)
    for event in outside:
        assert preview_fault_in(event) is None, event
    again = crossed(outside, PreviewClient().to_inner)
    assert again == events
    for event in again:
        assert fault_in(event) is None, event


@pytest.mark.parametrize("path", GA, ids=lambda path: path.stem)
def test_what_a_service_says_is_the_same_conversation_again(path: Path) -> None:
    events = said_by("server", path)
    outside = crossed(events, PreviewClient().to_outer)
    assert not ga_names(outside)
    assert "conversation.item.done" not in [event["type"] for event in outside]
    again = crossed(outside, PreviewUpstream().to_inner)
    assert told(again) == told(events)
    assert done(again) == done(events)


def test_a_conversation_of_the_beta_is_one_of_ga_inside() -> None:
    events = said_by("server", BETA)
    inside = crossed(events, PreviewUpstream().to_inner)
    assert done(inside) == {"item_A", "item_B"}
    assert "response.output_audio.delta" in [event["type"] for event in inside]
    again = crossed(inside, PreviewClient().to_outer)
    assert [event["type"] for event in again] == [event["type"] for event in events]
