"""Runs of a program over lines that break: plan, conversation, judgement."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from rtclient.client import RTClient
from rtclient.endpoints import Endpoint
from rtclient.errors import RTError
from rtclient.low_level_client import Options, ReconnectPolicy, RTLowLevelClient
from rtclient.protocol.dialects import Dialect
from tests.support.fault_judge import verdicts
from tests.support.fault_peer import FaultyService
from tests.support.fault_plan import is_fatal, plan_of
from tests.support.fault_program import HighLevelProgram, LowLevelProgram, OverError, Program

ProgramKind = Literal["RTLowLevelClient", "RTClient", "preview"]
PROGRAM_KINDS: tuple[ProgramKind, ...] = get_args(ProgramKind)

FAST = ReconnectPolicy(max_attempts=60, base_s=0.01, cap_s=0.05, budget_s=20.0)
OPEN_S = 0.3
"""How long a client waits for an answer to its handshake, and for the first event."""
PING_S = 0.15
"""Between pings, and for a pong."""


@dataclass
class Report:
    """What came of some runs."""

    found: list[str] = field(default_factory=list)
    """All that was wrong, each with its seed."""
    struck: Counter[str] = field(default_factory=Counter)
    """How often each kind of fault struck."""
    runs: int = 0
    over: int = 0
    """Runs that ended early because no connection could help."""

    def add(self, other: "Report") -> None:
        """Take in another report."""
        self.found += other.found
        self.struck += other.struck
        self.runs += other.runs
        self.over += other.over


async def run(
    seed: int,
    *,
    limit_s: float,
    reconnect_policy: ReconnectPolicy = FAST,
    program_kind: ProgramKind = "RTLowLevelClient",
) -> Report:
    """Do one run.

    Args:
        seed: Of the plan and of the program.
        limit_s: What the program waits for longer counts as hanging.
        reconnect_policy: Of the client.
        program_kind: What the program uses; "preview" is `RTLowLevelClient` with its words.
    """
    report = Report(runs=1)
    plan = plan_of(seed)
    fatal = [fault for fault in plan if is_fatal(fault)]
    async with FaultyService(plan) as service:
        endpoint = Endpoint(url=service.url, kind="openai", label="the faulty service")
        options = Options(
            connect_policy=FAST,
            reconnect_policy=reconnect_policy,
            open_timeout_s=OPEN_S,
            ping_interval_s=PING_S,
            ping_timeout_s=PING_S,
        )
        program: Program
        if program_kind == "RTClient":
            program = HighLevelProgram(RTClient.to(endpoint, **options), seed, limit_s=limit_s)
        else:
            dialect: Dialect = "preview" if program_kind == "preview" else "ga"
            low = RTLowLevelClient.to(endpoint, dialect=dialect, **options)
            program = LowLevelProgram(low, seed, limit_s=limit_s, dialect=dialect)
        try:
            await program.live()
        except AssertionError as exc:
            report.found.append(str(exc))
        except (OverError, RTError) as exc:
            program.book.is_over = True
            report.over = 1
            if not fatal or fatal[0] in service.plan:
                report.found.append(f"given up without a reason: {program.book.error or exc!r}")
        if not report.over and service.sessions and report.found:
            report.found += [f"the plan is {plan}"]
        if service.sessions:
            report.found += verdicts(program.book, service.sessions)
        await program.close()
        report.struck.update(service.struck)
    report.found = [f"seed {seed}: {one}" for one in report.found]
    return report


async def run_all(
    seeds: Iterable[int],
    *,
    limit_s: float,
    at_once: int,
    program_kind: ProgramKind = "RTLowLevelClient",
) -> Report:
    """Do many runs, some of them at the same time."""
    report = Report()
    room = asyncio.Semaphore(at_once)

    async def one(seed: int) -> None:
        async with room:
            report.add(await run(seed, limit_s=limit_s, program_kind=program_kind))

    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            group.create_task(one(seed))
    return report
