"""What all sessions of one engine share: clock, seed, faults, scenario, and who watches.

A plain engine has a plain stage: real time, real chance, nothing goes wrong, nothing is kept.
"""

import argparse
import asyncio
import random
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rtclient.engine.clock import Clock, LoopClock, ManualClock, Sleepers
from rtclient.engine.control import Record, State, handle
from rtclient.engine.fault_plan import FaultPlan, refusal
from rtclient.engine.faults import PlannedFault, Refused, parse
from rtclient.engine.scenario import Scenario, read_scenario
from rtclient.engine.senses import Senses
from rtclient.engine.staging import staged

SETTLE_S = 2.0
"""Real seconds that a move of the clock waits for senses and clients between two timers."""
_ID_CHARS = string.digits + string.ascii_letters
_ID_LENGTH = 21


class Player(Protocol):
    """An open connection, as far as the clock waits for it."""

    @property
    def work_count(self) -> int:
        """How many pieces of work its senses have."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether it has input or output to work off before time may pass."""
        ...


class Stage:
    """One engine's stage. Make it, give it to `serve`, keep it to move the clock."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
        faults: Iterable[PlannedFault] = (),
        scenario: Scenario | None = None,
        is_controlled: bool = False,
    ) -> None:
        """Set the stage.

        Args:
            clock: what pacing, expiry and delays go by; by default real time.
            seed: makes ids and chance the same in every run; None: different ones.
            faults: what goes wrong in sessions to come.
            scenario: what is heard and answered; its faults are added.
            is_controlled: the control endpoint is open, and sessions are recorded for it.
        """
        self.clock = clock or LoopClock()
        self.sleepers = Sleepers(self.clock)
        self.is_controlled = is_controlled
        self.state = State(
            faults=list(faults), has_manual_clock=isinstance(self.clock, ManualClock)
        )
        if scenario is not None:
            self.state.play(scenario)
        self._seed = seed
        self._players: set[Player] = set()

    # ------------------------------------------------------------ one session

    def admit(self) -> int:
        """Return the number of a handshake, from 1."""
        self.state.handshakes += 1
        return self.state.handshakes

    def refusal(self, number: int) -> Refused | None:
        """Return how a handshake is refused on purpose; None: it is not."""
        if not self.state.faults:
            return None
        chance = self.chance(f"handshake {number}").random
        return refusal(self.state.faults, number, chance, self.state.spend)

    def chance(self, purpose: object) -> random.Random:
        """Return a source of chance; with a seed, the same for the same purpose."""
        return random.Random(None if self._seed is None else f"{self._seed} {purpose}")

    def new_id(self, number: int) -> Callable[[str], str]:
        """Return what makes the ids of a session, as the real service makes them."""
        choices = self.chance(f"ids {number}").choices

        def make(prefix: str) -> str:
            return f"{prefix}_{''.join(choices(_ID_CHARS, k=_ID_LENGTH))}"

        return make

    def plan(self, number: int) -> FaultPlan | None:
        """Return the faults of a session; None: none can ever strike."""
        if not self.state.faults and not self.is_controlled:
            return None
        return FaultPlan(
            self.state.faults,
            session=number,
            chance=self.chance(f"faults {number}").random,
            new_id=self.new_id(-number),
            spend=self.state.spend,
        )

    def senses(self, number: int, senses: Senses) -> Senses:
        """Return the senses of a session: the engine's, or the scenario's before them."""
        script = self.state.script(number)
        return senses if script is None else staged(senses, script, self.sleepers.rest)

    def enter(self, player: Player, number: int, session_id: str) -> Record | None:
        """Note that a session begins; returns what keeps its record, under control."""
        self._players.add(player)
        if not self.is_controlled:
            return None
        record = Record(number, session_id)
        self.state.add(record)
        return record

    def leave(self, player: Player) -> None:
        """Note that a session is over."""
        self._players.discard(player)

    # ------------------------------------------------------------ time and control

    def local_time(self) -> datetime:
        """Return the date and time of a manual clock, in UTC: the same on every machine."""
        return datetime.fromtimestamp(self.clock.wall(), UTC)

    async def advance(self, seconds: float) -> None:
        """Let time pass on a manual clock; before each timer, senses and clients come to rest.

        So the same client sees the same events, however fast the machine is.
        """
        clock = self.clock
        if not isinstance(clock, ManualClock):
            raise TypeError("Only a ManualClock can be advanced.")
        until = clock.now() + seconds
        await self._settle()
        while clock.step(until):
            await self._settle()

    async def _settle(self) -> None:
        """Wait until all that can be done at this time is done; at most `SETTLE_S`."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + SETTLE_S
        rounds = 0
        while self._is_busy and loop.time() < limit:
            rounds += 1
            await asyncio.sleep(0 if rounds < 100 else 0.001)

    @property
    def _is_busy(self) -> bool:
        work = sum(player.work_count for player in self._players)
        return work > self.sleepers.count or any(player.is_behind for player in self._players)

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        """Answer a request to the control endpoint: HTTP status and JSON."""
        reply = handle(self.state, method, path, body)
        if reply.status == 200 and path.endswith("/clock/advance"):
            await self.advance(reply.advance_ms / 1000)
            return 200, {"now_ms": round(self.clock.now() * 1000)}
        return reply.status, reply.body


# ---------------------------------------------------------------- the command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `stage_of`."""
    group = parser.add_argument_group("scripts and faults, for tests of clients")
    group.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help="such as 'close:1006@response.output_audio.delta#2,session=1' (repeatable)",
    )
    group.add_argument(
        "--scenario", type=Path, metavar="FILE", help="what to hear and answer: YAML, JSON or JSONL"
    )
    group.add_argument("--seed", type=int, metavar="N", help="the same ids and chance in every run")
    group.add_argument(
        "--clock",
        choices=("real", "manual"),
        default="real",
        help="manual: time passes only by the control endpoint",
    )
    group.add_argument(
        "--control", action="store_true", help="open the control endpoint, to this machine only"
    )


def stage_of(options: argparse.Namespace) -> Stage:
    """Return the stage that the flags ask for; ValueError or OSError says what is wrong."""
    if options.clock == "manual" and not options.control:
        raise ValueError("--clock manual needs --control: nothing else could move the clock.")
    scenario = None
    if options.scenario is not None:
        text = options.scenario.read_text(encoding="utf-8")
        scenario = read_scenario(text, options.scenario.name)
    return Stage(
        clock=ManualClock() if options.clock == "manual" else None,
        seed=options.seed,
        faults=[parse(text) for text in options.fault],
        scenario=scenario,
        is_controlled=options.control,
    )
