"""How long the sound of each item is, measured from the events that carry or announce it. Pure.

The server tells no lengths. What it sends is counted; what the user said lies between
`speech_started` and `speech_stopped`, or is what was appended before our own commit.
"""

from collections import deque

from rtclient.protocol.audio import AudioFormat, bytes_to_ms
from rtclient.protocol.reading import decoded_bytes


class SoundLengths:
    """Lengths in milliseconds, rounded down; never negative."""

    def __init__(self) -> None:
        self._received: dict[tuple[str, int], int] = {}
        self._speech_start_ms: dict[str, int] = {}
        self._appended = 0
        self._commits_ms: deque[int] = deque()

    def appended(self, audio: object) -> None:
        """The program appended base64 sound."""
        self._appended += decoded_bytes(audio)

    def cleared(self) -> None:
        """The program cleared what it had appended."""
        self._appended = 0

    def commit_sent(self, audio_format: AudioFormat) -> None:
        """The program committed what it had appended."""
        self._commits_ms.append(bytes_to_ms(self._appended, audio_format))
        self._appended = 0

    def commit_ended(self) -> int:
        """Return the length of the oldest commit that is under way; the server has answered it."""
        return self._commits_ms.popleft() if self._commits_ms else 0

    def speech_started(self, item_id: str, start_ms: object) -> None:
        """The server heard speech begin."""
        if type(start_ms) is int:
            self._speech_start_ms[item_id] = start_ms

    def speech_stopped(self, item_id: str, end_ms: object) -> int | None:
        """Return how long the speech was; None when that is not known."""
        start_ms = self._speech_start_ms.pop(item_id, None)
        if start_ms is None or type(end_ms) is not int:
            return None
        return max(0, end_ms - start_ms)

    def received(self, item_id: str, index: int, delta: object, audio_format: AudioFormat) -> int:
        """Return how much sound of a part has come so far, with this delta."""
        total = self._received.get((item_id, index), 0) + decoded_bytes(delta)
        self._received[item_id, index] = total
        return bytes_to_ms(total, audio_format)

    def forget(self, item_id: str, parts: int) -> None:
        """The item is gone."""
        self._speech_start_ms.pop(item_id, None)
        for index in range(parts):
            self._received.pop((item_id, index), None)
