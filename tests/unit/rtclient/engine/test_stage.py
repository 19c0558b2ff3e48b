"""What the sessions of one engine share: the same seed gives the same ids and chance."""

import argparse
import asyncio
import json
from pathlib import Path

import pytest

from rtclient.engine import scripted
from rtclient.engine.clock import LoopClock, ManualClock
from rtclient.engine.faults import Refused, parse
from rtclient.engine.stage import Stage, add_arguments, stage_of


class Player:
    """An open connection whose work is what a test says."""

    def __init__(self) -> None:
        self.work_count = 0
        self.is_behind = False


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_a_seed_makes_ids_the_same_and_sessions_different() -> None:
    ids = [Stage(seed=7).new_id(number)("item") for number in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
    assert Stage(seed=8).new_id(1)("item") != ids[0]
    assert Stage().new_id(1)("item") != Stage().new_id(1)("item")
    assert len(ids[0]) == len("item_") + 21


def test_a_plain_stage_costs_nothing() -> None:
    stage, senses = Stage(), scripted.senses()
    assert stage.plan(1) is None
    assert stage.senses(1, senses) is senses
    assert stage.enter(Player(), 1, "sess") is None
    assert stage.refusal(stage.admit()) is None


def test_handshakes_are_numbered_and_refused() -> None:
    stage = Stage(faults=[parse("refuse:503:1@session=2")])
    refused = [stage.refusal(stage.admit()) for _ in range(3)]
    assert refused == [None, Refused(503, 1.0), None]


async def test_time_passes_only_when_the_senses_are_at_rest() -> None:
    clock = ManualClock()
    stage = Stage(clock=clock)
    player = Player()
    stage.enter(player, 1, "sess")
    seen: list[tuple[float, int]] = []

    def work(at: float) -> None:
        seen.append((at, player.work_count))
        player.work_count = 1
        asyncio.get_running_loop().call_soon(rest)

    def rest() -> None:
        player.work_count = 0

    for at in (1.0, 2.0):
        clock.call_at(at, lambda at=at: work(at))  # type: ignore[misc]
    await stage.advance(5)
    assert seen == [(1.0, 0), (2.0, 0)]
    assert clock.now() == 5
    stage.leave(player)


async def test_work_that_sleeps_by_the_clock_is_not_waited_for() -> None:
    stage = Stage(clock=ManualClock(), is_controlled=True)
    player = Player()
    stage.enter(player, 1, "sess")
    player.work_count = 1
    sleeping = asyncio.create_task(stage.sleepers.rest(3))
    sleeping.add_done_callback(lambda _: setattr(player, "work_count", 0))
    await asyncio.wait({sleeping}, timeout=0)
    answer = await stage.answer("POST", "/_control/clock/advance", b'{"ms": 4000}')
    assert answer == (200, {"now_ms": 4000})
    assert sleeping.done()
    sessions = await stage.answer("GET", "/_control/sessions", b"")
    assert [one["id"] for one in sessions[1]["sessions"]] == ["sess"]


def test_the_date_follows_the_manual_clock() -> None:
    stage = Stage(clock=ManualClock(3600))
    assert stage.local_time().isoformat() == "2023-11-14T23:13:20+00:00"


async def test_real_time_cannot_be_moved() -> None:
    with pytest.raises(TypeError, match="ManualClock"):
        await Stage().advance(1)
    status, _ = await Stage().answer("POST", "/_control/clock/advance", b'{"ms": 1}')
    assert status == 409


def test_the_flags_make_a_stage(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"turns": [{"answer": "a"}], "faults": ["expire"]}))
    stage = stage_of(
        options(
            *("--seed", "7", "--fault", "close:1011", "--scenario", str(path)),
            *("--clock", "manual", "--control"),
        )
    )
    assert isinstance(stage.clock, ManualClock)
    assert stage.is_controlled
    assert [fault.fault for fault in stage.state.faults] == ["close", "expire"]
    assert stage.new_id(1)("a") == Stage(seed=7).new_id(1)("a")
    assert stage.senses(1, scripted.senses()).brain is not scripted.senses().brain
    assert isinstance(stage_of(options()).clock, LoopClock)


def test_flags_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        stage_of(options("--fault", "explode"))
    with pytest.raises(ValueError, match="needs --control"):
        stage_of(options("--clock", "manual"))
    with pytest.raises(FileNotFoundError):
        stage_of(options("--scenario", str(tmp_path / "none.yaml")))
