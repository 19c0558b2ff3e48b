"""What of a long conversation a response looks at."""

from typing import Any

from rtclient.engine.context import CONTEXT_TOKENS, in_context
from rtclient.engine.items import Item
from rtclient.engine.shapes import Fault
from tests.support.engine_driver import Driver


def texts(*tokens: int) -> list[Item]:
    return [
        Item(
            {
                "id": f"item_{number}",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "x" * 4 * count}],
            }
        )
        for number, count in enumerate(tokens)
    ]


def ids(kept: list[Item] | Fault) -> list[str]:
    assert not isinstance(kept, Fault)
    return [item.id for item in kept]


def ratio(share: float, **limits: int) -> dict[str, Any]:
    return {"type": "retention_ratio", "retention_ratio": share, "token_limits": limits or None}


def test_what_fits_is_kept() -> None:
    items = texts(100, 200, 300)
    assert in_context(items, 0, "auto") == items
    assert in_context(items, 0, ratio(0.5, post_instructions=600)) == items
    assert in_context(items, 0, "disabled") == items


def test_the_oldest_leave_and_do_not_come_back() -> None:
    items = texts(20_000, 5_000, 5_000)
    assert ids(in_context(items, 0, "auto")) == ["item_1", "item_2"]
    assert items[0].is_out_of_context
    assert ids(in_context(items, 0, "disabled")) == ["item_1", "item_2"]


def test_instructions_take_their_part() -> None:
    assert ids(in_context(texts(100, 100), CONTEXT_TOKENS - 150, "auto")) == ["item_1"]


def test_a_share_is_kept_so_that_it_need_not_be_done_each_time() -> None:
    items = texts(*[100] * 10)
    kept = in_context(items, 0, ratio(0.5, post_instructions=900))
    assert len(ids(kept)) == 4
    items += texts(*[100] * 5)
    assert len(ids(in_context(items, 0, ratio(0.5, post_instructions=900)))) == 9


def test_the_newest_item_always_stays() -> None:
    assert ids(in_context(texts(10, 99_999), 0, "auto")) == ["item_1"]
    assert ids(in_context(texts(10, 10), 0, ratio(0.0, post_instructions=0))) == ["item_1"]


def test_an_output_goes_with_its_call() -> None:
    items = texts(100, 100)
    call = Item(
        {"id": "c", "type": "function_call", "call_id": "1", "name": "f", "arguments": "x" * 400}
    )
    output = Item({"id": "o", "type": "function_call_output", "call_id": "1", "output": "x"})
    kept = in_context([call, output, *items], 0, ratio(1.0, post_instructions=210))
    assert ids(kept) == ["item_0", "item_1"]


def test_an_output_behind_another_call_goes_with_its_own() -> None:
    calls = [
        Item({"id": f"c{n}", "type": "function_call", "call_id": n, "name": "f", "arguments": "{}"})
        for n in "12"
    ]
    outputs = [
        Item({"id": f"o{n}", "type": "function_call_output", "call_id": n, "output": "x"})
        for n in "12"
    ]
    kept = in_context([*calls, *outputs, *texts(100)], 0, ratio(1.0, post_instructions=103))
    assert ids(kept) == ["c2", "o2", "item_0"]


def test_there_is_no_response_when_nothing_may_leave() -> None:
    driver = Driver(preset={"type": "realtime", "truncation": "disabled"})
    driver.say("x" * 4 * CONTEXT_TOKENS)
    (error,) = driver.send("response.create")
    assert error["error"]["code"] == "conversation_too_long"
    driver.send("session.update", session={"type": "realtime", "truncation": "auto"})
    driver.say("hello")
    driver.send("response.create")
    driver.settle()
    assert driver.last("response.done")["response"]["status"] == "completed"
    assert len(driver.brain.prompts[-1].items) == 1
    reference = {"type": "item_reference", "id": "item_1"}
    driver.send("response.create", response={"input": [reference], "output_modalities": ["text"]})
    driver.settle()
    assert driver.brain.prompts[-1].items[0]["id"] == "item_1", "who asks for it gets it"


def test_a_response_that_is_refused_takes_nothing_out_of_the_context() -> None:
    driver = Driver()
    for text in ("first", "second"):
        driver.say(text)
        driver.send("response.create")
        driver.settle()
    small = ratio(1.0, post_instructions=1)
    driver.send("session.update", session={"type": "realtime", "truncation": small})
    driver.say("third")
    (error,) = driver.send("response.create", response={"audio": {"output": {"voice": "marin"}}})
    assert error["error"]["code"] == "cannot_update_voice"
    driver.send("session.update", session={"type": "realtime", "truncation": "auto"})
    driver.send("response.create")
    driver.settle()
    assert len(driver.brain.prompts[-1].items) == 5
