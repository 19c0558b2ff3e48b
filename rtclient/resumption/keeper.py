"""`SessionKeeper`: one conversation over as many connections as it takes. Pure.

                        dial failed, lost, too slow
                      ┌──────────────────────────────┐
    IDLE ─▶ CONNECTING ─▶ CONNECTED ◀─▶ RECONNECTING ─▶ FAILED
                              │  ▲ renewed
                              └──┘

Every connection has a number, its generation; what still comes from an older one is dropped. One
connection is live. Beside it there is at most one candidate: the next one, which becomes live when
it greeted and holds the whole conversation. After a loss there is a candidate only, so what the
program sends is held. A renewal has both, so nobody notices it.

Rules of the file:
- values in, values out: `now` is seconds of a monotonic clock, given with every input; each input
  returns what to do, in order;
- the program sees one session: no second `session.created`, nothing of a replay; an answer that
  was cut off ends for it as cancelled, and is not asked for again;
- an answer that had not begun is still owed, so it is asked for.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from rtclient.errors import ConnectError, ConnectionLost, ReconnectExhausted, RTError
from rtclient.protocol import restoring
from rtclient.protocol.conversation import Conversation
from rtclient.protocol.items import Item
from rtclient.protocol.reading import mapping_of, value_at
from rtclient.protocol.session import sound_format
from rtclient.resumption.actions import (
    ClientState,
    Close,
    Deliver,
    Dial,
    Ended,
    Event,
    Output,
    Restoration,
    Restored,
    Send,
    StateChanged,
    WakeAt,
)
from rtclient.resumption.candidate import ECHOES, FATAL_ERRORS, OURS, RESTORING_S, Candidate
from rtclient.resumption.open_ends import OpenEnds, response_cancelled
from rtclient.resumption.outbox import Outbox
from rtclient.resumption.policy import Attempts, ReconnectPolicy

RENEW_BEFORE_S: Final = 120.0
"""Before the end of a session a moment is sought to renew it; half its life if that is less."""
FORCE_BEFORE_S: Final = 15.0
"""Before the end it is renewed whatever happens; a quarter of its life if that is less."""
MIN_LIFE_S: Final = 10.0
"""A session that ends sooner has another clock than ours: its end is not believed."""
RETRY_RENEWAL_S: Final = 5.0
"""After a renewal that failed, about; the live connection works on."""
TAIL_S: Final = 2.0
"""Of silence that a renewed session hears again: speech may have just begun in it."""


class SessionKeeper:
    """Says when to dial, what to send and what to deliver."""

    def __init__(
        self,
        *,
        connect_policy: ReconnectPolicy,
        reconnect_policy: ReconnectPolicy,
        new_id: Callable[[], str],
        random: Callable[[], float],
        has_fresh_tokens: bool = False,
        greeting_s: float = 5.0,
    ) -> None:
        """Prepare.

        Args:
            connect_policy: For the first connection.
            reconnect_policy: For a lost one; with no attempts a loss is the end, and nothing is
                renewed.
            new_id: Returns a fresh random text of at most 20 characters.
            random: Returns a random number from 0 to 1.
            has_fresh_tokens: Whether each dial asks for its credential.
            greeting_s: From the open connection to the server's first event, at most.
        """
        self.state = ClientState.IDLE
        self.conversation = Conversation()
        """What is known of the session; it outlives its connections."""
        self._connect_policy = connect_policy
        self._reconnect_policy = reconnect_policy
        self._new_id = new_id
        self._random = random
        self._has_fresh_tokens = has_fresh_tokens
        self._greeting_s = greeting_s
        self._outbox = Outbox()
        self._generation = 0
        self._live: int | None = None
        self._there: dict[str, Mapping[str, Any]] = {}
        """Items of the live session that a restoration put there."""
        self._deleting: Counter[str] = Counter()
        """Items that are deleted from it to be put there again, and how often."""
        self._open_ends = OpenEnds()
        self._candidate: Candidate | None = None
        self._attempts: Attempts | None = None
        self._dial_at: float | None = None
        self._renew_at: float | None = None
        self._force_at: float | None = None
        self._fallback_life_s = 0.0
        self._unix_offset = 0.0
        self._began = False
        self._is_expired = False
        self._is_fatal = False
        self._owes_response = False
        self._lost: list[str] = []
        self._wake_at: float | None = None
        self._out: list[Output] = []

    @property
    def live(self) -> int | None:
        """The generation that the program talks over; None while there is none."""
        return self._live

    # Inputs -------------------------------------------------------------------------------

    def start(self, now: float, unix_now: float) -> list[Output]:
        """Begin to connect. `unix_now`: the wall clock, which a session's end is told in."""
        self._unix_offset = unix_now - now
        self._set_state(ClientState.CONNECTING)
        self._attempts = self._new_attempts(self._connect_policy, now)
        self._dial()
        return self._done(now)

    def opened(self, generation: int, now: float, fallback_life_s: float) -> list[Output]:
        """A dial succeeded. `fallback_life_s`: how long sessions last if the server is silent."""
        if (candidate := self._candidate_of(generation)) is not None:
            candidate.deadline = now + self._greeting_s
            candidate.fallback_life_s = fallback_life_s
        else:
            self._out.append(Close(generation))
        return self._done(now)

    def dial_failed(self, generation: int, error: RTError, now: float) -> list[Output]:
        """A dial failed."""
        if self._candidate_of(generation) is not None:
            self._candidate_failed(error, now)
        return self._done(now)

    def received(self, generation: int, event: Event, now: float) -> list[Output]:
        """An event came."""
        if generation == self._live:
            self._on_live(event, now)
        elif (candidate := self._candidate_of(generation)) is not None:
            if self._began:
                candidate.see(event, now)
                if event["type"] == "session.created" and not self.conversation.session:
                    self._deliver(event)  # the sessions before did not get as far
            elif value_at(event, "error", "code") == "session_expired" and self._restores:
                pass  # it closes without having begun: another dial finds another session
            else:
                self._on_first(candidate, event, now)
        return self._done(now)

    def lost(self, generation: int, error: RTError, now: float) -> list[Output]:
        """A connection ended, or what came over it was broken."""
        if generation == self._live:
            self._on_loss(error, now)
        elif (candidate := self._candidate_of(generation)) is not None:
            self._candidate_failed(candidate.as_refusal(error), now)
        return self._done(now)

    def sent(self, event: Event, now: float) -> list[Output]:
        """The program sends an event.

        Raises:
            LocalProtocolError: There is no connection and no more room.
        """
        kind = event["type"]
        if kind != "input_audio_buffer.append":
            event = {"event_id": f"event_{self._new_id()}", **event}
        item = event.get("item")
        if kind == "conversation.item.create" and isinstance(item, Mapping) and not item.get("id"):
            event["item"] = {"id": f"item_{self._new_id()}", **item}
        if kind == "conversation.item.truncate" and self._is_words_only(event.get("item_id")):
            self._truncate_words(event)
            return self._done(now)
        if kind == "response.cancel" and self._live is None:
            if not event.get("response_id"):
                self._owes_response = self.conversation.is_awaiting = False
            if event.get("response_id") or not self._outbox.waiting("response.create"):
                return self._done(now)  # what it is about was cut off, or is not asked for now
        self._outbox.add(
            event,
            bytes_per_s=sound_format(self.conversation.session, "input").bytes_per_s,
            finds_turns=self._finds_turns,
            is_held=self._live is None,
        )
        self.conversation.sent(event)
        if self._live is not None:
            self._out.append(Send(self._live, event))
        return self._done(now)

    def woke(self, now: float) -> list[Output]:
        """The time of `WakeAt` has come."""
        self._wake_at = None
        return self._done(now)

    def close(self, now: float) -> list[Output]:
        """The program wants no more."""
        if self.state not in (ClientState.CLOSED, ClientState.FAILED):
            self._set_state(ClientState.CLOSING)
            self._end(ClientState.CLOSED, None)
        return self._done(now)

    # The live connection ------------------------------------------------------------------

    def _on_first(self, candidate: Candidate, event: Event, now: float) -> None:
        """The first session begins with whatever the server says first."""
        self._began = True
        self._take_over(candidate, {}, now)
        self._set_state(ClientState.CONNECTED)
        self._on_live(event, now)
        self._flush(None)

    def _on_live(self, event: Event, now: float) -> None:
        kind = event["type"]
        if kind == "error":
            error = mapping_of(event.get("error"))
            code = error.get("code")
            if str(error.get("event_id")).startswith(OURS):
                return
            if code == "session_expired" and self._restores:
                self._is_expired = True
                return
            self._is_fatal |= str(code) in FATAL_ERRORS
        elif kind in ECHOES and self._is_ours(str(value_at(event, "item", "id"))):
            return
        elif kind == "session.created":
            self._set_life(event.get("session"), now)
        elif kind == "conversation.item.deleted":
            item_id = str(event.get("item_id"))
            if self._deleting[item_id] > 0:
                self._deleting[item_id] -= 1
                return
            self._there.pop(item_id, None)
        self._deliver(event)

    def _on_loss(self, error: RTError, now: float) -> None:
        self._live = None
        self._renew_at = self._force_at = None
        code = error.code if isinstance(error, ConnectionLost) else None
        is_over = code == 1000 and not self._is_expired
        is_retryable = self._is_expired or (isinstance(error, ConnectionLost) and error.retryable)
        if is_over or self._is_fatal or not is_retryable or not self._restores:
            state = ClientState.CLOSED if is_over else ClientState.FAILED
            self._end(state, None if is_over else error)
            return
        self._set_state(ClientState.RECONNECTING)
        self._cut_off("connection_lost")
        self._attempts = self._new_attempts(self._reconnect_policy, now)
        if self._candidate is None:
            self._dial()
        else:
            self._attempts.dialled()  # a renewal was under way: it goes on as what we need

    def _cut_off(self, reason: str) -> None:
        """End for the program what the gone session will not end."""
        for event in self._outbox.waiting("conversation.item.truncate"):
            self._say_truncated(event)
        conversation = self.conversation
        for event in self._open_ends.items_done(conversation):
            self._tell(event)
        heard = [item for item in conversation.items if item.status == "pending"]
        committed = [item for item in heard if item.id in self._outbox.sounds]
        self._owes_response = (
            conversation.is_awaiting
            and len(committed) == len(heard)
            and not self._outbox.waiting("response.create")
        )
        for item in committed:
            for kind in ("conversation.item.added", "conversation.item.done"):
                self._say(kind, item=_heard(item))
        for event in self._open_ends.transcripts_failed(reason):
            self._tell(event)
        if conversation.is_user_speaking or len(committed) < len(heard):
            self._say("input_audio_buffer.cleared")
        for response in conversation.responses:
            if response.is_active:
                self._lost.append(f"{response.id}: the rest of an answer")
                self._tell(response_cancelled(response.id, reason))

    # The candidate ------------------------------------------------------------------------

    def _advance(self, candidate: Candidate, now: float) -> None:
        """Put into the candidate what is missing there; when nothing is, it becomes live."""
        if not candidate.is_ready:
            return
        if self._live is not None and not self._may_renew(now):
            candidate.deadline = None  # it waits for a quiet moment, which may take long
            return
        plan = self._plan()
        events = candidate.fill(self.conversation.session, plan.items, self._new_id)
        if candidate.deadline is None:
            candidate.deadline = now + RESTORING_S
        self._out += [Send(candidate.generation, event) for event in events]
        is_late = self._live is not None and self._must_renew(now)
        kinds = {event["type"] for event in events}
        if events and ("session.update" in kinds or not (is_late and candidate.is_late)):
            candidate.is_late = is_late
            return
        self._switch(candidate, [*plan.lost, *candidate.lost], now)
        # What an answer that goes on said in the meantime is there, too, when this arrives.
        self._deleting.update(event["item_id"] for event in events if "item_id" in event)

    def _plan(self) -> restoring.Plan:
        if self.conversation.session.get("type") == "transcription":
            return restoring.Plan((), ())
        return restoring.plan(self.conversation, self._outbox.sounds)

    def _switch(self, candidate: Candidate, lost: list[str], now: float) -> None:
        old, attempts = self._live, self._attempts
        assert attempts is not None
        # Silence needs not be heard twice; speech does.
        is_quiet = old is not None and self._finds_turns and not self.conversation.is_user_speaking
        if old is not None:
            self._cut_off("session_renewed")
        lost = [*self._lost, *lost]
        if dropped_s := self._outbox.dropped_s:
            lost.append(f"{dropped_s:.1f} s of sound that was too much to keep")
        self._lost = []
        self._take_over(candidate, candidate.session, now)
        self._there = dict(candidate.there)
        self._set_state(ClientState.CONNECTED)
        self._out.append(
            Restored(
                Restoration(
                    kind="reconnected" if old is None else "renewed",
                    is_restored=not lost,
                    lost=tuple(lost),
                    items=len(candidate.there),
                    attempts=attempts.count,
                    elapsed_s=attempts.elapsed_s(now),
                )
            )
        )
        self._flush(TAIL_S if is_quiet else None)
        if self._owes_response:
            self._owes_response = False
            assert self._live is not None
            event = {"type": "response.create", "event_id": f"event_{self._new_id()}"}
            self.conversation.sent(event)
            self._out.append(Send(self._live, event))
        if old is not None:
            self._out.append(Close(old))

    def _candidate_failed(self, error: RTError, now: float) -> None:
        candidate, attempts = self._candidate, self._attempts
        assert candidate is not None
        assert attempts is not None
        self._candidate = None
        self._out.append(Close(candidate.generation))
        if self._live is not None:
            wait_s = getattr(error, "retry_after_s", None) or 0.0
            self._renew_at = now + max(wait_s, RETRY_RENEWAL_S * (0.5 + self._random()))
            return
        self._dial_at = attempts.next_dial(error, now, self._random())
        if self._dial_at is not None:
            return
        if self._began:
            exhausted = ReconnectExhausted(attempts.count, attempts.elapsed_s(now))
            exhausted.__cause__ = error
            error = exhausted
        self._end(ClientState.FAILED, error)

    # Time ---------------------------------------------------------------------------------

    def _done(self, now: float) -> list[Output]:
        """Do what is due, and return everything that is to be done."""
        if self._dial_at is not None and now >= self._dial_at:
            self._dial()
        candidate = self._candidate
        if candidate is not None and candidate.deadline is not None and now >= candidate.deadline:
            is_greeting = candidate.session is None
            detail = "the session did not begin" if is_greeting else "it was not restored in time"
            self._candidate_failed(ConnectError("timeout", detail=detail), now)
        elif candidate is not None and self._began:
            self._advance(candidate, now)
        elif self._is_time_to_renew(now):
            self._attempts = self._new_attempts(self._reconnect_policy, now)
            self._dial()
        times = [self._dial_at]
        if self._candidate is not None:
            times.append(self._candidate.deadline)
        if self._live is not None:
            times += [at for at in (self._renew_at, self._force_at) if at is None or at > now]
        wake_at = min((at for at in times if at is not None), default=None)
        if wake_at != self._wake_at:
            self._wake_at = wake_at
            self._out.append(WakeAt(wake_at))
        out, self._out = self._out, []
        return out

    def _is_time_to_renew(self, now: float) -> bool:
        return (
            self._live is not None
            and self._candidate is None
            and self._renew_at is not None
            and now >= self._renew_at
            and self._may_renew(now)
        )

    def _may_renew(self, now: float) -> bool:
        """Whether the live session can be left: nothing is going on in it, or it must be."""
        if self._must_renew(now):
            return True
        conversation = self.conversation
        return not (
            conversation.is_user_speaking
            or conversation.is_awaiting
            or self._outbox.has_requests
            or self._open_ends.has_transcripts
            or (self._outbox.has_sound and not self._finds_turns)
            or any(response.is_active for response in conversation.responses)
            or any(item.status == "pending" for item in conversation.items)
        )

    def _must_renew(self, now: float) -> bool:
        return self._force_at is not None and now >= self._force_at

    def _take_over(self, candidate: Candidate, session: object, now: float) -> None:
        """Make the candidate the live connection."""
        self._live = candidate.generation
        self._candidate = None
        self._there, self._deleting = {}, Counter()
        self._is_expired = self._is_fatal = False
        self._fallback_life_s = candidate.fallback_life_s
        self._set_life(session, now)

    def _set_life(self, session: object, now: float) -> None:
        life_s = self._fallback_life_s
        expires_at = mapping_of(session).get("expires_at")
        if isinstance(expires_at, int | float):
            told_s = expires_at - self._unix_offset - now
            life_s = told_s if told_s >= MIN_LIFE_S else life_s
        self._renew_at = self._force_at = None
        if life_s > 0 and self._restores:
            self._renew_at = now + life_s - min(RENEW_BEFORE_S, life_s / 2)
            self._force_at = now + life_s - min(FORCE_BEFORE_S, life_s / 4)

    # Parts of the above -------------------------------------------------------------------

    @property
    def _restores(self) -> bool:
        return self._reconnect_policy.max_attempts > 0

    @property
    def _finds_turns(self) -> bool:
        return bool(value_at(self.conversation.session, "audio", "input", "turn_detection"))

    @property
    def _transcribes(self) -> bool:
        return bool(value_at(self.conversation.session, "audio", "input", "transcription"))

    def _new_attempts(self, policy: ReconnectPolicy, now: float) -> Attempts:
        return Attempts(policy, now, has_fresh_tokens=self._has_fresh_tokens)

    def _dial(self) -> None:
        assert self._attempts is not None
        self._dial_at = None
        self._generation += 1
        self._attempts.dialled()
        self._candidate = Candidate(self._generation)
        self._out.append(Dial(self._generation))

    def _candidate_of(self, generation: int) -> Candidate | None:
        found = self._candidate
        return found if found is not None and found.generation == generation else None

    def _flush(self, tail_s: float | None) -> None:
        assert self._live is not None
        for event in self._outbox.restart(tail_s=tail_s):
            self._out.append(Send(self._live, event))

    def _deliver(self, event: Event) -> None:
        self.conversation.apply(event)
        self._outbox.see(event)
        self._open_ends.note(event, transcribes=self._transcribes)
        self._out.append(Deliver(event))

    def _say(self, kind: str, **fields: Any) -> None:
        """Tell the program what the server would have told."""
        self._tell({"type": kind, **fields})

    def _tell(self, event: Event) -> None:
        self._deliver({"event_id": f"event_{self._new_id()}", **event})

    def _is_ours(self, item_id: str) -> bool:
        return item_id in self._there or self._deleting[item_id] > 0

    def _is_words_only(self, item_id: object) -> bool:
        """Whether an answer's sound is gone, so that the server cannot cut it."""
        item = self.conversation.item(str(item_id))
        if item is None or item.role != "assistant":
            return False
        return self._live is None or item.id in self._there

    def _truncate_words(self, event: Event) -> None:
        """Cut an answer whose sound is gone: its words are put back again, fewer."""
        self._say_truncated(event)
        deletions = self._outbox.waiting("conversation.item.delete")
        going = [one.get("item_id") for one in deletions]
        if self._live is None or event.get("item_id") in going:
            return
        items = self._plan().items
        behind, last = {}, "root"
        for item in items:
            behind[item["id"]] = last
            last = last if item["id"] in going else item["id"]
        there = {name: item for name, item in self._there.items() if name not in going}
        wanted = {str(item["id"]): item for item in items if item["id"] in there}
        for step in restoring.steps(there, wanted.values()):
            if step["type"] == "conversation.item.delete":
                self._deleting[step["item_id"]] += 1
            else:
                # Without a place it would come behind what was said since.
                step["previous_item_id"] = behind[step["item"]["id"]]
            event_id = f"{OURS}{self._new_id()}"
            self._out.append(Send(self._live, {"event_id": event_id, **step}))
        self._there = {name: self._there[name] for name in self._there.keys() - there} | wanted

    def _say_truncated(self, event: Event) -> None:
        self._say(
            "conversation.item.truncated",
            item_id=event.get("item_id"),
            content_index=event.get("content_index", 0),
            audio_end_ms=event.get("audio_end_ms", 0),
        )

    def _set_state(self, state: ClientState) -> None:
        if state is not self.state:
            self.state = state
            self._out.append(StateChanged(state))

    def _end(self, state: ClientState, error: RTError | None) -> None:
        generations = [self._live, self._candidate.generation if self._candidate else None]
        self._out += [Close(generation) for generation in generations if generation is not None]
        self._live = self._candidate = None
        self._dial_at = self._renew_at = self._force_at = None
        self._set_state(state)
        self._out.append(Ended(error))


def _heard(item: Item) -> dict[str, Any]:
    content = [{"type": "input_audio", "transcript": item.transcript or None}]
    return {
        "id": item.id,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": content,
    }
