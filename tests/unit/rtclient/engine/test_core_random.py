"""A client that sends anything in any order: the core never raises and its events keep their order.

What hypothesis makes is a list of moves: valid and invalid client events, audio, and steps of the
senses and of the clock. After each list the invariants of a Realtime session are checked on all
events.
"""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.scripted import tone
from rtclient.engine.senses import Call, Heard, Replay, Say
from rtclient.protocol.audio import to_base64
from tests.support.engine_driver import Driver

LOUD = to_base64(tone(300, 200))
QUIET = to_base64(bytes(48 * 300))
IDS = st.sampled_from(["item_1", "item_2", "item_3", "a", "b", "root", "nobody", "", None, 7])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(-1, 2) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TURN_DETECTION = st.sampled_from(
    [
        None,
        {"type": "server_vad"},
        {"type": "server_vad", "interrupt_response": False},
        {"type": "server_vad", "create_response": False, "silence_duration_ms": 0},
        {"type": "semantic_vad", "eagerness": "high"},
        {"type": "server_vad", "idle_timeout_ms": 30_000},
        {"type": "none"},
    ]
)
FORMATS = st.sampled_from(
    [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "x"}]
)
SESSION = st.fixed_dictionaries(
    {"type": st.sampled_from(["realtime", "realtime", "transcription"])},
    optional={
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": TURN_DETECTION,
                        "format": FORMATS,
                        "transcription": st.sampled_from([None, {"model": "whisper-1"}, {}]),
                    },
                ),
                "output": st.fixed_dictionaries(
                    {},
                    optional={
                        "format": FORMATS,
                        "voice": st.sampled_from(["echo", "nobody", None]),
                    },
                ),
            },
        ),
        "include": st.sampled_from([None, ["item.input_audio_transcription.logprobs"]]),
        "max_output_tokens": st.sampled_from(["inf", 20, 0, None]),
        "nonsense": JSON,
    },
)
PART = st.sampled_from(
    [
        {"type": "input_text", "text": "hello"},
        {"type": "input_text", "text": "call weather"},
        {"type": "input_text", "text": "replay"},
        {"type": "input_text", "text": "break"},
        {"type": "input_audio", "audio": LOUD},
        {"type": "output_text", "text": "x"},
        {"type": "input_text"},
    ]
)
ITEM = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.sampled_from(["user", "assistant", "system"]),
            "content": st.lists(PART, max_size=2),
        },
        optional={"id": IDS},
    ),
    st.just({"type": "function_call_output", "call_id": "call_1", "output": "4"}),
    JSON,
)
TOOLS = [{"type": "function", "name": "weather"}]
RESPONSE = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "conversation": st.sampled_from(["auto", "none", "x"]),
        "output_modalities": st.sampled_from([["audio"], ["text"], ["audio", "text"]]),
        "tools": st.just(TOOLS),
        "max_output_tokens": st.sampled_from([1, 15, "inf"]),
        "input": st.lists(
            st.fixed_dictionaries({"type": st.just("item_reference"), "id": IDS}), max_size=2
        ),
        "metadata": st.sampled_from([{"a": "b"}, {"a": 1}]),
    },
)


