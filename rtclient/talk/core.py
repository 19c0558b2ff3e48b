"""`TalkCore`: what a conversation in the terminal does, and when. Pure.

Sound, keys, typed lines and server events go in with the time; client events (GA) come out, to be
sent in their order. What people shall know is in `notices`, and the rest in attributes.

Rules of the file:
- pcm16 is little-endian signed 16-bit, mono, 24 000 Hz; the microphone comes in blocks of 20 ms;
- `take` is called from the loudspeaker's thread, everything else from one other;
- times are seconds that only grow.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from rtclient import advice
from rtclient.advice import Service
from rtclient.protocol.audio import PCM16, bytes_to_ms, from_base64, ms_to_bytes, to_base64
from rtclient.protocol.conversation import Conversation, is_benign
from rtclient.protocol.turns import truncation
from rtclient.service.causes import words_of_event
from rtclient.talk.captions import Captions
from rtclient.talk.echo_guard import BLOCK_MS, EchoGuard
from rtclient.talk.levels import Meter
from rtclient.talk.options import MIN_COMMIT_MS, TalkOptions
from rtclient.talk.playback import Playback
from rtclient.talk.watch import LatencyWatch, TranscriptionWatch

Event = dict[str, Any]

_END_SILENCE_S: Final = 1.0
"""A conversation from a file goes on this long behind the silence that ends a turn."""
_END_PATIENCE_S: Final = 30.0
"""How long it waits for an answer then."""
_GOODBYE: Final = "upstream_closed"
"""A Parley server says it before it closes: what becomes of the connection is told then."""
_NO_PLAYBACK_S: Final = 3.0
"""How long a loudspeaker may take nothing while sound waits for it."""


class TalkCore:
    """One conversation: who is heard, when a turn ends, what is interrupted, what is shown."""

    def __init__(
        self,
        options: TalkOptions,
        conversation: Conversation,
        playback: Playback,
        *,
        has_guard: bool = False,
        service: Service = "server",
        secrets: tuple[str, ...] = (),
    ) -> None:
        """Begin.

        Args:
            options: What the conversation is to be like.
            conversation: The client's mirror; it has each event before the core.
            playback: Between the service and the loudspeaker.
            has_guard: Whether the microphone may hear the loudspeaker.
            service: For the advice in notices.
            secrets: Are never shown.
        """
        self._options = options
        self._conversation = conversation
        self._playback = playback
        self._service: Service = service
        self._secrets = secrets
        self.captions = Captions(conversation, playback)
        self.captions.has_transcription = options.has_transcription
        self.guard = EchoGuard(has_guard and not options.push_to_talk)
        self.you, self.model = Meter(), Meter()
        """What the microphone hears, and what the loudspeaker plays."""
        self.notices: deque[str] = deque()
        """What to tell the person; take them out."""
        self.is_talking = False
        """Whether a push-to-talk turn is going on."""
        self.answer_ms: int | None = None
        """From the end of the last turn's speech to the first sound of its answer."""
        self.latency_s = 0.0
        """From `take` to the ear, as far as the sound card knows."""
        self._words = TranscriptionWatch(service, is_wanted=options.has_transcription)
        self._delays = LatencyWatch(None if options.push_to_talk else options.silence_ms)
        self._chunk = bytearray()
        self._chunks = 0
        self._turn_ms = 0
        self._uncommitted_ms = 0
        self._input_end_s: float | None = None
        self._turn_end_s: float | None = None
        self._first_delta_s: float | None = None
        self._first_sound_s: float | None = None
        self._last_take_s: float | None = None
        self._played: deque[bytes] = deque(maxlen=100)
        self._played_rest = b""
        self._is_told_of_silence = False

    def greeting(self) -> list[Event]:
        """Return what makes the model speak first, if it shall."""
        instructions = self._options.greeting_instructions
        if instructions is None:
            return []
        return [{"type": "response.create", "response": {"instructions": instructions}}]

    # The person -------------------------------------------------------------------------------

    def on_microphone(self, block: bytes) -> list[Event]:
        """Take the next 20 ms of the microphone."""
        while self._played:
            played = self._played.popleft()
            self.guard.played(played)
            self.model.feed(played)
        self.you.feed(block)
        if self._options.push_to_talk and not self.is_talking:
            return []
        self._chunk += self.guard.heard(block)
        size = ms_to_bytes(self._options.chunk_ms, PCM16)
        events: list[Event] = []
        while len(self._chunk) >= size:
            events += self._append(bytes(self._chunk[:size]))
            del self._chunk[:size]
        return events

    def on_microphone_end(self, now_s: float) -> list[Event]:
        """Note that a file or pipe has ended; silence follows, for the end of the turn."""
        self._input_end_s = now_s
        return self._end_turn(now_s) if self._options.push_to_talk else []

    def begin_turn(self) -> list[Event]:
        """Begin a push-to-talk turn; it interrupts the model."""
        if self.is_talking:
            return []
        self.is_talking = True
        self._turn_ms = self._uncommitted_ms = self._chunks = 0
        self._chunk.clear()
        return self._take_the_word()

    def on_key(self, key: str, now_s: float) -> list[Event]:
        """Take a key: the push-to-talk key begins a turn and ends it."""
        if not self._options.push_to_talk or key.replace("\r", "\n") != self._options.key_character:
            return []
        return self._end_turn(now_s) if self.is_talking else self.begin_turn()

    def on_line(self, text: str) -> list[Event]:
        """Take a typed line: it is a turn of its own, and interrupts the model."""
        if not text.strip():
            return []
        events = self._take_the_word()
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        create = {"type": "conversation.item.create", "item": item}
        return [*events, create, {"type": "response.create"}]

    def _append(self, pcm: bytes) -> list[Event]:
        lasts_ms = bytes_to_ms(len(pcm), PCM16)
        self._turn_ms += lasts_ms
        self._uncommitted_ms += lasts_ms
        self._chunks += 1
        events: list[Event] = [{"type": "input_audio_buffer.append", "audio": to_base64(pcm)}]
        if self._options.commit_every and self._chunks % self._options.commit_every == 0:
            events.append({"type": "input_audio_buffer.commit"})
            self._uncommitted_ms = 0
        return events

    def _end_turn(self, now_s: float) -> list[Event]:
        """End a push-to-talk turn: what was said is a turn, and the model answers it."""
        if not self.is_talking:
            return []
        self.is_talking = False
        events = self._append(bytes(self._chunk)) if self._chunk else []
        self._chunk.clear()
        if self._turn_ms < MIN_COMMIT_MS:
            self.notices.append(
                "That was too short to be heard. Press the key, speak, then press it again."
            )
            return [*events, {"type": "input_audio_buffer.clear"}]
        if self._uncommitted_ms >= MIN_COMMIT_MS:
            events.append({"type": "input_audio_buffer.commit"})
        elif self._uncommitted_ms:
            events.append({"type": "input_audio_buffer.clear"})  # too short for a commit
        self._await_sound(now_s)
        return [*events, {"type": "response.create"}]

    def _take_the_word(self) -> list[Event]:
        """Interrupt the model where no turn detection does it."""
        is_answering = self._conversation.active_response is not None
        cancel: list[Event] = [{"type": "response.cancel"}] if is_answering else []
        return [*cancel, *self._interrupt()]

    def _interrupt(self) -> list[Event]:
        """Stop the loudspeaker; return what cuts the conversation to what was heard."""
        cut = [truncation(part).event for part in self._playback.flush(self.latency_s, self._has)]
        return [event for event in cut if event is not None]

    def _has(self, item_id: str) -> bool:
        item = self._conversation.item(item_id)
        return item is not None and not item.is_out_of_band

    # The service ------------------------------------------------------------------------------

    def on_server_event(self, event: Mapping[str, Any], now_s: float) -> list[Event]:
        """Take an event of the service, which the conversation has already."""
        self._tell(self._words.on_server_event(event, now_s))
        match event["type"]:
            case "response.output_audio.delta":
                pcm = from_base64(event["delta"], "delta")
                self._playback.feed(event["item_id"], event["content_index"], pcm)
                if self._turn_end_s is not None and self._first_delta_s is None:
                    self._first_sound_s, self._first_delta_s = None, now_s
            case "response.output_audio.done":
                self._playback.complete(event["item_id"], event["content_index"])
            case "response.done":
                self._on_response_done(event)
            case "input_audio_buffer.speech_started":
                self._turn_end_s = None
                return self._interrupt()
            case "input_audio_buffer.speech_stopped":
                self._await_sound(now_s)
            case "error":
                self._on_error(event)
        return []

    def _on_response_done(self, event: Mapping[str, Any]) -> None:
        response = self._conversation.response(event["response"]["id"])
        if response is None:
            return
        for item_id in response.item_ids:
            item = self._conversation.item(item_id)
            for index in range(len(item.parts) if item else 0):
                self._playback.complete(item_id, index)
        if response.status == "failed":
            code = str((response.error or {}).get("code") or "no code")
            found = advice.of_error_event({"error": response.error}, self._service, self._secrets)
            self.notices.append(
                found.text if found else f"The answer failed. The service said: {code}."
            )
        elif response.status == "incomplete":
            self.notices.append(f"The answer is incomplete: {response.reason or 'no reason'}.")

    def _on_error(self, event: Mapping[str, Any]) -> None:
        error = event.get("error")
        if is_benign(error) or (error or {}).get("code") == _GOODBYE:
            return
        found = advice.of_error_event(event, self._service, self._secrets)
        said = ", ".join(words_of_event(event, self._secrets)) or "no code"
        self.notices.append(
            found.text if found else f"The service did not accept something ({said})."
        )

    def _await_sound(self, now_s: float) -> None:
        self._turn_end_s, self._first_delta_s, self._first_sound_s = now_s, None, None

    def _tell(self, found: advice.Advice | None) -> None:
        if found is not None:
            self.notices.append(found.text)

    # The loudspeaker --------------------------------------------------------------------------

    def take(self, n_bytes: int, now_s: float) -> bytes:
        """Return the next sound for the loudspeaker; called from its thread."""
        self._last_take_s = now_s
        if self._first_delta_s is not None and self._first_sound_s is None:
            self._first_sound_s = now_s
        pcm = self._playback.take(n_bytes)
        size = ms_to_bytes(BLOCK_MS, PCM16)
        self._played_rest += pcm
        while len(self._played_rest) >= size:
            self._played.append(self._played_rest[:size])
            self._played_rest = self._played_rest[size:]
        return pcm

    # Time -------------------------------------------------------------------------------------

    def on_time(self, now_s: float) -> None:
        """Look what has become due; some ten times a second."""
        self._tell(self._words.due(now_s))
        self._note_delay()
        if (
            self._playback.is_waiting
            and not self._is_told_of_silence
            and self._last_take_s is not None
            and now_s - self._last_take_s > _NO_PLAYBACK_S
        ):
            self._is_told_of_silence = True
            self._tell(advice.NO_PLAYBACK)

    def _note_delay(self) -> None:
        ended, came, sounded = self._turn_end_s, self._first_delta_s, self._first_sound_s
        if ended is None or came is None or sounded is None:
            return
        self._turn_end_s = self._first_delta_s = None
        service_ms = round((came - ended) * 1000)
        playback_ms = round((sounded - came + self.latency_s) * 1000)
        silence_ms = 0 if self._options.push_to_talk else self._options.silence_ms
        self.answer_ms = silence_ms + service_ms + playback_ms
        self._tell(self._delays.turn(service_ms=service_ms, playback_ms=playback_ms))

    @property
    def is_silent(self) -> bool:
        """Whether the loudspeaker has nothing to play."""
        return not self._playback.is_waiting

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks and nothing is to be expected."""
        known = self._conversation
        return (
            not known.is_user_speaking
            and not known.is_awaiting
            and known.active_response is None
            and self._playback.is_over
            and not self.is_talking
        )

    def is_over(self, now_s: float) -> bool:
        """Whether a conversation whose input has ended is over."""
        if self._input_end_s is None:
            return False
        since_s = now_s - self._input_end_s
        silence_s = 0.0 if self._options.push_to_talk else self._options.silence_ms / 1000
        if self.is_quiet and self.captions.is_settled:
            return since_s > silence_s + _END_SILENCE_S
        is_busy = self._conversation.active_response is not None or not self._playback.is_over
        return not is_busy and since_s > _END_PATIENCE_S
