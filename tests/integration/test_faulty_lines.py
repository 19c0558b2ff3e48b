"""Random conversations over lines that break: nothing hangs, comes twice, or is lost.

A thousand more are in tests/soak; what is judged stands in tests/support/fault_judge.py.
"""

import pytest

from rtclient.endpoints import Endpoint
from rtclient.low_level_client import ReconnectPolicy, RTLowLevelClient
from tests.support.fault_peer import AT_THE_DOOR, FaultyService, LineFault
from tests.support.fault_plan import plan_of
from tests.support.fault_runs import FAST, ProgramKind, run, run_all

LIMIT_S = 6.0


@pytest.mark.timeout(30)  # ten conversations; one that hangs is found after LIMIT_S
@pytest.mark.parametrize(
    ("kind", "first"),
    [
        *(("RTLowLevelClient", first) for first in range(0, 50, 10)),
        ("preview", 50),
        *(("RTClient", first) for first in (60, 70)),
    ],
)
async def test_the_conversation_survives(kind: ProgramKind, first: int) -> None:
    seeds = range(first, first + 10)
    report = await run_all(seeds, limit_s=LIMIT_S, at_once=10, program_kind=kind)
    assert report.found == []
    assert report.runs == 10
    assert report.over <= 5


def test_the_plans_have_every_fault() -> None:
    kinds = {fault.kind for seed in range(50) for fault in plan_of(seed)}
    assert kinds >= {*AT_THE_DOOR, "reset", "cut", "end", "close", "expired"}
    assert kinds >= {"half_open", "down", "slow"}
    codes = {fault.value for seed in range(50) for fault in plan_of(seed)}
    assert codes >= {429, 503, 1001, 1011, 4001}


async def test_a_client_that_gives_up_is_found_out() -> None:
    report = await run(3, limit_s=LIMIT_S, reconnect_policy=ReconnectPolicy(max_attempts=0))
    assert any("given up without a reason" in one for one in report.found)


async def test_a_session_that_expires_before_it_begins_is_no_session() -> None:
    async with FaultyService([LineFault("expired")]) as service:
        endpoint = Endpoint(url=service.url, kind="openai", label="the faulty service")
        async with RTLowLevelClient.to(endpoint, connect_policy=FAST) as client:
            assert (await client.recv()).type == "session.created"
        assert service.connections == 2
