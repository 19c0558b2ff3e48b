"""The engine as a server of the preview dialect: its own rules in front, translated to the core.

The core speaks GA. A preview client's event is judged by the rules of the preview first, so that
what the old service refused is refused here, in its spelling; only then is it translated.

Rules of the file: pure; one face serves one connection.
"""

from rtclient.engine.actions import Received, Rejected
from rtclient.engine.preview_rules import preview_fault_in
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.bridge import PreviewClient
from rtclient.protocol.codec import decode


class PreviewFace:
    """Between one preview client and the core of its session."""

    def __init__(self, kind: str = "realtime") -> None:
        """`kind`: of the session, `realtime` or `transcription`."""
        self._kind = kind
        self._bridge = PreviewClient()

    def read(self, frame: str | bytes) -> list[Received | Rejected]:
        """Return what a frame of the client is to the core."""
        try:
            event = decode(frame)
        except RemoteProtocolError:
            return [Received(frame)]  # the core says what is wrong with it, in both dialects alike
        if (fault := preview_fault_in(event, self._kind)) is not None:
            event_id = event.get("event_id")
            return [Rejected(fault, event_id if isinstance(event_id, str) else None)]
        text = frame if isinstance(frame, str) else frame.decode()
        return [Received(one) for one in self._bridge.to_inner(text).texts]

    def written(self, text: str) -> tuple[str, ...]:
        """Return what the client gets for an event of the core."""
        return self._bridge.to_outer(text).texts
