"""One call: a message in, the answer's words and sound out.

    config = RealtimeConfig(endpoint="https://NAME.openai.azure.com", api_key=…, deployment=…)
    transcript, audio = await RealtimeWebSocketClient(config).send_message("Hello, how are you?")

- `config`: where to call and with which voice
- `client`: the calls
- `reply`: one response, put together from its events (pure)
"""

from rtclient.oneshot.client import RealtimeWebSocketClient
from rtclient.oneshot.config import RealtimeConfig
from rtclient.oneshot.reply import ReplyPart

__all__ = ["RealtimeConfig", "RealtimeWebSocketClient", "ReplyPart"]