def event(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    shape = st.fixed_dictionaries({"type": st.just(name), **fields})
    return st.tuples(st.just("send"), shape)


MOVES = st.one_of(
    event("session.update", session=SESSION),
    event("input_audio_buffer.append", audio=st.sampled_from([LOUD, QUIET, "?", 5])),
    event("input_audio_buffer.append", audio=st.just(LOUD)),
    event("input_audio_buffer.append", audio=st.just(QUIET)),
    event("input_audio_buffer.commit"),
    event("input_audio_buffer.clear"),
    event("conversation.item.create", item=ITEM, previous_item_id=IDS),
    event("conversation.item.create", item=ITEM),
    event("conversation.item.retrieve", item_id=IDS),
    event("conversation.item.delete", item_id=IDS),
    event(
        "conversation.item.truncate",
        item_id=IDS,
        content_index=st.integers(0, 1),
        audio_end_ms=st.integers(-1, 700),
    ),
    event("response.create", response=RESPONSE),
    event("response.create"),
    event("response.cancel"),
    event("response.cancel", response_id=st.sampled_from(["resp_1", "resp_9"])),
    st.tuples(st.just("raw"), st.text(max_size=20) | JSON.map(json.dumps)),
    st.tuples(st.just("work"), st.none()),
    st.tuples(st.just("work"), st.none()),
    st.tuples(st.just("tick"), st.none()),
    st.tuples(st.just("settle"), st.none()),
)
ANSWERS: dict[str, Any] = {
    "replay": [Replay("item_1"), Say("That was you.")],
    "break": [Say("I was about to"), RuntimeError("broken")],
    "turn 1": [Say("A first answer of some length."), Call("weather", "{}"), Say("And more.")],
}
ENDS = {"response.output_item.added": "response.output_item.done"}
CLOSERS = {
    "response.content_part.added": "response.content_part.done",
    "response.output_item.added": "response.output_item.done",
}


OPTIONS = st.sampled_from(
    [
        {},
        {"tokens_per_minute": 300},
        {"transcription_models": frozenset({"mine"})},
        {"kind": "transcription"},
    ]
)


@given(st.lists(MOVES, max_size=25), OPTIONS)
def test_any_client_gets_events_in_order(
    moves: list[tuple[str, Any]], options: dict[str, Any]
) -> None:
    hears = ("turn 1", Heard("guess", 0.3), RuntimeError("deaf"))
    driver = Driver(*hears, answers=ANSWERS, **options)
    for kind, what in moves:
        if kind == "send":
            answer = driver.send_raw(json.dumps(what))
            if what["type"] not in ("input_audio_buffer.append",):
                assert answer, f"{what['type']} was not answered"
        elif kind == "raw":
            assert driver.send_raw(what)
        elif kind == "work":
            driver.do_work()
        elif kind == "tick":
            driver.tick()
        else:
            driver.settle()
    driver.settle()
    check(driver.events)


def check(events: list[dict[str, Any]]) -> None:
    """Assert what holds in every session."""
    ids = [e["event_id"] for e in events]
    assert len(set(ids)) == len(ids)
    assert events[0]["type"] == "session.created"
    open_responses: dict[str, int] = {}
    open_parts: Counter[str] = Counter()
    known_items: set[str] = set()
    announced: set[str] = set()
    writing = 0
    for e in events:
        name = e["type"]
        if name == "response.created":
            open_responses[e["response"]["id"]] = 0
            writing += e["response"]["conversation_id"] is not None
            assert writing <= 1
        elif name == "response.done":
            assert open_responses.pop(e["response"]["id"]) == 0, "an item was left open"
            writing -= e["response"]["conversation_id"] is not None
            assert e["response"]["status"] != "in_progress"
            counted = e["response"]["usage"]
            assert counted["total_tokens"] == counted["input_tokens"] + counted["output_tokens"]
        elif name.startswith("response."):
            assert e["response_id"] in open_responses, f"{name} outside of its response"
            if name == "response.output_item.added":
                open_responses[e["response_id"]] += 1
            elif name == "response.output_item.done":
                open_responses[e["response_id"]] -= 1
                assert e["item"]["status"] != "in_progress"
            elif name == "response.content_part.added":
                open_parts[e["item_id"]] += 1
            elif name == "response.content_part.done":
                open_parts[e["item_id"]] -= 1
            elif name.startswith("response.output_"):
                assert open_parts[e["item_id"]] == 1
        elif name == "conversation.item.added":
            assert e["item"]["id"] not in known_items
            assert e["previous_item_id"] is None or e["previous_item_id"] in known_items
            known_items.add(e["item"]["id"])
        elif name == "conversation.item.deleted":
            known_items.remove(e["item_id"])
        elif name in ("conversation.item.done", "conversation.item.truncated"):
            assert (e.get("item_id") or e["item"]["id"]) in known_items
        elif name == "input_audio_buffer.speech_started":
            announced.add(e["item_id"])
            assert e["audio_start_ms"] >= 0
        elif name == "input_audio_buffer.speech_stopped":
            assert e["item_id"] in announced
        elif name == "error":
            assert set(e["error"]) == {"type", "code", "message", "param", "event_id"}
    assert not open_responses
    assert not +open_parts
