"""A thousand random conversations over lines that break, with each kind of program.

Nothing may hang (30 s without the end of a step), come twice, or be lost once the server confirmed
it. The figures are printed: `pytest tests/soak/test_faulty_lines.py --timeout 1800 -s`.
"""

import pytest

from tests.support.fault_runs import PROGRAM_KINDS, ProgramKind, run_all

RUNS = 1_000
LIMIT_S = 30.0
AT_ONCE = 20


@pytest.mark.parametrize("kind", PROGRAM_KINDS)
async def test_a_thousand_conversations_survive(kind: ProgramKind) -> None:
    seeds = range(1_000, 1_000 + RUNS)
    report = await run_all(seeds, limit_s=LIMIT_S, at_once=AT_ONCE, program_kind=kind)
    print(f"\n{report.runs} runs, {report.over} ended by a fault that nothing helps against")
    print(", ".join(f"{kind} {count}" for kind, count in report.struck.most_common()))
    assert report.found == []
    assert report.runs == RUNS
    assert sum(report.struck.values()) > 3 * RUNS
