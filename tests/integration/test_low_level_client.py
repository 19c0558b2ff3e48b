"""The low-level client against the engine as a child process."""

from rtclient.engine_process import engine_process
from rtclient.low_level_client import ClientState, RTLowLevelClient


async def test_a_text_turn_with_the_engine() -> None:
    async with engine_process() as endpoint, RTLowLevelClient.to(endpoint) as client:
        assert client.state is ClientState.CONNECTED
        assert (await client.recv_event() or {})["type"] == "session.created"
        response = {"output_modalities": ["text"], "instructions": "Say exactly: well done"}
        await client.send({"type": "response.create", "response": response})
        text = ""
        async for event in client:
            text += event.delta if event.type == "response.output_text.delta" else ""
            if event.type == "response.done":
                break
        assert "well done" in text.lower()
    assert client.closed
