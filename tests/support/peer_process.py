"""An Azure peer as a process of its own, to be stopped or killed; prints `{"port": …}`."""

import asyncio
import json

from tests.support.azure_peer import AzurePeer


async def main() -> None:
    """Serve until the process is ended."""
    async with AzurePeer(ping_interval_s=None) as peer:
        print(json.dumps({"port": peer.port}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
