"""The official `openai` Python client, unchanged: the items of a conversation, and its edges."""

from typing import Any

import pytest

from tests.support.official import Program, kinds_of

pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="session")]

TINY_PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e"
    "6kgAAAABJRU5ErkJggg=="
)


async def test_retrieve_and_delete(program: Program) -> None:
    item = program.connection.conversation.item
    await program.say("My name is Ada.", event_id="first")
    added = await program.until("conversation.item.done")
    await item.retrieve(item_id=added.item.id)
    found = (await program.until("conversation.item.retrieved")).item
    assert found.content[0].text == "My name is Ada."
    await item.delete(item_id=added.item.id)
    await program.until("conversation.item.deleted")
    await item.retrieve(item_id=added.item.id, event_id="again")
    error = await program.error()
    assert (error.code, error.event_id) == ("item_retrieve_invalid_item_id", "again")


async def test_system_and_image_items_and_an_order_of_ones_own(program: Program) -> None:
    await program.say("second")
    second = (await program.until("conversation.item.done")).item
    await program.say("You are brief.", role="system", previous_item_id="root")
    first = await program.until("conversation.item.done")
    assert first.previous_item_id is None
    picture: Any = {"type": "input_image", "image_url": TINY_PNG}
    await program.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [picture]},
        previous_item_id=second.id,
    )
    third = await program.until("conversation.item.done")
    assert third.previous_item_id == second.id
    await program.connection.response.create(response={"output_modalities": ["text"]})
    usage = (await program.until("response.done")).response.usage
    assert usage.input_token_details.image_tokens > 0


async def test_an_out_of_band_response_runs_beside_another(program: Program) -> None:
    await program.ask("Count to five")
    await program.until("response.output_audio.delta")
    aside: Any = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"topic": "sum"},
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "What is seven plus five?"}],
            }
        ],
    }
    await program.connection.response.create(response=aside)
    done = (await program.until("response.done")).response
    assert done.metadata == {"topic": "sum"}
    assert done.conversation_id is None
    text = done.output[0].content[0].text
    assert "12" in text or "twelve" in text.lower()
    done = (await program.until("response.done")).response
    assert done.conversation_id is not None
    assert done.status == "completed"


async def test_an_input_of_references(program: Program) -> None:
    await program.say("What is seven plus five?")
    asked = (await program.until("conversation.item.done")).item
    await program.say("Tell me a joke")
    await program.until("conversation.item.done")
    chosen: Any = {
        "conversation": "none",
        "output_modalities": ["text"],
        "input": [{"type": "item_reference", "id": asked.id}],
    }
    await program.connection.response.create(response=chosen)
    done = (await program.until("response.done")).response
    text = done.output[0].content[0].text
    assert "12" in text or "twelve" in text.lower()


async def test_max_output_tokens_ends_incomplete(program: Program) -> None:
    await program.ask("Count to thirty", output_modalities=["text"], max_output_tokens=5)
    done = (await program.until("response.done")).response
    assert (done.status, done.status_details.reason) == ("incomplete", "max_output_tokens")
    assert done.usage.output_tokens >= 5
    assert done.output[0].status == "incomplete"


async def test_a_second_response_is_refused_while_one_is_active(program: Program) -> None:
    await program.ask("Count to thirty")
    await program.until("response.created")
    await program.connection.response.create(event_id="too early")
    error = await program.error()
    assert error.code == "conversation_already_has_active_response"
    assert error.event_id == "too early"
    await program.connection.response.cancel()
    await program.until("response.done", "rate_limits.updated")
    assert kinds_of(program.events).count("response.created") == 1
