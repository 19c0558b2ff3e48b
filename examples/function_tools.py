"""Let a realtime model call functions of this program.

    python examples/function_tools.py "Switch on the light in the kitchen" [azure|openai|engine]

Type hints and docstrings tell the model how to call them. A plain function runs in a thread, a
coroutine function in the event loop; the model answers once, after all that it called.
"""

import asyncio
import sys
from typing import Literal

from rtclient import RTClient, ToolCall, ToolError
from rtclient.errors import RTError

LIGHTS = {"kitchen": False, "bedroom": False}


async def main(request: str, upstream: str | None = None) -> None:
    """Make a request, and show which functions it needed."""
    client = RTClient.from_env(upstream)

    @client.tool
    def switch_light(room: str, state: Literal["on", "off"]) -> str:
        """Switch the light of a room.

        Args:
            room: The kitchen or the bedroom.
            state: What the light shall be.
        """
        if room not in LIGHTS:
            raise ToolError(f"There is no room {room}. There are: {', '.join(LIGHTS)}.")
        LIGHTS[room] = state == "on"
        return f"The light in the {room} is {state}."

    @client.tool(timeout_s=5)
    async def list_lights() -> dict[str, bool]:
        """Tell which lights are on."""
        return LIGHTS

    @client.on("tool_call")
    def show(call: ToolCall) -> None:
        print(f"{call.name}({call.arguments})")

    async with client:
        answer = await client.ask(request)
    print(answer.transcript)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit('usage: python examples/function_tools.py "REQUEST" [azure|openai|engine]')
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except (RTError, ValueError) as exc:
        sys.exit(str(exc))
