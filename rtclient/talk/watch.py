"""What a conversation tells its user by itself: words are missing, answers are slow.

Pure: events and times in, sentences out; each is said once in a conversation.
"""

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from rtclient.advice import (
    Advice,
    Service,
    transcription_absent,
    transcription_failed,
)
from rtclient.protocol.reading import value_at
from rtclient.service.causes import words_of_event

ABSENT_AFTER_S: Final = 10.0
"""How long after a turn its transcription may take."""

SLOW_MS: Final = 1500
"""From the end of speech to the first sound of the answer: what people feel as a pause."""
_TURNS: Final = 3
"""How many turns are looked at before anything is said."""

_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription."


class TranscriptionWatch:
    """Notices that what the user says is not written down."""

    def __init__(self, service: Service, *, is_wanted: bool = True) -> None:
        """Begin.

        Args:
            service: For the advice, which names its setting.
            is_wanted: False when transcription was turned off on purpose: nothing is said then.
        """
        self._service: Service = service
        self._is_wanted = is_wanted
        self._is_configured = True
        self._waiting: dict[str, float] = {}
        self._is_told = False

    def on_server_event(self, event: Mapping[str, Any], now_s: float) -> Advice | None:
        """Take a server event (GA) at a time in seconds; return what to say, if anything."""
        kind = str(event.get("type"))
        if kind in ("session.created", "session.updated"):
            transcription = value_at(event, "session", "audio", "input", "transcription")
            self._is_configured = bool(transcription)
        elif kind == "input_audio_buffer.committed":
            self._waiting[str(event.get("item_id"))] = now_s
        elif kind.startswith(_TRANSCRIPTION):
            self._waiting.pop(str(event.get("item_id")), None)
            if kind == f"{_TRANSCRIPTION}failed":
                return self._once(transcription_failed(self._service, words_of_event(event)))
        return self.due(now_s)

    def due(self, now_s: float) -> Advice | None:
        """Return what to say when a transcription has been missing for `ABSENT_AFTER_S`."""
        began = next(iter(self._waiting.values()), None)
        if began is None or now_s - began < ABSENT_AFTER_S:
            return None
        return self._once(
            transcription_absent(
                self._service, is_configured=self._is_configured, after_s=ABSENT_AFTER_S
            )
        )

    def _once(self, advice: Advice) -> Advice | None:
        if self._is_told or not self._is_wanted:
            return None
        self._is_told = True
        return advice


class LatencyWatch:
    """Notices that answers are slow, and says which setting would help most."""

    def __init__(self, silence_ms: int | None) -> None:
        """Begin. `silence_ms`: the silence that ends a turn; None without turn detection."""
        self._silence_ms = silence_ms or 0
        self._service_ms: list[int] = []
        self._playback_ms: list[int] = []
        self._is_told = False

    def turn(self, *, service_ms: int, playback_ms: int) -> Advice | None:
        """Take the times of one turn; return what to say, if anything.

        Args:
            service_ms: From the end of the turn (`speech_stopped`, or our commit) to the first
                sound that arrived.
            playback_ms: From there until it was heard.
        """
        self._service_ms.append(service_ms)
        self._playback_ms.append(playback_ms)
        service, playback = median(self._service_ms), median(self._playback_ms)
        total = self._silence_ms + service + playback
        if self._is_told or len(self._service_ms) < _TURNS or total < SLOW_MS:
            return None
        self._is_told = True
        most = max(self._silence_ms, service, playback)
        if most == self._silence_ms:
            advice = (
                f"{self._silence_ms} ms of it is the silence that ends your turn: try a lower"
                " --silence-ms, such as 300."
            )
        elif most == service:
            advice = (
                f"{service:.0f} ms of it is the model: try shorter --instructions, a smaller model"
                " such as gpt-realtime-2.1-mini, or a region that is nearer."
            )
        else:
            advice = (
                f"{playback:.0f} ms of it is the loudspeaker: try another --output-device, not one"
                " without a wire."
            )
        return Advice("slow", f"Answers take {total / 1000:.1f} seconds.", advice)
